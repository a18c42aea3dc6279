"""What is peculiar to Elasticsearch's connector interface, each detail on its own."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

import httpx
import pytest

from connectors.states import State, Verb
from connectors.vendors.base import AccountConfig, AccountSnapshot, ConnectorSnapshot, Known, Order, Watch
from connectors.vendors.elastic import VENDOR
from connectors.vendors.elastic.adapter import ElasticAdapter
from connectors.vendors.elastic.sandbox.server import KEY
from connectors.vendors.elastic.sandbox.world import ElasticWorld
from connectors.vendors.errors import LostReply, Refused, ServerFault
from connectors.vendors.http import Http
from connectors.vendors.sandbox import Bench, Fault, ManualClock, bench
from tests.connectors.vendors.wire import Wire

CONNECTOR = "tickets-jira"
STATUSES = ("created", "needs_configuration", "configured", "connected", "error")
ALLOWED = {
    ("created", "needs_configuration"), ("created", "error"),
    ("needs_configuration", "configured"), ("needs_configuration", "error"),
    ("configured", "needs_configuration"), ("configured", "configured"),
    ("configured", "connected"), ("configured", "error"),
    ("connected", "configured"), ("connected", "connected"), ("connected", "error"),
    ("error", "configured"), ("error", "connected"), ("error", "error"),
}  # fmt: skip
"""Elasticsearch's ConnectorStateMachine, as of 2026-08."""


@dataclass
class Desk:
    """The adapter in front of the sandbox."""

    adapter: ElasticAdapter
    app: Bench
    world: ElasticWorld
    wire: Wire
    clock: ManualClock

    async def observe(self, **watch: Any) -> AccountSnapshot:
        """This will read the deployment."""
        return await self.adapter.observe(Watch(**watch))

    async def seen(self, connector: str = CONNECTOR, **watch: Any) -> ConnectorSnapshot:
        """This will read one connector, by reading all."""
        return next(c for c in (await self.observe(**watch)).connectors if c.external_id == connector)

    async def send(self, verb: Verb, connector: str = CONNECTOR, **more: Any) -> Any:
        """This will send a verb."""
        known = Known("connector", connector, "deployment", connector, State.RUNNING, "connected", "", {})
        return await self.adapter.send(Order(verb, known, "5f2b1d0e-0000-4000-8000-000000000001", **more))


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    """This will put the adapter in front of a sandbox whose clock only the test moves."""
    clock = ManualClock()
    app = bench("elastic", clock=clock)
    assert isinstance(app.world, ElasticWorld)
    wire = Wire(httpx.ASGITransport(app=app, raise_app_exceptions=False))
    config = AccountConfig("http://vendor.test", {"deployment": "es-7fa2"}, {"api_key": KEY})
    async with Http("elastic", config, transport=wire) as http:
        yield Desk(ElasticAdapter(config, http), app, app.world, wire, clock)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """This will give each test a deployment of its own."""
    async with open_desk() as opened:
        yield opened


# Verbs


async def test_pause_switches_every_schedule_off_and_keeps_the_intervals(desk: Desk) -> None:
    receipt = await desk.send(Verb.PAUSE)

    assert desk.wire.bodies("PUT", "/_scheduling") == [{
        "scheduling": {
            "full": {"enabled": False, "interval": "0 0 */2 * * ?"},
            "incremental": {"enabled": False, "interval": "0 0 0 * * ?"},
            "access_control": {"enabled": False, "interval": "0 0 0 * * ?"},
        }
    }]  # fmt: skip
    assert receipt.memory == {
        "intent": "paused", "flags": {"full": True, "incremental": False, "access_control": False}
    }  # fmt: skip
    assert (await desk.seen(memories={CONNECTOR: receipt.memory})).state is State.PAUSED


async def test_pause_cancels_the_scheduled_job_that_waits_and_leaves_the_one_that_runs(desk: Desk) -> None:
    running = desk.world.create_job(CONNECTOR, "full", "scheduled")
    desk.clock.advance(3)
    desk.world.settle()
    waiting = desk.world.create_job(CONNECTOR, "full", "scheduled")

    await desk.send(Verb.PAUSE)

    assert [desk.world.jobs[job]["status"] for job in (running, waiting)] == ["in_progress", "canceled"]


async def test_stop_is_a_pause_that_cancels_every_job(desk: Desk) -> None:
    running = desk.world.create_job(CONNECTOR, "full", "on_demand")
    desk.clock.advance(3)
    desk.world.settle()
    waiting = desk.world.create_job(CONNECTOR, "full", "on_demand")

    receipt = await desk.send(Verb.STOP)

    assert [desk.world.jobs[job]["status"] for job in (running, waiting)] == ["canceling", "canceled"]
    assert (await desk.seen(memories={CONNECTOR: receipt.memory})).state is State.STOPPING
    desk.clock.advance(3)
    assert (await desk.seen(memories={CONNECTOR: receipt.memory})).state is State.STOPPED


async def test_resume_puts_back_the_schedules_that_were_on_and_no_other(desk: Desk) -> None:
    desk.world.schedule(CONNECTOR, {"incremental": {"enabled": True, "interval": "0 */5 * * * ?"}})
    held = await desk.send(Verb.PAUSE)

    await desk.send(Verb.RESUME, memory=held.memory)

    on = {kind: schedule["enabled"] for kind, schedule in desk.world.connectors[CONNECTOR]["scheduling"].items()}
    assert on == {"full": True, "incremental": True, "access_control": False}


async def test_sync_now_is_one_job_on_demand(desk: Desk) -> None:
    receipt = await desk.send(Verb.SYNC_NOW)
    again = await desk.send(Verb.SYNC_NOW)

    assert desk.wire.bodies("POST", "/_sync_job") == [
        {"id": CONNECTOR, "job_type": "full", "trigger_method": "on_demand"}
    ]
    assert again.operation_id == receipt.operation_id


@pytest.mark.parametrize(("fault", "expected"), [("error_but_done", ServerFault), ("truncated", LostReply)])
async def test_creating_a_job_is_never_repeated_blindly(
    desk: Desk, fault: str, expected: type[Exception], serve: Any
) -> None:
    app, url = serve("elastic")
    app.faults.append(Fault(fault, method="POST"))
    config = AccountConfig(url, {}, {"api_key": KEY})
    known = Known("connector", CONNECTOR, "deployment", CONNECTOR, State.RUNNING, "connected", "", {})

    async with Http("elastic", config) as http:
        with pytest.raises(expected) as caught:
            await ElasticAdapter(config, http).send(Order(Verb.SYNC_NOW, known, "key"))

    assert getattr(caught.value, "may_have_acted", False)
    assert [r["method"] for r in app.requests].count("POST") == 1
    made = [job for job in app.world.jobs.values() if job["connector"]["id"] == CONNECTOR]
    assert len(made) == 1


async def test_cancelling_what_is_on_its_way_out_is_no_failure(desk: Desk) -> None:
    job = desk.world.create_job(CONNECTOR, "full", "on_demand")
    desk.world.cancel(job)

    await desk.adapter._cancel(job)

    assert desk.world.jobs[job]["status"] == "canceled"


async def test_every_verb_names_the_full_schedule(desk: Desk) -> None:
    for verb in (Verb.PAUSE, Verb.RESUME, Verb.STOP, Verb.START):
        await desk.send(verb)

    assert [set(body["scheduling"]) for body in desk.wire.bodies("PUT", "/_scheduling")] == [
        {"full", "incremental", "access_control"}
    ] * 4


async def test_a_schedule_of_access_control_alone_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused, match="at least one schedule type"):
        await desk.adapter.client.schedule(CONNECTOR, {"access_control": {"enabled": False, "interval": "0 0 0 * * ?"}})


# Statuses


@pytest.mark.parametrize(("old", "new"), list(itertools.product(STATUSES, STATUSES)))
async def test_status_follows_the_table(desk: Desk, old: str, new: str) -> None:
    desk.world.connectors[CONNECTOR]["status"] = old

    if (old, new) in ALLOWED:
        await desk.adapter.client.set_status(CONNECTOR, new)
        assert desk.world.connectors[CONNECTOR]["status"] == new
    else:
        with pytest.raises(Refused, match=rf"Invalid transition attempt from \[{old}\] to \[{new}\]") as refused:
            await desk.adapter.client.set_status(CONNECTOR, new)
        assert refused.value.status == 400
        assert desk.world.connectors[CONNECTOR]["status"] == old


async def test_no_verb_writes_a_status(desk: Desk) -> None:
    for verb in (Verb.PAUSE, Verb.RESUME, Verb.STOP, Verb.START, Verb.SYNC_NOW):
        await desk.send(verb)

    assert desk.wire.bodies("PUT", "/_status") == []


# Signs of life


@pytest.mark.parametrize(("minutes", "state"), [(29, State.RUNNING), (31, State.FAILED)])
@pytest.mark.parametrize("skew", [0, -86_400, 86_400])
async def test_silence_is_counted_by_the_deployments_own_clock(
    desk: Desk, minutes: int, state: State, skew: float
) -> None:
    desk.world.skew = skew
    desk.world.silent.add(CONNECTOR)
    desk.world.silence = 60.0 * minutes

    assert (await desk.seen()).state is state


async def test_a_silent_service_is_told_with_its_silence(desk: Desk) -> None:
    found = await desk.seen("policies-sharepoint")

    assert found.state is State.FAILED
    assert found.error.startswith("its connector service has been silent for 120 min")


# Reading


@pytest.mark.parametrize("number", [3, 900])
async def test_five_lists_however_many_connectors(desk: Desk, number: int) -> None:
    desk.world.populate(number)

    await desk.observe()

    assert [r.method for r in desk.wire.requests] == ["GET"] * 5
    assert {r.url.path for r in desk.wire.requests} == {"/_connector", "/_connector/_sync_job"}


async def test_every_page_of_every_list_is_read_and_counted(desk: Desk) -> None:
    desk.world.populate(2300)
    for number in range(1200):
        desk.world.create_job(f"connector-{number:05}", "full", "scheduled")

    snapshot = await desk.observe()

    assert (len(snapshot.connectors), snapshot.expected) == (2300, 2300)
    starts = sorted((r.url.path, int(r.url.params["from"])) for r in desk.wire.requests
                    if r.url.params.get("status") in {None, "pending"})  # fmt: skip
    assert starts == [("/_connector", 0), ("/_connector", 1000), ("/_connector", 2000),
                      ("/_connector/_sync_job", 0), ("/_connector/_sync_job", 500),
                      ("/_connector/_sync_job", 1000)]  # fmt: skip


async def test_a_lost_page_shows_as_a_reading_that_is_not_complete(desk: Desk) -> None:
    desk.world.populate(1500)
    desk.app.faults.append(Fault("page_missing", "^/_connector$", after=1))

    snapshot = await desk.observe()

    assert (len(snapshot.connectors), snapshot.expected) == (1000, 1500)


async def test_secrets_are_left_out_of_the_request_itself(desk: Desk) -> None:
    snapshot = await desk.observe()
    await desk.send(Verb.STOP)

    assert "pw-of-" in str(desk.world.connectors)
    reads = [r for r in desk.wire.requests if r.method == "GET"]
    assert all("filter_path" in r.url.params for r in reads)
    answers = [await desk.adapter.http.get(str(r.url), headers=desk.adapter.client._headers) for r in reads]
    assert not [a for a in answers if "pw-of-" in a.text]
    assert "pw-of-" not in str(asdict(snapshot))


async def test_secrets_in_the_vendors_words_are_struck_out(desk: Desk) -> None:
    desk.world.connectors[CONNECTOR] |= {
        "status": "error", "error": f"refused: password=hunter2-hunter2 with ApiKey {KEY}"
    }  # fmt: skip

    found = await desk.seen()

    assert found.error.startswith("refused: ")
    assert not {"hunter2-hunter2", KEY} & set(found.error.split())
    assert "hunter2" not in str(asdict(found))
    assert KEY not in str(asdict(found))


async def test_unknown_states_and_fields_survive(desk: Desk) -> None:
    desk.world.connectors[CONNECTOR] |= {"status": "hibernating", "mood": {"of": "the day"}}
    desk.world.jobs[desk.world.create_job("wiki-confluence", "full", "scheduled")]["status"] = "dreaming"

    found = await desk.seen()

    assert (found.state, found.vendor_state) == (State.UNKNOWN, "hibernating")
    assert (await desk.seen("wiki-confluence")).state is State.RUNNING


async def test_every_request_names_the_product_and_has_a_time_out(desk: Desk) -> None:
    await desk.observe()
    await desk.send(Verb.SYNC_NOW)

    assert all(r.headers["user-agent"].startswith("Switchyard/") for r in desk.wire.requests)
    assert all(r.extensions["timeout"]["read"] == 10.0 for r in desk.wire.requests)


def test_tls_and_headers_can_be_set_where_it_is_self_hosted() -> None:
    fields = {f.name: f.is_secret for f in VENDOR.fields}

    assert {"ca_bundle", "client_certificate", "client_key", "extra_headers"} <= set(fields)
    assert fields["client_key"]
    assert fields["extra_headers"]
