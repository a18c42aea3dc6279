"""A command with a PostgreSQL and a Valkey of its own, thrown away when it ends."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from dashboard.stack import servers
from dashboard.stack.processes import Child, dying_with_parent


def run_with_servers(command: Sequence[str]) -> int:
    """
    This will run a command with servers that the environment names or that are made for it; its exit code.

    The command has the terminal: Ctrl-C is its own business, and the servers go when it has ended.
    """
    signal.signal(signal.SIGTERM, _exit)
    # Not below the checkout: as root, PostgreSQL runs as somebody who may not be allowed in there.
    home = Path(tempfile.mkdtemp(prefix="switchyard-"))
    home.chmod(0o711)
    env, children = dict(os.environ), list[Child]()
    try:
        servers.start(home, home / "log", env, children, is_throwaway=True)
        signal.signal(signal.SIGINT, _leave_it_to_the_command)
        preexec = dying_with_parent(signal.SIGTERM)
        with subprocess.Popen(command, env=env, preexec_fn=preexec) as process:  # noqa: PLW1509  # one thread
            try:
                return process.wait()
            except SystemExit:
                process.terminate()
                raise
    finally:
        for child in reversed(children):
            child.end()
        shutil.rmtree(home, ignore_errors=True)


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _leave_it_to_the_command(number: int, frame: FrameType | None) -> None:
    """A handler and not SIG_IGN, which the command would inherit."""
