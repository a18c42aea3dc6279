"""Undo restores what was, at the vendor and in what was wanted; and says when it is too late."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from connectors import permissions
from connectors.actor import Actor
from connectors.models import AuditEvent, Connector, Hold, Membership, Operation
from connectors.services import holds, operations, undo
from connectors.states import OperationStatus, Role, State, Verb
from tests.connectors.services.conftest import Tiny


def wanted(connector: Connector) -> tuple[str | None, str]:
    return connector.desired_state, connector.desired_by


@pytest.fixture
def take_back(box: Tiny) -> Callable[[Operation], Operation]:
    """This will undo as the operator."""
    box.drive()
    return lambda operation: undo.undo(operation=operation, actor=box.actor, viewer=box.viewer)


def done(box: Tiny, operation: Operation) -> Operation:
    box.drive()
    operation.refresh_from_db()
    assert operation.status == OperationStatus.CONFIRMED
    return operation


def test_undo_of_what_was_not_sent_cancels_it(box: Tiny, take_back: Callable[[Operation], Operation]) -> None:
    operation = box.ask(Verb.PAUSE)

    back = take_back(operation)

    assert (back.pk, back.status) == (operation.pk, OperationStatus.CANCELLED)
    assert box.connector().desired_state is None


def test_undo_of_a_pause_leads_back_and_nobody_wants_anything_again(
    box: Tiny, take_back: Callable[[Operation], Operation]
) -> None:
    operation = done(box, box.ask(Verb.PAUSE))

    back = done(box, take_back(operation))

    connector = box.connector()
    assert (back.kind, connector.state, wanted(connector)) == (Verb.RESUME, State.RUNNING, (None, ""))
    assert box.bench.world.truth()[1].state == State.RUNNING
    assert connector.drift_since is None
    actions = AuditEvent.objects.order_by("id").values_list("action", "reason")
    assert list(actions)[-2:] == [
        ("connector.resume.requested", "undone: pause"), ("connector.resume.confirmed", "undone: pause"),
    ]  # fmt: skip


def test_undo_twice_is_one_operation(box: Tiny, take_back: Callable[[Operation], Operation]) -> None:
    operation = done(box, box.ask(Verb.PAUSE))

    assert take_back(operation).pk == take_back(operation).pk


def test_undo_says_that_it_is_at_the_vendor(box: Tiny, take_back: Callable[[Operation], Operation]) -> None:
    operation = box.ask(Verb.PAUSE)
    Operation.objects.filter(pk=operation.pk).update(status=OperationStatus.ACCEPTED)

    with pytest.raises(operations.InProgress, match="undo it as soon as it was seen"):
        take_back(operation)


def test_undo_is_too_late_when_something_else_was_asked(box: Tiny, take_back: Callable[[Operation], Operation]) -> None:
    operation = done(box, box.ask(Verb.PAUSE))
    done(box, box.ask(Verb.RESUME))

    with pytest.raises(operations.NotNow, match="something else was asked of it since"):
        take_back(operation)


def test_undo_is_too_late_when_it_was_changed_outside(box: Tiny, take_back: Callable[[Operation], Operation]) -> None:
    operation = done(box, box.ask(Verb.PAUSE))
    box.bench.world.nudge("thing-1", "resume")
    box.drive()

    with pytest.raises(operations.NotNow, match="it is running by now, made so outside"):
        take_back(operation)


def test_undo_of_a_restart_has_no_way_back(box: Tiny, take_back: Callable[[Operation], Operation]) -> None:
    operation = done(box, box.ask(Verb.RESTART))

    with pytest.raises(operations.NotNow, match="has no way back"):
        take_back(operation)


def test_undo_of_a_resume_lets_the_timed_pause_go_on(box: Tiny, take_back: Callable[[Operation], Operation]) -> None:
    until = timezone.now() + timedelta(hours=1)
    pause = holds.hold(target=box.connector(), verb=Verb.PAUSE, until=until, actor=box.actor, viewer=box.viewer)
    done(box, pause)
    resumed = done(box, box.ask(Verb.RESUME))
    holds.due()

    back = done(box, take_back(resumed))

    assert box.connector().desired_state == State.PAUSED
    assert list(Hold.objects.filter(ended_at__isnull=True).values_list("operation", "until")) == [(back.pk, until)]


def test_undo_of_a_timed_pause_ends_it(box: Tiny, take_back: Callable[[Operation], Operation]) -> None:
    until = timezone.now() + timedelta(hours=1)
    pause = holds.hold(target=box.connector(), verb=Verb.PAUSE, until=until, actor=box.actor, viewer=box.viewer)

    take_back(done(box, pause))

    assert Hold.objects.get().outcome == "undone"


def test_undo_is_refused_to_a_viewer(box: Tiny) -> None:
    box.drive()
    operation = done(box, box.ask(Verb.PAUSE))
    user = User.objects.create_user("viewer")
    Membership.objects.create(user=user, team=box.account.team, role=Role.VIEWER)

    with pytest.raises(operations.NotAllowed):
        undo.undo(operation=operation, actor=Actor("person", "viewer", user.pk), viewer=permissions.viewer_of(user))
