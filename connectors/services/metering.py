"""Keeping what connectors count: last reading, last rates, a sample each minute. Only what moves is written."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from connectors import planned
from connectors.models import Connector, VendorAccount
from connectors.queries import lean
from connectors.services import samples, storing
from connectors.vendors.base import ConnectorSnapshot, Metrics

METRICS_EVERY = 10.0
"""Seconds between two stored readings of the counters."""
FLOW_LENGTH = 24

STORE = """
UPDATE connectors_connector AS stored SET metrics = given.metrics, flow = given.flow
FROM jsonb_to_recordset(%s::jsonb) AS given(id bigint, metrics jsonb, flow jsonb) WHERE stored.id = given.id
"""


def store(
    account: VendorAccount, observed: Sequence[ConnectorSnapshot], returned: Collection[str], now: datetime
) -> set[int] | None:
    """
    This will store what counts have become, and give the rows whose figures are others now; None: it was too early.

    What rests is written no more once it has rested for as long as the page shows: its counters are those of the
    account's last reading.

    :param returned: external ids that the last reading lacked
    """
    counted = [c for c in observed if c.metrics is not None]
    if not counted:
        return set()
    if not _is_due(account.metered_at, now):
        return None
    stored = {row.external_id: row for row in _known.read(account=account.pk)}
    writes, drawn, moved = [], [], set()
    for one in counted:
        row = stored[one.external_id]
        row.account = account
        before = _as_of(row.metrics, None if one.external_id in returned else account.metered_at)
        reading = _reading(before, one.metrics or Metrics(), now)
        sample, mark = samples.draw(row, row.metrics, reading, now)
        drawn += [sample] if sample else []
        flow = [*row.flow, reading.get("records_per_s")][-FLOW_LENGTH:]
        if flow != row.flow or _figures(reading) != _figures(row.metrics):
            moved.add(row.pk)
        elif mark == row.metrics.get("mark"):
            continue
        writes.append({"id": row.pk, "metrics": reading | {"mark": mark}, "flow": flow})
    _write(writes)
    if drawn:
        samples.store(drawn)
    account.metered_at = now
    return moved


@lean.statement(lean.Layout(Connector, only={"id", "external_id", "metrics", "flow"}))
def _known() -> QuerySet[Connector]:
    return Connector.objects.filter(lean.equal("account_id", "account"))


def _is_due(last: datetime | None, now: datetime) -> bool:
    return last is None or (now - last).total_seconds() >= METRICS_EVERY


def _as_of(metrics: Mapping[str, Any], metered_at: datetime | None) -> dict[str, Any]:
    """What rests was not written at the account's last reading, but had the same counters then."""
    if not metrics or metered_at is None:
        return dict(metrics)
    return {**metrics, "at": max(metrics["at"], metered_at.timestamp())}


def _reading(before: Mapping[str, Any], metrics: Metrics, now: datetime) -> dict[str, Any]:
    rate = metrics.records_per_s
    if rate is None and metrics.records_total is not None and before.get("records_total") is not None:
        seconds = now.timestamp() - before["at"]
        moved = metrics.records_total - before["records_total"]
        rate = moved / seconds if moved >= 0 and seconds > 0 else None
    figures = {
        "records_total": metrics.records_total,
        "bytes_total": metrics.bytes_total,
        "errors_total": metrics.errors_total,
        "lag": metrics.lag,
        "records_per_s": None if rate is None else round(rate, 2),
    }
    return {"at": now.timestamp(), **{name: value for name, value in figures.items() if value is not None}}


def _figures(reading: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in reading.items() if name not in {"at", "mark"}}


def _write(writes: Sequence[Mapping[str, Any]]) -> None:
    if writes:
        with planned.cursor(STORE) as cursor:
            cursor.execute(STORE, [storing.recordset(writes)])
