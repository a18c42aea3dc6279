"""The real stack, each part of which can be killed, stalled or wiped."""

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from dashboard.stack.folders import ROOT
from dashboard.stack.postgres import Postgres
from dashboard.stack.processes import Child, run_to_end, wait_until
from dashboard.stack.valkey import Valkey

RAISE_AGAIN = 0.5
"""Seconds between two looks for parts that died."""


class Stack:
    """
    PostgreSQL, Valkey, the sandboxes, several workers, beat and web, raised again whenever one of them dies.

    :param deadliness: the chance that a worker dies at a stage of a drive
    """

    def __init__(self, *, workers: int, tempo: float, deadliness: float, is_kept: bool = False) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="switchyard-chaos-"))
        self.home.chmod(0o711)
        self.deaths = self.home / "deaths"
        self.deaths.touch()
        self.workers = workers
        self._tempo = tempo
        self._deadliness = deadliness
        self._logs = self.home / "log"
        self._env = dict(os.environ) | {"PYTHONPATH": str(ROOT), "SWITCHYARD_STATE": str(self.home), "TESTING": "1"}
        self._postgres = Postgres(self.home)
        self._valkey = Valkey(self.home)
        self.parts: dict[str, Child] = {}
        self._lock = threading.RLock()
        # Children die with the thread that started them, so one that lasts starts them all.
        self._hand = ThreadPoolExecutor(1)
        self._is_ending = False
        self._is_kept = is_kept
        self.sandboxes: dict[str, str] = {}
        self.token = ""
        self.address = ""

    def __enter__(self) -> "Stack":
        try:
            self._hand.submit(self._start).result()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ending = True
        with self._lock:
            for name in reversed(self.parts):
                self.parts[name].grace = 5
                self.parts[name].end()
        if not self._is_kept:
            shutil.rmtree(self.home, ignore_errors=True)

    def _start(self) -> None:
        self._raise_postgres()
        self._raise_valkey()
        ready = self.home / "sandboxes.json"
        self._add("sandbox", "-m", "connectors.vendors.sandbox", "--ready-file", ready, "--tempo", str(self._tempo))
        wait_until("the sandboxes", lambda: ready.exists() and bool(ready.read_text()), self.parts["sandbox"])
        self.sandboxes = json.loads(ready.read_text())
        done = run_to_end([sys.executable, "manage.py", "prepare", "--sandboxes", ready], env=self._env, folder=ROOT)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        self.token = next(line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("operator token"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        serve = ("-m", "uvicorn", "dashboard.asgi:application", "--host", "127.0.0.1", "--port", str(port))
        self._add("web", *serve, "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "2")
        for number in range(self.workers):
            self._add_worker(number)
        self._add_beat()
        wait_until("the web server", self._is_healthy, self.parts["web"])
        self._keeper = threading.Thread(target=self._keep_raising, daemon=True)
        self._keeper.start()

    def _is_healthy(self) -> bool:
        try:
            return httpx.get(f"{self.address}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def _raise_postgres(self) -> None:
        self.parts["postgres"] = self._postgres.start(self._logs)
        wait_until("PostgreSQL", self._postgres.is_ready, self.parts["postgres"])
        self._env["DATABASE_URL"] = os.environ["DATABASE_URL"] = self._postgres.url

    def _raise_valkey(self) -> None:
        self.parts["valkey"] = self._valkey.start(self._logs)
        wait_until("Valkey", self._valkey.is_ready, self.parts["valkey"])
        self._env["BROKER_URL"] = os.environ["BROKER_URL"] = self._valkey.url

    def _add(self, name: str, *command: str | Path) -> None:
        child = Child(name, [sys.executable, *command], self._env, self._logs, folder=ROOT)
        if child.log.exists():  # what the one before it said is kept, too
            child.log.rename(child.log.with_suffix(f".{time.time():.0f}"))
        child.start()
        self.parts[name] = child

    def _add_worker(self, number: int) -> None:
        self._add(f"worker-{number}", "-m", "tests.chaos.worker", self.deaths, str(self._deadliness))

    def _add_beat(self) -> None:
        self._add("beat", "-m", "celery", "-q", "-A", "dashboard.clock", "beat", "--pidfile=", "-l", "WARNING")

    def _keep_raising(self) -> None:
        """A service manager would do the same."""
        while not self._is_ending:
            self._hand.submit(self._raise_the_dead).result()
            time.sleep(RAISE_AGAIN)

    def _raise_the_dead(self) -> None:
        with self._lock:
            if self._is_ending:
                return
            for number in range(self.workers):
                if self.parts[f"worker-{number}"].has_ended:
                    self._add_worker(number)
            if self.parts["beat"].has_ended:
                self._add_beat()

    # What goes wrong

    def kill_worker(self, number: int) -> int:
        """This will SIGKILL a worker; its process id."""
        return self._kill(f"worker-{number % self.workers}")

    def pid_of(self, number: int) -> int:
        """This will give the process id of a worker."""
        process = self.parts[f"worker-{number}"].process
        assert process is not None
        return process.pid

    def kill_beat(self) -> int:
        """This will SIGKILL beat."""
        return self._kill("beat")

    def _kill(self, name: str) -> int:
        with self._lock:
            process = self.parts[name].process
            assert process is not None
            process.kill()
            return process.pid

    def stall_worker(self, number: int, seconds: float) -> None:
        """This will stop a worker in its tracks, for longer than its leases last, and let it go on."""
        process = self.parts[f"worker-{number % self.workers}"].process
        assert process is not None
        try:
            process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            process.send_signal(signal.SIGCONT)
        except ProcessLookupError:
            return

    def wipe_broker(self) -> None:
        """This will kill the broker, throw its data away and start an empty one."""
        with self._lock:
            process = self.parts["valkey"].process
            assert process is not None
            process.kill()
            process.wait()
            shutil.rmtree(self.home / "valkey", ignore_errors=True)
        self._hand.submit(self._raise_valkey).result()

    def restart_postgres(self) -> None:
        """This will throw every client out and start the database again."""
        self.parts["postgres"].end()
        self._hand.submit(self._raise_postgres).result()

    # The sandboxes' own word

    def control(self, vendor: str, what: str, body: Any = None) -> Any:
        """This will ask a sandbox something outside its vendor's interface."""
        url = f"{self.sandboxes[vendor]}/_sandbox/{what}"
        answer = httpx.get(url, timeout=30) if body is None else httpx.post(url, json=body, timeout=30)
        return answer.json() if answer.content else None

    def calm(self, vendor: str) -> None:
        """This will take back the faults laid at a sandbox."""
        httpx.delete(f"{self.sandboxes[vendor]}/_sandbox/faults", timeout=30).raise_for_status()

    def last_words(self, name: str) -> str:
        """This will give the end of a part's log."""
        return "\n".join(self.parts[name].last_lines())
