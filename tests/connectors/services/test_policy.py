"""No way past the guard rails: each verb, by each path, against each guard. And without a guard each of them works."""

import argparse
import io
import urllib.request
import urllib.response
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from connectors.models import (
    AccessRequest,
    Approval,
    Batch,
    BreakGlass,
    Connector,
    Membership,
    Operation,
    ScheduleRun,
)
from connectors.queries import connectors as reads
from connectors.services import (
    approvals,
    batch_steps,
    batches,
    driver,
    healing,
    holds,
    operations,
    schedules,
    timers,
    undo,
)
from connectors.services.operations import NotAllowed, NotPossible
from connectors.states import OperationStatus, State, Verb
from connectors.vendors.sandbox import Bench, Fault
from tests.cast import Estate
from tests.connectors.services.guarding import freeze, protect, second_operator, who

VERBS = (Verb.PAUSE, Verb.RESUME, Verb.RESTART)
CLI = Path(__file__).resolve().parents[3] / "bin" / "switchyard"
SOON = timedelta(hours=1)


@dataclass
class Case:
    """One verb on the connector that takes it."""

    estate: Estate
    verb: Verb
    connector: Connector

    def target(self) -> Connector:
        """This will read it anew."""
        return Connector.objects.select_related("account__team", "pipeline", "team").get(pk=self.connector.pk)

    def done(self, verb: Verb, state: State, **more: Any) -> Operation:
        """This will have had something asked of it and confirmed."""
        start = State.RUNNING if verb is Verb.PAUSE else State.PAUSED
        Connector.objects.filter(pk=self.connector.pk).update(state=start)
        actor, viewer = who(self.estate, "operator")
        made = operations.request(target=self.target(), verb=verb, actor=actor, viewer=viewer, **more)
        Operation.objects.filter(pk=made.pk).update(status=OperationStatus.CONFIRMED, finished_at=timezone.now())
        Connector.objects.filter(pk=self.connector.pk).update(state=state)
        made.refresh_from_db()
        return made


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)
    monkeypatch.setattr("connectors.tasks.wake_batch", lambda batch_id: None)


@pytest.fixture
def case(estate: Estate, verb: Verb) -> Case:
    """An estate that does not grow stale, and a second operator."""
    estate.account.budget = 1e10
    estate.account.save()
    second_operator(estate)
    place = {Verb.PAUSE: 0, Verb.RESUME: 1, Verb.RESTART: 2}[verb]
    Connector.objects.update(state_since=timezone.now() - SOON)
    return Case(estate, verb, estate.connectors[place])


# The paths: each gets ready before there is a guard, and gives what is then tried.


def by_page(case: Case) -> Callable[[], None]:
    client = Client()
    client.force_login(case.estate.people["operator"])
    path = f"/connectors/{case.connector.pk}/operations/"
    return lambda: void(client.post(path, {"kind": case.verb}, headers={"HX-Request": "true"}))


def by_api(case: Case) -> Callable[[], None]:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {case.estate.token('operator')}")
    body = {"connector": case.connector.pk, "kind": case.verb, "reason": "x"}
    return lambda: void(client.post("/api/v1/operations/", body, format="json"))


class InProcess(urllib.request.HTTPHandler):
    """Hands what the command line sends to the product, without a server in between."""

    def http_open(self, request: urllib.request.Request) -> Any:
        """This will answer as a server would."""
        said = Client().generic(
            request.get_method(), request.selector, request.data or b"",
            content_type=request.get_header("Content-type") or "", headers=dict(request.header_items()),
        )  # fmt: skip
        heads = Message()
        for name, value in said.headers.items():
            heads[name] = value
        answer = urllib.response.addinfourl(io.BytesIO(said.content), heads, request.full_url, said.status_code)
        answer.msg = said.reason_phrase  # type: ignore[attr-defined]  # what urllib itself sets
        return answer


def by_command_line(case: Case) -> Callable[[], None]:
    loader = SourceFileLoader("switchyard_cli", str(CLI))
    spec = spec_from_loader("switchyard_cli", loader)
    assert spec is not None
    cli = module_from_spec(spec)
    loader.exec_module(cli)
    words = ["--url", "http://testserver", str(case.verb), str(case.connector.pk), "--no-wait", "--reason", "x"]
    given: argparse.Namespace = cli.parser().parse_args(words)
    given.token = case.estate.token("operator")
    command = cli.Command(given, io.StringIO())
    command.api.opener = urllib.request.build_opener(InProcess)

    def attempt() -> None:
        with suppress(cli.Trouble):
            command.run()

    return attempt


def by_schedule(case: Case) -> Callable[[], None]:
    actor, viewer = who(case.estate, "operator")
    at = timezone.now() + SOON
    wish = schedules.Wish("Later", case.verb, "once", "one", [case.connector.pk], at=at)
    schedules.create(wish=wish, team=case.estate.team, actor=actor, viewer=viewer)

    def attempt() -> None:
        schedules.run_due(at)
        assert ScheduleRun.objects.count() == 1
        for batch in Batch.objects.all():
            batch_steps.advance(str(batch.pk))

    return attempt


def by_batch(case: Case) -> Callable[[], None]:
    def attempt() -> None:
        actor, viewer = who(case.estate, "operator")
        rows = reads.visible_to(viewer).filter(pk=case.connector.pk)
        with suppress(NotPossible):
            made = batches.create(connectors=rows, verb=case.verb, terms=batches.Terms(), actor=actor, viewer=viewer)
            batch_steps.advance(str(made.pk))

    return attempt


def by_batch_asked_before(case: Case) -> Callable[[], None]:
    """Counted while nothing stood in the way, asked when something does."""
    actor, viewer = who(case.estate, "operator")
    rows = reads.visible_to(viewer).filter(pk=case.connector.pk)
    made = batches.create(connectors=rows, verb=case.verb, terms=batches.Terms(), actor=actor, viewer=viewer)
    return lambda: void(batch_steps.advance(str(made.pk)))


def by_heal(case: Case) -> Callable[[], None]:
    actor, viewer = who(case.estate, "lead")
    wish = healing.Wish(first_wait=1)
    healing.set_policy(team=case.estate.team, connector=None, wish=wish, actor=actor, viewer=viewer)
    return lambda: void(healing.run())


def by_undo(case: Case) -> Callable[[], None]:
    first = case.done(*((Verb.RESUME, State.RUNNING) if case.verb is Verb.PAUSE else (Verb.PAUSE, State.PAUSED)))

    def attempt() -> None:
        actor, viewer = who(case.estate, "operator")
        with suppress(NotPossible):
            undo.undo(operation=first, actor=actor, viewer=viewer)

    return attempt


def by_timed_resume(case: Case) -> Callable[[], None]:
    paused = case.done(Verb.PAUSE, State.PAUSED)
    holds.open_for([paused], until=timezone.now() + timedelta(minutes=10))
    return lambda: void(timers.run(timezone.now() + timedelta(minutes=11)))


ALL = frozenset(VERBS)
PATHS: dict[str, tuple[Callable[[Case], Callable[[], None]], frozenset[Verb]]] = {
    "page": (by_page, ALL),
    "api": (by_api, ALL),
    "command line": (by_command_line, ALL),
    "schedule": (by_schedule, ALL),
    "batch": (by_batch, ALL),
    "batch asked before": (by_batch_asked_before, ALL),
    "heal": (by_heal, frozenset({Verb.RESTART})),
    "undo": (by_undo, frozenset({Verb.PAUSE, Verb.RESUME})),
    "timed resume": (by_timed_resume, frozenset({Verb.RESUME})),
}
"""With the verbs that go this way at all."""
BY_A_PERSON = frozenset(PATHS) - {"heal", "timed resume"}


# The guards


def frozen(case: Case) -> None:
    freeze(case.estate, team=None)


def glass_that_mended(case: Case) -> None:
    """Broken by a lead of the team once, and long over."""
    Membership.objects.filter(user=case.estate.people["operator"]).update(role="lead")
    window = freeze(case.estate, team=None)
    now = timezone.now()
    BreakGlass.objects.create(
        freeze=window, user=case.estate.people["operator"], actor="operator", reason="x", at=now - SOON, until=now
    )


def not_approved(case: Case) -> None:
    protect(case.estate, case.connector, verbs=list(VERBS))


def asked(case: Case) -> Approval:
    protect(case.estate, case.connector, verbs=list(VERBS))
    actor, viewer = who(case.estate, "operator")
    return approvals.ask(targets=[case.target()], verb=case.verb, reason="x", actor=actor, viewer=viewer)


def approved_as_it_was_before(case: Case) -> None:
    """Approved by somebody else; then its state changed, and changed back."""
    second = case.estate.people["second"]
    approval = asked(case)
    Approval.objects.filter(pk=approval.pk).update(
        status="approved", decider=second, lapses_at=timezone.now() + 3 * SOON
    )
    Connector.objects.filter(pk=case.connector.pk).update(state_since=timezone.now() - timedelta(minutes=5))


def approved_and_lapsed(case: Case) -> None:
    second = case.estate.people["second"]
    approval = asked(case)
    Approval.objects.filter(pk=approval.pk).update(status="approved", decider=second, lapses_at=timezone.now())


def approved_by_oneself(case: Case) -> None:
    """Tried by the service, and written past it as far as the database lets it."""
    approval = asked(case)
    actor, viewer = who(case.estate, "operator")
    with pytest.raises(NotAllowed):
        approvals.approve(approval=approval, actor=actor, viewer=viewer)
    Approval.objects.filter(pk=approval.pk).update(status="approved", lapses_at=timezone.now() + 3 * SOON)


def grant_that_expired(case: Case) -> None:
    user, now = case.estate.people["operator"], timezone.now()
    Membership.objects.filter(user=user).delete()
    AccessRequest.objects.create(
        user=user, team=case.estate.team, role="operator", minutes=60, reason="x", asked_at=now - 2 * SOON,
        lapses_at=now, decided_at=now - SOON, decided_by="lead", is_granted=True, ends_at=now,
    )  # fmt: skip


GUARDS: dict[str, tuple[Callable[[Case], None], frozenset[str]]] = {
    "freeze": (frozen, frozenset(PATHS)),
    "glass that mended": (glass_that_mended, frozenset(PATHS)),
    "approval missing": (not_approved, frozenset(PATHS)),
    "stale approval": (approved_as_it_was_before, frozenset(PATHS)),
    "lapsed approval": (approved_and_lapsed, frozenset(PATHS)),
    "self-approval": (approved_by_oneself, frozenset(PATHS)),
    "expired grant": (grant_that_expired, BY_A_PERSON),
}
"""With the paths they stand across; nobody's grant lets the product itself pass."""

WAYS = [(verb, path) for path, (_, verbs) in PATHS.items() for verb in VERBS if verb in verbs]
CASES = [(verb, path, guard) for verb, path in WAYS for guard, (_, paths) in GUARDS.items() if path in paths]


def void(_: object) -> None:
    """This will forget an answer: what counts is what was asked of the vendor."""


@pytest.mark.parametrize(("verb", "path"), WAYS)
def test_without_a_guard_every_way_works(case: Case, verb: Verb, path: str) -> None:
    attempt = PATHS[path][0](case)
    before = Operation.objects.count()

    attempt()

    assert [o.kind for o in Operation.objects.order_by("requested_at")[before:]] == [verb]


@pytest.mark.parametrize(("verb", "path", "guard"), CASES)
def test_with_a_guard_no_way_passes(case: Case, verb: Verb, path: str, guard: str) -> None:
    attempt = PATHS[path][0](case)
    before = Operation.objects.count()
    GUARDS[guard][0](case)

    attempt()

    assert Operation.objects.count() == before


@pytest.mark.parametrize(("verb", "path"), WAYS)
@pytest.mark.parametrize("is_frozen", [False, True])
def test_what_is_frozen_while_it_waits_is_not_sent(
    case: Case, verb: Verb, path: str, is_frozen: bool, serve: Callable[..., tuple[Bench, str]]
) -> None:
    """The vendor lets nobody in: what counts is whether the driver tried, as the vendor saw it."""
    app, case.estate.account.base_url = serve("tiny")
    app.faults.append(Fault("unauthorized", times=-1))
    case.estate.account.save()
    attempt = PATHS[path][0](case)
    attempt()
    (asked,) = Operation.objects.filter(status=OperationStatus.QUEUED)
    if is_frozen:
        freeze(case.estate, team=None)

    driver.drive(case.estate.account.pk)

    asked.refresh_from_db()
    sent = [entry["path"] for entry in app.requests if entry["method"] == "POST"]
    assert sent == ([] if is_frozen else [f"/things/{case.connector.external_id}/{verb}"])
    assert asked.attempts == len(sent)
    assert (asked.status == OperationStatus.CANCELLED) == is_frozen


def test_every_verb_path_and_guard_is_in_the_table() -> None:
    assert len(CASES) >= 130
    assert {case[2] for case in CASES} == set(GUARDS)
