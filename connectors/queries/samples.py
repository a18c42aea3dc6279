"""What connectors moved over time: for one connector's charts, and in short for many rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors import planned
from connectors.models import Connector
from connectors.queries import lean
from connectors.states import State

MINUTE, HOUR, DAY = 60, 3600, 86400
SHORT = 24
"""Points of the line that a row shows."""
SHORT_STEP = HOUR // SHORT

_history = lean.Written("""
SELECT date_bin(make_interval(secs => %(step)s), at, timestamptz '2000-01-01 00:00Z') AS begin,
       avg(records), avg(bytes), sum(errors), max(lag)
FROM connectors_sample
WHERE connector_id = %(connector)s AND span = %(span)s AND at >= %(start)s AND at < %(end)s
GROUP BY begin
""")
_within = lean.Written("""
SELECT at, before, after FROM connectors_statechange
WHERE connector_id = %(connector)s AND at >= %(start)s AND at < %(end)s ORDER BY at, id LIMIT 500
""")
LAST_HOUR = """
SELECT connector_id, date_bin(make_interval(secs => %(step)s), at, timestamptz '2000-01-01 00:00Z') AS begin,
       avg(records)
FROM connectors_sample
WHERE connector_id = ANY(%(ids)s) AND span = %(span)s AND at >= %(start)s AND at < %(end)s
GROUP BY connector_id, begin
"""


@dataclass(frozen=True, slots=True)
class Range:
    """How far back a chart goes, what it is drawn from, and how much time one of its points stands for."""

    word: str
    label: str
    seconds: int
    span: int
    step: int


RANGES = (
    Range("1h", "1 h", HOUR, MINUTE, MINUTE),
    Range("6h", "6 h", 6 * HOUR, MINUTE, 5 * MINUTE),
    Range("24h", "24 h", DAY, MINUTE, 15 * MINUTE),
    Range("7d", "7 d", 7 * DAY, 15 * MINUTE, 2 * HOUR),
    Range("30d", "30 d", 30 * DAY, 2 * HOUR, 6 * HOUR),
)


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a chart. None is a gap: it was not told, or nobody looked."""

    at: datetime
    records: float | None = None
    bytes: float | None = None
    errors: float | None = None
    lag: float | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the connector was in one state."""

    state: State
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What one connector moved in a range, step by step, the oldest first, and when it failed or was held."""

    range: Range
    start: datetime
    end: datetime
    points: Sequence[Point]
    stretches: Sequence[Stretch]
    measured: Collection[Point]
    """Those of the points in which anything was looked at."""

    def has(self, name: str) -> bool:
        """This will tell whether anything was measured of it at all."""
        return any(getattr(point, name) is not None for point in self.measured)


def range_of(word: str) -> Range:
    """This will find a range by its word in the address; any other word is the shortest."""
    return next((found for found in RANGES if found.word == word), RANGES[0])


def history(connector: Connector, chosen: Range, now: datetime) -> History:
    """This will read what a connector moved and the states it was in, in two queries."""
    start, end = _bounds(chosen.step, chosen.seconds, now)
    with lean.ahead(*asked(connector.pk, chosen, now)):
        rows = _history.read(**_drawn(connector.pk, chosen, now))
        stretches = _stretches(connector, start, end)
    found = {row[0]: Point(row[0], *(_number(value) for value in row[1:])) for row in rows}
    steps = (start + timedelta(seconds=place * chosen.step) for place in range(chosen.seconds // chosen.step))
    points = [found.get(at) or Point(at) for at in steps]
    return History(chosen, start, end, points, stretches, found.values())


def asked(connector: int, chosen: Range, now: datetime) -> list[lean.Asked]:
    """This will put the questions of `history`."""
    start, end = _bounds(chosen.step, chosen.seconds, now)
    return [
        _history.asked(**_drawn(connector, chosen, now)),
        _within.asked(connector=connector, start=start, end=end),
    ]


def _drawn(connector: int, chosen: Range, now: datetime) -> dict[str, Any]:
    start, end = _bounds(chosen.step, chosen.seconds, now)
    return {"step": chosen.step, "span": chosen.span, "connector": connector, "start": start, "end": end}


def last_hour(ids: Sequence[int], now: datetime) -> Mapping[int, list[float | None]]:
    """This will give the rates of the last hour for many connectors, in one query; None is a gap."""
    start, end = _bounds(SHORT_STEP, HOUR, now)
    lines: dict[int, list[float | None]] = {pk: [None] * SHORT for pk in ids}
    with planned.cursor(LAST_HOUR) as cursor:
        cursor.execute(LAST_HOUR, {"step": SHORT_STEP, "span": MINUTE, "ids": list(ids), "start": start, "end": end})
        for pk, begin, rate in cursor.fetchall():
            lines[pk][int((begin - start).total_seconds()) // SHORT_STEP] = _number(rate)
    return lines


def _bounds(step: int, seconds: int, now: datetime) -> tuple[datetime, datetime]:
    """The step that is under way is left out: it would look like a fall."""
    end = datetime.fromtimestamp(now.timestamp() // step * step, UTC)
    return end - timedelta(seconds=seconds), end


def _stretches(connector: Connector, start: datetime, end: datetime) -> list[Stretch]:
    within = _within.read(connector=connector.pk, start=start, end=end)
    first = within[0][1] if within else connector.state
    found, since, state = [], start, first
    for at, _, after in within:
        if state and at > since:
            found.append(Stretch(State(state), since, at))
        since, state = at, after
    return [*found, Stretch(State(state), since, end)] if state and since < end else found


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
