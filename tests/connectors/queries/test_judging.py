"""What is said of a connector is kept, and is never an old answer."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import models
from django.utils import timezone

from connectors import diagnose
from connectors.models import Connector, FreezeWindow, Operation, Pipeline, Protection, Team, UsualTime, VendorAccount
from connectors.permissions import Viewer, viewer_of
from connectors.queries import board, judging
from connectors.queries import connectors as queries
from connectors.queries.connectors import Filters, Row
from connectors.states import OperationStatus, State
from connectors.templatetags.kept import fingerprint, tag
from tests import cast

LONG_AGO = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.get_fixed_timezone(0))


@pytest.fixture(autouse=True)
def nothing_is_kept() -> Iterator[None]:
    """This will begin and end with nothing in memory."""
    judging.forget()
    yield
    judging.forget()


@pytest.fixture
def viewer(estate: cast.Estate) -> Viewer:
    """An operator of the team."""
    return viewer_of(estate.people["operator"])


def shown(viewer: Viewer) -> list[Row]:
    """This will read the board's first page as the board does, in the order of ids."""
    found = board.page(viewer, Filters(), board.Arrangement(), 1).connectors
    return sorted(queries.rows(found, viewer), key=lambda row: row.connector.pk)


def said(rows: list[Row]) -> list[tuple[object, ...]]:
    """This will give all that was worked out for some rows."""
    return [(r.verdict, r.is_stale, r.why, list(r.buttons), list(r.tasks), r.guard, r.upcoming) for r in rows]


def other(field: "models.Field[Any, Any]") -> object:
    """This will give a value that a column does not have."""
    by_name: dict[str, object] = {
        "state": "degraded", "desired_state": "stopped", "tasks": [{"id": "0", "state": "failed"}],
        "tasks_failed": 1, "tasks_total": 3, "metrics": {"records_per_s": 0.0}, "verbs_off": {"pause": "not today"},
        "facts": {"silent_minutes": 7, "consequence": {"restart": "All of it."}}, "whose": "theirs", "vendor": "?",
        "unread": [{"pipeline": None, "reason": "too slow"}], "budget": 0.0, "failure_kind": "rate_limited",
    }  # fmt: skip
    if field.name in by_name:
        return by_name[field.name]
    if isinstance(field, models.DateTimeField):
        return LONG_AGO + timedelta(days=1)
    if isinstance(field, models.JSONField):
        return {"a": "b"}
    if isinstance(field, models.BooleanField):
        return not field.default
    return 4 if isinstance(field, models.IntegerField | models.FloatField) else "other"


def columns(model: type[models.Model], *left_out: str) -> list[Any]:
    """This will give the columns of a table that are no keys, with their table."""
    keys = {field.name for field in model._meta.concrete_fields if field.is_relation or field.primary_key}
    named = [field for field in model._meta.concrete_fields if field.name not in keys.union(left_out)]
    return [pytest.param(model, field, id=f"{model.__name__}-{field.name}") for field in named]


READ = [
    *columns(Connector, "external_id"),
    *columns(Pipeline, "external_id"),
    *columns(Team),
    *columns(VendorAccount, "vendor", "sealed_credentials", "flow"),
]


TROUBLE: dict[str, dict[str, Any]] = {
    "read": {},
    "not read": {"budget": -1.0, "failure": "no route", "failure_kind": "sign_in_refused", "failing_since": LONG_AGO},
    "half read": {"budget": -1.0, "unread": [{"pipeline": "box", "reason": "no answer"}]},
}


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize(("model", "field"), READ)
def test_a_row_says_the_same_as_if_nothing_were_kept(
    estate: cast.Estate, viewer: Viewer, model: type[models.Model], field: "models.Field[Any, Any]", trouble: str
) -> None:
    VendorAccount.objects.update(**TROUBLE[trouble])
    shown(viewer)

    rows = model._default_manager.exclude(pk=estate.other.pk) if model is Team else model._default_manager.all()
    rows.update(**{field.name: other(field)})
    kept = shown(viewer)
    judging.forget()

    anew = shown(viewer)
    assert said(kept) == said(anew)
    assert tag(kept) == tag(anew)


def test_what_is_kept_is_the_same_object_and_what_changed_is_not(estate: cast.Estate, viewer: Viewer) -> None:
    before = shown(viewer)
    Connector.objects.filter(pk=before[0].connector.pk).update(error="no slots", state="failed")

    after = shown(viewer)

    assert [a.judged is b.judged for a, b in zip(after, before, strict=True)] == [False, True, True]
    assert all(row.judged.is_kept for row in after)


@pytest.mark.parametrize("field", ["metrics", "flow", "seen_at"])
def test_what_moves_by_itself_is_looked_at_where_it_is_shown(estate: cast.Estate, viewer: Viewer, field: str) -> None:
    before = shown(viewer)
    values = {"metrics": {"records_per_s": 0}, "flow": [1.0, 2.0], "seen_at": timezone.now() - timedelta(hours=1)}

    Connector.objects.update(**{field: values[field]})
    after = shown(viewer)

    assert [fingerprint(row) for row in after] != [fingerprint(row) for row in before]
    assert tag(after) != tag(before)


def test_counters_alone_leave_what_is_kept(estate: cast.Estate, viewer: Viewer) -> None:
    Connector.objects.update(metrics={"records_per_s": 2, "records_total": 10})
    before = shown(viewer)

    Connector.objects.update(metrics={"records_per_s": 2, "records_total": 90})
    VendorAccount.objects.update(observed_at=timezone.now())

    running = next(row for row in shown(viewer) if row.connector.state == State.RUNNING)
    assert running.judged in [row.judged for row in before]


def test_a_reason_that_names_a_moment_names_the_last_one(estate: cast.Estate, viewer: Viewer) -> None:
    Pipeline.objects.update(state=State.PAUSED)
    shown(viewer)
    now = timezone.now()

    VendorAccount.objects.update(observed_at=now)

    assert [row.why.evidence[0].at for row in shown(viewer) if row.why.rule == "pipeline_not_running"] == [now] * 2


def test_what_grows_old_says_so_though_nothing_was_read(estate: cast.Estate, viewer: Viewer) -> None:
    Pipeline.objects.update(state=State.PAUSED)
    fresh = shown(viewer)

    VendorAccount.objects.update(budget=-1.0)

    assert not any(row.is_stale for row in fresh)
    assert all(row.is_stale for row in shown(viewer))


def situations() -> Iterator[tuple[State, State, dict[str, Any]]]:
    """This will give every pair of states, beside what else a reason may name."""
    beside: list[dict[str, Any]] = [
        {}, {"error": "no slots", "whose": "theirs"}, {"metrics": {"records_per_s": 0}}, {"vendor_state": "ODD"},
        {"drift_since": LONG_AGO, "desired_state": State.RUNNING, "desired_by": "lead"}, {"drift_since": LONG_AGO},
        {"facts": {"silent_minutes": 5}}, {"gone_at": LONG_AGO}, {"tasks": [{"id": 0, "state": "failed"}]},
    ]  # fmt: skip
    yield from product(State, State, beside)


@pytest.mark.parametrize("is_stale", [False, True])
def test_where_a_moment_is_left_out_no_reason_depends_on_it(is_stale: bool) -> None:
    timeless = 0
    for pipeline_state, state, beside in situations():
        account = VendorAccount(vendor="kafka-connect", name="a", observed_at=timezone.now(), budget=60)
        pipeline = Pipeline(account=account, name="p", state=pipeline_state)
        connector = Connector(account=account, pipeline=pipeline, state=state, state_since=LONG_AGO, **beside)
        if not judging._is_timeless(connector, is_stale=is_stale):
            continue
        timeless += 1
        first = diagnose.diagnose(judging.situation(connector, is_stale=is_stale))
        account.observed_at = LONG_AGO
        assert diagnose.diagnose(judging.situation(connector, is_stale=is_stale)) == first
    assert bool(timeless) is not is_stale


def test_people_who_may_less_are_told_of_their_own_buttons(estate: cast.Estate, viewer: Viewer) -> None:
    operators = shown(viewer)

    viewers = shown(viewer_of(estate.people["viewer"]))

    assert any(button.is_on for row in operators for button in row.buttons)
    assert not any(button.is_on for row in viewers for button in row.buttons)
    assert all(row.judged.is_kept for row in viewers)


def test_an_open_operation_turns_the_buttons_off_at_once(estate: cast.Estate, viewer: Viewer) -> None:
    shown(viewer)
    now, connector = timezone.now(), estate.connectors[0]
    Operation.objects.create(
        account=estate.account, connector=connector, kind="pause", actor="x", state_before="running",
        status=OperationStatus.SENT, requested_at=now, deadline_at=now + timedelta(minutes=1),
    )  # fmt: skip

    row = next(row for row in shown(viewer) if row.connector.pk == connector.pk)

    assert not any(button.is_on for button in row.buttons)
    assert any("still under way" in button.why_not for button in row.buttons)


def test_usual_times_are_those_of_now(estate: cast.Estate, viewer: Viewer) -> None:
    button = next(button for row in shown(viewer) for button in row.buttons)
    UsualTime.objects.create(
        vendor=estate.account.vendor, target="connector", kind=button.verb, p50=7, p95=9, count=50,
        measured_at=timezone.now(),
    )  # fmt: skip

    assert next(b.usual for row in shown(viewer) for b in row.buttons if b.verb == button.verb) == 7


def test_under_a_freeze_or_a_protection_nothing_is_kept(estate: cast.Estate, viewer: Viewer) -> None:
    before = shown(viewer)
    guarded = before[0].connector
    Protection.objects.create(
        connector=guarded, verbs=["stop", "pause", "restart"], set_by="lead", set_at=timezone.now()
    )
    under_protection = shown(viewer)
    FreezeWindow.objects.create(
        name="night", team=estate.team, starts_at=LONG_AGO, created_at=LONG_AGO, reason="because"
    )

    frozen = shown(viewer)

    assert [row.judged.is_kept for row in under_protection] == [False, True, True]
    assert said(under_protection)[0] != said(before)[0]
    assert not any(row.judged.is_kept for row in frozen)
    assert all("Frozen" in b.why_not for row in frozen for b in row.buttons if b.verb == "stop" and b.why_not)


def test_what_was_not_read_by_a_layout_is_judged_anew(estate: cast.Estate, viewer: Viewer) -> None:
    kept = shown(viewer)

    rows = queries.rows(list(queries.visible_to(viewer).order_by("pk")), viewer)

    assert said(rows) == said(kept)
    assert tag(rows) == tag(kept)
    assert not any(row.judged.is_kept for row in rows)


def test_only_so_many_are_kept(estate: cast.Estate, viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MOST", 2)
    monkeypatch.setattr(judging, "KINDS", 1)
    for who in ("operator", "viewer", "admin"):
        rows = shown(viewer_of(estate.people[who]))
        assert len(rows) == 3
        assert len(judging._kept) == 1
        assert all(len(kept.judged) <= 2 and len(kept.buttons) <= 2 for kept in judging._kept.values())


def test_layout_tells_what_moves_from_what_rests(estate: cast.Estate) -> None:
    (before,) = board.ROW.read(Connector.objects.filter(name="orders"))
    Connector.objects.update(metrics={"records_total": 4}, flow=[1.0])
    (moved,) = board.ROW.read(Connector.objects.filter(name="orders"))
    Team.objects.update(name="Other")
    (changed,) = board.ROW.read(Connector.objects.filter(name="orders"))

    assert before.read_as == moved.read_as != changed.read_as
    VendorAccount.objects.update(failure="no", observed_at=timezone.now())
    (elsewhere,) = board.ROW.read(Connector.objects.filter(name="orders"))
    assert changed.read_as == elsewhere.read_as
    assert (elsewhere.account.failure, elsewhere.account.read_as) != ("", changed.account.read_as)
