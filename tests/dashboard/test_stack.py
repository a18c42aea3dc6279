"""One command starts everything, stops everything, and leaves nothing behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.stack import folders
from dashboard.stack.folders import ROOT
from tests.journeys.conftest import Running, free_port, start_stack

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

Start = Callable[[], Running]

needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="lists processes the way Linux does")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """This will give one state folder for all of these: each starts where the one before has stopped."""
    state = tmp_path_factory.mktemp("state")
    yield state
    folders.wipe(state)


@pytest.fixture
def start(state: Path) -> Iterator[Start]:
    """This will give a function that starts an empty product; what a failed test leaves running is killed."""
    (state / "lock").touch()
    started = []

    def start_one() -> Running:
        started.append(start_stack(state, DEMO="0"))
        return started[-1]

    yield start_one
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


def processes_of(state: Path) -> dict[int, str]:
    """This will list what runs for a state folder: process id to the name of its log, or of its program."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            output = str((folder / "fd" / "1").readlink())
            words = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            if output.startswith(f"{state}/log/"):  # a server may have written its title over its environment
                found[int(folder.name)] = Path(output).stem
            elif str(state).encode() in words and int(folder.name) != os.getpid():
                found[int(folder.name)] = (folder / "comm").read_text().strip()
    return found


def niceness_of(pid: int) -> set[int]:
    """This will give how much nicer each thread is than we are, and its session, if the system shares by sessions."""
    found, ours = set(), os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found.add(os.getpriority(os.PRIO_PROCESS, int(task.name)) - ours)
        found.add(int(Path(f"/proc/{pid}/autogroup").read_text().rsplit("nice", 1)[1]))
    return found


def until(is_so: Callable[[], bool], seconds: float = 15) -> bool:
    """This will wait for something; False when it does not come."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def part(state: Path, name: str) -> int:
    """This will find the process of one part; PostgreSQL has more, but only one began them all."""
    return next(pid for pid, found in processes_of(state).items() if found == name and os.getsid(pid) == pid)


def run_stack(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """This will run a command of the stack that is expected to end by itself."""
    env = {**os.environ, "SWITCHYARD_STATE": str(state), "PORT": str(free_port()), "DEMO": "0"}
    command = [sys.executable, "-m", "dashboard.stack", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)


def assert_stopped(running: Running, code: int) -> None:
    """This will hold the exit code against the expected one, and see that nothing was left."""
    assert running.process.wait(timeout=60) == code
    assert until(lambda: processes_of(running.state) == {}), processes_of(running.state)


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stack_starts_again_with_what_it_kept_and_stops_without_a_trace(
    state: Path, start: Start, number: signal.Signals
) -> None:
    kept = state / "secrets.json"
    before = kept.read_text() if kept.exists() else None

    running = start()
    parts = processes_of(state)
    niceness = [(name, nice) for pid, name in parts.items() for nice in niceness_of(pid)]
    running.process.send_signal(number)

    assert [line for line in running.lines if "/first-admin/" in line]
    assert {"postgres", "valkey", "worker", "presses", "beat", "web"} <= set(parts.values())
    assert set(niceness) == {(name, 10 if name == "worker" else 0) for name in parts.values()}
    assert_stopped(running, 0)
    assert before in {None, kept.read_text()}
    assert kept.stat().st_mode & 0o077 == 0


@needs_proc
@pytest.mark.parametrize("name", ["web", "worker", "presses", "beat", "valkey", "postgres"])
def test_a_part_that_dies_stops_everything_and_its_last_lines_are_shown(state: Path, start: Start, name: str) -> None:
    running = start()

    os.kill(part(state, name), signal.SIGKILL)

    assert_stopped(running, 1)
    assert until(lambda: any(f"{name} ended with -9; its last lines were:" in line for line in running.lines)), (
        running.lines
    )


@needs_proc
def test_a_killed_supervisor_leaves_no_process_and_a_state_to_start_from(state: Path, start: Start) -> None:
    killed = start()
    killed.process.kill()
    killed.process.wait()
    assert until(lambda: processes_of(state) == {}), processes_of(state)

    running = start()
    second = run_stack(state)
    reset = run_stack(state, "reset")
    running.process.send_signal(signal.SIGTERM)

    assert running.url
    assert (second.returncode, reset.returncode) == (1, 1)
    assert second.stdout == reset.stdout == f"stack | another run uses {state} already; stop it first\n"
    assert_stopped(running, 0)


def test_a_taken_port_is_one_clear_line_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        running = start_stack(tmp_path, PORT=str(port))

    assert running.process.wait(timeout=30) == 1
    hint = "stop what uses it, or choose another with PORT=… bin/run"
    assert until(lambda: running.lines == [f"stack | port {port} is taken: {hint}"])
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_a_port_that_is_none_is_one_clear_line(tmp_path: Path, port: str) -> None:
    running = start_stack(tmp_path, PORT=port)

    assert running.process.wait(timeout=30) == 1
    assert until(lambda: running.lines == [f"stack | PORT is {port!r}: set it to a number from 1 to 65535"])


@needs_proc
def test_with_gives_servers_and_the_exit_code_and_takes_the_servers_away(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "BROKER_URL"}}
    words = "import os, sys; print(os.environ['DATABASE_URL'], os.environ['BROKER_URL']); sys.exit(7)"
    command = [sys.executable, "-m", "dashboard.stack", "with", sys.executable, "-c", words]

    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 7
    database, broker = done.stdout.split()
    home = Path(database.partition("host=")[2]).parent
    assert broker == f"redis+socket://{home}/run/valkey.sock"
    assert not home.exists()
    assert processes_of(home) == {}
