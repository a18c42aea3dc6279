"""The command line in front of the running product."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.journeys.conftest import Running

pytestmark = pytest.mark.stack
COMMAND = Path(__file__).resolve().parents[2] / "bin" / "switchyard"


def call(*words: str, url: str, token: str = "") -> subprocess.CompletedProcess[str]:
    """This will call it with nothing but Python's standard library."""
    env = {"PATH": os.environ["PATH"], "SWITCHYARD_URL": url, "SWITCHYARD_TOKEN": token}
    command = [sys.executable, "-I", str(COMMAND), *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def at(stack: Running, *words: str, name: str = "operator") -> subprocess.CompletedProcess[str]:
    """This will call it as one of the demo's people."""
    return call(*words, url=stack.url, token=stack.token(name))


def some(stack: Running, vendor: str, state: str) -> dict[str, Any]:
    """This will find a connector in a state."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = stack.api(f"connectors/?vendor={vendor}&state={state}&page_size=200")["results"]
        free = [c for c in found if not c["open_operation"] and c["pipeline"]["state"] == "running"]
        if free:
            return dict(free[0])
        time.sleep(0.5)
    raise AssertionError(f"no {state} connector of {vendor}")


def test_list_narrows_and_gives_json(stack: Running) -> None:
    some(stack, "kafka-connect", "failed")

    for _ in range(5):  # the demo's connectors fail and recover: what is compared has to be the same before and after
        found = [json.loads(line) for line in at(stack, "--json", "list", "--state", "failed").stdout.splitlines()]
        table = at(stack, "list", "--state", "failed").stdout
        again = [json.loads(line) for line in at(stack, "--json", "list", "--state", "failed").stdout.splitlines()]
        names = [c["name"] for c in found]
        if names == [c["name"] for c in again]:
            break

    assert found
    assert {c["state"] for c in found} == {"failed"}
    assert table.startswith("id ")
    assert not [name for name in names if name not in table], table


def test_a_verb_waits_until_it_is_seen(stack: Running) -> None:
    chosen = some(stack, "kafka-connect", "running")
    name = f"{chosen['account']}/{chosen['name']}"

    paused = at(stack, "pause", name, "--reason", "release 4.2")

    assert paused.returncode == 0, paused.stderr
    assert paused.stdout.splitlines()[-1].endswith(f"pause {chosen['name']} confirmed")
    assert stack.api(f"connectors/{chosen['id']}/")["state"] == "paused"
    shown = at(stack, "show", name)
    assert "paused" in shown.stdout
    assert at(stack, "resume", str(chosen["id"])).returncode == 0


def test_no_wait_and_the_same_key_give_one_operation(stack: Running) -> None:
    chosen = some(stack, "kafka-connect", "running")
    words = ("--json", "restart", str(chosen["id"]), "--no-wait", "--key", "release-4.2")

    made = [json.loads(at(stack, *words).stdout)["id"] for _ in range(2)]

    assert made[0] == made[1]
    assert at(stack, "operation", made[0], "--wait").returncode == 0


def test_what_is_turned_down_says_why(stack: Running) -> None:
    chosen = some(stack, "confluent", "running")

    refused = at(stack, "stop", str(chosen["id"]))
    unknown = at(stack, "pause", "no-such-connector")

    assert (refused.returncode, unknown.returncode) == (3, 3)
    assert refused.stderr.startswith("switchyard: 400: ")
    assert "no connector no-such-connector that you may see" in unknown.stderr


def test_a_wrong_token_and_no_token_are_told_apart(stack: Running) -> None:
    assert call("list", url=stack.url, token="swy_wrong").returncode == 3
    nobody = call("list", url=stack.url)
    assert nobody.returncode == 2
    assert "set SWITCHYARD_URL and SWITCHYARD_TOKEN" in nobody.stderr


def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    answer = call("list", url=f"http://127.0.0.1:{port}", token="swy_x")

    assert answer.returncode == 4
    assert "does not answer" in answer.stderr


class Elsewhere(BaseHTTPRequestHandler):
    """Sends everybody on, and notes who came."""

    came: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """This will send on, to itself."""
        self.came.append(self.path)
        self.send_response(302)
        self.send_header("Location", f"http://{self.headers['Host']}/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """This will keep quiet."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """This will serve redirects."""
    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_token_follows_no_redirect(elsewhere: str) -> None:
    answer = call("list", url=elsewhere, token="swy_x")

    assert answer.returncode == 4
    assert "sends elsewhere" in answer.stderr
    assert "/elsewhere" not in Elsewhere.came
