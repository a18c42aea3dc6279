"""Keeping what connectors moved: one sample a minute, rolled up as it grows old, and pruned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import connection, transaction

from connectors.models import Connector, Sample

MINUTE = 60
MARKED = ("records_total", "bytes_total", "errors_total")
"""Counters of which a sample says how far they went."""
GAP = 150.0
"""Seconds without a reading from which nothing is said of what was moved in between."""


@dataclass(frozen=True, slots=True)
class Tier:
    """How fine samples are, and for how long."""

    span: int
    keep: timedelta


TIERS = (
    Tier(MINUTE, timedelta(hours=26)),
    Tier(15 * MINUTE, timedelta(days=8)),
    Tier(120 * MINUTE, timedelta(days=31)),
)
ROLL_UP = """
INSERT INTO connectors_sample (connector_id, span, at, records, bytes, errors, lag)
SELECT connector_id, %(into)s, date_bin(make_interval(secs => %(into)s), at, timestamptz '2000-01-01 00:00Z') AS begin,
       avg(records), avg(bytes), sum(errors), max(lag)
FROM connectors_sample
WHERE span = %(out_of)s AND at >= %(since)s AND at < %(until)s
GROUP BY connector_id, begin
ON CONFLICT DO NOTHING
"""


def draw(
    connector: Connector, before: Mapping[str, Any], reading: Mapping[str, Any], now: datetime
) -> tuple[Sample | None, dict[str, Any]]:
    """
    This will work out the sample of the minute that has ended since the last one, if one has.

    :param before: the metrics of the reading before, with the mark that the last sample left
    :return: the sample, not stored yet, and the mark to keep with the new reading
    """
    mark = before.get("mark") or {}
    if mark and _minute(mark["at"]) == _minute(now.timestamp()):
        return None, mark
    fresh = {"at": now.timestamp(), **{name: reading[name] for name in MARKED if name in reading}}
    seconds = now.timestamp() - mark.get("at", 0.0)
    if seconds > max(GAP, 2.5 * connector.account.interval):  # no mark yet, or nobody looked: a gap stays a gap
        return None, fresh
    rate = _a_second(mark, fresh, "records_total", seconds)
    sample = Sample(
        connector_id=connector.pk,
        span=MINUTE,
        at=datetime.fromtimestamp(_minute(mark["at"]), UTC),
        records=reading.get("records_per_s") if rate is None else rate,
        bytes=_a_second(mark, fresh, "bytes_total", seconds),
        errors=_moved(mark, fresh, "errors_total"),
        lag=reading.get("lag"),
    )
    has_any = any(value is not None for value in (sample.records, sample.bytes, sample.errors, sample.lag))
    return (sample if has_any else None), fresh


def store(samples: Sequence[Sample]) -> None:
    """This will store samples in one statement, in the caller's transaction."""
    Sample.objects.bulk_create(samples, ignore_conflicts=True, batch_size=2000)


def roll_up(now: datetime) -> int:
    """This will sum up what is finished of each tier into the next, and forget what is too old; rows forgotten."""
    for fine, coarse in pairwise(TIERS):
        _roll_up(fine.span, coarse.span, now)
    forgotten = 0
    for tier in TIERS:
        forgotten += Sample.objects.filter(span=tier.span, at__lt=now - tier.keep)._raw_delete("default")
    return forgotten


@transaction.atomic
def _roll_up(out_of: int, into: int, now: datetime) -> None:
    until = datetime.fromtimestamp((now.timestamp() - 2 * MINUTE) // into * into, UTC)  # the last minute is stored late
    done = Sample.objects.filter(span=into).order_by("-at").values_list("at", flat=True).first()
    oldest = Sample.objects.filter(span=out_of).order_by("at").values_list("at", flat=True).first()
    since = done + timedelta(seconds=into) if done else oldest
    if since is None or since >= until:
        return
    with connection.cursor() as cursor:
        cursor.execute(ROLL_UP, {"out_of": out_of, "into": into, "since": since, "until": until})


def _minute(seconds: float) -> float:
    return seconds // MINUTE * MINUTE


def _moved(mark: Mapping[str, Any], fresh: Mapping[str, Any], name: str) -> int | None:
    """None when either is missing, or the vendor began to count anew."""
    if mark.get(name) is None or fresh.get(name) is None or fresh[name] < mark[name]:
        return None
    return int(fresh[name] - mark[name])


def _a_second(mark: Mapping[str, Any], fresh: Mapping[str, Any], name: str, seconds: float) -> float | None:
    moved = _moved(mark, fresh, name)
    return None if moved is None else round(moved / seconds, 2)
