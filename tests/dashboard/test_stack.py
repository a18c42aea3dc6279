"""One command starts everything and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.journeys.conftest import free_port, start_stack

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


def processes_of(state: Path) -> list[str]:
    """This will list what still runs for a state folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(state).encode() in environment + command and folder.name != str(os.getpid()):
            found.append(command.replace(b"\0", b" ").decode())
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="lists processes the way Linux does")
def test_stack_starts_keeps_its_state_and_leaves_no_process(tmp_path: Path) -> None:
    first = start_stack(tmp_path, DEMO="0")
    link = next(line for line in first.lines if "/first-admin/" in line)
    assert first.stop(signal.SIGTERM) == 0
    assert processes_of(tmp_path) == []

    second = start_stack(tmp_path, DEMO="0")

    assert "/first-admin/" in link
    assert second.url
    assert second.stop(signal.SIGINT) == 0
    assert processes_of(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="lists processes the way Linux does")
def test_a_part_that_dies_stops_everything_and_its_last_lines_are_shown(tmp_path: Path) -> None:
    running = start_stack(tmp_path, DEMO="0")
    victim = subprocess.run(["pgrep", "-f", f"uvicorn.*--port {running.url.split(':')[-1].strip('/')}"],
                            capture_output=True, text=True, check=True).stdout.split()[0]  # fmt: skip

    os.kill(int(victim), signal.SIGKILL)

    assert running.process.wait(timeout=60) == 1
    time.sleep(0.2)
    assert any("web ended with -9; its last lines were" in line for line in running.lines)
    assert processes_of(tmp_path) == []


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]

        running = start_stack(tmp_path, PORT=str(port))

    assert running.process.wait(timeout=30) == 1
    time.sleep(0.2)
    assert [line for line in running.lines if f"port {port} is taken" in line]


def test_a_second_run_on_the_same_state_is_a_clear_error(tmp_path: Path) -> None:
    import fcntl

    tmp_path.mkdir(exist_ok=True)
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        running = start_stack(tmp_path)
        code = running.process.wait(timeout=30)

    time.sleep(0.2)
    assert code == 1
    assert [line for line in running.lines if "another run uses" in line]
