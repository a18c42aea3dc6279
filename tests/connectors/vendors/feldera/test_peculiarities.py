"""What is peculiar to Feldera, each detail on its own."""

from collections.abc import AsyncIterator

import pytest

from connectors.states import State, Verb
from connectors.vendors.errors import NotUnderstood, Refused, ServerFault, VendorError
from connectors.vendors.feldera import VENDOR
from connectors.vendors.sandbox import Fault
from tests.connectors.vendors.desk import Desk, open_desk

PIPELINE, INPUT, OUTPUT = "orders-enrichment", "orders.from_kafka", "orders_enriched.to_warehouse"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """This will give each test a server of its own."""
    async with open_desk("feldera") as opened:
        yield opened


async def test_pipelines_tell_where_they_are_and_where_they_are_steered(desk: Desk) -> None:
    await desk.send_to_pipeline(Verb.PAUSE, PIPELINE)

    seen = await desk.pipeline(PIPELINE)

    assert (seen.state, seen.vendor_desired) == (State.PAUSING, State.PAUSED)
    assert "Running" in seen.vendor_state
    assert "Paused" in seen.vendor_state


async def test_start_does_not_resume(desk: Desk) -> None:
    await desk.send_to_pipeline(Verb.START, "stock-alerts")
    desk.clock.advance(60)

    assert (await desk.pipeline("stock-alerts")).state is State.PAUSED
    start = VENDOR.capability(Verb.START, "pipeline")
    assert start is not None
    assert State.PAUSED not in start.states


async def test_a_connector_of_a_paused_pipeline_stays_running_for_itself(desk: Desk) -> None:
    assert (await desk.connector("stock.from_kafka")).state is State.RUNNING
    assert (await desk.pipeline("stock-alerts")).state is State.PAUSED


async def test_a_connector_of_a_stopped_pipeline_says_why_it_cannot_be_asked(desk: Desk) -> None:
    seen = await desk.connector("purchases.from_kafka")

    assert seen.verbs_off[Verb.PAUSE] == (
        "Pipeline loyalty-points is stopped: its connectors can be paused or resumed only while it is up."
    )
    with pytest.raises(VendorError, match="not up"):
        await desk.send(Verb.PAUSE, "purchases.from_kafka")


async def test_stop_without_force_is_off_in_the_open_source_edition(desk: Desk) -> None:
    assert "Enterprise edition" in (await desk.pipeline(PIPELINE)).verbs_off[Verb.STOP]
    with pytest.raises((Refused, ServerFault), match="enterprise"):
        await desk.send_to_pipeline(Verb.STOP, PIPELINE)


def test_force_stop_says_what_is_lost_and_so_asks_first() -> None:
    force = VENDOR.capability(Verb.FORCE_STOP, "pipeline")

    assert force is not None
    assert "without a checkpoint" in force.consequence
    assert "is lost" in force.consequence


async def test_a_flag_is_lost_when_the_pipeline_starts_anew(desk: Desk) -> None:
    await desk.send(Verb.PAUSE, INPUT)
    paused = await desk.connector(INPUT)
    await desk.send_to_pipeline(Verb.FORCE_STOP, PIPELINE)
    desk.clock.advance(60)
    await desk.send_to_pipeline(Verb.START, PIPELINE)
    desk.clock.advance(60)

    again = await desk.connector(INPUT)

    assert (paused.state, again.state) == (State.PAUSED, State.RUNNING)
    assert paused.generation != again.generation


async def test_pausing_an_output_says_that_it_drops_data_and_an_input_does_not(desk: Desk) -> None:
    output, source = await desk.connector(OUTPUT), await desk.connector(INPUT)

    assert "drop" in output.facts["consequence"][Verb.PAUSE]
    assert "consequence" not in source.facts


async def test_outputs_are_asked_at_their_own_path(desk: Desk) -> None:
    await desk.send(Verb.PAUSE, OUTPUT)
    await desk.send(Verb.RESUME, INPUT)

    assert desk.wire.lines("POST") == [
        f"POST /v0/pipelines/{PIPELINE}/views/orders_enriched/connectors/to_warehouse/pause",
        f"POST /v0/pipelines/{PIPELINE}/tables/orders/connectors/from_kafka/start",
    ]


async def test_a_quoted_table_keeps_its_case_in_the_path(desk: Desk) -> None:
    await desk.send(Verb.PAUSE, "Suppliers.from_pg")

    assert desk.wire.lines("POST") == [
        "POST /v0/pipelines/stock-alerts/tables/%22Suppliers%22/connectors/from_pg/pause"
    ]
    assert (await desk.connector("Suppliers.from_pg")).state is State.PAUSED


async def test_endpoints_that_nobody_configured_are_not_listed(desk: Desk) -> None:
    assert "now" not in {c.name for c in (await desk.observe()).connectors}


async def test_a_page_with_200_is_a_wrong_address(desk: Desk) -> None:
    desk.app.faults.append(Fault("html", times=-1))

    with pytest.raises(NotUnderstood, match="a web page where JSON was expected: check the address"):
        await desk.observe()


async def test_one_pipeline_without_figures_leaves_the_others_whole(desk: Desk) -> None:
    desk.app.faults.append(Fault("error", path=f"{PIPELINE}/stats", times=-1))

    seen = await desk.observe()

    assert [part.pipeline for part in seen.unread] == [
        next(p.external_id for p in seen.pipelines if p.name == PIPELINE)
    ]
    assert INPUT not in {c.name for c in seen.connectors}
    assert "stock.from_kafka" in {c.name for c in seen.connectors}


async def test_secrets_of_transports_never_come_out(desk: Desk) -> None:
    assert "hidden-in-transport" not in str(await desk.observe())
