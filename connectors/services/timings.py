"""Measuring how long each verb takes at each vendor."""

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from connectors.models import UsualTime
from connectors.states import OperationStatus

NEWEST = 500
"""Confirmed operations of one verb that are looked at."""
WITHIN = timedelta(days=30)

MEASURE = """
SELECT vendor, target, kind, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds), count(*)
FROM (
    SELECT account.vendor, CASE WHEN operation.connector_id IS NULL THEN 'pipeline' ELSE 'connector' END AS target,
           operation.kind, extract(epoch FROM operation.finished_at - operation.requested_at)::float AS seconds,
           row_number() OVER (
               PARTITION BY account.vendor, operation.connector_id IS NULL, operation.kind
               ORDER BY operation.finished_at DESC
           ) AS place
    FROM connectors_operation operation JOIN connectors_vendoraccount account ON account.id = operation.account_id
    WHERE operation.status = %s AND operation.finished_at > %s
) AS newest
WHERE place <= %s
GROUP BY vendor, target, kind
"""


def measure(now: datetime | None = None) -> int:
    """This will work out the usual times anew; the number of verbs measured."""
    now = now or timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(MEASURE, [OperationStatus.CONFIRMED, now - WITHIN, NEWEST])
        found = cursor.fetchall()
    rows = [
        UsualTime(vendor=vendor, target=target, kind=kind, p50=p50, p95=p95, count=count, measured_at=now)
        for vendor, target, kind, p50, p95, count in found
    ]
    UsualTime.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["vendor", "target", "kind"],
        update_fields=["p50", "p95", "count", "measured_at"],
    )
    return len(rows)
