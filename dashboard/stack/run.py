"""The whole stack in order: servers, migrations, sandboxes, demo data, worker, beat, web. And back again."""

import errno
import os
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType
from typing import IO

from dashboard.stack import folders, servers
from dashboard.stack.folders import ROOT
from dashboard.stack.processes import LAST_LINES, Child, StackError, run_to_end, say, wait_until

HOST = "127.0.0.1"
WATCH_EVERY = 0.2
"""Seconds."""
LOGINS = "viewer operator lead admin auditor"
WORKERS = {"worker": "switchyard", "presses": "switchyard.pressed"}
"""Parts, and the queue that each serves: what somebody waits for shares no interpreter with a hundred readings."""
GIVES_WAY = {"worker": 10}
"""What nobody waits for steps back behind presses and pages where processors are short; niceness."""


class Stopped(Exception):
    """Somebody asked the stack to stop before everything was up."""


class Stack:
    """
    One run of everything.

    :param state: the folder that keeps everything
    :param port: of the web server, on loopback
    :param is_demo: with sandboxes, demo logins and tokens; else an empty product and a link for its first admin
    """

    def __init__(self, *, state: Path, port: int, is_demo: bool) -> None:
        self._state = state
        self._port = port
        self._is_demo = is_demo
        self._address = f"http://{HOST}:{port}"
        self._logs = state / "log"
        self._env = dict(os.environ)
        self._children: list[Child] = []
        self._announcements: list[str] = []
        self._is_stopping = False
        self._lock: IO[str] | None = None

    def run(self) -> int:
        """This will run until it is told to stop or a part ends by itself; the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        began = time.monotonic()
        try:
            self._start()
            self._announce(time.monotonic() - began)
            return self._watch()
        except Stopped:
            return 0
        finally:
            self._stop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._is_stopping:  # a second Ctrl-C does not break the ordered stop
            self._is_stopping = True
            say(f"{signal.Signals(number).name}: stopping")

    # Starting

    def _start(self) -> None:
        self._lock = folders.lock(self._state)
        self._refuse_taken_port()
        for name, value in folders.kept_secrets(self._state).items():
            self._env[name] = self._env.get(name) or value
        servers.start(folders.servers_home(self._state), self._logs, self._env, self._children)
        self._env |= {
            "PYTHONUNBUFFERED": "1",
            "CELERY_SKIP_CHECKS": "1",  # manage.py makes them all; they would load every page into the workers
            "MALLOC_ARENA_MAX": "2",  # many threads that mostly wait need no heap each
            "SWITCHYARD_STATE": str(self._state),
            "DEMO": "1" if self._is_demo else "0",
            "TESTING": "0",
            "INSECURE_HTTP": self._env.get("INSECURE_HTTP") or "1",
        }
        if self._is_demo:
            self._prepare("--sandboxes", self._start_sandboxes())
        else:
            self._prepare("--base-url", self._address)
        self._start_workers()
        self._start_web()

    def _refuse_taken_port(self) -> None:
        try:
            with socket.create_server((HOST, self._port)):
                pass
        except OSError as error:
            hint = "stop what uses it, or choose another with PORT=… bin/run"
            taken = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise StackError(f"port {self._port} {taken}: {hint}") from None

    def _start_sandboxes(self) -> Path:
        ready = self._state / "sandboxes.json"
        ready.unlink(missing_ok=True)
        base = self._env.get("SANDBOX_PORT_BASE") or "0"
        child = self._add("sandbox", "-m", "connectors.vendors.sandbox", "--port-base", base, "--ready-file", ready)
        wait_until("the sandboxes", lambda: self._go_on() and ready.exists() and bool(ready.read_text()), child)
        return ready

    def _prepare(self, *arguments: str | Path) -> None:
        """This will bring the database up to date, and keep what is to be announced: tokens, or a link."""
        self._go_on()
        done = run_to_end([sys.executable, "manage.py", "prepare", *arguments], env=self._env, folder=ROOT)
        if done.returncode:
            lines = f"{done.stdout}{done.stderr}".splitlines()[-LAST_LINES:]
            raise StackError("\n    ".join(["the database could not be prepared; the last lines were:", *lines]))
        self._announcements = [line for line in done.stdout.splitlines() if line.strip()]

    def _start_workers(self) -> None:
        celery = ("-m", "celery", "-q", "-A", "dashboard.celery")
        for name, queue in WORKERS.items():
            quiet = ("--without-gossip", "--without-mingle", "-l", "WARNING")
            command = (*celery, "worker", "-Q", queue, "-n", f"{name}@%h", *quiet)
            self._add(name, *command, grace=30, gives_way=GIVES_WAY.get(name, 0))
        self._add("beat", "-m", "celery", "-q", "-A", "dashboard.clock", "beat", "--pidfile=", "-l", "WARNING")

    def _start_web(self) -> None:
        serve = ("-m", "uvicorn", "dashboard.asgi:application", "--host", HOST, "--port", str(self._port))
        quiet = ("--no-access-log", "--log-level", "warning")
        prompt = ("--http", "dashboard.serving:Protocol")
        child = self._add("web", *serve, *prompt, *quiet, "--timeout-graceful-shutdown", "5")
        wait_until("the web server", lambda: self._go_on() and self._is_healthy(), child)

    def _is_healthy(self) -> bool:
        """By hand: an HTTP client would double what the supervisor needs of memory for as long as it lives."""
        request = f"GET /healthz HTTP/1.0\r\nHost: {HOST}\r\n\r\n"
        try:
            with socket.create_connection((HOST, self._port), timeout=5) as web:
                web.sendall(request.encode())
                return web.recv(64).split()[1:2] == [b"200"]
        except OSError:
            return False

    def _add(self, name: str, *command: str | Path, grace: float = 10, gives_way: int = 0) -> Child:
        self._go_on()
        words = [sys.executable, *command]
        child = Child(name, words, self._env, self._logs, grace=grace, gives_way=gives_way, folder=ROOT)
        child.start()
        self._children.append(child)
        return child

    def _go_on(self) -> bool:
        if self._is_stopping:
            raise Stopped
        return True

    def _announce(self, seconds: float) -> None:
        lines = [f"Switchyard is ready after {seconds:.1f} s:  {self._address}/"]
        if self._is_demo:
            lines.append(f"logins: {LOGINS}, password: demo")
        lines += [*self._announcements, "Ctrl-C stops everything; bin/reset wipes what it keeps."]
        print("\n".join(lines), flush=True)

    # Running and stopping

    def _watch(self) -> int:
        while not self._is_stopping:
            for child in self._children:
                if child.has_ended and not self._is_stopping:
                    say(child.obituary())
                    say("stopping everything")
                    return 1
            time.sleep(WATCH_EVERY)
        return 0

    def _stop(self) -> None:
        self._is_stopping = True
        for child in reversed(self._children):
            child.end()
        if self._lock:
            self._lock.close()
