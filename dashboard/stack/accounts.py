"""Who runs a server: ourselves, or somebody with fewer rights. No account is made, no permission is loosened."""

import os
import pwd
from dataclasses import dataclass

UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user of this machine; without ids, whoever runs us."""

    uid: int | None = None
    gid: int | None = None

    @property
    def groups(self) -> list[int] | None:
        """Further groups: none for somebody else, ours for ourselves."""
        return None if self.uid is None else []


OURSELVES = Account()


def unprivileged() -> Account | None:
    """This will find who may run PostgreSQL, which refuses root; None when there is nobody."""
    if os.geteuid() != 0:
        return OURSELVES
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    return None
