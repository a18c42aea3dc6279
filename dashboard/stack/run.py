"""The whole stack in order: servers, migrations, sandboxes, seed, worker, beat, web. And back again."""

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from dashboard.stack.processes import Child, StackError, say, wait_until
from dashboard.stack.servers import Postgres, Valkey, home_for_servers

ROOT = Path(__file__).resolve().parent.parent.parent
HEALTH_TIMEOUT = 2.0


@dataclass
class Stack:
    """
    One run of everything.

    :param state: the folder that keeps everything; made if needed
    :param port: of the web server, on loopback
    :param is_demo: with sandboxes, demo logins and tokens; else an empty product and a link for its first admin
    """

    state: Path
    port: int = 8000
    is_demo: bool = True
    children: list[Child] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    announcements: list[str] = field(default_factory=list)
    _stopping: str = ""
    _lock: IO[str] | None = None

    def run(self) -> int:
        """This will run until it is told to stop or a part dies; the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        code = 0
        began = time.monotonic()
        try:
            self._start()
            self._announce(time.monotonic() - began)
            code = self._watch()
        except StackError as error:
            say("stack", str(error))
            code = 0 if self._stopping else 1
        finally:
            self._stop()
        return code

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._stopping:
            self._stopping = signal.Signals(number).name
            say("stack", f"{self._stopping}: stopping")

    # Starting

    def _start(self) -> None:
        self._refuse_taken_port()
        self.state.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        home = home_for_servers(self.state)
        self._keep_secrets()
        self._start_servers(home)
        self.env |= {
            "PYTHONUNBUFFERED": "1",
            "SWITCHYARD_STATE": str(self.state),
            "DEMO": "1" if self.is_demo else "0",
            "INSECURE_HTTP": self.env.get("INSECURE_HTTP", "1"),
        }
        self._manage("migrate", "--no-input", "-v0")
        self._manage("collectstatic", "--no-input", "-v0")
        if self.is_demo:
            self._start_sandboxes()
        else:
            self.announcements += self._manage("first_admin", "--base-url", self.address)
        self._start_workers()
        self._start_web()

    @property
    def address(self) -> str:
        """Where the product is."""
        return f"http://127.0.0.1:{self.port}"

    def _refuse_taken_port(self) -> None:
        try:
            with socket.create_server(("127.0.0.1", self.port)):
                pass
        except OSError:
            raise StackError(
                f"port {self.port} is taken: stop what uses it, or choose another with PORT=… bin/run"
            ) from None

    def _take_lock(self) -> None:
        self._lock = (self.state / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StackError(f"another run uses {self.state} already; stop it first") from None

    def _keep_secrets(self) -> None:
        """Made once and kept in the state folder, unless the environment has them."""
        file = self.state / "secrets.json"
        if not file.exists():
            from cryptography.fernet import Fernet  # noqa: PLC0415  # only when there is nothing yet

            made = {
                "SECRET_KEY": secrets.token_urlsafe(50),
                "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
            }
            file.touch(mode=0o600)
            file.write_text(json.dumps(made))
        for name, value in json.loads(file.read_text()).items():
            self.env.setdefault(name, value)

    def _start_servers(self, home: Path) -> None:
        for name, server in (("DATABASE_URL", Postgres(home)), ("BROKER_URL", Valkey(home))):
            if not self.env.get(name):
                self._go_on()
                child, self.env[name] = server.start()
                self.children.append(child)

    def _manage(self, *arguments: str) -> list[str]:
        """This will run a management command to its end and give its lines."""
        self._go_on()
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StackError(f"manage.py {arguments[0]} failed:\n{done.stdout}{done.stderr}".rstrip())
        return [line for line in done.stdout.splitlines() if line.strip()]

    def _add(self, name: str, *command: str | Path, grace: float = 10.0) -> Child:
        self._go_on()
        child = Child(name, [sys.executable, *command], self.env, grace=grace, folder=ROOT)
        child.start()
        self.children.append(child)
        return child

    def _go_on(self) -> None:
        if self._stopping:
            raise StackError("stopped before everything was up")

    def _start_sandboxes(self) -> None:
        ready = self.state / "sandboxes.json"
        ready.unlink(missing_ok=True)
        base = self.env.get("SANDBOX_PORT_BASE", "0")
        module = ("-m", "connectors.vendors.sandbox")
        child = self._add("sandbox", *module, "--port-base", base, "--ready-file", ready)
        wait_until("the sandboxes", lambda: ready.exists() and bool(ready.read_text()), child)
        self.announcements += self._manage("seed_demo", "--sandboxes", str(ready))

    def _start_workers(self) -> None:
        celery = ("-m", "celery", "-A", "dashboard.celery")
        quiet = ("--loglevel", "WARNING")
        worker = (
            "worker",
            "--pool",
            "threads",
            "--concurrency",
            "16",
            "--without-gossip",
            "--without-mingle",
            *quiet,
        )
        self._add("worker", *celery, *worker, grace=30.0)
        self._add("beat", *celery, "beat", "--pidfile=", *quiet)

    def _start_web(self) -> None:
        module = (
            "-m",
            "uvicorn",
            "dashboard.asgi:application",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
        )
        options = (
            "--lifespan",
            "off",
            "--no-access-log",
            "--log-level",
            "warning",
            "--timeout-graceful-shutdown",
            "5",
        )
        child = self._add("web", *module, *options)
        wait_until("the web server", self._is_healthy, child)

    def _is_healthy(self) -> bool:
        with urllib.request.urlopen(f"{self.address}/healthz", timeout=HEALTH_TIMEOUT) as answer:  # noqa: S310  # our own address
            return bool(answer.status == 200)  # OK

    def _announce(self, seconds: float) -> None:
        lines = [f"Switchyard is ready after {seconds:.1f} s:  {self.address}/"]
        if self.is_demo:
            lines.append("logins: viewer operator lead admin auditor, password: demo")
        lines += [*self.announcements, "Ctrl-C stops everything; bin/reset wipes what it keeps."]
        for line in lines:
            print(line, flush=True)

    # Running and stopping

    def _watch(self) -> int:
        while not self._stopping:
            for child in self.children:
                if child.has_died:
                    say("stack", child.obituary())
                    say("stack", "stopping everything")
                    return 1
            time.sleep(0.2)
        return 0

    def _stop(self) -> None:
        for child in reversed(self.children):
            child.end()
        if self._lock:
            self._lock.close()


def main(arguments: Sequence[str] = ()) -> int:
    """This will run the stack as the environment says: `PORT`, `DEMO`, `SWITCHYARD_STATE`."""
    try:
        port = int(os.environ.get("PORT") or 8000)
    except ValueError:
        say("stack", f"PORT is {os.environ['PORT']!r}: set it to a number")
        return 2
    state = Path(os.environ.get("SWITCHYARD_STATE") or ROOT / "var").resolve()
    return Stack(state=state, port=port, is_demo=os.environ.get("DEMO", "1") != "0").run()
