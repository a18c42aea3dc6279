"""A real Kafka Connect worker: one that is named, or one brought up for the tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
PORTS = {"KC_PORT": "18383", "KC_BROKER_PORT": "19392"}
LONGEST_START = 300
"""Seconds, downloads included."""


@dataclass(frozen=True)
class Worker:
    """
    Where it is, and how to bring it down and up again.

    :param script: empty when somebody else runs it
    """

    url: str
    script: Path | None = None

    def run(self, command: str) -> None:
        """This will give the script a command."""
        assert self.script is not None
        home = ROOT / "var" / "real-kafka-connect"
        home.mkdir(parents=True, exist_ok=True)
        env = {**os.environ, **PORTS, "KC_HOME": str(home)}
        subprocess.run(["bash", self.script, command], env=env, check=True, timeout=LONGEST_START, stdout=sys.stderr)

    def begin(self, command: str) -> "subprocess.Popen[bytes]":
        """This will give the script a command and not wait for it."""
        assert self.script is not None
        env = {**os.environ, **PORTS, "KC_HOME": str(ROOT / "var" / "real-kafka-connect")}
        return subprocess.Popen(["bash", self.script, command], env=env, stdout=sys.stderr)


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
    made = Worker(f"http://127.0.0.1:{PORTS['KC_PORT']}", script)
    try:
        made.run("up")
        yield _emptied(made)
    finally:
        made.run("down")


def _emptied(made: Worker) -> Worker:
    for name in httpx.get(f"{made.url}/connectors", timeout=30).json():
        httpx.delete(f"{made.url}/connectors/{name}", timeout=100).raise_for_status()
    return made
