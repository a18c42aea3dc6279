"""Our adapters against a real Kafka Connect: every verb, and what goes wrong with real workers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from connectors.states import State, Verb
from connectors.vendors import registry
from connectors.vendors.addresses import AddressRules
from connectors.vendors.base import AccountConfig, Adapter, ConnectorSnapshot, Known, Order, Receipt, Watch
from connectors.vendors.errors import NotReady, Refused, Unreachable, VendorError
from connectors.vendors.http import Http
from tests.real import cloud
from tests.real.conftest import SHARED
from tests.real.worker import Worker, worker

pytestmark = pytest.mark.real
SOON = 60.0
"""Seconds: this group's rebalances take five each."""


@pytest.fixture(scope="module")
def real() -> Iterator[Worker]:
    """This will bring up a worker, or use the one that is named."""
    with worker(SHARED) as found:
        yield found


class Desk:
    """An adapter in front of the real worker, and connectors of our own in it."""

    def __init__(self, real: Worker, adapter: Adapter, triggers: Path) -> None:
        self.real = real
        self.adapter = adapter
        self.triggers = triggers

    async def create(self, name: str, **config: str) -> None:
        """This will create the lab's scripted connector with two tasks and wait until it runs."""
        body = {"connector.class": "lab.LabSourceConnector", "tasks.max": "2", "dir": str(self.triggers), **config}
        async with httpx.AsyncClient(base_url=self.real.url, timeout=100) as web:
            (await web.put(f"/connectors/{quote(name, safe='')}/config", json=body)).raise_for_status()
        await self.until(name, lambda c: c.state is State.RUNNING and len(c.tasks) == 2)

    def fail(self, name: str, task: int) -> Path:
        """This will let a task fail until the file is removed."""
        file = self.triggers / f"{name}.task-{task}-fail"
        file.touch()
        return file

    async def seen(self, name: str) -> ConnectorSnapshot:
        """This will read one connector."""
        found = await self._find(name)
        assert found is not None, name
        return found

    async def _find(self, name: str) -> ConnectorSnapshot | None:
        snapshot = await self.adapter.observe(Watch())
        return next((c for c in snapshot.connectors if c.name == name), None)

    async def until(self, name: str, is_so: Callable[[ConnectorSnapshot], bool]) -> ConnectorSnapshot:
        """This will wait until a connector is as wanted."""
        end, found = time.monotonic() + SOON, None
        while time.monotonic() < end:
            found = await self._find(name)
            if found and is_so(found):
                return found
            await asyncio.sleep(0.3)
        raise AssertionError(f"{name} is {found}")

    async def ask(self, verb: Verb, name: str, task: str = "") -> Receipt:
        """This will send a verb."""
        c = await self.seen(name)
        known = Known("connector", c.external_id, c.pipeline, c.name, c.state, c.vendor_state, c.generation, c.facts)
        return await self.adapter.send(Order(verb, known, "key", task=task))


async def _desk(slug: str, real: Worker, triggers: Path, **options: Any) -> AsyncIterator[Desk]:
    config = AccountConfig(options.pop("url", real.url), credentials={"api_key": "k", "api_secret": "s"})
    async with Http(slug, config, rules=AddressRules(is_private_allowed=True), **options) as http:
        yield Desk(real, registry.get(slug).adapter(config, http), triggers)


@pytest.fixture
async def desk(real: Worker, tmp_path: Path) -> AsyncIterator[Desk]:
    """Our Kafka Connect adapter."""
    async for made in _desk("kafka-connect", real, tmp_path):
        yield made


@pytest.fixture
async def cloud_desk(real: Worker, tmp_path: Path) -> AsyncIterator[Desk]:
    """Our Confluent adapter, behind the proxy."""
    transport = httpx.ASGITransport(app=cloud.app(real.url))
    async for made in _desk("confluent", real, tmp_path, url="http://cloud.test", transport=transport):
        yield made


async def test_pause_and_resume_reach_connector_and_tasks(desk: Desk) -> None:
    await desk.create("paused")

    await desk.ask(Verb.PAUSE, "paused")
    paused = await desk.until("paused", lambda c: c.state is State.PAUSED)
    await desk.ask(Verb.RESUME, "paused")
    resumed = await desk.until("paused", lambda c: c.state is State.RUNNING)

    assert [task.state for task in paused.tasks] == [State.PAUSED] * 2
    assert [task.state for task in resumed.tasks] == [State.RUNNING] * 2


async def test_stop_takes_the_tasks_away_and_start_brings_them_back(desk: Desk) -> None:
    await desk.create("stopped")

    await desk.ask(Verb.STOP, "stopped")
    stopped = await desk.until("stopped", lambda c: c.state is State.STOPPED)
    await desk.ask(Verb.START, "stopped")
    started = await desk.until("stopped", lambda c: c.state is State.RUNNING)

    assert (len(stopped.tasks), len(started.tasks)) == (0, 2)


async def test_restart_proves_itself_by_what_the_worker_marked(desk: Desk) -> None:
    await desk.create("restarted")

    receipt = await desk.ask(Verb.RESTART, "restarted")

    assert receipt.proof == "the worker answered 202, 3 parts RESTARTING"
    await desk.until("restarted", lambda c: c.state is State.RUNNING)


async def test_a_failed_task_is_degraded_and_restarted_alone(desk: Desk) -> None:
    await desk.create("broken")
    trigger = desk.fail("broken", 0)
    degraded = await desk.until("broken", lambda c: c.state is State.DEGRADED)
    trigger.unlink()

    receipt = await desk.ask(Verb.RESTART_FAILED, "broken")
    mended = await desk.until("broken", lambda c: c.state is State.RUNNING)

    assert degraded.error == "lab: task 0 told to fail"
    assert [task.state for task in degraded.tasks] == [State.FAILED, State.RUNNING]
    assert receipt.proof == "the worker answered 202, 1 parts RESTARTING"
    assert mended.error == ""


async def test_one_failed_task_is_restarted_and_the_other_stays_failed(desk: Desk) -> None:
    await desk.create("half")
    triggers = [desk.fail("half", number) for number in range(2)]
    failed = await desk.until("half", lambda c: c.state is State.FAILED)
    for trigger in triggers:
        trigger.unlink()

    receipt = await desk.ask(Verb.RESTART_TASK, "half", task="1")
    mended = await desk.until("half", lambda c: c.state is State.DEGRADED)

    assert receipt.reply == "204"
    assert [task.state for task in mended.tasks] == [State.FAILED, State.RUNNING]
    assert [failed.tasks[0].trace, ""] == [task.trace for task in mended.tasks]


async def test_a_task_that_is_not_there_is_refused_in_the_workers_words(desk: Desk) -> None:
    await desk.create("two")

    with pytest.raises(Refused, match="Unknown task: two-7"):
        await desk.ask(Verb.RESTART_TASK, "two", task="7")


async def test_all_tasks_failed_is_failed_and_a_pause_of_it_does_not_pause(desk: Desk) -> None:
    await desk.create("dead")
    for number in range(2):
        desk.fail("dead", number)
    await desk.until("dead", lambda c: c.state is State.FAILED)

    await desk.ask(Verb.PAUSE, "dead")
    await asyncio.sleep(3)

    assert (await desk.seen("dead")).state is State.FAILED


async def test_restarting_what_is_well_marks_nothing_and_proves_nothing(desk: Desk) -> None:
    await desk.create("well")

    assert (await desk.ask(Verb.RESTART_FAILED, "well")).proof == ""


async def test_a_name_with_a_space_can_be_paused(desk: Desk) -> None:
    await desk.create("orders eu 1")

    await desk.ask(Verb.PAUSE, "orders eu 1")

    await desk.until("orders eu 1", lambda c: c.state is State.PAUSED)


async def test_reading_goes_on_while_the_group_hangs(desk: Desk) -> None:
    await desk.create("slow", **{"stop.ms": "6000"})
    began = time.monotonic()

    restart = asyncio.create_task(desk.ask(Verb.RESTART, "slow"))
    await asyncio.sleep(1)
    reading = time.monotonic()
    await desk.seen("slow")
    read_after = time.monotonic() - reading
    receipt = await restart

    assert read_after < time.monotonic() - began
    assert not restart.cancelled()
    assert receipt.proof
    await desk.until("slow", lambda c: c.state is State.RUNNING)


async def test_confluent_pauses_resumes_and_restarts_a_real_one(cloud_desk: Desk) -> None:
    await cloud_desk.create("in-the-cloud")

    await cloud_desk.ask(Verb.PAUSE, "in-the-cloud")
    await cloud_desk.until("in-the-cloud", lambda c: c.state is State.PAUSED)
    await cloud_desk.ask(Verb.RESUME, "in-the-cloud")
    running = await cloud_desk.until("in-the-cloud", lambda c: c.state is State.RUNNING)
    receipt = await cloud_desk.ask(Verb.RESTART, "in-the-cloud")

    assert len(running.tasks) == 2
    assert receipt.reply.startswith("202")
    await cloud_desk.until("in-the-cloud", lambda c: c.state is State.RUNNING)


async def test_confluent_sees_a_failed_task_of_a_real_one(cloud_desk: Desk) -> None:
    await cloud_desk.create("failing-in-the-cloud")
    cloud_desk.fail("failing-in-the-cloud", 1)

    seen = await cloud_desk.until("failing-in-the-cloud", lambda c: State.FAILED in {t.state for t in c.tasks})

    assert [task.state for task in seen.tasks] == [State.RUNNING, State.FAILED]


async def test_a_booting_worker_is_not_ready_and_never_unknown(real: Worker, tmp_path: Path) -> None:
    """The last one: a worker that comes up again has forgotten everything."""
    if real.script is None:
        pytest.skip("the named worker is not ours to restart")
    real.run("down")
    fresh = real.elsewhere()
    start = fresh.begin("up")
    kinds: set[type[VendorError]] = set()
    async for desk in _desk("kafka-connect", fresh, tmp_path):
        while start.poll() is None:
            try:
                await desk.adapter.observe(Watch())
            except VendorError as error:
                kinds.add(type(error))
            await asyncio.sleep(0.05)
        await desk.adapter.observe(Watch())

    assert start.returncode == 0
    assert kinds <= {NotReady, Unreachable}
    assert NotReady in kinds
