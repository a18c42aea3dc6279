"""The head of the board counts what is there: against the plain way to count it, over every kind of row."""

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors import matrix, permissions
from connectors.matrix import Activity
from connectors.models import Connector, Pipeline, VendorAccount
from connectors.models.accounts import CIRCUIT_OPENS_AT
from connectors.queries import connectors as queries
from connectors.queries import overview
from connectors.queries.connectors import Filters
from connectors.states import State
from tests import cast

PEOPLE = ("viewer", "stranger", "admin")


def accounts(estate: cast.Estate, now: datetime) -> list[VendorAccount]:
    """This will add one that was never read and one that was read too long ago."""
    made = [estate.account]
    for name, at in (("never", None), ("old", now - timedelta(hours=1))):
        values = {"vendor": estate.account.vendor, "team": estate.team, "base_url": "http://127.0.0.1:9"}
        made.append(VendorAccount.objects.create(name=name, created_at=now, observed_at=at, budget=60, **values))
    return made


def anything(estate: cast.Estate, seed: int) -> None:
    """This will fill pipelines of every state with connectors of every kind."""
    chance, now = random.Random(seed), timezone.now()
    for account in accounts(estate, now):
        for state in chance.sample(list(State), 4):
            pipeline = Pipeline.objects.create(
                account=account, external_id=state, name=state, state=state, state_since=now
            )
            Connector.objects.bulk_create(
                Connector(
                    account=account, pipeline=pipeline, team=chance.choice([estate.team, estate.other]),
                    external_id=f"{state}-{n}", name=f"{state}-{n}", state=chance.choice(list(State)), state_since=now,
                    seen_at=chance.choice([None, None, now, now - timedelta(minutes=5)]),
                    gone_at=chance.choice([None, None, None, now]),
                    drift_since=chance.choice([None, None, now]),
                )
                for n in range(12)
            )  # fmt: skip


KNOWN = (
    Filters(),
    *(Filters(state=(state,)) for state in State),
    Filters(state=(State.FAILED, State.PAUSED)),
    *(Filters(activity=(activity,)) for activity in Activity),
    Filters(activity=(Activity.FAILED, Activity.UNKNOWN)),
    Filters(is_drifted=True),
)


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("seed", range(3))
def test_what_the_head_says_of_a_filter_is_what_the_list_holds(estate: cast.Estate, who: str, seed: int) -> None:
    anything(estate, seed)
    viewer = permissions.viewer_of(estate.people[who])
    everything = queries.visible_to(viewer).select_related(None)
    head = overview.summary(viewer)

    said = {filters: head.matching(filters) for filters in KNOWN}

    assert said == {filters: queries.narrowed(everything, filters).count() for filters in KNOWN}


@pytest.mark.parametrize(
    "filters",
    [
        Filters(search="x"),
        Filters(state=(State.FAILED,), team=("payments",)),
        Filters(activity=(Activity.FAILED,), is_drifted=True),
        Filters(is_stale=True),
        Filters(pipeline_state=(State.RUNNING,)),
    ],
)
def test_what_the_head_does_not_know_is_counted(estate: cast.Estate, filters: Filters) -> None:
    assert overview.summary(permissions.viewer_of(estate.people["admin"])).matching(filters) is None


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_the_rows_themselves(estate: cast.Estate, who: str, seed: int) -> None:
    anything(estate, seed)
    viewer, now = permissions.viewer_of(estate.people[who]), timezone.now()
    rows = list(queries.visible_to(viewer))

    found = overview.summary(viewer)

    assert found.total == len(rows) > 0
    assert found.counts == dict.fromkeys(Activity, 0) | Counter(row.verdict(now).activity for row in rows)
    assert found.cells == Counter(
        (State(row.pipeline.state), State(row.state)) for row in rows if not row.is_stale(now)
    )
    assert found.not_reached == Counter(State(row.state) for row in rows if row.is_stale(now))
    assert found.drifted == sum(row.drift_since is not None for row in rows)


@pytest.mark.parametrize("who", PEOPLE)
def test_accounts_at_large_are_those_that_the_person_sees(estate: cast.Estate, tiny: str, who: str) -> None:
    now = timezone.now()
    never, old = accounts(estate, now)[1:]
    VendorAccount.objects.filter(pk=never.pk).update(team=estate.other, vendor=tiny)
    VendorAccount.objects.filter(pk=old.pk).update(team=estate.other, unread=[{"pipeline": None, "reason": "no"}])
    viewer = permissions.viewer_of(estate.people[who])
    seen = list(queries.accounts_of(viewer))

    found = overview.summary(viewer)

    assert found.accounts == len(seen) == {"viewer": 1, "stranger": 2, "admin": 3}[who]
    assert found.lost == queries.not_in_full(queries.accounts_of(viewer)).count() == sum(bool(a.unread) for a in seen)
    assert sorted(found.vendors) == sorted({account.vendor for account in seen})
    assert dict(said.split("=") for said in found.seen.split()) == {
        str(account.pk): str(int(account.observed_at.timestamp())) for account in seen if account.observed_at
    }
    assert overview.never_read(viewer) == ["never"] * (who != "viewer")


def test_an_account_of_others_with_a_connector_of_ours_is_among_them(estate: cast.Estate) -> None:
    VendorAccount.objects.update(team=estate.other)
    viewer = permissions.viewer_of(estate.people["viewer"])
    before = overview.summary(viewer)

    Connector.objects.update(team=estate.other)
    after = overview.summary(viewer)

    assert (before.accounts, [a.pk for a in before.plate]) == (1, [estate.account.pk])
    assert (after.accounts, after.plate, after.seen, list(after.vendors)) == (0, [], "", [])


def test_many_that_were_never_read_are_named_as_far_as_there_is_room(estate: cast.Estate) -> None:
    VendorAccount.objects.bulk_create(
        VendorAccount(
            vendor=estate.account.vendor, name=f"new-{n:02}", team=estate.team, base_url="http://127.0.0.1:9",
            created_at=timezone.now(),
        )
        for n in range(13)
    )  # fmt: skip

    names = overview.never_read(permissions.viewer_of(estate.people["viewer"]))

    assert names == [*(f"new-{n:02}" for n in range(12)), "and others"]


def test_counting_reads_no_row_of_a_whole_reading(estate: cast.Estate) -> None:
    anything(estate, 1)
    seen = estate.connectors[0]
    Connector.objects.bulk_create(
        Connector(
            account=estate.account, pipeline=estate.pipeline, team=estate.team, external_id=f"more-{n}",
            name=f"more-{n}", state=State.RUNNING, state_since=seen.state_since,
        )
        for n in range(2_000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE connectors_connector")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {overview._of_all.sql()}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "on connectors_countchange" in plan
    assert plan.count("connectors_connector") == plan.count("connector_apart") == 1, plan


def test_the_plate_shows_a_dozen_and_what_is_in_trouble_first(estate: cast.Estate) -> None:
    now = timezone.now()
    VendorAccount.objects.bulk_create(
        VendorAccount(
            vendor=estate.account.vendor, name=f"more-{n:03}", team=estate.team, base_url="http://127.0.0.1:9",
            created_at=now, observed_at=now, failing_since=now if n >= 295 else None,
        )
        for n in range(300)
    )  # fmt: skip

    with CaptureQueriesContext(connection) as asked:
        found = overview.summary(permissions.viewer_of(estate.people["lead"]))

    assert [a.name for a in found.plate][:6] == [*(f"more-{n}" for n in range(295, 300)), "box-prod"]
    assert len(found.plate) == overview.SHOWN
    assert [a.name for a in found.banners] == ["more-295", "more-296", "more-297"]
    assert found.more_lost == 2
    assert len(found.seen.split()) == found.accounts == 301
    assert len(asked) == 4  # what they may, the counts, all accounts at large, those of the plate


def test_an_open_circuit_comes_after_what_cannot_be_read_and_before_the_rest(estate: cast.Estate) -> None:
    accounts(estate, timezone.now())
    VendorAccount.objects.filter(name="old").update(failures=CIRCUIT_OPENS_AT)
    VendorAccount.objects.filter(name="never").update(unread=[{"pipeline": None, "reason": "no"}])

    found = overview.summary(permissions.viewer_of(estate.people["viewer"]))

    assert [a.name for a in found.plate] == ["never", "old", "box-prod"]
    assert [a.name for a in found.banners] == ["never"]
    assert (found.lost, found.more_lost) == (1, 0)


def test_staleness_goes_by_the_matrix(estate: cast.Estate) -> None:
    VendorAccount.objects.update(observed_at=timezone.now() - timedelta(hours=1))

    found = overview.summary(permissions.viewer_of(estate.people["viewer"]))

    assert found.counts[Activity.UNKNOWN] == found.total == 3
    assert matrix.judge(State.RUNNING, State.RUNNING, stale=True).activity is Activity.UNKNOWN
