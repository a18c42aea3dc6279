"""Cron lines and office hours, across changes of the clock."""

from datetime import UTC, datetime, time, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import timetable
from connectors.timetable import Office

LENGTH = timedelta(hours=2)
MOMENTS = st.integers(0, 3 * 365 * 24 * 3600).map(lambda s: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        # the clock is turned back on 25 October: 02:30 is twice, and counts once
        (datetime(2026, 10, 24, 12, tzinfo=UTC), ["25 00:30", "26 01:30", "27 01:30"]),
        # the clock is turned forward on 28 March: 02:30 is not there, and comes right after
        (datetime(2027, 3, 27, 12, tzinfo=UTC), ["28 01:00", "29 00:30", "30 00:30"]),
    ],
)
def test_cron_follows_the_clock_of_its_zone(after: datetime, expected: list[str]) -> None:
    found = timetable.first(3, timetable.after("30 2 * * *", "Europe/Berlin", after))

    assert [f"{moment:%d %H:%M}" for moment in found] == expected


def test_office_hours_open_and_close_by_the_clock_of_their_zone() -> None:
    office = Office([0, 1, 2, 3, 4], time(8), time(18, 30))

    friday = datetime(2027, 3, 26, 12, tzinfo=UTC)
    found = list(islice(timetable.office_after(office, "Europe/Berlin", friday), 3))

    assert [(f"{at:%a %H:%M}", opens) for at, opens in found] == [
        ("Fri 17:30", False),
        ("Mon 06:00", True),
        ("Mon 16:30", False),
    ]


@pytest.mark.parametrize("cron", ["", "x", "* * * *", "* * * * * *", "0 0 30 2 *", "61 * * * *"])
def test_what_is_no_cron_line_is_refused_with_what_is_wrong(cron: str) -> None:
    with pytest.raises(timetable.Unreadable, match="no cron line"):
        timetable.check(cron)


def test_what_is_no_zone_is_refused() -> None:
    with pytest.raises(timetable.Unreadable, match="no time zone"):
        timetable.zone_of("../etc/passwd")


@settings(deadline=None)
@given(MOMENTS)
def test_repeating_span_holds_exactly_from_its_beginning_to_its_end(now: datetime) -> None:
    span = timetable.current_or_next("0 22 * * *", "UTC", LENGTH, now)

    assert span is not None
    assert span.ends_at is not None
    assert span.holds(now) == (now.hour in {22, 23})
    assert span.holds(span.starts_at)
    assert not span.holds(span.ends_at)
    assert now < span.ends_at


@settings(deadline=None)
@given(MOMENTS)
def test_last_is_never_later_and_the_next_never_earlier(now: datetime) -> None:
    last = timetable.last("*/20 * * * *", "America/New_York", now)
    coming = next(timetable.after("*/20 * * * *", "America/New_York", now))

    assert last is not None
    assert last <= now < coming
