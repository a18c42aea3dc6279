"""Child processes that never outlive their supervisor, and whose last words are kept."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.stack.accounts import OURSELVES, Account

LAST_LINES = 20
LAST_BYTES = 32_768
LOOK_EVERY = 0.05
"""Seconds."""
SET_PARENT_DEATH_SIGNAL = 1
# Loaded before any fork: a child that has changed its user may no longer be allowed to read the file.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class StackError(Exception):
    """Something that keeps the stack from running; the message says what to do."""


@dataclass
class Child:
    """
    One part of the stack.

    :param logs: the folder for its output: one file, begun anew at each start
    :param stop: the signal that part wants to be stopped with
    :param orphan: the signal it gets when the supervisor is killed
    :param grace: seconds it may take to stop before it is killed
    :param gives_way: how far it steps back where processors are short, 0 to 19: what the system calls niceness
    """

    name: str
    command: Sequence[str | Path]
    env: Mapping[str, str]
    logs: Path
    stop: signal.Signals = signal.SIGTERM
    orphan: signal.Signals = signal.SIGKILL
    grace: float = 10.0
    gives_way: int = 0
    account: Account = OURSELVES
    folder: Path = Path("/")
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """This will start it in a session of its own: the terminal's Ctrl-C reaches the supervisor alone."""
        self.logs.mkdir(exist_ok=True)
        self.log.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in self.command],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
                user=self.account.uid,
                group=self.account.gid,
                extra_groups=self.account.groups,
                preexec_fn=dying_with_parent(self.orphan),  # noqa: PLW1509  # this program has one thread
            )
        if self.gives_way:
            step_back(self.process.pid, self.gives_way)

    @property
    def log(self) -> Path:
        """The file of its output."""
        return self.logs / f"{self.name}.log"

    @property
    def has_ended(self) -> bool:
        """Did it end, whether or not anybody asked it to?"""
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
                say(f"{self.name} did not stop within {self.grace:.0f} s and was killed")
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)  # what it may have left behind in its session
        self.process.wait()

    def obituary(self) -> str:
        """This will tell how it ended, and its last lines."""
        code = self.process.returncode if self.process else None
        lines = "\n".join(f"    {line}" for line in self.last_lines()) or "    (it said nothing)"
        return f"{self.name} ended with {code}; its last lines were:\n{lines}"

    def last_lines(self) -> list[str]:
        """This will read the end of its log."""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LAST_BYTES))
            return log.read().decode(errors="replace").splitlines()[-LAST_LINES:]


def run_to_end(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    account: Account = OURSELVES,
    folder: Path = Path("/"),
) -> subprocess.CompletedProcess[str]:
    """This will run a program that ends by itself, out of reach of the terminal's Ctrl-C."""
    return subprocess.run(
        [str(part) for part in command],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        start_new_session=True,
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
        preexec_fn=dying_with_parent(signal.SIGKILL),  # this program has one thread
    )


def dying_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """
    This will give what a new child runs first: a request to be sent a signal when its parent dies.

    Linux only. Elsewhere the next start stops what servers a killed run left behind.
    """
    if LIBC is None:
        return None
    libc, parent = LIBC, os.getpid()

    def ask() -> None:
        libc.prctl(SET_PARENT_DEATH_SIGNAL, number)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return ask


def step_back(pid: int, by: int) -> None:
    """
    This will let a process that has just begun, and the threads it is to have, step back behind others.

    Where Linux shares processors among sessions (`sched(7)`: autogroups), niceness counts within one session alone, and
    the session itself has to step back as well.
    """
    with contextlib.suppress(ProcessLookupError):  # whoever waits for it will find that it has ended
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid) + by)
    with contextlib.suppress(OSError):  # another system, another kernel, or one that does not let us
        Path(f"/proc/{pid}/autogroup").write_text(str(by))


def wait_until(what: str, is_ready: Callable[[], bool], child: Child, seconds: float = 60.0) -> None:
    """
    This will wait until a part is ready.

    :raises StackError: it ended meanwhile, or the time is over
    """
    end = time.monotonic() + seconds
    while not is_ready():
        if child.has_ended:
            raise StackError(child.obituary())
        if time.monotonic() > end:
            lines = "\n".join(f"    {line}" for line in child.last_lines())
            raise StackError(f"{what} was not ready after {seconds:.0f} s\n{lines}".rstrip())
        time.sleep(LOOK_EVERY)


def say(text: str) -> None:
    """This will print what the supervisor has to say, at once even into a pipe."""
    print(f"stack | {text}", flush=True)
