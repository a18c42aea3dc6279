"""Counts are kept as they change: whatever is done to connectors, the sums are what one would count."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from connectors import permissions, tasks
from connectors.models import Connector, CountChange, Pipeline, VendorAccount
from connectors.queries import connectors as queries
from connectors.queries import overview
from connectors.services import counting
from connectors.states import State
from tests import cast

PEOPLE = ("viewer", "stranger", "admin")
BY = ("pipeline_id", "team_id", "state")
Counts = dict[tuple[Any, ...], tuple[int, int]]


def summed() -> Counts:
    """This will sum up what was noted, of each pipeline, team and state."""
    numbers, drifted = Counter[tuple[Any, ...]](), Counter[tuple[Any, ...]]()
    for *key, more, of_them in CountChange.objects.values_list(*BY, "number", "drifted"):
        numbers[tuple(key)] += more
        drifted[tuple(key)] += of_them
    return {key: (numbers[key], drifted[key]) for key in numbers if numbers[key] or drifted[key]}


def counted() -> Counts:
    """This will count the rows themselves."""
    rows = list(Connector.objects.filter(gone_at=None, seen_at=None).values_list(*BY, "drift_since"))
    numbers = Counter(tuple(key) for *key, _ in rows)
    drifted = Counter(tuple(key) for *key, since in rows if since)
    return {key: (numbers[key], drifted[key]) for key in numbers}


def said(estate: cast.Estate, who: str) -> object:
    """This will give what the head of somebody's board says."""
    found = overview.summary(permissions.viewer_of(estate.people[who]))
    return found.total, dict(found.cells), dict(found.not_reached), found.drifted


def there(estate: cast.Estate, who: str, now: datetime) -> object:
    """This will give what it has to say, from the rows that are there."""
    rows = list(queries.visible_to(permissions.viewer_of(estate.people[who])))
    reached = Counter((State(row.pipeline.state), State(row.state)) for row in rows if not row.is_stale(now))
    not_reached = Counter(State(row.state) for row in rows if row.is_stale(now))
    return len(rows), dict(reached), dict(not_reached), sum(row.drift_since is not None for row in rows)


class Walk:
    """Somebody who does anything at all to an estate."""

    def __init__(self, estate: cast.Estate, seed: int) -> None:
        self.estate, self.chance, self.now, self.made = estate, random.Random(seed), timezone.now(), 0
        self.steps: list[Callable[[], None]] = [
            self.add, self.add_many, self.add_many, self.remove, self.remove_some, self.save, self.save, self.save_many,
            self.update, self.update, self.upsert, self.change_of_mind, self.change_of_mind, self.add_pipeline,
            self.turn_pipeline, self.remove_pipeline, self.add_account, self.remove_account, self.fold, self.fold,
        ]  # fmt: skip

    def step(self) -> None:
        """This will do one thing."""
        self.chance.choice(self.steps)()

    def values(self, account_id: int | None = None) -> dict[str, Any]:
        """This will give columns that are counted by; a connector stays with its account."""
        some, now = self.chance, self.now
        pipelines = Pipeline.objects.filter(**{"account": account_id} if account_id else {})
        return {
            "state": some.choice([State.RUNNING, State.RUNNING, State.PAUSED, State.FAILED]),
            "team": some.choice([self.estate.team, self.estate.other]),
            "pipeline": some.choice(list(pipelines.order_by("pk"))),
            "gone_at": some.choice([None, None, None, now]),
            "seen_at": some.choice([None, None, None, now, now - timedelta(hours=1)]),
            "drift_since": some.choice([None, None, now, now - timedelta(hours=1)]),
        }

    def some(self) -> list[Connector]:
        """This will pick a few of them."""
        rows = list(Connector.objects.order_by("pk"))
        return self.chance.sample(rows, min(len(rows), self.chance.randint(1, 6)))

    def new(self) -> Connector:
        """This will make one that is not stored yet."""
        self.made += 1
        values = self.values()
        name, account = f"walk-{self.made}", values["pipeline"].account
        return Connector(account=account, external_id=name, name=name, state_since=self.now, **values)

    def add(self) -> None:
        """This will add one."""
        self.new().save()

    def add_many(self) -> None:
        """This will add several by one statement."""
        Connector.objects.bulk_create(self.new() for _ in range(self.chance.randint(2, 8)))

    def remove(self) -> None:
        """This will remove one."""
        for connector in self.some()[:1]:
            connector.delete()

    def remove_some(self) -> None:
        """This will remove a few by one statement."""
        Connector.objects.filter(pk__in=[c.pk for c in self.some()[:3]]).delete()

    def save(self) -> None:
        """This will save one column or all of one row."""
        for connector in self.some()[:1]:
            values = self.values(connector.account_id)
            name = self.chance.choice(list(values))
            for each in [name] if self.chance.random() < 0.5 else values:
                setattr(connector, each, values[each])
            connector.save()

    def save_many(self) -> None:
        """This will give several rows other values by one statement."""
        rows = self.some()
        for connector in rows:
            for name, value in self.values(connector.account_id).items():
                setattr(connector, name, value)
        Connector.objects.bulk_update(rows, list(self.values()))

    def update(self) -> None:
        """This will set one column of several rows."""
        rows = self.some()
        if rows:
            values = self.values(rows[0].account_id)
            name = self.chance.choice(list(values))
            same = Connector.objects.filter(pk__in=[c.pk for c in rows], account=rows[0].account_id)
            same.update(**{name: values[name]})

    def upsert(self) -> None:
        """This will add several where some are there already."""
        rows = [self.new(), *self.some()]
        unique: list[Connector] = list({(c.account_id, c.external_id): c for c in rows}.values())
        for connector in unique:
            connector.pk, connector.state = None, State.STARTING
        Connector.objects.bulk_create(
            unique, update_conflicts=True, unique_fields=["account", "external_id"], update_fields=["state"]
        )

    def change_of_mind(self) -> None:
        """This will do several things and take them back."""
        with transaction.atomic():
            for _ in range(3):
                self.step()
            transaction.set_rollback(True)

    def add_pipeline(self) -> None:
        """This will add an empty one."""
        self.made += 1
        account = self.chance.choice(list(VendorAccount.objects.order_by("pk")))
        Pipeline.objects.create(
            account=account, external_id=f"p-{self.made}", name="p", state=State.RUNNING, state_since=self.now
        )

    def turn_pipeline(self) -> None:
        """This will bring one into another state."""
        pipeline = self.values()["pipeline"]
        Pipeline.objects.filter(pk=pipeline.pk).update(state=self.chance.choice(list(State)))

    def remove_pipeline(self) -> None:
        """This will remove one with all that it holds; one always stays."""
        if Pipeline.objects.count() > 1:
            pipeline = self.values()["pipeline"]
            if pipeline != self.estate.pipeline:
                pipeline.delete()

    def add_account(self) -> None:
        """This will add one that is read, was read long ago or never."""
        self.made += 1
        at = self.chance.choice([None, self.now, self.now - timedelta(hours=1)])
        VendorAccount.objects.create(
            vendor=self.estate.account.vendor, name=f"a-{self.made}", team=self.estate.team,
            base_url="http://127.0.0.1:9", created_at=self.now, observed_at=at, budget=600,
        )  # fmt: skip

    def remove_account(self) -> None:
        """This will remove one with all that it holds; the first stays."""
        accounts = list(VendorAccount.objects.exclude(pk=self.estate.account.pk).order_by("pk"))
        if accounts and self.chance.random() < 0.5:
            self.chance.choice(accounts).delete()

    def fold(self) -> None:
        """This will fold, as the clock does."""
        counting.fold()


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_done_the_sums_are_what_one_would_count(estate: cast.Estate, seed: int) -> None:
    walk = Walk(estate, seed)
    VendorAccount.objects.update(budget=600)
    most = 0
    for place in range(120):
        walk.step()

        assert summed() == counted(), place
        most = max(most, len(counted()))
        if place % 5 == 0:
            now = timezone.now()
            assert [said(estate, who) for who in PEOPLE] == [there(estate, who, now) for who in PEOPLE], place

    assert most > 5
    counting.fold()
    assert CountChange.objects.count() == len(summed()) == len(counted())


@pytest.mark.parametrize(
    "values",
    [
        {"metrics": {"lag": 3}, "flow": [1, None, 2]},
        {"vendor_state": "UP", "error": "", "urgency": 2, "reading": "abc", "tasks_total": 3},
        {"state": State.RUNNING, "drift_since": None, "seen_at": None, "gone_at": None},
        {"desired_state": State.PAUSED, "drift_snoozed_until": datetime(2030, 1, 1).astimezone()},
    ],
)
def test_what_is_not_counted_notes_nothing(estate: cast.Estate, values: dict[str, Any]) -> None:
    before = list(CountChange.objects.values_list("pk", flat=True).order_by("pk"))

    assert Connector.objects.filter(state=State.RUNNING).update(**values) == 1

    assert list(CountChange.objects.values_list("pk", flat=True).order_by("pk")) == before


def test_a_row_that_counts_neither_before_nor_after_notes_nothing(estate: cast.Estate) -> None:
    now = timezone.now()
    Connector.objects.filter(name="orders").update(seen_at=now)
    before = CountChange.objects.count()

    Connector.objects.filter(name="orders").update(seen_at=now, gone_at=now, state=State.FAILED, drift_since=now)
    Connector.objects.filter(name="orders").delete()

    assert CountChange.objects.count() == before
    assert summed() == counted()


def test_a_drift_that_goes_on_is_not_noted_again(estate: cast.Estate) -> None:
    now = timezone.now()
    Connector.objects.filter(name="orders").update(drift_since=now - timedelta(hours=1))
    before = CountChange.objects.count()

    Connector.objects.filter(name="orders").update(drift_since=now)

    assert CountChange.objects.count() == before
    assert sum(drifted for _, drifted in summed().values()) == 1


def test_folding_leaves_one_row_of_each_and_touches_only_what_changed(estate: cast.Estate) -> None:
    orders, invoices = estate.connectors[:2]
    for state in (State.PAUSED, State.FAILED, State.RUNNING, State.PAUSED):
        Connector.objects.filter(pk=orders.pk).update(state=state)
    failed = CountChange.objects.filter(state=State.FAILED).count()
    assert (CountChange.objects.count(), failed) == (11, 3)

    fewer = counting.fold()

    rows = set(CountChange.objects.values_list("state", "number", "drifted"))
    assert (fewer, rows) == (9, {(State.PAUSED, 2, 0), (State.FAILED, 1, 0)})
    left = set(CountChange.objects.values_list("pk", flat=True))
    Connector.objects.filter(pk=invoices.pk).update(state=State.RUNNING)
    assert counting.fold() == 1
    assert set(CountChange.objects.filter(state=State.FAILED).values_list("pk", flat=True)) < left
    assert counting.fold() == 0


def test_nothing_is_left_of_a_pipeline_that_was_removed(estate: cast.Estate) -> None:
    counting.fold()
    estate.pipeline.delete()
    assert CountChange.objects.exists()

    counting.fold()

    assert not CountChange.objects.exists()


def test_nothing_is_left_where_the_table_is_emptied(estate: cast.Estate) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE connectors_connector CASCADE")

    assert not CountChange.objects.exists()


def test_what_was_there_before_is_counted_by_the_migration(estate: cast.Estate) -> None:
    now = timezone.now()
    estate.add("drifting", drift_since=now)
    estate.add("theirs", team=estate.other)
    estate.add("missing", seen_at=now)
    estate.add("gone", gone_at=now)
    CountChange.objects.all().delete()

    with connection.cursor() as cursor:
        cursor.execute(import_module("connectors.migrations.0031_counts_as_they_change").FILL)

    assert summed() == counted()
    assert CountChange.objects.count() == len(counted()) == 4


@pytest.fixture
def second(transactional_db: None) -> Iterator[BaseDatabaseWrapper]:
    """This will give a connection of somebody else; who would wait for longer than a moment gets an error."""
    other = connection.copy()
    for each in (connection, other):
        with each.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
    other.set_autocommit(False)
    yield other
    other.rollback()
    other.close()
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")


@pytest.fixture
def pair(second: BaseDatabaseWrapper, tiny: str) -> tuple[cast.Estate, list[list[int]]]:
    """This will commit an estate with two pipelines; the ids of two connectors of each."""
    estate = cast.estate(tiny, timezone.now())
    other = Pipeline.objects.create(
        account=estate.account, external_id="other", name="other", state=State.RUNNING, state_since=timezone.now()
    )
    first = [c.pk for c in estate.connectors[:2]]
    estate.pipeline = other
    return estate, [first, [estate.add(name).pk for name in ("third", "fourth")]]


def turn(wrapper: BaseDatabaseWrapper, pk: int, state: State) -> None:
    """This will write one state over a connection."""
    with wrapper.cursor() as cursor:
        cursor.execute("UPDATE connectors_connector SET state = %s WHERE id = %s", [state, pk])


@pytest.mark.django_db(transaction=True)
def test_writers_do_not_wait_for_each_other(
    pair: tuple[cast.Estate, list[list[int]]], second: BaseDatabaseWrapper
) -> None:
    _, ((mine, yours), (also_yours, also_mine)) = pair

    with transaction.atomic():
        turn(connection, mine, State.FAILED)
        turn(second, also_yours, State.FAILED)
        turn(connection, also_mine, State.FAILED)
        turn(second, yours, State.FAILED)
        second.commit()

    assert summed() == counted()
    turned = Connector.objects.filter(pk__in=[mine, yours, also_mine, also_yours])
    assert set(turned.values_list("state", flat=True)) == {State.FAILED}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_kept", [True, False])
def test_folding_loses_nothing_of_a_writer_who_has_not_committed(
    pair: tuple[cast.Estate, list[list[int]]], second: BaseDatabaseWrapper, is_kept: bool
) -> None:
    _, ((mine, yours), _) = pair
    turn(connection, mine, State.PAUSED)
    turn(second, yours, State.FAILED)

    assert counting.fold() > 0
    assert summed() == counted()
    turn(second, yours, State.STARTING)
    second.commit() if is_kept else second.rollback()

    assert summed() == counted()
    assert counting.fold() >= (2 if is_kept else 0)
    assert summed() == counted()
    assert (Connector.objects.get(pk=yours).state == State.STARTING) is is_kept


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_kept", [True, False])
def test_two_who_fold_at_once_do_not_wait_and_lose_nothing(
    pair: tuple[cast.Estate, list[list[int]]], second: BaseDatabaseWrapper, is_kept: bool
) -> None:
    _, ((mine, yours), _) = pair
    turn(connection, mine, State.PAUSED)
    with second.cursor() as cursor:
        cursor.execute(counting.FOLD)
        assert cursor.fetchone() > (0,)
    turn(connection, yours, State.FAILED)

    counting.fold()
    assert summed() == counted()
    second.commit() if is_kept else second.rollback()

    assert summed() == counted()
    counting.fold()
    assert summed() == counted()
    assert CountChange.objects.count() == len(counted())


def test_the_clock_folds(estate: cast.Estate) -> None:
    Connector.objects.filter(name="orders").update(state=State.PAUSED)

    tasks.sweep()

    assert CountChange.objects.count() == len(counted()) == 2
