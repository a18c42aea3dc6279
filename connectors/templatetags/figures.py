"""Numbers and times as people read them. Units stand after a thin space, groups after a narrow one."""

from collections.abc import Sequence
from datetime import UTC, datetime

THIN = "\u2009"
NARROW = "\u202f"
MINUTE, HOUR, DAY = 60, 3600, 86400
GROUPED_FROM = 1000


def number(value: float) -> str:
    """This will group thousands: 1 087."""
    return f"{value:,.0f}".replace(",", NARROW)


def rate(per_second: float | None) -> str:
    """This will give a rate in at most three digits: 840/s, 12.4 k/s. A question mark when it is not known."""
    if per_second is None:
        return "?"
    if per_second == 0:
        return "0"
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if per_second >= size:
            return f"{_short(per_second / size)}{THIN}{unit}/s"
    return f"{_short(per_second)}/s"


def short(value: float) -> str:
    """This will give a figure in at most three digits: 840, 12.4 k, 3.2 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{_short(value / size)}{THIN}{unit}"
    return _short(value)


def duration(seconds: float) -> str:
    """This will give a length of time: 2.1 s, 41 s, 4 min, 1 h 17, 3 d."""
    return f"{seconds:.1f}{THIN}s" if seconds < 10 else age(seconds)  # below, tenths matter


def age(seconds: float) -> str:
    """This will give an age without fractions; `app.js` counts on with the same rule."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole}{THIN}s"
    if whole < HOUR:
        return f"{whole // MINUTE}{THIN}min"
    if whole < 10 * HOUR and whole % HOUR >= MINUTE:
        return f"{whole // HOUR}{THIN}h{THIN}{whole % HOUR // MINUTE:02d}"
    if whole < 2 * DAY:
        return f"{whole // HOUR}{THIN}h"
    return f"{whole // DAY}{THIN}d"


def left(seconds: float) -> str:
    """This will give the time until something; `ages.js` counts down with the same rule."""
    return f"in {age(seconds)}" if seconds > 0 else "now"


def exact(when: datetime) -> str:
    """This will give the whole date and time with its zone, for a title."""
    utc = when.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y, %H:%M:%S} UTC"


def clock(when: datetime, now: datetime) -> str:
    """This will give the time of day, with the day when it is not today's."""
    utc = when.astimezone(UTC)
    if utc.date() == now.astimezone(UTC).date():
        return f"{utc:%H:%M:%S}"
    return f"{utc.day} {utc:%b %H:%M}"


def spark_points(flow: Sequence[float | None], *, width: int = 72, height: int = 20) -> list[str]:
    """This will give the points of one polyline for each unbroken stretch; gaps stay gaps, zero is the base."""
    if not flow:
        return []
    top = max((value for value in flow if value is not None), default=0) or 1
    step = (width - 4) / max(len(flow) - 1, 1)
    stretches: list[list[str]] = [[]]
    for place, value in enumerate(flow):
        if value is None:
            stretches.append([])
        else:
            stretches[-1].append(f"{1 + place * step:.0f},{(height - 2) - value / top * (height - 4):.1f}")
    return [" ".join(points) for points in stretches if len(points) > 1]


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}".removesuffix(".0")  # three digits
