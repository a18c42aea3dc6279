"""Child processes that never outlive their supervisor, and whose last words are kept."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LAST_LINES = 20
PDEATHSIG = 1
# Loaded before any fork: a child that has changed its user may no longer be allowed to read the file.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class StackError(Exception):
    """Something that keeps the stack from running; the message says what to do."""


@dataclass
class Child:
    """
    One part of the stack.

    :param stop: the signal that part wants to be stopped with
    :param grace: seconds it may take to stop before it is killed
    :param account: `user`, `group` … for a part that must not run as root
    """

    name: str
    command: Sequence[str | Path]
    env: Mapping[str, str]
    stop: signal.Signals = signal.SIGTERM
    grace: float = 10.0
    account: Mapping[str, object] = field(default_factory=dict)
    folder: Path | str = "/"
    is_loud: bool = False
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """This will start it in a session of its own: the terminal's Ctrl-C reaches the supervisor alone."""
        self.process = subprocess.Popen(
            [str(part) for part in self.command],
            env=dict(self.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=self.folder,
            preexec_fn=_die_with_parent if LIBC else None,  # noqa: PLW1509  # one system call, made before any thread
            **self.account,  # type: ignore[call-overload]
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101  # it was asked for
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            self.last_lines.append(line)
            if self.is_loud:
                say(self.name, line)

    @property
    def has_died(self) -> bool:
        """Did it end without being asked to?"""
        return self.process is not None and self.process.poll() is not None

    def end(self) -> None:
        """This will stop it, and kill whatever of it does not stop in time."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.stop)
            try:
                self.process.wait(self.grace)
            except subprocess.TimeoutExpired:
                say("stack", f"{self.name} did not stop within {self.grace:.0f} s: killed")
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)  # what it left behind in its session
        self.process.wait()

    def obituary(self) -> str:
        """This will give how it ended and its last lines."""
        time.sleep(0.2)  # its last words may still be on their way
        code = self.process.returncode if self.process else "?"
        lines = "\n".join(f"    {line}" for line in self.last_lines) or "    (it said nothing)"
        return f"{self.name} ended with {code}; its last lines were:\n{lines}"


def _die_with_parent() -> None:
    """Linux only; elsewhere the next start stops what was left over."""
    assert LIBC is not None  # noqa: S101  # see the caller
    LIBC.prctl(PDEATHSIG, signal.SIGTERM)


def say(name: str, text: str) -> None:
    """This will print one line, with the part's name in front."""
    print(f"{name:>9} | {text}", flush=True)


def wait_until(what: str, is_ready: Callable[[], bool], child: Child | None = None, seconds: float = 60.0) -> None:
    """
    This will wait until something is ready.

    :raises StackError: the part died meanwhile, or the time is over
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if child and child.has_died:
            raise StackError(child.obituary())
        try:
            if is_ready():
                return
        except OSError:
            pass
        time.sleep(0.05)
    words = "\n" + child.obituary() if child else ""
    raise StackError(f"{what} was not ready after {seconds:.0f} s{words}")
