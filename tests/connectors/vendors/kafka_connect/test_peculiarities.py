"""What is peculiar to Kafka Connect, each detail on its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from connectors.states import State, Verb
from connectors.vendors.base import AccountConfig, AccountSnapshot, ConnectorSnapshot, Known, Order, Receipt, Watch
from connectors.vendors.errors import NotFound, NotReady, Refused, ServerFault, VendorError
from connectors.vendors.http import Http
from connectors.vendors.kafka_connect.adapter import KafkaConnectAdapter
from connectors.vendors.kafka_connect.sandbox.world import Connector, KafkaConnectWorld, Part
from connectors.vendors.kafka_connect.states import whole
from connectors.vendors.sandbox import Fault, ManualClock, bench
from tests.connectors.vendors.wire import Wire

NAME = "product-views-sink"
"""Runs, with three tasks."""
PREFIX = "/analytics"
REST = 60.0
"""Seconds in which everything that can come about has come about."""


@dataclass
class Desk:
    """The adapter in front of the sandbox."""

    adapter: KafkaConnectAdapter
    world: KafkaConnectWorld
    wire: Wire
    clock: ManualClock
    faults: list[Fault]

    async def observe(self) -> AccountSnapshot:
        """This will read the cluster."""
        return await self.adapter.observe(Watch())

    async def seen(self, name: str = NAME) -> ConnectorSnapshot:
        """This will read one connector, by reading all."""
        return next(c for c in (await self.observe()).connectors if c.name == name)

    async def send(self, verb: Verb, name: str = NAME, task: str = "") -> Receipt:
        """This will send a verb."""
        known = Known("connector", name, "cluster", name, State.RUNNING, "RUNNING", "", {})
        return await self.adapter.send(Order(verb, known, "5f2b1d0e-0000-4000-8000-000000000001", task=task))

    async def at_rest(self, name: str = NAME) -> ConnectorSnapshot:
        """This will read one connector when nothing moves any more."""
        for _ in range(4):
            self.clock.advance(REST)
            await self.observe()
        return await self.seen(name)


@asynccontextmanager
async def open_desk(transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[Desk]:
    """This will put the adapter in front of a sandbox, or of whatever answers instead."""
    clock = ManualClock()
    app = bench("kafka-connect", clock=clock)
    assert isinstance(app.world, KafkaConnectWorld)
    wire = Wire(transport or httpx.ASGITransport(app=app, raise_app_exceptions=False))
    config = AccountConfig(f"http://worker.test{PREFIX}")
    async with Http("kafka-connect", config, transport=wire) as http:
        yield Desk(KafkaConnectAdapter(config, http), app.world, wire, clock, app.faults)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """This will give each test a cluster of its own."""
    async with open_desk() as opened:
        yield opened


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> Any:
    """This will put the adapter in front of a function that answers."""
    return open_desk(httpx.MockTransport(answer))


# The lists


async def test_expand_is_repeated_and_the_inventory_takes_three_requests(desk: Desk) -> None:
    await desk.observe()

    assert sorted(desk.wire.lines()) == [
        "GET /analytics/",
        "GET /analytics/connectors",
        "GET /analytics/connectors?expand=status&expand=info",
    ]


async def test_a_comma_list_would_be_empty_objects_without_an_error(desk: Desk) -> None:
    found = await desk.adapter.http.get("/connectors", params={"expand": "status,info"})

    assert (found.status_code, found.json()[NAME]) == (200, {})


async def test_a_name_that_the_map_lacks_is_starting_and_counted(desk: Desk) -> None:
    desk.world.clusters["analytics"]["fresh"] = Connector("fresh", "source", {"name": "fresh"})

    snapshot = await desk.observe()

    fresh = next(c for c in snapshot.connectors if c.name == "fresh")
    assert (fresh.state, fresh.error) == (State.STARTING, "no status yet")
    assert snapshot.expected == len(snapshot.connectors) == len(desk.world.clusters["analytics"])


async def test_a_name_that_only_the_map_has_is_kept() -> None:
    status = {"name": "late", "connector": {"state": "RUNNING"}, "tasks": [{"id": 0, "state": "RUNNING"}]}
    async with answering(_worker(names=[], expanded={"late": {"status": status, "info": None}})) as desk:
        snapshot = await desk.observe()

    assert [(c.name, c.state) for c in snapshot.connectors] == [("late", State.RUNNING)]


async def test_what_nobody_knows_yet_does_no_harm() -> None:
    status = {
        "name": "new", "mood": "fine", "type": "sideways",
        "connector": {"state": "HIBERNATING", "worker_id": None, "version": None, "since": 7},
        "tasks": [{"id": 0, "state": "DREAMING", "depth": 3}],
    }  # fmt: skip
    async with answering(_worker(names=["new"], expanded={"new": {"status": status, "future": {}}})) as desk:
        seen = await desk.seen("new")

    assert (seen.state, seen.vendor_state) == (State.UNKNOWN, "HIBERNATING, tasks: 1 DREAMING")
    assert [(t.state, t.vendor_state) for t in seen.tasks] == [(State.UNKNOWN, "DREAMING")]


def _worker(*, names: list[str], expanded: dict[str, Any]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == f"{PREFIX}/":
            return httpx.Response(200, json={"version": "4.3.0"})
        return httpx.Response(200, json=expanded if "expand" in request.url.params else names)

    return answer


# One state out of many


@pytest.mark.parametrize(
    ("own", "tasks", "configured", "state"),
    [
        ("RUNNING", ["RUNNING", "RUNNING"], 2, State.RUNNING),
        ("running", ["running"], 1, State.RUNNING),
        ("RUNNING", ["FAILED", "FAILED"], 2, State.FAILED),
        ("RUNNING", ["RUNNING", "FAILED"], 2, State.DEGRADED),
        ("RUNNING", ["PAUSED", "FAILED"], 2, State.DEGRADED),
        ("RUNNING", ["RUNNING", "PAUSED"], 2, State.RESUMING),
        ("RUNNING", ["RUNNING", "UNASSIGNED"], 2, State.PROVISIONING),
        ("RUNNING", ["RUNNING"], 2, State.PROVISIONING),
        ("RUNNING", [], 2, State.STARTING),
        ("RUNNING", ["RUNNING", "RESTARTING"], 2, State.RESTARTING),
        ("RESTARTING", ["RUNNING"], 1, State.RESTARTING),
        ("FAILED", ["RUNNING", "RUNNING"], 2, State.FAILED),
        ("FAILED", ["RESTARTING"], 1, State.FAILED),
        ("PAUSED", ["PAUSED"], 1, State.PAUSED),
        ("PAUSED", [], 1, State.PAUSED),
        ("PAUSED", ["PAUSED", "FAILED"], 2, State.PAUSED),
        ("PAUSED", ["FAILED", "FAILED"], 2, State.FAILED),
        ("PAUSED", ["PAUSED", "RUNNING"], 2, State.PAUSING),
        ("STOPPED", [], 2, State.STOPPED),
        ("STOPPED", ["RUNNING", "RUNNING"], 2, State.STOPPING),
        ("UNASSIGNED", ["UNASSIGNED"], 1, State.STARTING),
        ("HIBERNATING", ["RUNNING"], 1, State.UNKNOWN),
    ],
)
def test_connector_and_tasks_make_one_state(own: str, tasks: list[str], configured: int, state: State) -> None:
    found = whole(own, [{"id": n, "state": task} for n, task in enumerate(tasks)], configured=configured)

    assert found.state is state


async def test_a_task_on_a_lost_worker_keeps_a_pause_from_being_done_and_is_named(desk: Desk) -> None:
    desk.world.lost.add("10.0.4.18:8083")

    await desk.send(Verb.PAUSE)

    seen = await desk.at_rest()
    assert seen.state is State.PAUSING
    assert seen.vendor_state == "PAUSED, tasks: 2 PAUSED, 1 RUNNING"
    assert seen.error == "still running: task 1 on 10.0.4.18:8083"


# What the verbs do, and do not


async def test_a_failed_connector_takes_a_pause_and_never_gets_there(desk: Desk) -> None:
    own = desk.world.find(NAME).own
    assert own is not None
    own.state, own.trace = "FAILED", "org.apache.kafka.connect.errors.ConnectException: no such bucket"

    receipt = await desk.send(Verb.PAUSE)

    seen = await desk.at_rest()
    assert receipt.reply == "202"
    assert (seen.state, seen.vendor_state) == (State.FAILED, "FAILED, tasks: 3 PAUSED")
    assert seen.error == "no such bucket"


async def test_a_restart_of_it_leads_to_what_was_wished_meanwhile(desk: Desk) -> None:
    own = desk.world.find(NAME).own
    assert own is not None
    own.state = "FAILED"
    await desk.send(Verb.PAUSE)
    await desk.at_rest()

    await desk.send(Verb.RESTART)

    assert (await desk.at_rest()).state is State.PAUSED


async def test_resume_does_not_heal_a_failed_task(desk: Desk) -> None:
    desk.world.find(NAME).tasks[1].state = "FAILED"
    await desk.send(Verb.PAUSE)
    await desk.at_rest()

    await desk.send(Verb.RESUME)

    seen = await desk.at_rest()
    assert (seen.state, [t.state for t in seen.tasks]) == (
        State.DEGRADED, [State.RUNNING, State.FAILED, State.RUNNING]
    )  # fmt: skip


async def test_start_is_a_resume_and_brings_the_tasks_back(desk: Desk) -> None:
    await desk.send(Verb.STOP)
    stopped = await desk.at_rest()

    receipt = await desk.send(Verb.START)

    assert (stopped.state, stopped.tasks) == (State.STOPPED, [])
    assert receipt.request == f"PUT {PREFIX}/connectors/{NAME}/resume"
    assert len((await desk.at_rest()).tasks) == 3


async def test_a_stop_under_way_shows_its_tasks(desk: Desk) -> None:
    await desk.send(Verb.STOP)
    desk.clock.advance(1)

    seen = await desk.seen()

    assert (seen.state, seen.vendor_state) == (State.STOPPING, "STOPPED, tasks: 3 RUNNING")


@pytest.mark.parametrize(
    ("verb", "line"),
    [
        (Verb.RESTART, "restart?includeTasks=true&onlyFailed=false"),
        (Verb.RESTART_FAILED, "restart?includeTasks=true&onlyFailed=true"),
    ],
)
async def test_a_restart_asks_for_tasks_and_sends_no_body(desk: Desk, verb: Verb, line: str) -> None:
    await desk.send(verb)

    assert desk.wire.lines() == [f"POST {PREFIX}/connectors/{NAME}/{line}"]
    sent = desk.wire.requests[0]
    assert (sent.content, "content-type" in sent.headers) == (b"", False)


async def test_a_202_proves_a_restart_by_what_it_marks(desk: Desk) -> None:
    desk.world.find(NAME).tasks[2].state = "FAILED"

    only_failed = await desk.send(Verb.RESTART_FAILED)
    await desk.at_rest()
    all_of_it = await desk.send(Verb.RESTART)

    assert only_failed.proof == "the worker answered 202, 1 parts RESTARTING"
    assert all_of_it.proof == "the worker answered 202, 4 parts RESTARTING"


async def test_a_202_that_marks_nothing_proves_nothing(desk: Desk) -> None:
    assert (await desk.send(Verb.RESTART_FAILED)).proof == ""


async def test_a_204_proves_nothing_because_tasks_were_left_alone(desk: Desk) -> None:
    desk.world.version = "2.8.1"

    receipt = await desk.send(Verb.RESTART)

    assert (receipt.reply, receipt.proof) == ("204", "")
    assert {task.state for task in desk.world.find(NAME).tasks} == {"RUNNING"}


async def test_one_task_is_restarted_by_its_number_and_the_others_are_left_alone(desk: Desk) -> None:
    for task in desk.world.find(NAME).tasks[:2]:
        task.state, task.trace = "FAILED", "java.net.ConnectException: refused"

    receipt = await desk.send(Verb.RESTART_TASK, task="1")
    seen = await desk.at_rest()

    assert desk.wire.lines()[0] == f"POST {PREFIX}/connectors/{NAME}/tasks/1/restart"
    assert (receipt.reply, receipt.proof) == ("204", "the worker answered 204: task 1 was restarted")
    assert [task.state for task in seen.tasks] == [State.FAILED, State.RUNNING, State.RUNNING]
    assert [bool(task.trace) for task in seen.tasks] == [True, False, False]


async def test_a_task_that_is_not_there_is_refused_in_the_workers_words(desk: Desk) -> None:
    with pytest.raises(Refused, match=f"Unknown task: {NAME}-7"):
        await desk.send(Verb.RESTART_TASK, task="7")


async def test_a_task_on_a_lost_worker_is_asked_for_later(desk: Desk) -> None:
    desk.world.lost.add("10.0.4.18:8083")

    with pytest.raises(NotReady, match="no known leader URL"):
        await desk.send(Verb.RESTART_TASK, task="1")

    assert desk.world.acts == []


@pytest.mark.parametrize(
    ("version", "off"),
    [
        ("4.3.0", set()),
        ("3.5.0", set()),
        ("3.4.1", {Verb.STOP}),
        ("2.8.1", {Verb.STOP, Verb.RESTART_FAILED}),
    ],
)
async def test_what_the_worker_is_too_old_for_is_off(desk: Desk, version: str, off: set[Verb]) -> None:
    desk.world.version = version

    seen = await desk.seen()

    assert set(seen.verbs_off) == off
    assert all(version in words for words in seen.verbs_off.values())


async def test_stop_and_restart_wait_as_long_as_a_rebalance_can_take(desk: Desk) -> None:
    for verb in (Verb.PAUSE, Verb.STOP, Verb.RESTART):
        await desk.send(verb)

    waits = [request.extensions["timeout"]["read"] for request in desk.wire.requests]
    assert waits == [10.0, 100.0, 100.0]


# Names


async def test_a_name_with_a_slash_is_shown_and_cannot_be_asked_for_anything(desk: Desk) -> None:
    desk.world.clusters["analytics"]["eu/orders"] = Connector(
        "eu/orders", "source", {"name": "eu/orders"}, own=Part("RUNNING", "w:1"), tasks=[Part("RUNNING", "w:1")]
    )

    seen = await desk.seen("eu/orders")

    assert seen.state is State.RUNNING
    assert set(seen.verbs_off) == set(Verb)
    assert "slash" in seen.verbs_off[Verb.PAUSE]
    with pytest.raises(Refused) as caught:  # what it would come to
        await desk.send(Verb.PAUSE, "eu/orders")
    assert (caught.value.status, "<" in str(caught.value)) == (400, False)


@pytest.mark.parametrize("name", ["orders eu 1", "größe?", "a+b&c=d", "100%", "#1"])
async def test_any_other_name_can_be_addressed(desk: Desk, name: str) -> None:
    desk.world.clusters["analytics"][name] = Connector(
        name, "source", {"name": name}, own=Part("RUNNING", "w:1"), tasks=[Part("RUNNING", "w:1")]
    )

    await desk.send(Verb.PAUSE, name)

    assert (await desk.at_rest(name)).state is State.PAUSED


# Refusals


async def test_html_404_while_booting_is_not_ready(desk: Desk) -> None:
    desk.world.is_booting = True

    with pytest.raises(NotReady) as reading:
        await desk.observe()
    with pytest.raises(NotReady) as asking:
        await desk.send(Verb.PAUSE)

    assert reading.value.may_retry
    assert not asking.value.may_have_acted
    assert desk.world.acts == []


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, '{"error_code":404,"message":"Unknown connector gone"}', NotFound),
        (404, '{"status":"no worker behind this proxy"}', NotReady),
        (404, "", NotReady),
        (409, '{"error_code":409,"message":"Cannot complete request because of a conflicting operation"}', NotReady),
        (409, '{"error_code":409,"message":null}', NotReady),
        (409, '{"error_code":409,"message":"Connector orders already exists"}', Refused),
        (500, '{"error_code":500,"message":"Failed to start connector: gone"}', Refused),
        (500, '{"error_code":500,"message":"Request timed out. The worker is currently starting."}', ServerFault),
        (500, '{"error_code":500,"message":null}', ServerFault),
    ],
)
async def test_refusals_are_told_apart_by_what_they_say(status: int, body: str, kind: type[VendorError]) -> None:
    async with answering(lambda _: httpx.Response(status, content=body)) as desk:  # no content type, as before routing
        with pytest.raises(VendorError) as caught:
            await desk.send(Verb.RESTART, "gone")

    assert type(caught.value) is kind
    assert caught.value.may_have_acted is (kind is ServerFault)
    assert str(caught.value)


async def test_a_connector_that_cannot_start_says_so_and_is_seen_failed(desk: Desk) -> None:
    desk.world.unstartable.add(NAME)

    with pytest.raises(Refused, match=f"Failed to start connector: {NAME}"):
        await desk.send(Verb.RESTART)

    assert (await desk.at_rest()).state is State.FAILED


async def test_a_rebalance_is_waited_out_by_whoever_asks_again(desk: Desk) -> None:
    desk.faults.append(Fault("conflict", method="PUT"))

    with pytest.raises(NotReady):
        await desk.send(Verb.STOP)
    await desk.send(Verb.STOP)

    assert (await desk.at_rest()).state is State.STOPPED


async def test_a_restart_that_is_answered_500_may_have_been_done(desk: Desk) -> None:
    desk.faults.append(Fault("error_but_done", path="restart"))

    with pytest.raises(ServerFault) as caught:
        await desk.send(Verb.RESTART)

    assert caught.value.may_have_acted
    assert [act.verb for act in desk.world.acts] == ["restart"]


async def test_configuration_comes_masked(desk: Desk) -> None:
    with_secrets = [c for c in (await desk.observe()).connectors if "connection.user" in c.config]

    assert with_secrets
    assert all(c.config["connection.user"] == "connect" for c in with_secrets)
    assert not any("pw-of-" in str(c.config) for c in with_secrets)
