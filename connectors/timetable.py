"""When something is due: cron lines and office hours in a time zone, across its changes of the clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

FIELDS = 5


class Unreadable(ValueError):
    """A cron line, a time or a time zone that cannot be read; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when; without an end, until somebody ends it."""

    starts_at: datetime
    ends_at: datetime | None

    def holds(self, now: datetime) -> bool:
        """This will tell whether a moment lies within."""
        return self.starts_at <= now and (self.ends_at is None or now < self.ends_at)


def zone_of(name: str) -> ZoneInfo:
    """
    This will find a time zone by its name.

    :raises Unreadable: there is none of that name
    """
    if name not in zones():
        raise Unreadable(f"{name!r} is no time zone. Name one like Europe/Berlin, or UTC.")
    return ZoneInfo(name)


@cache
def zones() -> frozenset[str]:
    """This will give the names of all time zones; looking for them takes a while."""
    return frozenset(available_timezones())


def check(cron: str) -> None:
    """
    This will refuse what is no cron line, or one that never comes.

    :raises Unreadable: with what is wrong about it
    """
    if len(cron.split()) != FIELDS:
        raise Unreadable(f"{cron!r} is no cron line: it takes five fields, minute hour day month weekday.")
    try:
        next(CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise Unreadable(f"{cron!r} is no cron line: {str(error).lower()}.") from error
    except StopIteration:
        raise Unreadable(f"{cron!r} never comes.") from None


def after(cron: str, zone: str, moment: datetime) -> Iterator[datetime]:
    """
    This will give the moments of a cron line after one, in UTC.

    What falls into the hour that the clock skips comes right after it; what falls into the hour that the clock
    repeats comes once.
    """
    return (found.astimezone(UTC) for found in CronSim(cron, moment.astimezone(zone_of(zone))))


def last(cron: str, zone: str, moment: datetime) -> datetime | None:
    """This will give the last moment of a cron line at or before one."""
    start = moment.astimezone(zone_of(zone)) + timedelta(minutes=1)
    for found in CronSim(cron, start.replace(second=0, microsecond=0), reverse=True):
        if found <= moment:
            return found.astimezone(UTC)
    return None


def current_or_next(cron: str, zone: str, length: timedelta, now: datetime) -> Span | None:
    """This will give the span of a repeating window that holds now, or else the next one."""
    begun = last(cron, zone, now)
    if begun is not None and now < begun + length:
        return Span(begun, begun + length)
    found = next(after(cron, zone, now), None)
    return Span(found, found + length) if found else None


@dataclass(frozen=True, slots=True)
class Office:
    """Hours on some days of the week, Monday being 0."""

    days: Sequence[int]
    opens: time
    closes: time

    def lines(self) -> tuple[str, str]:
        """This will give the cron lines of opening and closing."""
        days = ",".join(str((day + 1) % 7) for day in sorted(self.days))
        return tuple(f"{at.minute} {at.hour} * * {days}" for at in (self.opens, self.closes))  # type: ignore[return-value]  # two of two


def office_after(office: Office, zone: str, moment: datetime) -> Iterator[tuple[datetime, bool]]:
    """This will give the openings (True) and closings (False) after a moment, in their order."""
    opens, closes = (after(line, zone, moment) for line in office.lines())
    opening, closing = next(opens), next(closes)
    while True:
        if opening < closing:
            yield opening, True
            opening = next(opens)
        else:
            yield closing, False
            closing = next(closes)


def first(number: int, moments: Iterator[datetime]) -> list[datetime]:
    """This will give the first few."""
    return list(islice(moments, number))
