"""Restart of one failed task, at a pretend Connect cluster over real HTTP: evidence for that task and no other."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from connectors.models import AuditEvent, Operation
from connectors.queries import audit_words, explain
from connectors.services import approvals, operations, protections, vault
from connectors.states import OperationStatus, State, Verb
from connectors.vendors.kafka_connect.sandbox.world import KafkaConnectWorld, Part
from connectors.vendors.sandbox import Bench, Fault
from tests.connectors.services.conftest import Tiny

NAME = "orders-jdbc-source"
"""All three of its tasks failed."""


@pytest.fixture
def cluster(box: Tiny, serve: Callable[..., tuple[Bench, str]]) -> Tiny:
    """This will put the account in front of a Connect cluster."""
    box.bench, url = serve("kafka-connect", tempo=0.2)
    box.account.vendor, box.account.base_url = "kafka-connect", f"{url}/orders"
    box.account.sealed_credentials = vault.seal({"username": "switchyard", "password": "connect-demo-pass"})
    box.account.save()
    box.drive()
    return box


def ask(cluster: Tiny, task: str, name: str = NAME, **more: Any) -> Operation:
    wish = {"verb": Verb.RESTART_TASK, "actor": cluster.actor, "viewer": cluster.viewer, **more}
    return operations.request(target=cluster.connector(name), task=task, **wish)


def part(cluster: Tiny, number: int) -> Part:
    """This will give a task as the cluster has it."""
    assert isinstance(cluster.bench.world, KafkaConnectWorld)
    return cluster.bench.world.find(NAME).tasks[number]


def states(cluster: Tiny) -> list[str]:
    return [task["state"] for task in cluster.connector(NAME).tasks]


def test_one_task_is_restarted_and_seen_running_and_the_others_stay(cluster: Tiny) -> None:
    before = states(cluster)
    operation = ask(cluster, "1", reason="slot freed")

    cluster.drive()

    operation.refresh_from_db()
    assert (before, states(cluster)) == (["failed"] * 3, ["failed", "running", "failed"])
    assert (operation.status, operation.proof) == ("confirmed", "the worker answered 204: task 1 was restarted")
    assert operation.vendor_request == f"POST /orders/connectors/{NAME}/tasks/1/restart"
    assert cluster.connector(NAME).state == State.DEGRADED


def test_it_is_on_record_with_its_task(cluster: Tiny) -> None:
    ask(cluster, "1")
    cluster.drive()

    events = AuditEvent.objects.filter(action__startswith="connector.restart_task").order_by("at")
    assert [(e.action.rpartition(".")[2], (e.after or {})["task"]) for e in events] == [
        ("requested", "1"), ("confirmed", "1"),
    ]  # fmt: skip
    assert audit_words.sentence(events[0]) == "asked to restart task 1 of connector"


def test_a_lost_reply_is_made_good_by_what_is_seen_of_the_task(cluster: Tiny) -> None:
    cluster.bench.faults.append(Fault("error_but_done", method="POST", times=1))
    operation = ask(cluster, "2")

    cluster.drive()

    operation.refresh_from_db()
    assert (operation.status, operation.proof) == ("confirmed", "")
    assert [act.verb for act in cluster.bench.world.acts] == ["restart_task"]


def test_what_never_arrived_is_not_confirmed_by_another_task(cluster: Tiny) -> None:
    cluster.bench.faults.append(Fault("error", method="POST", times=-1))
    operation = ask(cluster, "0")
    part(cluster, 1).state = "RUNNING"

    cluster.drive()

    operation.refresh_from_db()
    assert operation.status in {OperationStatus.SENT, OperationStatus.QUEUED}
    assert states(cluster)[1] == "running"


@pytest.mark.parametrize(
    ("task", "words"),
    [("", "Say which task."), ("7", "It has no task 7."), ("1", "Task 1 is running; only what failed is restarted")],
)
def test_only_a_task_that_failed_is_restarted(cluster: Tiny, task: str, words: str) -> None:
    part(cluster, 1).state = "RUNNING"
    cluster.drive()

    with pytest.raises(operations.NotNow, match=words):
        ask(cluster, task)

    assert not Operation.objects.exists()


def test_a_task_is_named_for_its_own_verb_alone(cluster: Tiny) -> None:
    with pytest.raises(operations.NotNow, match="for the whole"):
        ask(cluster, "1", verb=Verb.RESTART)


def test_the_same_press_twice_is_one_request_and_another_task_is_another(cluster: Tiny) -> None:
    first, again = ask(cluster, "0", key="k"), ask(cluster, "0", key="k")

    assert first == again
    with pytest.raises(operations.KeyReused):
        ask(cluster, "1", key="k")


def test_asking_again_keeps_the_task(cluster: Tiny) -> None:
    cluster.bench.faults.append(Fault("forbidden", method="POST", times=1))
    first = ask(cluster, "2")
    cluster.drive()
    first.refresh_from_db()

    second = operations.retry(operation=first, actor=cluster.actor, viewer=cluster.viewer)

    assert (first.status, second.kind, second.task) == ("failed", "restart_task", "2")


def test_protection_of_failed_tasks_covers_one_and_the_approval_is_for_that_one(cluster: Tiny) -> None:
    second = type(cluster.user).objects.create_user("second")
    cluster.account.team.memberships.create(user=second, role="lead")
    other = Tiny(cluster.account, cluster.bench, second)
    target = cluster.connector(NAME)
    protections.protect(
        connector=target, verbs=[Verb.RESTART_FAILED], approver="operator", is_always_on=False, reason="",
        actor=other.actor, viewer=other.viewer,
    )  # fmt: skip
    with pytest.raises(operations.ApprovalNeeded):
        ask(cluster, "1")

    asked = approvals.ask(
        targets=[target], verb=Verb.RESTART_TASK, task="1", reason="slot freed", actor=cluster.actor,
        viewer=cluster.viewer,
    )  # fmt: skip
    with pytest.raises(operations.ApprovalNeeded):
        ask(cluster, "0")
    approvals.approve(approval=asked, actor=other.actor, viewer=other.viewer)

    assert [(o.kind, o.task) for o in Operation.objects.all()] == [("restart_task", "1")]


def test_the_explanation_names_each_task_that_failed(cluster: Tiny) -> None:
    part(cluster, 1).state = "RUNNING"
    cluster.drive()

    lines = explain.explain(cluster.connector(NAME), cluster.viewer).verbs

    said = [(line.label, line.task, line.decision) for line in lines if line.verb is Verb.RESTART_TASK]
    assert said == [("Restart task 0", "0", None), ("Restart task 2", "2", None)]


def test_where_no_task_failed_explanation_and_service_say_so_alike(cluster: Tiny) -> None:
    for number in range(3):
        part(cluster, number).state = "RUNNING"
    cluster.drive()

    lines = explain.explain(cluster.connector(NAME), cluster.viewer).verbs

    (decision,) = [line.decision for line in lines if line.verb is Verb.RESTART_TASK]
    assert decision
    with pytest.raises(operations.NotNow, match=re.escape(decision.sentence)):
        ask(cluster, "")
