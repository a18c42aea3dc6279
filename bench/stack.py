"""The real stack for measuring: a PostgreSQL with a database for each size, a Valkey, sandboxes, and what serves."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psycopg
from cryptography.fernet import Fernet

from bench.estate import Planned
from dashboard.stack.folders import ROOT
from dashboard.stack.postgres import Postgres
from dashboard.stack.processes import Child, run_to_end, wait_until
from dashboard.stack.valkey import Valkey


class Stack:
    """Servers as `bin/run` starts them, with nothing left out that makes them safe; gone at the end."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="switchyard-bench-"))
        self.home.chmod(0o711)
        self._logs = self.home / "log"
        self._parts: list[Child] = []
        self.env: dict[str, str] = dict(os.environ) | {
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "SECRET_KEY": Fernet.generate_key().decode(),
            "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
            "INSECURE_HTTP": "1",
            "CELERY_SKIP_CHECKS": "1",
            "MALLOC_ARENA_MAX": "2",
            "PYTHONPATH": str(ROOT),
            "SWITCHYARD_STATE": str(self.home),
        }
        self._postgres = Postgres(self.home)
        self._valkey = Valkey(self.home)

    def __enter__(self) -> Self:
        for server in (self._postgres, self._valkey):
            child = server.start(self._logs)
            self._parts.append(child)
            wait_until(server.name, server.is_ready, child)
            self.env[server.variable] = server.url
        self.manage("collectstatic", "--noinput", "--verbosity", "0")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for part in reversed(self._parts):
            part.grace = 5
            part.end()
        shutil.rmtree(self.home, ignore_errors=True)

    def database(self, name: str) -> dict[str, str]:
        """This will make a database with the product's tables and give the environment in which it is used."""
        with psycopg.connect(self._postgres.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # a name of ours
        env = self.env | {"DATABASE_URL": self._postgres.url.replace("/switchyard?", f"/{name}?")}
        self.manage("migrate", "--verbosity", "0", env=env)
        return env

    def manage(self, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        """This will run a command of manage.py to its end."""
        done = run_to_end([sys.executable, "manage.py", *arguments], env=env or self.env, folder=ROOT)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def start(self, name: str, *command: str | Path, env: Mapping[str, str] | None = None, gives_way: int = 0) -> Child:
        """This will start a part that stays until the end, or until it is ended."""
        words = [sys.executable, *command]
        child = Child(name, words, env or self.env, self._logs, folder=ROOT, grace=5, gives_way=gives_way)
        child.start()
        self._parts.append(child)
        return child

    def sandboxes(self, estate: list[Planned]) -> "Sandboxes":
        """This will start the worlds of an estate."""
        ready = self.home / f"sandboxes-{len(self._parts)}"
        connectors = sum(planned.connectors for planned in estate)
        child = self.start(ready.name, "-m", "bench.sandboxes", str(connectors), str(len(estate)), ready)
        wait_until("the sandboxes", lambda: ready.exists() and bool(ready.read_text()), child)
        return Sandboxes(ready.read_text())

    def web(self, name: str, env: Mapping[str, str]) -> "Web":
        """This will start a web process on a database."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        serve = ("-m", "uvicorn", "dashboard.asgi:application", "--host", "127.0.0.1", "--port", str(port))
        quiet = ("--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "2")
        child = self.start(name, *serve, "--http", "dashboard.serving:Protocol", *quiet, env=env)
        web = Web(f"http://127.0.0.1:{port}", child)
        wait_until("the web server", web.is_healthy, child)
        return web


class Web:
    """One web process."""

    def __init__(self, address: str, child: Child) -> None:
        self.address = address
        self.child = child

    @property
    def pid(self) -> int:
        """The process."""
        if self.child.process is None:
            raise RuntimeError("the web process has not been started")
        return self.child.process.pid

    def is_healthy(self) -> bool:
        """This will tell whether it answers."""
        try:
            return httpx.get(f"{self.address}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


class Sandboxes:
    """The sandboxes' process."""

    def __init__(self, address: str) -> None:
        self.address = address

    def tell(self, what: str, **wish: Any) -> None:
        """This will ask it something outside the vendors' interfaces; see `bench.sandboxes`."""
        httpx.post(f"{self.address}/_bench/{what}", json=wish, timeout=120).raise_for_status()

    def due(self, account: str) -> float:
        """This will say when the last change under way at an account's world was to happen, by its own clock."""
        return float(httpx.get(f"{self.address}/_bench/due", params={"place": _place(account)}, timeout=60).json())

    def limit(self, account: str, a_second: int) -> None:
        """This will let an account's world take so many requests a second; 0 any number."""
        self.tell("limit", place=_place(account), a_second=a_second)

    def take(self, name: str) -> dict[str, int]:
        """This will say what a take holds: bytes by path and query."""
        found: dict[str, int] = httpx.get(f"{self.address}/_bench/take", params={"name": name}, timeout=60).json()
        return found


def _place(account: str) -> str:
    vendor, number = account.rsplit("-", 1)
    return f"/{vendor}/{int(number)}"
