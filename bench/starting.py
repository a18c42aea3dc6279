"""From a command to a product on the screen, what it takes of memory while nobody does anything, and migrations."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.figures import Figure
from bench.lab import Lab
from dashboard.stack.folders import ROOT

ROW = "starting"
PATIENCE = 120.0
TIMES = 3
"""How often what can be repeated is done."""
IDLE = 30.0
"""Seconds after which the demo counts as idle."""


def figures(lab: Lab) -> Iterator[Figure]:
    """This will start the demo on an empty folder and again on the same data, and migrate empty databases."""
    with tempfile.TemporaryDirectory(prefix="switchyard-start-") as folder:
        Path(folder).chmod(0o711)
        first, _ = _run(folder, 0)
        again = [_run(folder, 0)[0] for _ in range(TIMES - 1)]
        last, memory = _run(folder, IDLE)
    yield Figure(ROW, "first bin/run to ready", first, "s", detail="everything is installed already")
    yield _median("second bin/run to ready", [*again, last], 10)
    yield Figure(ROW, "the whole idle demo, memory (PSS)", memory / 2**20, "MB", 450)
    yield _median("migrations on an empty database", [_migrated(lab, number) for number in range(TIMES)], 15)


def _median(name: str, took: list[float], limit: float) -> Figure:
    return Figure(ROW, name, median(took), "s", limit, spread=(min(took), max(took)))


def _migrated(lab: Lab, number: int) -> float:
    began = time.monotonic()
    lab.stack.database(f"migrated_{number}")
    return time.monotonic() - began


def _run(folder: str, idle: float) -> tuple[float, int]:
    """Seconds until it said that it is ready, and the bytes of all its processes after a while."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    named = {"PATH", "HOME", "LANG", "TMPDIR"}
    env = {name: value for name, value in os.environ.items() if name in named}
    env |= {"SWITCHYARD_STATE": f"{folder}/state", "PORT": str(port)}
    began = time.monotonic()
    command = [str(ROOT / "bin/run")]
    run = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True, cwd=ROOT)
    try:
        for line in run.stdout or ():
            if "is ready" in line:
                break
            if time.monotonic() - began > PATIENCE:
                raise RuntimeError("bin/run did not become ready")
        ready = time.monotonic() - began
        time.sleep(idle)
        return ready, sum(_memory(pid) for pid in _family(run.pid))
    finally:
        run.send_signal(signal.SIGINT)
        run.wait()


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _family(int(child))


def _memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
