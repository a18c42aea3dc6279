"""A vendor account: one set of credentials at one address, its health, and its driver's lease."""

from collections.abc import Hashable

from django.db import models
from django.db.models import Q
from django.utils import timezone

from connectors.models.people import Team

CIRCUIT_OPENS_AT = 3
"""Observations failed in a row after which nothing is sent until one has succeeded again."""


class Circuit(models.TextChoices):
    """Whether calls go through: the breaker of one account."""

    CLOSED = "closed"
    """All go through."""
    OPEN = "open"
    """None does, until it is time to look again."""
    HALF_OPEN = "half_open"
    """One observation is let through; it decides."""


class VendorAccount(models.Model):
    """One set of credentials at one vendor address, owned by a team."""

    vendor = models.SlugField(max_length=40)
    name = models.CharField(max_length=80, unique=True)
    team = models.ForeignKey(Team, models.PROTECT, related_name="accounts")
    base_url = models.CharField(max_length=500)
    settings = models.JSONField(default=dict, blank=True)
    """What is not secret, by the names of the vendor's fields."""
    sealed_credentials = models.BinaryField(default=b"")
    """What is secret, encrypted; `services.vault` alone opens it."""
    created_at = models.DateTimeField()
    is_enabled = models.BooleanField(default=True)

    interval = models.FloatField(default=15.0)
    """Seconds between two observations while all is quiet."""
    budget = models.FloatField(default=60.0)
    """Freshness budget in seconds."""

    observed_at = models.DateTimeField(null=True, blank=True)
    """The start of the last observation that succeeded; rows it saw are as old as this."""
    heard = models.CharField(max_length=40, blank=True)
    """Digest of the answers of the last whole reading; empty where the same answers would still change something."""
    metered_at = models.DateTimeField(null=True, blank=True)
    """When its counters were last looked at; None where the vendor counts nothing."""
    observed_version = models.CharField(max_length=80, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    """The last success before a row of failures, or the first try; None while all is well."""
    failure = models.TextField(blank=True)
    """One sentence, secrets stripped; empty while all is well."""
    failure_kind = models.CharField(max_length=40, blank=True)
    failures = models.PositiveIntegerField(default=0)
    """Observations failed in a row."""
    unread = models.JSONField(default=list, blank=True)
    """Parts that the last observation could not read: `[{"pipeline": id or null, "reason": text}]`."""
    rows_seen = models.PositiveIntegerField(default=0)
    rows_expected = models.PositiveIntegerField(default=0)

    due_at = models.DateTimeField(null=True, blank=True)
    """When it is to be observed next; None: at once."""
    not_before = models.DateTimeField(null=True, blank=True)
    """The vendor asked to be left alone until then (Retry-After)."""

    lease_number = models.BigIntegerField(default=0)
    """The fence: goes up with each lease; whoever holds an older one writes nothing."""
    lease_owner = models.CharField(max_length=120, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)

    read_as: Hashable | None = None
    """Stands for all that was read of it but what moves by itself, where a layout of `queries.lean` gives that."""

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["due_at"], name="account_due", condition=Q(is_enabled=True))]

    def __str__(self) -> str:
        return self.name

    @property
    def circuit(self) -> Circuit:
        """Where the breaker stands, by the observations that failed in a row and the time of the next."""
        if self.failures < CIRCUIT_OPENS_AT:
            return Circuit.CLOSED
        is_time = self.due_at is None or self.due_at <= timezone.now()
        return Circuit.HALF_OPEN if is_time else Circuit.OPEN
