"""Who is acting: a person, a token on a person's behalf, or the product itself. Never ambient, never empty."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Actor:
    """
    Whoever asks for something, with where the request came from.

    :param user_id: the person, also behind a token; None for the system
    :param name: user name, or the system actor's name (`system:driver`)
    :param behind: the person on whose behalf the system acts by a rule of theirs
    """

    kind: Literal["person", "token", "system"]
    name: str
    user_id: int | None = None
    token_id: int | None = None
    token_name: str = ""
    address: str | None = None
    user_agent: str = ""
    request_id: str = ""
    behind: str = ""

    @property
    def label(self) -> str:
        """The name to show and to keep: `operator`, `operator/ci` for a token, `system:driver`."""
        return f"{self.name}/{self.token_name}" if self.kind == "token" else self.name


DRIVER = Actor("system", "system:driver")
SET_UP = Actor("system", "system:set-up")
SWEEPER = Actor("system", "system:sweeper")
"""Ends what its driver can no longer end."""
COMMAND = Actor("system", "system:command-line")
"""Whoever has a shell on the server."""
SCHEDULE = "system:schedule"
HEAL = Actor("system", "system:heal")
