"""A real Kafka Connect worker: one that is named, or one brought up for the tests."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
LONGEST_START = 300
"""Seconds, downloads included."""


@dataclass(frozen=True)
class Worker:
    """
    Where it is, and how to bring it down and up again.

    :param script: empty when somebody else runs it
    :param broker: the port of its broker
    """

    url: str
    script: Path | None = None
    broker: int = 0

    def run(self, command: str) -> None:
        """This will give the script a command and wait for its end."""
        done = self.begin(command).wait(LONGEST_START)
        assert done == 0, f"{self.script} {command} ended with {done}; its words are above"

    def begin(self, command: str) -> "subprocess.Popen[bytes]":
        """This will give the script a command."""
        assert self.script is not None
        home = ROOT / "var" / "real-kafka-connect"
        home.mkdir(parents=True, exist_ok=True)
        ports = {"KC_PORT": self.url.rsplit(":", 1)[1], "KC_BROKER_PORT": str(self.broker)}
        env = {**os.environ, **ports, "KC_HOME": str(home)}
        return subprocess.Popen(["bash", self.script, command], env=env, stdout=sys.stderr)

    def elsewhere(self) -> "Worker":
        """This will give the same on ports that are free: those of the last run are not, for a minute."""
        return replace(self, url=f"http://127.0.0.1:{_free_port()}", broker=_free_port())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def worker(shared: Path) -> Iterator[Worker]:
    """This will give a worker without connectors, and end what it started."""
    if url := os.environ.get("REAL_KAFKA_CONNECT_URL"):
        yield _emptied(Worker(url.rstrip("/")))
        return
    script = shared / "lab" / "real-kafka-connect.sh"
    if shutil.which("javac") is None or not script.exists():
        words = (
            "NO JDK, OR NO WORKER TO START: nothing was held against a real Kafka Connect. Set REAL_KAFKA_CONNECT_URL."
        )
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    made = Worker("", script).elsewhere()
    try:
        made.run("up")
        yield _emptied(made)
    finally:
        made.run("down")


def _emptied(made: Worker) -> Worker:
    for name in httpx.get(f"{made.url}/connectors", timeout=30).json():
        httpx.delete(f"{made.url}/connectors/{name}", timeout=100).raise_for_status()
    return made
