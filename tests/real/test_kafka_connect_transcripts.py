"""What a real Kafka Connect 4.3.0 answered, line by line, against our sandbox."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.vendors.kafka_connect.sandbox.world import Connector, KafkaConnectWorld, Part
from connectors.vendors.sandbox import ManualClock, bench

NAME = "orders-src"
PREFIX = "/analytics"
LONG_ENOUGH = 30.0
"""Seconds in which everything comes to rest, rebalances included."""
OURS = re.compile(
    r"GET /$|GET /connectors(\?expand=status&expand=info|\?expand=status)?$|PUT /connectors/[\w-]+/(pause|resume|stop)$"
    r"|POST /connectors/[\w-]+/restart(\?includeTasks=true(&onlyFailed=true)?|\?onlyFailed=true)?$"
)
"""What our client can cause."""
STATUS = f"GET /connectors/{NAME}/status"
FEWEST = 25


class Stage:
    """The sandbox with the one connector of the transcript, and what its recorder did behind the scenes."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.app = bench("kafka-connect", clock=self.clock)
        self.world: KafkaConnectWorld = self.app.world  # type: ignore[assignment]  # this vendor's
        for connectors in self.world.clusters.values():
            connectors.clear()
        self.web = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app), base_url=f"http://worker.test{PREFIX}"
        )

    def create(self) -> None:
        """This will make the connector: its status comes after a while, its two tasks after another."""
        made = Connector(NAME, "source", {"name": NAME, "connector.class": "lab.LabSourceConnector", "tasks.max": "2"})
        self.world.later(5, lambda: setattr(made, "own", Part("RUNNING", "127.0.0.1:8083")))
        self.world.later(10, lambda: made.tasks.extend(Part("RUNNING", "127.0.0.1:8083") for _ in range(2)))
        self.world.clusters[PREFIX[1:]][NAME] = made

    def fail(self, *tasks: int) -> None:
        """This will let tasks fail by themselves."""
        for number in tasks:
            part = self.world.find(NAME).tasks[number]
            part.state, part.trace = "FAILED", "org.apache.kafka.connect.errors.ConnectException: lab: told to fail"

    def break_start(self, *, is_broken: bool) -> None:
        """This will let the connector's own start throw, or mend it."""
        (self.world.unstartable.add if is_broken else self.world.unstartable.discard)(NAME)

    async def settled(self) -> dict[str, Any]:
        """This will wait until all is at rest and give the status."""
        self.clock.advance(LONG_ENOUGH)
        return dict((await self.web.get(f"/connectors/{NAME}/status")).json())


@pytest.fixture
def exchanges(specifications: Path) -> list[dict[str, Any]]:
    """This will read the transcript."""
    return list(json.loads((specifications / "kafka-connect-4.3.0.transcripts.json").read_text())["exchanges"])


@pytest.mark.real
async def test_sandbox_answers_as_the_real_worker_did(exchanges: list[dict[str, Any]]) -> None:
    stage, played = Stage(), 0
    for exchange, after in _with_outcome(exchanges):
        line = f"{exchange['request']['method']} {exchange['request']['path']}"
        if line == f"POST /connectors/{NAME}/restart" and exchange["response"]["status"] == 500:
            stage.break_start(is_broken=True)
        elif line == f"POST /connectors/{NAME}/restart?onlyFailed=true":
            stage.break_start(is_broken=False)
        if (
            line == "POST /connectors"
            and exchange["response"]["status"] == 201
            and not stage.world.clusters["analytics"]
        ):
            stage.create()
        if line == STATUS and exchange["response"]["status"] == 200:
            await stage.settled()
        elif after is not None and line.startswith("POST") and not OURS.match(line):
            _let_fail(stage, after)
        elif line == f"DELETE /connectors/{NAME}" and exchange["response"]["status"] == 204:
            stage.world.nudge(NAME, "vanish")
        if not OURS.match(line) or "content_type" in exchange["request"] or "raw" in exchange["request"]:
            continue
        played += 1
        method, path = line.split(" ", 1)
        answer = await stage.web.request(method, path)
        real = exchange["response"]
        assert answer.status_code == real["status"], line
        assert shape(_body(answer)) == shape(real["body"]), line
        if after is not None:
            _let_fail(stage, after)
            assert states(await stage.settled()) == states(after), line

    assert played >= FEWEST


def _with_outcome(exchanges: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Each exchange with the last status that was polled before the next thing was asked."""
    for number, exchange in enumerate(exchanges):
        after = None
        for later in exchanges[number + 1 :]:
            line = f"{later['request']['method']} {later['request']['path']}"
            if line == STATUS and later["response"]["status"] == 200:
                after = later["response"]["body"]
            elif later["request"]["method"] != "GET":
                break
        yield exchange, after


def _let_fail(stage: Stage, after: dict[str, Any]) -> None:
    """The recorder's own connector failed tasks on purpose; nothing that was asked did that."""
    tasks = stage.world.find(NAME).tasks
    stage.fail(*(t["id"] for t in after["tasks"] if t["state"] == "FAILED" and tasks[t["id"]].state == "RUNNING"))


def _body(answer: httpx.Response) -> Any:
    return answer.json() if answer.content else None


def shape(body: Any) -> Any:
    """This will keep names and kinds, and forget what is different everywhere: names of connectors, words, lengths."""
    if isinstance(body, dict):
        if set(body) <= {NAME}:  # a map by name
            return {"*": shape(next(iter(body.values()), None))} if body else {}
        return {key: shape(value) for key, value in body.items() if key not in {"config"}}
    if isinstance(body, list):
        return sorted({json.dumps(shape(item), sort_keys=True) for item in body})
    return type(body).__name__ if body is not None else None


def states(status: dict[str, Any]) -> tuple[str, list[str]]:
    """This will give the connector's word and those of its tasks."""
    return status["connector"]["state"], [task["state"] for task in sorted(status["tasks"], key=lambda t: t["id"])]
