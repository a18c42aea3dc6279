"""The product's own figures for a monitoring system: a handful of queries, however large the estate."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from connectors import matrix
from connectors.models import AuditPending, UsualTime
from connectors.models.accounts import Circuit
from connectors.permissions import Viewer
from connectors.queries import connectors as queries
from connectors.queries import operations
from connectors.states import OPEN, State

PREFIX = "switchyard"


class Gauges(Collector):
    """What this person may see of the estate, read anew at each scrape. Ages are in seconds."""

    def __init__(self, viewer: Viewer, now: datetime | None = None) -> None:
        self.viewer = viewer
        self.now = now or timezone.now()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """This will read them."""
        yield self._connectors()
        yield from self._accounts()
        yield from self._operations()
        yield self._usual_times()
        if self.viewer.may_read_audit:
            yield self._audit()

    def _connectors(self) -> GaugeMetricFamily:
        family = _family(
            "connectors", "Connectors by what they do, as the board counts them.",
            "vendor", "account", "team", "state", "pipeline_state", "activity",
        )  # fmt: skip
        keys = ("account__vendor", "account__name", "team__slug", "state", "pipeline__state", "is_stale_now")
        seen = queries.with_staleness(queries.visible_to(self.viewer).select_related(None)).order_by()
        counts: Counter[tuple[str, ...]] = Counter()
        for *names, state, pipeline, stale, number in seen.values_list(*keys).annotate(number=Count("pk")):
            activity = matrix.judge(State(pipeline), State(state), stale=stale).activity
            counts[(*names, state, pipeline, activity)] += number
        for labels, number in sorted(counts.items()):
            family.add_metric(labels, number)
        return family

    def _accounts(self) -> Iterator[GaugeMetricFamily]:
        age = _family("account_observed_age_seconds", "Since the last observation that succeeded.", "vendor", "account")
        circuit = _family("account_circuit_open", "1 while nothing is sent to the account.", "vendor", "account")
        missing = _family("account_rows_missing", "Rows the vendor counts and did not show.", "vendor", "account")
        for account in queries.accounts_of(self.viewer):
            labels = (account.vendor, account.name)
            if account.observed_at:
                age.add_metric(labels, (self.now - account.observed_at).total_seconds())
            circuit.add_metric(labels, account.circuit is not Circuit.CLOSED)
            missing.add_metric(labels, max(account.rows_expected - account.rows_seen, 0))
        yield from (age, circuit, missing)

    def _operations(self) -> Iterator[GaugeMetricFamily]:
        under_way = _family("operations_open", "Operations without an outcome yet.", "vendor", "kind", "status")
        oldest = _family("operations_oldest_age_seconds", "Since the oldest open request.", "vendor", "kind", "status")
        found = operations.visible_to(self.viewer).select_related(None).filter(status__in=OPEN).order_by()
        groups = found.values_list("account__vendor", "kind", "status")
        for *labels, number, first in groups.annotate(number=Count("pk"), first=Min("requested_at")):
            under_way.add_metric(labels, number)
            oldest.add_metric(labels, (self.now - first).total_seconds())
        yield from (under_way, oldest)

    def _usual_times(self) -> GaugeMetricFamily:
        words = "From request to confirmation, of the newest confirmed operations."
        family = _family("operation_duration_seconds", words, "vendor", "target", "kind", "quantile")
        for row in UsualTime.objects.order_by("vendor", "target", "kind"):
            family.add_metric((row.vendor, row.target, row.kind, "0.5"), row.p50)
            family.add_metric((row.vendor, row.target, row.kind, "0.95"), row.p95)
        return family

    def _audit(self) -> GaugeMetricFamily:
        family = _family("audit_unsealed_age_seconds", "Since the oldest event without a seal; 0 when all are sealed.")
        first = AuditPending.objects.aggregate(first=Min("at"))["first"]
        family.add_metric((), (self.now - first).total_seconds() if first else 0)
        return family


def _family(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", words, labels=labels)
