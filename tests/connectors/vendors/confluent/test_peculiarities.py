"""What is peculiar to Confluent Cloud, each detail on its own."""

from collections.abc import AsyncIterator

import httpx
import pytest

from connectors.states import State, Verb
from connectors.vendors.confluent.client import explain
from connectors.vendors.confluent.sandbox.server import READER
from connectors.vendors.errors import NotAllowed, RateLimited, Refused
from connectors.vendors.sandbox import Fault
from tests.connectors.vendors.desk import Desk, open_desk

RUNNING = "orders-pg-cdc"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """This will give each test an organization of its own."""
    async with open_desk("confluent") as opened:
        yield opened


async def test_expand_is_a_comma_list_and_one_request_reads_a_cluster(desk: Desk) -> None:
    await desk.observe()

    lists = [line for line in desk.wire.lines() if "/connectors" in line]
    assert len(lists) == 3
    assert all(line.endswith(("expand=info%2Cstatus%2Cid", "expand=info,status,id")) for line in lists)


async def test_environments_and_clusters_are_read_page_by_page(desk: Desk) -> None:
    for number in range(250):
        desk.world.environments[f"env-{number:05}"] = f"environment {number}"
        desk.world.clusters[(f"env-{number:05}", f"lkc-{number:05}")] = {}
        desk.world.names[f"lkc-{number:05}"] = f"cluster {number}"

    seen = await desk.observe()

    assert len(seen.pipelines) == 253
    assert len([line for line in desk.wire.lines() if "/org/v2/environments" in line]) == 3


async def test_pause_is_taken_at_once_and_comes_later(desk: Desk) -> None:
    receipt = await desk.send(Verb.PAUSE, RUNNING)

    external_id = (await desk.connector(RUNNING)).external_id
    pending = {"pending": {external_id: Verb.PAUSE}}
    assert receipt.reply == "202"
    assert (await desk.connector(RUNNING, **pending)).state is State.PAUSING
    desk.clock.advance(30)
    assert (await desk.connector(RUNNING, **pending)).state is State.PAUSED


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"errors": [{"id": "x", "status": "403", "detail": "Forbidden Access"}]}, "Forbidden Access"),
        ({"error_code": 404, "message": "Unknown connector x"}, "Unknown connector x"),
        ({"error": {"code": 400, "message": "Bad Request"}}, "Bad Request"),
        ({"error": "quota"}, "quota"),
    ],
)
def test_each_shape_of_an_error_is_read(body: dict[str, object], words: str) -> None:
    assert explain(httpx.Response(400, json=body)) == words


async def test_a_key_that_may_only_look_reads_on_and_is_refused_at_verbs() -> None:
    async with open_desk("confluent", api_key=READER) as desk:
        assert len((await desk.observe()).connectors) == 12

        with pytest.raises(NotAllowed, match="not allowed to manage connectors"):
            await desk.send(Verb.PAUSE, RUNNING)


@pytest.mark.parametrize("header", ["Retry-After", "X-RateLimit-Reset"])
async def test_waiting_times_are_relative_under_either_header(header: str) -> None:
    from connectors.vendors.base import AccountConfig
    from connectors.vendors.http import Http

    answer = httpx.MockTransport(lambda _: httpx.Response(429, headers={header: "17"}))
    async with Http("confluent", AccountConfig("https://vendor.test"), transport=answer) as http:
        with pytest.raises(RateLimited) as caught:
            await http.send("PUT", "/x")

    assert caught.value.retry_after == 17


async def test_restart_of_what_does_not_run_is_refused_in_the_vendors_words(desk: Desk) -> None:
    with pytest.raises(Refused, match="cannot be restarted while PAUSED"):
        await desk.send(Verb.RESTART, "payouts-salesforce")


async def test_restart_shows_itself_on_the_way(desk: Desk) -> None:
    await desk.send(Verb.RESTART, RUNNING)
    desk.clock.advance(3)

    assert (await desk.connector(RUNNING)).state is State.RESTARTING


@pytest.mark.parametrize(
    ("name", "state", "whose"),
    [
        ("settlements-pg-sink", State.FAILED, "yours"),
        ("device-prints-dynamodb", State.FAILED, "theirs"),
        ("carts-redis-sink", State.DEGRADED, "yours"),
    ],
)
async def test_whose_fault_it_is_is_told(desk: Desk, name: str, state: State, whose: str) -> None:
    seen = await desk.connector(name)

    assert (seen.state, seen.whose) == (state, whose)
    assert State.FAILED in {task.state for task in seen.tasks}


async def test_one_cluster_that_cannot_be_read_leaves_the_others_whole(desk: Desk) -> None:
    desk.app.faults.append(Fault("error", path="lkc-9x41zq/connectors", times=-1))

    seen = await desk.observe()

    assert [part.pipeline for part in seen.unread] == ["env-7nk8vo/lkc-9x41zq"]
    assert len(seen.connectors) == 9
    assert len(seen.pipelines) == 3


async def test_a_state_that_is_new_is_kept_as_it_is(desk: Desk) -> None:
    external_id = (await desk.connector(RUNNING)).external_id
    desk.world.nudge(external_id, "puzzle")

    seen = await desk.connector(RUNNING)

    assert seen.state is State.UNKNOWN
    assert seen.vendor_state
