"""One sample a minute, rolled up and forgotten; what nobody saw stays a gap."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connector, Sample, StateChange, VendorAccount
from connectors.queries import samples as reads
from connectors.services import leases, reconciling, samples
from connectors.states import State
from connectors.vendors.base import AccountSnapshot, ConnectorSnapshot, Metrics, PipelineSnapshot
from tests.connectors.services.conftest import Tiny

BEGIN = datetime(2026, 11, 20, 12, 0, 5, tzinfo=UTC)


def observed(**metrics: Mapping[str, float]) -> AccountSnapshot:
    """An observation of things that count."""
    pipeline = PipelineSnapshot("box", "box", State.RUNNING, "up")
    things = [
        ConnectorSnapshot(name, "box", name, State.RUNNING, "up", metrics=Metrics(**found))  # type: ignore[arg-type]
        for name, found in metrics.items()
    ]
    return AccountSnapshot([pipeline], things)


def read(box: Tiny, at: datetime, **metrics: Mapping[str, float]) -> None:
    """This will store one observation."""
    VendorAccount.objects.filter(pk=box.account.pk).update(leased_until=None)
    lease = leases.take(box.account.pk, "test")
    assert lease
    reconciling.apply(lease, observed(**metrics), started=at)


def kept() -> list[tuple[str, float | None, float | None, int | None, int | None]]:
    return list(Sample.objects.order_by("at").values_list("connector__name", "records", "bytes", "errors", "lag"))


def test_sample_says_what_was_moved_within_its_minute(box: Tiny) -> None:
    for second in (0, 20, 40, 60):
        read(box, BEGIN + timedelta(seconds=second),
             thing={"records_total": 1000 + 10 * second, "bytes_total": 80 * second, "errors_total": 3 + second // 60,
                    "lag": 7})  # fmt: skip

    assert kept() == [("thing", 10.0, 80.0, 1, 7)]
    assert Sample.objects.get().at == BEGIN.replace(second=0)


def test_sample_is_taken_once_a_minute_however_often_the_account_is_read(box: Tiny) -> None:
    for second in range(0, 185, 12):
        read(box, BEGIN + timedelta(seconds=second), thing={"records_total": second})

    assert [at.minute for at in Sample.objects.order_by("at").values_list("at", flat=True)] == [0, 1, 2]


def test_sample_is_missing_where_nobody_looked(box: Tiny) -> None:
    for minute in (0, 1, 20, 21):
        read(box, BEGIN + timedelta(minutes=minute), thing={"records_total": 600 * minute})

    assert [(s.at.minute, s.records) for s in Sample.objects.order_by("at")] == [(0, 10.0), (20, 10.0)]


def test_sample_says_nothing_of_a_counter_that_began_anew(box: Tiny) -> None:
    read(box, BEGIN, thing={"records_total": 5000, "lag": 1})
    read(box, BEGIN + timedelta(minutes=1), thing={"records_total": 10, "lag": 2})

    assert kept() == [("thing", None, None, None, 2)]


def test_samples_of_a_thousand_connectors_are_one_statement(
    box: Tiny, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    names = [f"thing-{place}" for place in range(1000)]
    read(box, BEGIN, **{name: {"records_total": 0} for name in names})
    with django_assert_max_num_queries(30) as few:
        read(box, BEGIN + timedelta(minutes=1), **{name: {"records_total": 60} for name in names})

    inserts = [q["sql"] for q in few.captured_queries if 'INSERT INTO "connectors_sample"' in q["sql"]]
    assert (len(inserts), Sample.objects.count()) == (1, 1000)


def test_metrics_of_the_api_hold_no_mark(box: Tiny) -> None:
    read(box, BEGIN, thing={"records_total": 5})

    row = Connector.objects.get()

    assert ("mark" in row.metrics, "mark" in row.figures) == (True, False)


@pytest.fixture
def thing(box: Tiny) -> Connector:
    """This will give a connector that was read once."""
    box.drive()
    return box.connector()


def add(connector: Connector, at: datetime, span: int = 60, **values: float) -> None:
    Sample.objects.create(connector=connector, span=span, at=at, **values)


def test_roll_up_sums_what_is_finished_into_the_next_tier(thing: Connector) -> None:
    start = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    for minute in range(20):
        add(thing, start + timedelta(minutes=minute), records=float(minute), errors=1, lag=minute)

    for _ in range(2):
        samples.roll_up(start + timedelta(minutes=21))

    (coarse,) = Sample.objects.filter(span=900)
    assert (coarse.at, coarse.records, coarse.errors, coarse.lag) == (start, 7.0, 15, 14)


def test_roll_up_takes_up_where_it_stopped_after_days_without_it(thing: Connector) -> None:
    start = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
    for quarter in range(4 * 24):
        add(thing, start + timedelta(minutes=15 * quarter), records=4.0)

    samples.roll_up(start + timedelta(hours=24, minutes=3))

    assert Sample.objects.filter(span=900).count() == 96
    assert list(Sample.objects.filter(span=7200).values_list("records", flat=True)) == [4.0] * 12


def test_roll_up_forgets_what_is_too_old(thing: Connector) -> None:
    now = timezone.now()
    for tier in samples.TIERS:
        add(thing, now - tier.keep + timedelta(minutes=1), span=tier.span, records=1.0)
        add(thing, now - tier.keep - timedelta(minutes=1), span=tier.span, records=1.0)

    forgotten = samples.roll_up(now)

    assert forgotten == 3
    assert all(
        now - sample.at < tier.keep for tier in samples.TIERS for sample in Sample.objects.filter(span=tier.span)
    )


def test_history_keeps_gaps_and_states(thing: Connector) -> None:
    now = datetime(2026, 11, 20, 12, 30, 20, tzinfo=UTC)
    StateChange.objects.filter(connector=thing).delete()
    for minute in (1, 2, 5):
        add(thing, now.replace(second=0) - timedelta(minutes=minute), records=float(minute))
    failed = now - timedelta(minutes=10)
    StateChange.objects.create(connector=thing, before="running", after="failed", at=failed, cause="outside")

    found = reads.history(thing, reads.range_of("1h"), now)

    assert [point.records for point in found.points[-6:]] == [None, 5.0, None, None, 2.0, 1.0]
    assert [(s.state, s.start, s.end) for s in found.stretches] == [
        (State.RUNNING, found.start, failed), (State.FAILED, failed, found.end),
    ]  # fmt: skip


def test_last_hour_of_many_rows_is_one_question(box: Tiny, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    box.drive()
    ids = list(Connector.objects.order_by("name").values_list("pk", flat=True))
    now = datetime(2026, 11, 20, 12, 30, 20, tzinfo=UTC)
    add(Connector.objects.get(pk=ids[0]), now - timedelta(minutes=10), records=12.0)

    with django_assert_num_queries(1):
        lines = reads.last_hour(ids, now)

    assert [[rate for rate in lines[pk] if rate is not None] for pk in ids] == [[12.0], [], []]
    assert {len(line) for line in lines.values()} == {reads.SHORT}
