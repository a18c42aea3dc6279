"""What is peculiar to Confluent Cloud, each detail on its own."""

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from connectors.states import State, Verb
from connectors.vendors.base import AccountConfig, AccountSnapshot, ConnectorSnapshot, Known, Order, Receipt, Watch
from connectors.vendors.confluent import VENDOR
from connectors.vendors.confluent.adapter import ConfluentAdapter
from connectors.vendors.confluent.client import explain
from connectors.vendors.confluent.sandbox.server import KEY, READER, SECRET
from connectors.vendors.confluent.sandbox.world import ConfluentWorld, Connector
from connectors.vendors.errors import NotAllowed, NotFound, NotUnderstood, RateLimited, Refused, SignInRefused
from connectors.vendors.http import Http
from connectors.vendors.sandbox import Fault, ManualClock, bench
from tests.connectors.vendors.wire import Wire

PLACE = "env-7nk8vo/lkc-12j2w5"
RUNS = f"{PLACE}/invoices-s3-archive"
BROKEN = f"{PLACE}/settlements-pg-sink"
PAUSED = f"{PLACE}/payouts-salesforce"
THEIRS = "env-7nk8vo/lkc-9x41zq/device-prints-dynamodb"
HALF = "env-3w2pxd/lkc-5d8rkm/carts-redis-sink"


@dataclass
class Desk:
    """The adapter in front of the sandbox."""

    adapter: ConfluentAdapter
    world: ConfluentWorld
    wire: Wire
    clock: ManualClock
    faults: list[Fault]

    async def observe(self, **watch: Any) -> AccountSnapshot:
        """This will read the organization."""
        return await self.adapter.observe(Watch(**watch))

    async def seen(self, external_id: str, **watch: Any) -> ConnectorSnapshot:
        """This will read one connector, by reading all."""
        return next(c for c in (await self.observe(**watch)).connectors if c.external_id == external_id)

    async def send(self, verb: Verb, external_id: str) -> Receipt:
        """This will send a verb."""
        pipeline, _, name = external_id.rpartition("/")
        known = Known("connector", external_id, pipeline, name, State.RUNNING, "RUNNING", "", {})
        return await self.adapter.send(Order(verb, known, "5f2b1d0e-0000-4000-8000-000000000001"))

    async def history(self, external_id: str, verb: Verb) -> list[State]:
        """This will ask for something and tell each state that was seen since, once in a row."""
        pending, states = {external_id: verb}, [(await self.seen(external_id)).state]
        await self.send(verb, external_id)
        for _ in range(60):
            state = (await self.seen(external_id, pending=pending)).state
            states += [] if states[-1] is state else [state]
            self.clock.advance(0.2)
        return states

    def connector(self, external_id: str) -> Connector:
        """This will give the sandbox's own."""
        environment, cluster, name = external_id.split("/")
        return self.world.clusters[environment, cluster][name]


@asynccontextmanager
async def open_desk(
    *, key: str = KEY, transport: httpx.AsyncBaseTransport | None = None, **settings: Any
) -> AsyncIterator[Desk]:
    """This will put the adapter in front of a sandbox, or of whatever answers instead."""
    clock = ManualClock()
    app = bench("confluent", clock=clock)
    assert isinstance(app.world, ConfluentWorld)
    wire = Wire(transport or httpx.ASGITransport(app=app, raise_app_exceptions=False))
    config = AccountConfig("http://cloud.test", settings, {"api_key": key, "api_secret": SECRET})
    async with Http("confluent", config, transport=wire) as http:
        yield Desk(ConfluentAdapter(config, http), app.world, wire, clock, app.faults)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """This will give each test an organization of its own."""
    async with open_desk() as opened:
        yield opened


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> Any:
    """This will put the adapter in front of a function that answers."""
    return open_desk(transport=httpx.MockTransport(answer))


# The lists


async def test_expansions_are_one_comma_list(desk: Desk) -> None:
    await desk.observe()

    asked = [r.url.params.multi_items() for r in desk.wire.requests if r.url.path.endswith("/connectors")]
    assert asked == [[("expand", "info,status,id")]] * 3


async def test_the_sandbox_takes_them_repeated_too(desk: Desk) -> None:
    path = "/connect/v1/environments/env-7nk8vo/clusters/lkc-12j2w5/connectors?expand=id%2Cinfo&expand=status"
    headers = desk.adapter.client._headers

    found = (await desk.adapter.http.get(path, headers=headers)).json()

    assert set(found["invoices-s3-archive"]) == {"id", "info", "status"}


async def test_environments_and_clusters_are_read_to_their_last_page(desk: Desk) -> None:
    desk.world.environments |= {f"env-{n:03}": f"environment {n}" for n in range(203)}
    desk.world.clusters |= {("env-007", f"lkc-{n:03}"): {} for n in range(130)}
    desk.world.names |= {f"lkc-{n:03}": f"cluster {n}" for n in range(130)}

    snapshot = await desk.observe()

    pages = [r.url.path for r in desk.wire.requests if r.url.path == "/org/v2/environments"]
    assert len(pages) == 3
    assert len([p for p in snapshot.pipelines if p.external_id.startswith("env-007/")]) == 130
    assert snapshot.unread == []


async def test_a_list_that_comes_short_is_not_taken_for_whole(desk: Desk) -> None:
    desk.faults.append(Fault("page_missing", "/org/v2/environments", times=-1))

    with pytest.raises(NotUnderstood, match="a list came short: 0 of 2 entries"):
        await desk.observe()


async def test_pages_that_go_round_in_a_circle_are_left() -> None:
    page = {"data": [], "metadata": {"next": "https://elsewhere.example/?page_token=again"}}
    async with answering(lambda _: httpx.Response(200, json=page)) as desk:
        with pytest.raises(NotUnderstood, match="circle"):
            await desk.observe()

    assert {request.url.host for request in desk.wire.requests} == {"cloud.test"}
    assert len(desk.wire.requests) == 2


async def test_an_environment_that_is_not_for_this_key_leaves_the_others_readable(desk: Desk) -> None:
    desk.faults.append(Fault("forbidden", "/cmk/v2/clusters", after=1, times=1))

    snapshot = await desk.observe()

    assert len({p.external_id.split("/")[0] for p in snapshot.pipelines}) == 1
    assert [(part.pipeline, "Forbidden Access" in part.reason) for part in snapshot.unread] == [(None, True)]


async def test_a_cluster_that_cannot_be_read_is_named(desk: Desk) -> None:
    desk.faults.append(Fault("error", "lkc-9x41zq", times=-1))

    snapshot = await desk.observe()

    assert [(p.pipeline, p.reason) for p in snapshot.unread] == [
        ("env-7nk8vo/lkc-9x41zq", "Oops, something went wrong")
    ]
    assert {c.pipeline for c in snapshot.connectors} == {PLACE, "env-3w2pxd/lkc-5d8rkm"}


async def test_an_environment_asked_for_by_name_that_is_not_there_is_told() -> None:
    async with open_desk(environments=["env-3w2pxd", "env-gone00"]) as desk:
        snapshot = await desk.observe()
        checks = {check.name: check for check in await desk.adapter.test()}

    assert [p.external_id for p in snapshot.pipelines] == ["env-3w2pxd/lkc-5d8rkm"]
    assert [part.reason for part in snapshot.unread] == ["the key does not see environment env-gone00"]
    assert (checks["list"].is_ok, "env-gone00" in checks["list"].detail) == (False, True)


@pytest.mark.parametrize(("phase", "is_read"), [("PROVISIONING", False), ("FAILED", True), ("HIBERNATING", True)])
async def test_only_a_cluster_that_is_still_made_is_not_asked_for_connectors(
    desk: Desk, phase: str, is_read: bool
) -> None:
    desk.world.phases["lkc-12j2w5"] = phase

    snapshot = await desk.observe()

    pipeline = next(p for p in snapshot.pipelines if p.external_id == PLACE)
    assert pipeline.vendor_state == phase
    assert (PLACE in {c.pipeline for c in snapshot.connectors}) is is_read


async def test_a_body_that_is_gzip_without_saying_so_is_read() -> None:
    body = gzip.compress(b'{"data": [], "metadata": {}}')
    async with answering(lambda _: httpx.Response(200, content=body)) as desk:
        assert (await desk.observe()).pipelines == []


async def test_a_refusal_that_is_gzip_without_saying_so_keeps_its_words() -> None:
    body = gzip.compress(b'{"error_code": 400, "message": "no such thing"}')
    async with answering(lambda _: httpx.Response(400, content=body)) as desk:
        with pytest.raises(Refused, match="no such thing"):
            await desk.observe()


async def test_gzip_that_is_cut_off_is_not_understood() -> None:
    async with answering(lambda _: httpx.Response(200, content=gzip.compress(b'{"data": []}' * 50)[:20])) as desk:
        with pytest.raises(NotUnderstood):
            await desk.observe()


# Verbs: 202, later


async def test_pause_is_on_its_way_until_connector_and_tasks_show_it(desk: Desk) -> None:
    assert await desk.history(RUNS, Verb.PAUSE) == [State.RUNNING, State.PAUSING, State.PAUSED]
    assert [task.vendor_state for task in (await desk.seen(RUNS)).tasks] == ["STOPPED"] * 2


async def test_resume_is_on_its_way_while_tasks_are_stopped_still(desk: Desk) -> None:
    assert await desk.history(PAUSED, Verb.RESUME) == [State.PAUSED, State.RESUMING, State.RUNNING]


async def test_restart_is_seen_under_way_and_its_202_proves_nothing(desk: Desk) -> None:
    receipt = await desk.send(Verb.RESTART, f"{PLACE}/orders-pg-cdc")

    assert (receipt.reply, receipt.proof) == ("202", "")
    assert await desk.history(RUNS, Verb.RESTART) == [State.RUNNING, State.RESTARTING, State.RUNNING]


async def test_nobody_elses_running_connector_is_called_pausing(desk: Desk) -> None:
    assert (await desk.seen(RUNS, pending={HALF: Verb.PAUSE})).state is State.RUNNING


async def test_a_failed_connector_takes_a_pause_and_never_gets_there(desk: Desk) -> None:
    assert await desk.history(BROKEN, Verb.PAUSE) == [State.FAILED]


async def test_each_verb_is_a_request_without_body_and_its_id_is_kept(desk: Desk) -> None:
    receipts = [await desk.send(verb, RUNS) for verb in (Verb.RESTART, Verb.PAUSE, Verb.RESUME)]

    path = "/connect/v1/environments/env-7nk8vo/clusters/lkc-12j2w5/connectors/invoices-s3-archive"
    assert desk.wire.lines() == [f"POST {path}/restart", f"PUT {path}/pause", f"PUT {path}/resume"]
    assert [request.content for request in desk.wire.requests] == [b""] * 3
    assert all(receipt.request_id for receipt in receipts)


@pytest.mark.parametrize("state", ["PAUSED", "PROVISIONING", "RESTARTING", "NONE", "FAILED", "DEGRADED"])
async def test_restart_of_what_does_not_run_is_refused_in_their_words(desk: Desk, state: str) -> None:
    desk.connector(RUNS).state = state

    with pytest.raises(Refused, match=f"cannot be restarted while {state}") as caught:
        await desk.send(Verb.RESTART, RUNS)

    assert (caught.value.status, caught.value.may_have_acted) == (400, False)
    assert desk.world.acts == []


def test_restart_is_offered_only_where_it_may_work() -> None:
    restart = VENDOR.capability(Verb.RESTART, "connector")

    assert restart is not None
    assert restart.states == {State.RUNNING, State.DEGRADED, State.FAILED}  # of the last two their pages do not say
    assert not restart.is_idempotent


def test_there_is_no_stop_and_no_start() -> None:
    assert {c.verb for c in VENDOR.capabilities} == {Verb.PAUSE, Verb.RESUME, Verb.RESTART}


# States, and whose to fix


async def test_a_degraded_connector_shows_which_task_and_why(desk: Desk) -> None:
    seen = await desk.seen(HALF)

    assert (seen.state, seen.whose) == (State.DEGRADED, "yours")
    assert seen.vendor_state == "DEGRADED, tasks: 1 RUNNING, 1 USER_ACTIONABLE_ERROR"
    assert [task.state for task in seen.tasks] == [State.RUNNING, State.FAILED]
    assert seen.error == seen.tasks[1].trace == "READONLY You can't write against a read only replica"


@pytest.mark.parametrize(
    ("tasks", "whose"),
    [
        (["USER_ACTIONABLE_ERROR", "RUNNING"], "yours"),
        (["SYSTEM_ERROR", "RUNNING"], "theirs"),
        (["SYSTEM_ERROR", "USER_ACTIONABLE_ERROR"], "yours"),
        (["FAILED", "RUNNING"], ""),
        (["SOME_NEW_ERROR", "RUNNING"], ""),
        (["UNASSIGNED", "RUNNING"], ""),
    ],
)
async def test_it_is_told_whose_an_error_is_to_fix(desk: Desk, tasks: list[str], whose: str) -> None:
    desk.connector(RUNS).state, desk.connector(RUNS).tasks = "DEGRADED", tasks

    seen = await desk.seen(RUNS)

    assert (seen.state, seen.whose) == (State.DEGRADED, whose)


async def test_what_runs_again_is_nobodys_to_fix(desk: Desk) -> None:
    assert ((await desk.seen(THEIRS)).state, (await desk.seen(THEIRS)).whose) == (State.FAILED, "theirs")

    desk.world.nudge(THEIRS, "recover")

    assert (await desk.seen(THEIRS)).whose == ""


async def test_a_configuration_found_wrong_is_yours_even_without_tasks(desk: Desk) -> None:
    broken = desk.connector(RUNS)
    broken.state, broken.tasks, broken.validation = "FAILED", [], ["s3.bucket.name: the bucket does not exist"]

    seen = await desk.seen(RUNS)

    assert (seen.state, seen.whose, seen.error) == (State.FAILED, "yours", "s3.bucket.name: the bucket does not exist")


@pytest.mark.parametrize(
    ("state", "tasks", "ours"),
    [
        ("RUNNING", [], State.RUNNING),
        ("RUNNING", ["RUNNING", "SYSTEM_ERROR"], State.DEGRADED),
        ("PROVISIONING", [], State.PROVISIONING),
        ("PROVISIONING", ["STOPPED"], State.PROVISIONING),
        ("PAUSED", ["STOPPED", "RUNNING"], State.PAUSING),
        ("RESTARTING", ["RESTARTING"], State.RESTARTING),
        ("DELETED", [], State.DELETING),
        ("NONE", [], State.UNKNOWN),
        ("HIBERNATING", ["DREAMING"], State.UNKNOWN),
    ],
)
async def test_their_words_are_read_as_an_open_list(desk: Desk, state: str, tasks: list[str], ours: State) -> None:
    desk.connector(RUNS).state, desk.connector(RUNS).tasks = state, tasks

    seen = await desk.seen(RUNS)

    assert seen.state is ours
    assert seen.vendor_state.split(",")[0] == state


# Refusals


@pytest.mark.parametrize(
    "body",
    [
        '{"errors":[{"id":"1","status":"403","code":"no","title":"No","detail":"the words"}]}',
        '{"errors":[{"status":"403","title":"the words"}]}',
        '{"error_code":404,"message":"the words"}',
        '{"code":400,"message":"the words"}',
        '{"error":{"code":404,"message":"the words"}}',
        '{"error":"the words"}',
        '{"status":"404","error":{"code":"RESOURCE_NOT_FOUND","message":"the words"},"requestId":"r"}',
        "the words",
    ],
)
def test_the_words_are_found_in_every_shape_of_error(body: str) -> None:
    assert explain(httpx.Response(400, content=body)) == "the words"


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", "null", '{"error":null}', '{"errors":[]}', '{"errors":["x"]}', '{"errors":{}}', "<html>"]
)
def test_an_error_without_words_does_no_harm(body: str) -> None:
    assert explain(httpx.Response(502, content=body)) == ""


@pytest.mark.parametrize("is_nested", [False, True])
async def test_a_connector_that_is_gone_is_not_found_in_either_shape(desk: Desk, is_nested: bool) -> None:
    desk.world.has_nested_errors = is_nested

    with pytest.raises(NotFound, match="resource not found"):
        await desk.send(Verb.PAUSE, f"{PLACE}/nobody")


async def test_a_key_that_only_looks_reads_everything_and_is_refused_every_verb() -> None:
    async with open_desk(key=READER) as desk:
        snapshot = await desk.observe()
        for verb in (Verb.PAUSE, Verb.RESUME, Verb.RESTART):
            with pytest.raises(NotAllowed, match="not allowed to manage connectors") as caught:
                await desk.send(verb, RUNS)
            assert not caught.value.may_retry
        acts = desk.world.acts

    assert (len(snapshot.connectors), snapshot.unread) == (12, [])
    assert acts == []


async def test_a_key_of_the_wrong_kind_is_a_sign_in_refused() -> None:
    async with open_desk(key="CLUSTERKEY") as desk:
        with pytest.raises(SignInRefused):
            await desk.observe()


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7", "X-RateLimit-Reset": "9"}, 7),
        ({"X-RateLimit-Reset": "9", "X-RateLimit-Remaining": "0"}, 9),
        ({}, 1),
    ],
)
async def test_a_429_is_stayed_away_from_by_seconds_from_now(headers: dict[str, str], wait: float) -> None:
    async with answering(lambda _: httpx.Response(429, headers=headers)) as desk:
        with pytest.raises(RateLimited) as caught:
            await desk.send(Verb.PAUSE, RUNS)
        closed_for = desk.adapter.http.closed_for

    assert (caught.value.retry_after, caught.value.may_have_acted) == (wait, False)
    assert wait - 1 < closed_for <= wait
    assert len(desk.wire.requests) == 1


async def test_the_sandbox_limits_with_all_their_headers_and_no_body(desk: Desk) -> None:
    desk.faults.append(Fault("rate_limited", seconds=7))

    async with httpx.AsyncClient(transport=desk.wire, base_url="http://cloud.test") as web:
        answer = await web.get("/org/v2/environments")

    assert (answer.status_code, answer.content) == (429, b"")
    limits = {name: value for name, value in answer.headers.items() if "retry" in name or "ratelimit" in name}
    assert limits == {
        "retry-after": "7", "x-ratelimit-limit": "100", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "7"
    }  # fmt: skip


async def test_no_secret_of_the_key_is_in_what_they_say_back() -> None:
    echo = {"errors": [{"detail": f"key {KEY} with {SECRET} may not"}]}
    async with answering(lambda _: httpx.Response(403, json=echo)) as desk:
        with pytest.raises(NotAllowed) as caught:
            await desk.send(Verb.PAUSE, RUNS)

    assert SECRET not in str(caught.value)
    assert KEY not in str(caught.value)
