"""A second person: bound to verb, targets and state; expiring; never oneself."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors import permissions
from connectors.actor import SET_UP
from connectors.models import Approval, AuditEvent, Connector, Operation, Protection
from connectors.queries import approvals as queries
from connectors.queries import connectors as reads
from connectors.services import actors, approvals, batches, protections, tokens
from connectors.services.batches import TIMER, TIMER_VIEWER
from connectors.services.operations import ApprovalNeeded, NotAllowed, NotNow, request
from connectors.states import State, Verb
from tests.cast import Estate
from tests.connectors.services.guarding import ask, protect, second_operator, who

Status = Approval.Status


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)
    monkeypatch.setattr("connectors.tasks.wake_batch", lambda batch_id: None)


@pytest.fixture
def orders(estate: Estate) -> Connector:
    """A protected connector, and a second operator."""
    second_operator(estate)
    protect(estate, estate.connectors[0], reason="Card payments")
    return estate.connectors[0]


def wanted(estate: Estate, connector: Connector, name: str = "operator", verb: Verb = Verb.PAUSE) -> Approval:
    actor, viewer = who(estate, name)
    return approvals.ask(targets=[connector], verb=verb, reason="INC-7", ticket="CHG-7", actor=actor, viewer=viewer)


def test_protected_connector_refuses_without_an_approval(estate: Estate, orders: Connector) -> None:
    with pytest.raises(
        ApprovalNeeded, match=r"^It is protected \(Card payments\): pause takes an approval by a second"
    ):
        ask(estate, orders)

    assert not Operation.objects.exists()
    with pytest.raises(ApprovalNeeded):  # nor an admin
        ask(estate, orders, name="admin")


def test_other_verbs_pass(estate: Estate, orders: Connector) -> None:
    Protection.objects.update(verbs=["pause"])

    assert ask(estate, orders, Verb.RESTART).status == "queued"


def test_approved_it_is_carried_out_as_whoever_asked(estate: Estate, orders: Connector) -> None:
    approval = wanted(estate, orders)
    actor, viewer = who(estate, "second")

    done = approvals.approve(approval=approval, actor=actor, viewer=viewer, said="go")

    operation = Operation.objects.get()
    assert (operation.actor, operation.kind, operation.reason, done.status) == ("operator", "pause", "INC-7", "used")
    recorded = AuditEvent.objects.filter(action__startswith="connector.").order_by("id")
    assert [(e.action, e.actor, e.ticket) for e in recorded if "protection" not in e.action] == [
        ("connector.approval.asked", "operator", "CHG-7"),
        ("connector.approval.approved", "second", "CHG-7"),
        ("connector.pause.requested", "operator", "CHG-7"),
    ]


def test_approval_opens_once(estate: Estate, orders: Connector) -> None:
    actor, viewer = who(estate, "second")
    approvals.approve(approval=wanted(estate, orders), actor=actor, viewer=viewer)
    Operation.objects.update(status="confirmed")

    with pytest.raises(ApprovalNeeded):
        ask(estate, orders)


def test_nobody_approves_their_own_not_by_a_token_either(estate: Estate, orders: Connector) -> None:
    approval = wanted(estate, orders)
    user = estate.people["operator"]
    token, _ = tokens.issue(user=user, name="ci", expires_at=None, actor=SET_UP)

    for key in (None, token):
        with pytest.raises(NotAllowed, match="Nobody approves"):
            approvals.approve(
                approval=approval, actor=actors.behind(user, key), viewer=permissions.viewer_of(user, key)
            )

    assert not Operation.objects.exists()


def test_the_database_itself_refuses_one_person_on_both_sides(estate: Estate, orders: Connector) -> None:
    approval = wanted(estate, orders)

    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(decider=estate.people["operator"])


@pytest.mark.parametrize(("name", "may"), [("viewer", False), ("stranger", False), ("auditor", False),
                                           ("second", True), ("lead", True), ("admin", True)])  # fmt: skip
@pytest.mark.parametrize("approver", ["operator", "lead"])
def test_who_may_be_the_second_person(estate: Estate, orders: Connector, name: str, may: bool, approver: str) -> None:
    protect(estate, orders, approver=approver)
    approval = wanted(estate, orders)
    actor, viewer = who(estate, name)
    if may and not (approver == "lead" and name == "second"):
        assert approvals.approve(approval=approval, actor=actor, viewer=viewer).status == Status.USED
        return

    with pytest.raises(NotAllowed):
        approvals.approve(approval=approval, actor=actor, viewer=viewer)


def test_approval_is_void_once_the_state_changes_even_when_it_changes_back(estate: Estate, orders: Connector) -> None:
    approval = wanted(estate, orders)
    Connector.objects.filter(pk=orders.pk).update(state_since=timezone.now() + timedelta(seconds=1))
    actor, viewer = who(estate, "second")

    with pytest.raises(NotNow, match="ask anew"):
        approvals.approve(approval=approval, actor=actor, viewer=viewer)

    assert approvals.sweep() == 1
    approval.refresh_from_db()
    assert (approval.status, approval.said) == ("void", "orders changed: it was running when it was asked for")


def test_stale_approval_opens_nothing(estate: Estate, orders: Connector) -> None:
    approval = wanted(estate, orders)
    Approval.objects.filter(pk=approval.pk).update(status=Status.APPROVED, decider=estate.people["second"])
    Connector.objects.filter(pk=orders.pk).update(state=State.DEGRADED)
    Connector.objects.filter(pk=orders.pk).update(state=State.RUNNING, state_since=timezone.now())

    with pytest.raises(ApprovalNeeded):
        ask(estate, orders)


def test_approval_lapses(estate: Estate, orders: Connector) -> None:
    approval = wanted(estate, orders)
    actor, viewer = who(estate, "second")

    with pytest.raises(NotNow, match="lapsed"):
        approvals.approve(approval=approval, actor=actor, viewer=viewer, now=timezone.now() + approvals.ASKED_LASTS)
    assert approvals.sweep(timezone.now() + approvals.ASKED_LASTS) == 1
    approval.refresh_from_db()
    assert approval.status == "lapsed"


def test_approved_and_not_used_lapses_too(estate: Estate, orders: Connector) -> None:
    approval = wanted(estate, orders)
    Approval.objects.filter(pk=approval.pk).update(
        status=Status.APPROVED, decider=estate.people["second"], lapses_at=timezone.now() - timedelta(seconds=1)
    )

    with pytest.raises(ApprovalNeeded):
        ask(estate, orders)


def test_approval_opens_its_verb_its_target_and_its_person_alone(estate: Estate, orders: Connector) -> None:
    invoices = estate.add("other")
    protect(estate, invoices)
    approval = wanted(estate, orders)
    Approval.objects.filter(pk=approval.pk).update(status=Status.APPROVED, decider=estate.people["second"])

    for verb, target, name in ((Verb.RESTART, orders, "operator"), (Verb.PAUSE, invoices, "operator"),
                               (Verb.PAUSE, orders, "lead")):  # fmt: skip
        with pytest.raises(ApprovalNeeded):
            ask(estate, target, verb, name)
    assert ask(estate, orders).status == "queued"


def test_who_asked_and_lost_the_role_gets_nothing_by_an_approval(estate: Estate, orders: Connector) -> None:
    approval = wanted(estate, orders)
    estate.people["operator"].memberships.update(role="viewer")
    actor, viewer = who(estate, "second")

    done = approvals.approve(approval=approval, actor=actor, viewer=viewer)

    assert not Operation.objects.exists()
    assert "operator or lead" in done.said


def test_token_that_was_revoked_since_gets_nothing_by_an_approval(estate: Estate, orders: Connector) -> None:
    user = estate.people["operator"]
    token, _ = tokens.issue(user=user, name="ci", expires_at=None, actor=SET_UP)
    approval = approvals.ask(
        targets=[orders], verb=Verb.PAUSE, reason="nightly", actor=actors.behind(user, token),
        viewer=permissions.viewer_of(user, token),
    )  # fmt: skip
    tokens.revoke(token=token, actor=SET_UP)
    actor, viewer = who(estate, "second")

    done = approvals.approve(approval=approval, actor=actor, viewer=viewer)

    assert not Operation.objects.exists()
    assert done.said == "The token ci does not open anything any more."


def test_the_product_itself_passes_no_protection(estate: Estate, orders: Connector) -> None:
    with pytest.raises(ApprovalNeeded):
        request(target=orders, verb=Verb.PAUSE, actor=TIMER, viewer=TIMER_VIEWER)


def test_pipeline_with_a_protected_connector_takes_a_second_person_too(estate: Estate, orders: Connector) -> None:
    from connectors.queries import guards

    _, viewer = who(estate, "operator")
    rails = guards.read(viewer, pipelines=[estate.pipeline.pk])

    found = rails.guarding(estate.pipeline, Verb.STOP)

    assert [p.connector_id for p in found] == [orders.pk]
    assert queries.needed(estate.pipeline, Verb.STOP, found).startswith("One connector in it is protected")


def test_batch_leaves_protected_ones_out_until_they_are_approved(estate: Estate, orders: Connector) -> None:
    actor, viewer = who(estate, "operator")
    rows = reads.visible_to(viewer).filter(pk=orders.pk)
    with pytest.raises(batches.NothingToDo, match="takes an approval"):
        batches.create(connectors=rows, verb=Verb.PAUSE, terms=batches.Terms(), actor=actor, viewer=viewer)
    approval = wanted(estate, orders)
    Approval.objects.filter(pk=approval.pk).update(status=Status.APPROVED, decider=estate.people["second"])

    made = batches.create(connectors=rows, verb=Verb.PAUSE, terms=batches.Terms(), actor=actor, viewer=viewer)

    assert made.items.get().status == "waiting"


def test_asking_twice_is_one_approval(estate: Estate, orders: Connector) -> None:
    assert wanted(estate, orders).pk == wanted(estate, orders).pk


def test_asking_needs_a_reason_and_something_protected(estate: Estate, orders: Connector) -> None:
    actor, viewer = who(estate, "operator")
    for targets, reason, words in (([orders], " ", "Say why"), ([estate.connectors[2]], "x", "takes no approval"),
                                   ([], "x", "Name between")):  # fmt: skip
        with pytest.raises(NotNow, match=words):
            approvals.ask(targets=targets, verb=Verb.RESTART, reason=reason, actor=actor, viewer=viewer)


def test_declined_and_taken_back_open_nothing(estate: Estate, orders: Connector) -> None:
    actor, viewer = who(estate, "second")
    declined = approvals.decline(approval=wanted(estate, orders), actor=actor, viewer=viewer, said="not today")
    own, mine = who(estate, "operator")
    taken = approvals.take_back(approval=wanted(estate, orders), actor=own, viewer=mine)

    assert (declined.status, taken.status) == ("declined", "void")
    with pytest.raises(ApprovalNeeded):
        ask(estate, orders)
    with pytest.raises(NotNow, match="already"):
        approvals.approve(approval=declined, actor=actor, viewer=viewer)


def test_inbox_counts_what_waits_for_this_person(estate: Estate, orders: Connector) -> None:
    wanted(estate, orders)

    counts = {name: queries.to_decide(who(estate, name)[1]).count()
              for name in ("operator", "second", "lead", "admin", "viewer", "stranger", "auditor")}  # fmt: skip

    assert counts == {"operator": 0, "second": 1, "lead": 1, "admin": 1, "viewer": 0, "stranger": 0, "auditor": 0}


@pytest.mark.parametrize("name", ["operator", "viewer", "stranger", "auditor"])
def test_protecting_takes_a_lead(estate: Estate, name: str) -> None:
    actor, viewer = who(estate, name)

    with pytest.raises(NotAllowed):
        protections.protect(
            connector=estate.connectors[0], verbs=[Verb.STOP], approver="lead", is_always_on=False, actor=actor,
            viewer=viewer,
        )  # fmt: skip
    with pytest.raises(NotAllowed):
        protections.lift(connector=estate.connectors[0], actor=actor, viewer=viewer)
