"""What is peculiar to Kafka Connect, each detail on its own."""

from collections.abc import AsyncIterator

import pytest

from connectors.states import State, Verb
from connectors.vendors.errors import NotReady, Refused, ServerFault
from connectors.vendors.kafka_connect.sandbox.world import Connector, Part
from connectors.vendors.sandbox import Fault
from tests.connectors.vendors.desk import Desk, open_desk

RUNNING = "invoices-debezium"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """This will give each test a cluster of its own."""
    async with open_desk("kafka-connect") as opened:
        yield opened


async def test_expand_is_repeated_and_never_a_comma_list(desk: Desk) -> None:
    await desk.observe()

    assert sorted(desk.wire.lines()) == [
        "GET /orders/", "GET /orders/connectors", "GET /orders/connectors?expand=status&expand=info",
    ]  # fmt: skip


async def test_inventory_is_the_union_of_list_and_map(desk: Desk) -> None:
    desk.world.clusters["orders"]["just-made"] = Connector("just-made", "source", {"tasks.max": "1"})

    made = await desk.connector("just-made")

    assert (made.state, made.error) == (State.STARTING, "no status yet")


@pytest.mark.parametrize(
    ("own", "tasks", "state"),
    [
        ("RUNNING", ["RUNNING", "RUNNING"], State.RUNNING),
        ("RUNNING", ["RUNNING", "FAILED"], State.DEGRADED),
        ("RUNNING", ["FAILED", "FAILED"], State.FAILED),
        ("RUNNING", [], State.STARTING),
        ("RUNNING", ["RUNNING", "UNASSIGNED"], State.PROVISIONING),
        ("RUNNING", ["PAUSED", "RUNNING"], State.RESUMING),
        ("PAUSED", ["RUNNING", "PAUSED"], State.PAUSING),
        ("PAUSED", ["PAUSED", "PAUSED"], State.PAUSED),
        ("PAUSED", ["FAILED", "FAILED"], State.FAILED),
        ("STOPPED", ["RUNNING"], State.STOPPING),
        ("STOPPED", [], State.STOPPED),
        ("RUNNING", ["RESTARTING", "RUNNING"], State.RESTARTING),
        ("FAILED", ["RUNNING", "RUNNING"], State.FAILED),
        ("UNASSIGNED", ["RUNNING"], State.STARTING),
        ("DREAMING", ["RUNNING"], State.UNKNOWN),
    ],
)
async def test_state_is_that_of_connector_and_tasks_together(
    desk: Desk, own: str, tasks: list[str], state: State
) -> None:
    made = desk.world.find(RUNNING)
    made.own = Part(own, "w1:8083", "x: y" if own == "FAILED" else "")
    made.tasks = [Part(word, "w1:8083", "x: y" if word == "FAILED" else "") for word in tasks]

    assert (await desk.connector(RUNNING)).state is state


async def test_a_failed_connector_takes_a_pause_and_never_gets_there(desk: Desk) -> None:
    receipt = await desk.send(Verb.PAUSE, "orders-jdbc-source")
    desk.clock.advance(120)

    assert receipt.reply.startswith("202")
    assert (await desk.connector("orders-jdbc-source")).state is State.FAILED


async def test_restart_of_all_and_of_what_failed_ask_differently_and_prove_themselves(desk: Desk) -> None:
    whole = await desk.send(Verb.RESTART, RUNNING)
    failed = await desk.send(Verb.RESTART_FAILED, "ledger-jdbc-sink")
    nothing = await desk.send(Verb.RESTART_FAILED, "payments-debezium")

    assert desk.wire.lines("POST") == [
        f"POST /orders/connectors/{RUNNING}/restart?includeTasks=true&onlyFailed=false",
        "POST /orders/connectors/ledger-jdbc-sink/restart?includeTasks=true&onlyFailed=true",
        "POST /orders/connectors/payments-debezium/restart?includeTasks=true&onlyFailed=true",
    ]
    assert (whole.proof, failed.proof, nothing.proof) == (
        "the worker answered 202, 2 parts RESTARTING", "the worker answered 202, 1 parts RESTARTING", "",
    )  # fmt: skip


async def test_a_restart_that_cannot_start_is_the_connectors_fault(desk: Desk) -> None:
    desk.world.unstartable.add(RUNNING)

    with pytest.raises(Refused, match="Failed to start connector"):
        await desk.send(Verb.RESTART, RUNNING)


async def test_html_404_while_booting_is_not_ready_and_not_missing(desk: Desk) -> None:
    known = await desk.connector(RUNNING)
    desk.world.is_booting = True

    with pytest.raises(NotReady, match="starting"):
        await desk.observe()
    assert known.state is State.RUNNING


async def test_a_rebalance_is_not_ready_and_can_be_tried_again(desk: Desk) -> None:
    desk.app.faults.append(Fault("conflict", path="pause"))

    with pytest.raises(NotReady) as caught:
        await desk.send(Verb.PAUSE, RUNNING)

    assert (caught.value.may_retry, caught.value.may_have_acted) == (True, False)


async def test_a_restart_that_is_answered_500_may_have_been_done(desk: Desk) -> None:
    desk.app.faults.append(Fault("error_but_done", path="restart"))

    with pytest.raises(ServerFault) as caught:
        await desk.send(Verb.RESTART, RUNNING)
    assert caught.value.may_have_acted
    assert [act.verb for act in desk.world.acts] == ["restart"]


async def test_a_name_with_a_slash_is_shown_with_its_verbs_off(desk: Desk) -> None:
    made = Connector(
        "eu/orders", "source", {"tasks.max": "1"}, own=Part("RUNNING", "w1"), tasks=[Part("RUNNING", "w1")]
    )
    desk.world.clusters["orders"]["eu/orders"] = made

    seen = await desk.connector("eu/orders")

    assert seen.state is State.RUNNING
    assert set(seen.verbs_off) >= {Verb.PAUSE, Verb.STOP, Verb.RESTART}
    assert "slash" in seen.verbs_off[Verb.PAUSE]


async def test_stop_is_off_where_the_worker_is_too_old(desk: Desk) -> None:
    desk.world.version = "3.4.1"

    assert (await desk.connector(RUNNING)).verbs_off == {Verb.STOP: "Stop needs Kafka Connect 3.5; this is 3.4.1."}


async def test_configuration_comes_masked(desk: Desk) -> None:
    config = (await desk.connector(RUNNING)).config

    assert config["connection.user"] == "connect"
    assert f"pw-of-{RUNNING}" not in str(config)
