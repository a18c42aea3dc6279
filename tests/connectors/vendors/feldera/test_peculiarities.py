"""What is peculiar to Feldera's interface, each detail on its own."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from connectors.reconcile import has_drifted
from connectors.states import State, Verb
from connectors.vendors.base import (
    AccountConfig,
    AccountSnapshot,
    ConnectorSnapshot,
    Known,
    Order,
    PipelineSnapshot,
    Receipt,
    Watch,
)
from connectors.vendors.errors import (
    NotAllowed,
    NotReady,
    NotUnderstood,
    Refused,
    ServerFault,
    SignInRefused,
    VendorError,
)
from connectors.vendors.feldera import VENDOR, names, states
from connectors.vendors.feldera.adapter import FelderaAdapter
from connectors.vendors.feldera.client import explain
from connectors.vendors.feldera.sandbox.server import KEY
from connectors.vendors.feldera.sandbox.world import Connector, FelderaWorld, Pipeline
from connectors.vendors.http import Http
from connectors.vendors.sandbox import Fault, ManualClock, bench

RUNNING, PAUSED, STOPPED = "orders-enrichment", "stock-alerts", "loyalty-points"
INPUT, OUTPUT = "orders.from_kafka", "orders_enriched.to_warehouse"


class Desk:
    """The adapter in front of a sandbox whose clock only the test moves."""

    def __init__(self, path: str = "") -> None:
        self.clock = ManualClock()
        self.app = bench("feldera", clock=self.clock)
        assert isinstance(self.app.world, FelderaWorld)
        self.world = self.app.world
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        config = AccountConfig(f"http://vendor.test{path}", {}, {"api_key": KEY})
        self.http = Http("feldera", config, transport=transport)
        self.adapter = FelderaAdapter(config, self.http)

    def theirs(self, name: str) -> Pipeline:
        """This will give a pipeline as the server knows it."""
        return self.world.pipelines[name]

    async def observe(self) -> AccountSnapshot:
        """This will read the server."""
        return await self.adapter.observe(Watch())

    async def pipeline(self, name: str) -> PipelineSnapshot:
        """This will read one pipeline, by reading all."""
        return next(p for p in (await self.observe()).pipelines if p.name == name)

    async def connector(self, pipeline: str, endpoint: str) -> ConnectorSnapshot:
        """This will read one connector, by reading all."""
        id_ = f"{self.theirs(pipeline).id}/{endpoint}"
        return next(c for c in (await self.observe()).connectors if c.external_id == id_)

    async def send(self, verb: Verb, seen: ConnectorSnapshot | PipelineSnapshot) -> Receipt:
        """This will send a verb to what was seen."""
        is_connector = isinstance(seen, ConnectorSnapshot)
        pipeline = seen.pipeline if isinstance(seen, ConnectorSnapshot) else seen.external_id
        known = Known("connector" if is_connector else "pipeline", seen.external_id, pipeline, seen.name, seen.state,
                      seen.vendor_state, seen.generation, seen.facts)  # fmt: skip
        return await self.adapter.send(Order(verb, known, "5f2b1d0e-0000-4000-8000-000000000001"))

    async def restart(self, name: str, stop: Verb = Verb.FORCE_STOP) -> None:
        """This will stop a pipeline and start it again."""
        await self.send(stop, await self.pipeline(name))
        self.clock.advance(10)
        await self.send(Verb.START, await self.pipeline(name))
        self.clock.advance(10)

    def paths(self) -> list[str]:
        """This will give what was asked, in order."""
        return [f"{entry['method']} {entry['path']}" for entry in self.app.requests]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """This will give each test a server of its own."""
    made = Desk()
    async with made.http:
        yield made


# Two axes, each with where it is and where it is meant to be


async def test_a_pipeline_tells_where_it_is_and_where_it_is_steered(desk: Desk) -> None:
    before = await desk.pipeline(RUNNING)
    await desk.send(Verb.PAUSE, before)
    steered = await desk.pipeline(RUNNING)
    desk.clock.advance(5)
    after = await desk.pipeline(RUNNING)

    assert (before.state, before.vendor_desired) == (State.RUNNING, State.RUNNING)
    assert (steered.state, steered.vendor_desired) == (State.PAUSING, State.PAUSED)
    assert steered.vendor_state == "Running → Paused"
    assert (after.state, after.vendor_desired) == (State.PAUSED, State.PAUSED)


async def test_a_connector_tells_what_it_does_and_what_it_is_meant_to(desk: Desk) -> None:
    failed = await desk.connector("session-features", "clicks.from_kafka")
    held = await desk.connector("price-history-backfill", "live_prices.from_kafka")
    unread = await desk.connector(STOPPED, "purchases.from_kafka")

    assert (failed.state, failed.vendor_desired) == (State.FAILED, State.RUNNING)
    assert (held.state, held.vendor_desired) == (State.PAUSED, State.PAUSED)
    assert (unread.state, unread.vendor_desired) == (State.STOPPED, None)


@pytest.mark.parametrize("flag", [True, False])
async def test_pausing_a_pipeline_leaves_its_connectors_flags_alone(desk: Desk, *, flag: bool) -> None:
    desk.theirs(RUNNING).connectors[INPUT].is_paused = flag
    before = await desk.connector(RUNNING, INPUT)

    await desk.send(Verb.PAUSE, await desk.pipeline(RUNNING))
    desk.clock.advance(5)
    after = await desk.connector(RUNNING, INPUT)

    assert (await desk.pipeline(RUNNING)).state is State.PAUSED
    assert (after.state, after.vendor_desired) == (before.state, before.vendor_desired)


@pytest.mark.parametrize(
    ("pipeline", "flag", "moves"),
    [("Paused", True, False), ("Paused", False, False), ("Running", True, False), ("Running", False, True)],
)
async def test_data_moves_only_where_both_run(desk: Desk, pipeline: str, *, flag: bool, moves: bool) -> None:
    theirs = desk.theirs(RUNNING)
    theirs.status = theirs.desired = pipeline
    theirs.connectors[INPUT].is_paused = flag
    before = (await desk.connector(RUNNING, INPUT)).metrics

    desk.clock.advance(60)
    after = (await desk.connector(RUNNING, INPUT)).metrics

    assert before
    assert after
    assert (after.records_total != before.records_total) is moves


@pytest.mark.parametrize(
    ("status", "desired", "error", "program", "expected"),
    [
        ("Stopped", "Stopped", None, "Success", State.STOPPED),
        ("Stopped", "Stopped", {"message": "x"}, "Success", State.FAILED),
        ("Stopped", "Stopped", None, "SqlError", State.UNCONFIGURED),
        ("Stopped", "Stopped", None, "CompilingRust", State.STOPPED),
        ("Stopped", "Running", None, "Success", State.STARTING),
        ("Provisioning", "Running", None, "Success", State.PROVISIONING),
        ("Initializing", "Running", None, "Success", State.STARTING),
        ("AwaitingApproval", "Running", None, "Success", State.STARTING),
        ("Bootstrapping", "Running", None, "Success", State.STARTING),
        ("Replaying", "Running", None, "Success", State.STARTING),
        ("ConcurrentBootstrapping", "Running", None, "Success", State.RUNNING),
        ("Synchronizing", "Running", None, "Success", State.STARTING),
        ("Coordination", "Running", None, "Success", State.STARTING),
        ("Standby", "Standby", None, "Success", State.PAUSED),
        ("Standby", "Running", None, "Success", State.PAUSED),
        ("Paused", "Paused", None, "Success", State.PAUSED),
        ("Paused", "Running", None, "Success", State.RESUMING),
        ("Paused", "Stopped", None, "Success", State.STOPPING),
        ("Running", "Paused", None, "Success", State.PAUSING),
        ("Running", "Suspended", None, "Success", State.STOPPING),
        ("Running", "Stopped", None, "Success", State.STOPPING),
        ("Suspended", "Suspended", None, "Success", State.STOPPING),
        ("Stopping", "Stopped", None, "Success", State.STOPPING),
        ("Unavailable", "Running", None, "Success", State.UNKNOWN),
        ("Levitating", "Running", None, "Success", State.UNKNOWN),
    ],
)
def test_each_status_and_where_it_is_steered_mean_one_state(
    status: str, desired: str, error: Any, program: str, expected: State
) -> None:
    row = {"deployment_status": status, "deployment_desired_status": desired, "deployment_error": error,
           "program_status": program}  # fmt: skip

    assert states.pipeline(row) is expected


@pytest.mark.parametrize("details", ["", None, {}, {"reason": None}, {"connector_stats": {"num_errors": 3}}])
def test_details_of_the_process_may_have_any_shape(details: Any) -> None:
    assert states.trouble({"deployment_status": "Running", "deployment_runtime_status_details": details}) == ""


async def test_what_a_pipeline_waits_for_is_said(desk: Desk) -> None:
    desk.theirs(RUNNING).odd_word = "AwaitingApproval"

    seen = await desk.pipeline(RUNNING)

    assert seen.state is State.STARTING
    assert seen.error == "it was changed since its checkpoint: approve that at Feldera, or stop it"


# Verbs of pipelines


async def test_start_does_not_resume(desk: Desk) -> None:
    paused = await desk.pipeline(PAUSED)
    start = VENDOR.capability(Verb.START, "pipeline")

    await desk.send(Verb.START, paused)
    desk.clock.advance(30)

    assert (await desk.pipeline(PAUSED)).state is State.PAUSED
    assert desk.world.acts == []
    assert start
    assert State.PAUSED not in start.states


async def test_resume_resumes(desk: Desk) -> None:
    receipt = await desk.send(Verb.RESUME, await desk.pipeline(PAUSED))
    desk.clock.advance(5)

    assert receipt.reply == '202 "Pipeline transitioning from Paused to Running"'
    assert (await desk.pipeline(PAUSED)).state is State.RUNNING


async def test_a_start_dismisses_the_error_of_the_run_before(desk: Desk) -> None:
    desk.world.nudge(desk.theirs(RUNNING).id, "fail")
    failed = await desk.pipeline(RUNNING)

    await desk.send(Verb.START, failed)
    at_once = await desk.pipeline(RUNNING)
    desk.clock.advance(10)

    assert (failed.state, failed.error) == (State.FAILED, "the process ran out of memory")
    assert at_once.state is State.STARTING
    assert (await desk.pipeline(RUNNING)).state is State.RUNNING


async def test_a_start_while_it_still_stops_is_refused_in_feldera_s_words(desk: Desk) -> None:
    seen = await desk.pipeline(RUNNING)
    await desk.send(Verb.FORCE_STOP, seen)
    desk.clock.advance(1)

    with pytest.raises(Refused, match="Cannot start the pipeline while it is stopping"):
        await desk.send(Verb.START, seen)


async def test_the_open_source_edition_offers_only_the_stop_that_loses_something_and_says_what(desk: Desk) -> None:
    seen = await desk.pipeline(RUNNING)
    stop, force = (VENDOR.capability(verb, "pipeline") for verb in (Verb.STOP, Verb.FORCE_STOP))

    assert seen.verbs_off == {
        Verb.STOP: "A stop with a checkpoint takes the Enterprise edition. This one can only be force-stopped."
    }
    assert stop
    assert force
    assert "writes a checkpoint" in stop.consequence
    assert "What came in since the latest checkpoint is lost" in force.consequence
    assert "cannot be taken back" in force.consequence
    with pytest.raises(Refused, match="this edition cannot do it"):
        await desk.send(Verb.STOP, seen)


async def test_the_enterprise_edition_stops_with_a_checkpoint_and_keeps_the_flags(desk: Desk) -> None:
    desk.world.edition = "Enterprise"
    await desk.send(Verb.PAUSE, await desk.connector(RUNNING, INPUT))

    await desk.restart(RUNNING, Verb.STOP)
    after = await desk.connector(RUNNING, INPUT)

    assert (await desk.pipeline(RUNNING)).verbs_off == {}
    assert [act.verb for act in desk.world.acts] == ["pause", "stop", "start"]
    assert after.state is State.PAUSED


async def test_a_stop_with_a_checkpoint_is_waited_for_as_long_as_feldera_may_take(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.world.edition = "Enterprise"
    limits: list[float | None] = []
    send = desk.http.send

    async def noted(method: str, path: str, **options: Any) -> httpx.Response:
        limits.append(options.get("timeout"))
        return await send(method, path, **options)

    seen = await desk.pipeline(RUNNING)
    monkeypatch.setattr(desk.http, "send", noted)
    await desk.send(Verb.STOP, seen)

    assert limits == [130.0]


async def test_a_pause_lost_at_a_restart_is_drift(desk: Desk) -> None:
    await desk.send(Verb.PAUSE, await desk.connector(RUNNING, INPUT))
    before = await desk.connector(RUNNING, INPUT)

    await desk.restart(RUNNING)
    after = await desk.connector(RUNNING, INPUT)
    await desk.send(Verb.PAUSE, after)

    assert before.state is State.PAUSED
    assert not has_drifted(State.PAUSED, before.state)
    assert after.state is State.RUNNING
    assert has_drifted(State.PAUSED, after.state)
    assert after.generation not in {"", before.generation}
    assert (await desk.connector(RUNNING, INPUT)).state is State.PAUSED


async def test_a_standby_can_be_neither_resumed_nor_stopped_with_a_checkpoint(desk: Desk) -> None:
    desk.world.edition = "Enterprise"
    theirs = desk.theirs(RUNNING)
    theirs.status = theirs.desired = "Standby"

    seen = await desk.pipeline(RUNNING)

    assert seen.state is State.PAUSED
    assert set(seen.verbs_off) == {Verb.RESUME, Verb.STOP}
    assert "activated at Feldera itself" in seen.verbs_off[Verb.RESUME]


# Verbs of connectors


async def test_a_connector_of_a_stopped_pipeline_says_why_it_cannot_be_paused(desk: Desk) -> None:
    seen = await desk.connector(STOPPED, "purchases.from_kafka")

    why = "Pipeline loyalty-points is stopped: its connectors can be paused or resumed only while it is up."
    assert seen.verbs_off == {Verb.PAUSE: why, Verb.RESUME: why}
    with pytest.raises(Refused) as caught:
        await desk.send(Verb.PAUSE, seen)
    assert caught.value.status == 503
    assert not caught.value.may_retry
    assert str(caught.value).startswith("its pipeline is stopped: start that first. Feldera says: Unable to interact")


async def test_a_connector_of_a_pipeline_on_its_way_is_tried_again(desk: Desk) -> None:
    seen = await desk.connector(STOPPED, "purchases.from_kafka")
    await desk.send(Verb.START, await desk.pipeline(STOPPED))

    outcomes = []
    for moment in (1.0, 1.0):
        desk.clock.advance(moment)
        with pytest.raises(NotReady) as caught:
            await desk.send(Verb.PAUSE, seen)
        outcomes.append((desk.theirs(STOPPED).status, caught.value.may_retry, caught.value.may_have_acted))

    assert outcomes == [("Provisioning", True, False), ("Initializing", True, False)]


async def test_pausing_an_output_says_that_data_is_dropped_and_asks(desk: Desk) -> None:
    into, out = await desk.connector(RUNNING, INPUT), await desk.connector(RUNNING, OUTPUT)

    assert out.facts["consequence"] == {
        "pause": "A paused output drops what the pipeline produces meanwhile; it is not sent later."
    }
    assert "consequence" not in into.facts


async def test_an_output_is_paused_by_its_view(desk: Desk) -> None:
    receipt = await desk.send(Verb.PAUSE, await desk.connector(RUNNING, OUTPUT))

    assert receipt.request == "POST /v0/pipelines/orders-enrichment/views/orders_enriched/connectors/to_warehouse/pause"
    assert (await desk.connector(RUNNING, OUTPUT)).state is State.PAUSED


async def test_before_0_340_outputs_have_no_flag_and_no_verbs(desk: Desk) -> None:
    desk.world.version = "0.339.2"

    into, out = await desk.connector(RUNNING, INPUT), await desk.connector(RUNNING, OUTPUT)

    assert out.state is State.RUNNING
    assert out.verbs_off[Verb.PAUSE] == "Outputs can be paused from Feldera 0.340 on; this is 0.339.2."
    assert into.verbs_off == {}


# Names


async def test_endpoints_nobody_configured_are_left_out(desk: Desk) -> None:
    theirs = desk.theirs(RUNNING)
    theirs.connectors["orders.api-orders"] = Connector("orders.api-orders", "orders", "inputs", "kafka_input")
    answer = await desk.http.get(f"/v0/pipelines/{RUNNING}/stats", headers={"Authorization": f"Bearer {KEY}"})
    shown = {entry["endpoint_name"] for entry in desk.http.json(answer)["inputs"]}

    ours = {c.name for c in (await desk.observe()).connectors if c.pipeline == theirs.id}

    assert shown - ours == {"now", "orders.api-ingress-5d0c7a9be1f24806"}
    assert "orders.api-orders" in ours


@pytest.mark.parametrize(
    ("stream", "endpoint", "address"),
    [
        ("Orders", "orders.From_Kafka", "tables/Orders/connectors/From_Kafka"),
        ('"Suppliers"', "Suppliers.from_pg", "tables/%22Suppliers%22/connectors/from_pg"),
        ('"eu.Orders"', "eu.Orders.from_kafka", "tables/%22eu.Orders%22/connectors/from_kafka"),
        ('"v1.api-0badcafe"', "v1.api-0badcafe.in", "tables/%22v1.api-0badcafe%22/connectors/in"),
        ('"a/b c"', "a/b c.unnamed-0", "tables/%22a%2Fb%20c%22/connectors/unnamed-0"),
    ],
)
async def test_relations_are_addressed_in_their_sql_spelling(
    desk: Desk, stream: str, endpoint: str, address: str
) -> None:
    sent: list[bytes] = []
    desk.theirs(RUNNING).connectors[endpoint] = Connector(endpoint, stream, "inputs", "kafka_input")
    seen = await desk.connector(RUNNING, endpoint)
    config = AccountConfig("http://vendor.test", {}, {"api_key": KEY})

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.raw_path)
        return httpx.Response(200)

    async with Http("feldera", config, transport=httpx.MockTransport(answer)) as http:
        await replaced(desk, FelderaAdapter(config, http)).send(Verb.PAUSE, seen)

    assert sent == [f"/v0/pipelines/{RUNNING}/{address}/pause".encode()]


def replaced(desk: Desk, adapter: FelderaAdapter) -> Desk:
    """This will put another adapter at the desk."""
    desk.adapter = adapter
    return desk


async def test_a_quoted_table_s_connector_is_paused_and_its_namesake_is_not(desk: Desk) -> None:
    theirs = desk.theirs(RUNNING)
    theirs.connectors["Orders.from_kafka"] = Connector("Orders.from_kafka", '"Orders"', "inputs", "kafka_input")

    await desk.send(Verb.PAUSE, await desk.connector(RUNNING, "Orders.from_kafka"))

    assert theirs.connectors["Orders.from_kafka"].is_paused
    assert not theirs.connectors[INPUT].is_paused


def test_unquoted_relations_lose_their_case_and_quoted_ones_keep_it() -> None:
    assert [names.canonical(r) for r in ("Orders", "ORDERS", '"Orders"', '""')] == ["orders", "orders", "Orders", ""]


# Reading


async def test_kinds_and_settings_come_from_the_programs_read_once(desk: Desk) -> None:
    made_anew(desk, "01")
    first = await desk.connector(RUNNING, INPUT)
    stopped = await desk.connector(STOPPED, "purchases.from_kafka")
    desk.app.requests.clear()
    second = await desk.connector(RUNNING, INPUT)

    assert first.type == second.type == stopped.type == "kafka_input"
    assert first.config["transport"]["config"]["topic"] == "orders"
    assert "hidden-in-transport" not in str(first.config)
    assert sorted(desk.paths()) == ["GET /v0/pipelines", *sorted(
        f"GET /v0/pipelines/{p.name}/stats" for p in desk.world.pipelines.values() if p.status != "Stopped"
    )]  # fmt: skip


def made_anew(desk: Desk, mark: str) -> None:
    """This will give the pipelines ids that no other test has."""
    for number, pipeline in enumerate(desk.world.pipelines.values()):
        pipeline.id = f"019a2f6c-52d1-7c1e-9f0a-6a2f6b1f{mark}{number:02}"


async def test_a_program_that_was_changed_is_read_again_by_itself(desk: Desk) -> None:
    made_anew(desk, "02")
    await desk.observe()
    desk.theirs(RUNNING).program_version += 1
    desk.theirs(RUNNING).connectors[INPUT].transport = "nats_input"
    desk.app.requests.clear()

    assert (await desk.connector(RUNNING, INPUT)).type == "nats_input"
    assert desk.paths().count(f"GET /v0/pipelines/{RUNNING}") == 1
    assert desk.paths().count("GET /v0/pipelines") == 1


async def test_without_programs_what_is_up_is_shown_and_the_rest_is_named(desk: Desk) -> None:
    made_anew(desk, "03")
    desk.app.faults.append(Fault("forbidden", "/v0/pipelines$", after=1, times=-1))

    snapshot = await desk.observe()

    seen = next(c for c in snapshot.connectors if c.name == INPUT)
    assert (seen.state, seen.type) == (State.RUNNING, "")
    assert [part.pipeline for part in snapshot.unread] == [desk.theirs(STOPPED).id]
    assert snapshot.unread[0].reason.startswith("its program could not be read: Insufficient permissions")


async def test_a_pipeline_whose_figures_cannot_be_read_is_named_and_the_others_are_read(desk: Desk) -> None:
    theirs = desk.theirs(RUNNING)
    desk.app.faults.append(Fault("forbidden", f"/{RUNNING}/stats", times=-1))

    snapshot = await desk.observe()

    assert [part.pipeline for part in snapshot.unread] == [theirs.id]
    assert not [c for c in snapshot.connectors if c.pipeline == theirs.id]
    assert [c for c in snapshot.connectors if c.pipeline != theirs.id]


async def test_fields_nobody_knows_do_no_harm(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    row = desk.world.row
    monkeypatch.setattr(desk.world, "row", lambda pipeline: {**row(pipeline), "bootstrap_policy": {"new": [1]}})

    assert (await desk.pipeline(RUNNING)).state is State.RUNNING


async def test_a_wrong_address_that_answers_200_with_a_page_is_told(desk: Desk) -> None:
    wrong = Desk(path="/console")
    async with wrong.http:
        with pytest.raises(NotUnderstood, match="a web page where JSON was expected: check the address"):
            await wrong.observe()
        checks = await wrong.adapter.test()

    assert [(c.name, c.is_ok) for c in checks] == [("reach", False), ("sign_in", None), ("list", None), ("act", None)]
    assert "check the address" in checks[0].detail


async def test_a_page_with_status_200_is_no_receipt(desk: Desk) -> None:
    seen, pipeline = await desk.connector(RUNNING, INPUT), await desk.pipeline(RUNNING)
    desk.app.faults.append(Fault("html", method="POST", times=-1))

    for target in (seen, pipeline):
        with pytest.raises(NotUnderstood):
            await desk.send(Verb.PAUSE, target)
    assert desk.world.acts == []


async def test_the_live_test_names_version_and_edition_and_turns_down_what_is_too_old(desk: Desk) -> None:
    checks = await desk.adapter.test()
    old = Desk()
    old.world.version = "0.147.0"
    async with old.http:
        refused = await old.adapter.test()

    assert checks[0].detail == "Feldera 0.341.0, Open source"
    assert [check.is_ok for check in checks] == [True, True, True, None]
    assert [check.is_ok for check in refused] == [True, True, True, False]
    assert refused[3].detail == "This is 0.147.0: its verbs meant other things before 0.148. Upgrade it."


# Errors


def said(status: int, code: str, details: Any = None, **more: Any) -> httpx.Response:
    """This will build an answer of the server."""
    body = {"message": "their words", "error_code": code, "details": details, **more}
    return httpx.Response(status, json=body, request=httpx.Request("POST", "http://vendor.test/v0/x"))


@pytest.mark.parametrize(
    ("status", "code", "details", "kind", "may_have_acted"),
    [
        (400, "InvalidTransition", ["pause", "Standby"], Refused, False),
        (400, "CannotStartWithCompilationError", None, Refused, False),
        (401, "AuthenticationFailed", None, SignInRefused, False),
        (403, "InsufficientPermissions", {"required": "write"}, NotAllowed, False),
        (501, "EnterpriseFeature", {"feature": "stop?force=false"}, Refused, False),
        (503, "PipelineInteractionNotDeployed", {"status": "Stopped", "desired_status": "Stopped"}, Refused, False),
        (503, "PipelineInteractionNotDeployed", {"status": "Provisioning", "desired_status": "Provisioned"},
         NotReady, False),
        (503, "PipelineInteractionNotDeployed", None, Refused, False),
        (503, "PipelineUnavailable", {"pipeline_name": "p"}, NotReady, False),
        (503, "PipelineInteractionUnreachable", {"error": "timeout"}, ServerFault, True),
        (503, "Initializing", None, NotReady, False),
        (503, "RestoreInProgress", None, NotReady, False),
        (503, "AwaitingApproval", None, Refused, False),
        (503, "Suspended", None, Refused, False),
        (503, "LockTookTooLong", None, NotReady, False),
        (503, "SomethingNew", None, ServerFault, True),
        (500, "InitializationError", None, ServerFault, True),
    ],
)  # fmt: skip
async def test_the_code_tells_what_a_refusal_means_and_whether_it_may_have_been_done(
    status: int, code: str, details: Any, kind: type[VendorError], *, may_have_acted: bool
) -> None:
    config = AccountConfig("http://vendor.test", {}, {"api_key": KEY})
    transport = httpx.MockTransport(lambda request: said(status, code, details))
    async with Http("feldera", config, transport=transport) as http:
        adapter = FelderaAdapter(config, http)
        with pytest.raises(VendorError) as caught:
            await adapter.client.act("p", "pause")

    assert type(caught.value) is kind
    assert caught.value.may_have_acted is may_have_acted
    assert caught.value.status == status
    assert "their words" in str(caught.value)


@pytest.mark.parametrize("text", ["", "not JSON", "<html>bad gateway</html>", "[]", "null", '{"details": ""}'])
def test_a_gateway_s_body_is_read_without_harm(text: str) -> None:
    assert explain(httpx.Response(502, text=text)) in {"", "[]", "None"}


async def test_no_key_shows_in_an_error(desk: Desk) -> None:
    transport = httpx.MockTransport(lambda request: said(500, "X", message=f"cannot use {KEY} here"))
    config = AccountConfig("http://vendor.test", {}, {"api_key": KEY})
    async with Http("feldera", config, transport=transport) as http:
        with pytest.raises(ServerFault) as caught:
            await FelderaAdapter(config, http).client.act("p", "pause")

    assert str(caught.value) == "cannot use •••••• here"


async def test_the_names_of_key_and_tenant_are_the_documented_headers() -> None:
    seen: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200, json=[])

    config = AccountConfig("http://vendor.test", {"tenant": "retail"}, {"api_key": KEY})
    for known in (config, replace(config, settings={}, credentials={})):
        async with Http("feldera", known, transport=httpx.MockTransport(answer)) as http:
            await FelderaAdapter(known, http).client.pipelines()

    assert (seen[0]["authorization"], seen[0]["feldera-tenant"]) == (f"Bearer {KEY}", "retail")
    assert "authorization" not in seen[1]
    assert "feldera-tenant" not in seen[1]
