"""Pipelines and connectors: observed state and desired state, side by side and never mixed."""

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Cast, Concat, Left, Upper
from django.utils import timezone

from connectors import matrix
from connectors.models.accounts import VendorAccount
from connectors.models.people import Team
from connectors.states import Direction, State

STATES = [(state, state) for state in State]
SEARCHED = Upper(
    Concat(
        "name",
        Value(" "),
        "type",
        Value(" "),
        Left("error", 400),
        Value(" "),
        Cast("labels", models.TextField()),
        output_field=models.TextField(),
    )
)
"""What the board's search looks into; the index holds exactly this."""


class Observed(models.Model):
    """What pipelines and connectors have in common: one axis of the matrix."""

    external_id = models.CharField(max_length=500)
    name = models.CharField(max_length=300)
    state = models.CharField(max_length=20, choices=STATES, default=State.UNKNOWN)
    vendor_state = models.CharField(max_length=200, blank=True)
    state_since = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True)
    """None: seen by the account's last observation. Else the last observation that did see it."""
    gone_at = models.DateTimeField(null=True, blank=True)
    """Since when a complete list has lacked it."""
    reading = models.CharField(max_length=32, blank=True)
    """Digest of all that was observed of it; one that is the same again needs no comparing."""
    error = models.TextField(blank=True)
    generation = models.CharField(max_length=200, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    verbs_off = models.JSONField(default=dict, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    memory = models.JSONField(default=dict, blank=True)
    """What a verb left to remember for a later one (`Receipt.memory`)."""

    desired_state = models.CharField(max_length=20, choices=STATES, null=True, blank=True)  # None: nobody has asked
    desired_at = models.DateTimeField(null=True, blank=True)
    desired_by = models.CharField(max_length=150, blank=True)
    desired_reason = models.TextField(blank=True)
    drift_since = models.DateTimeField(null=True, blank=True)
    """Since when observed and desired have differed with no open operation."""
    drift_snoozed_until = models.DateTimeField(null=True, blank=True)
    """Until then the drift is known and does not ask for attention."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Pipeline(Observed):
    """The vendor's container of connectors."""

    account = models.ForeignKey(VendorAccount, models.CASCADE, related_name="pipelines")
    kind = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["account", "external_id"], name="pipeline_once")]

    @property
    def observed_at(self) -> datetime | None:
        """When this state was read; needs `account`."""
        return self.seen_at or self.account.observed_at

    def is_stale(self, now: datetime | None = None) -> bool:
        """This will tell whether the state is older than the account's freshness budget, or never was read."""
        return _is_stale(self.observed_at, self.account, now)


class Connector(Observed):
    """One connector of one pipeline."""

    account = models.ForeignKey(VendorAccount, models.CASCADE, related_name="connectors")
    pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="connectors")
    team = models.ForeignKey(Team, models.PROTECT, related_name="connectors")
    type = models.CharField(max_length=200, blank=True)
    direction = models.CharField(max_length=10, choices=[(d, d) for d in Direction], default=Direction.UNKNOWN)
    tasks = models.JSONField(default=list, blank=True)
    """`[{"id", "state", "vendor_state", "worker", "trace"}]`"""
    tasks_total = models.PositiveIntegerField(default=0)
    tasks_failed = models.PositiveIntegerField(default=0)
    error_trace = models.TextField(blank=True)
    whose = models.CharField(max_length=10, blank=True)
    config = models.JSONField(default=dict, blank=True)
    """Masked before it was stored."""
    console_url = models.CharField(max_length=500, blank=True)
    metrics = models.JSONField(default=dict, blank=True)
    """`{"records_total", "bytes_total", "errors_total", "lag", "records_per_s", "at", "mark"}`; missing: not known."""
    flow = models.JSONField(default=list, blank=True)
    """Records a second, the newest last, at most 24; None is a gap."""
    urgency = models.PositiveSmallIntegerField(default=6)
    """The place of its pair in the board's default order; see `matrix.urgency`."""

    read_as: Hashable | None = None
    """Stands for all that was read of it but what moves by itself, where a layout of `queries.lean` gives that."""

    class Meta:
        ordering = ["urgency", "name", "id"]
        constraints = [models.UniqueConstraint(fields=["account", "external_id"], name="connector_once")]
        indexes = [
            models.Index(fields=["urgency", "name", "id"], name="connector_board"),
            models.Index(fields=["team", "urgency", "name", "id"], name="connector_team_board"),
            models.Index(fields=["state", "urgency", "name", "id"], name="connector_state_board"),
            GinIndex(OpClass(SEARCHED, "gin_trgm_ops"), name="connector_search"),
            # Those that `CountChange` leaves out, for `queries.overview` to look at one by one.
            models.Index(
                fields=["pipeline"],
                condition=Q(gone_at__isnull=False) | Q(seen_at__isnull=False),
                name="connector_apart",
            ),
        ]

    @property
    def observed_at(self) -> datetime | None:
        """When this state was read; needs `account`."""
        return self.seen_at or self.account.observed_at

    def is_stale(self, now: datetime | None = None) -> bool:
        """This will tell whether the state is older than the account's freshness budget, or never was read."""
        return self.is_stale_at(self.account, now)

    def is_stale_at(self, account: VendorAccount, now: datetime | None = None) -> bool:
        """This will tell the same where its account is at hand."""
        return self.gone_at is not None or _is_stale(self.seen_at or account.observed_at, account, now)

    @property
    def figures(self) -> dict[str, Any]:
        """What was measured last, without what the product keeps for itself."""
        return {name: value for name, value in self.metrics.items() if name != "mark"}

    def verdict(self, now: datetime | None = None) -> matrix.Verdict:
        """This will judge whether data can flow; needs `account` and `pipeline`."""
        return matrix.judge(State(self.pipeline.state), State(self.state), stale=self.is_stale(now))


def _is_stale(observed_at: datetime | None, account: VendorAccount, now: datetime | None) -> bool:
    if observed_at is None:
        return True
    return (now or timezone.now()) - observed_at > timedelta(seconds=account.budget)
