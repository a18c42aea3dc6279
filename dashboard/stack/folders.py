"""Where everything is kept: the state folder, the servers' home, the sockets. And wiping it all."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import stat
from pathlib import Path
from typing import IO

from dashboard.stack.accounts import Account
from dashboard.stack.processes import StackError

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST_SOCKET_FOLDER = 85
"""Some systems allow 103 bytes for the whole path of a socket, its name included."""


def state_folder() -> Path:
    """
    This will give the folder that keeps everything between two runs.

    :raises StackError: it is a link, or a folder full of something else
    """
    state = Path(os.environ.get("SWITCHYARD_STATE") or ROOT / "var").expanduser().absolute()
    if state.is_symlink():
        raise StackError(f"{state} is a symbolic link; set SWITCHYARD_STATE to the folder itself")
    if state != ROOT / "var" and state.is_dir() and any(state.iterdir()) and not (state / "lock").exists():
        raise StackError(f"{state} holds something that is not ours; set SWITCHYARD_STATE to a new or empty folder")
    return state


def lock(state: Path) -> IO[str]:
    """
    This will claim the state folder for as long as the file is open.

    :raises StackError: another run has it
    """
    state.mkdir(parents=True, exist_ok=True)
    file = (state / "lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StackError(f"another run uses {state} already; stop it first") from None
    return file


def kept_secrets(state: Path) -> dict[str, str]:
    """This will give the keys of this installation, made once and readable to us alone."""
    file = state / "secrets.json"
    if not file.exists():
        from cryptography.fernet import Fernet  # noqa: PLC0415  # at the first start only

        made = {"SECRET_KEY": secrets.token_urlsafe(50), "CREDENTIAL_KEYS": Fernet.generate_key().decode()}
        new = file.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_text(json.dumps(made))
        new.replace(file)
    return dict(json.loads(file.read_text()))


def servers_home(state: Path) -> Path:
    """
    This will give the folder for the servers' data: the state folder.

    For root with a private checkout it is one below /var/lib, because PostgreSQL runs as somebody who may not enter
    the checkout. Nobody but root can have made it there.

    :raises StackError: that folder is not root's alone
    """
    if os.geteuid() != 0 or all(folder.stat().st_mode & stat.S_IXOTH for folder in (state, *state.parents)):
        return state
    home = _outside_home(state)
    if not home.exists():
        home.mkdir()
        home.chmod(0o755)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StackError(f"{home} is not a folder that only root can write to; look at it and remove it")
    return home


def _outside_home(state: Path) -> Path:
    return Path("/var/lib") / f"switchyard-{_fingerprint(state)}"


def give(folder: Path, account: Account) -> None:
    """This will make a folder that only this account can enter."""
    folder.mkdir(exist_ok=True)
    if account.uid is not None and account.gid is not None:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    folder.chmod(0o700)


def sockets(home: Path, account: Account) -> Path:
    """
    This will give a folder for sockets whose path is short enough, and which only this account can enter.

    :raises StackError: somebody else has made it
    """
    folder = home / "run"
    if len(str(folder)) > LONGEST_SOCKET_FOLDER:
        folder = _short_sockets(home)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), account.uid}:
            raise StackError(f"{folder} belongs to somebody else; look at it and remove it")
    give(folder, account)
    return folder


def _short_sockets(home: Path) -> Path:
    return Path("/tmp") / f"switchyard-{os.geteuid()}-{_fingerprint(home)}"  # noqa: S108  # its owner is checked


def _fingerprint(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode()).hexdigest()[:12]


def wipe(state: Path) -> None:
    """
    This will remove everything a run keeps; links in there are removed, never followed.

    :raises StackError: a run uses it
    """
    if not state.exists():
        return
    with lock(state):
        homes = {state, _outside_home(state)} if os.geteuid() == 0 else {state}
        for folder in {*homes, *map(_short_sockets, homes)}:
            if folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder)
