"""One verb asked of one target, its stages and its outcome; and every change of state that was seen."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from connectors.models.accounts import VendorAccount
from connectors.models.connectors import STATES, Connector, Pipeline
from connectors.models.people import ApiToken
from connectors.states import OPEN, OperationStatus, Verb, label_of

ONE_TARGET = Q(connector__isnull=True, pipeline__isnull=False) | Q(connector__isnull=False, pipeline__isnull=True)


class Operation(models.Model):
    """One request and its outcome. At most one is open for a target; the database sees to that."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(VendorAccount, models.CASCADE, related_name="operations")
    connector = models.ForeignKey(Connector, models.CASCADE, null=True, blank=True, related_name="operations")
    pipeline = models.ForeignKey(Pipeline, models.CASCADE, null=True, blank=True, related_name="operations")
    kind = models.CharField(max_length=20, choices=[(verb, verb) for verb in Verb])
    task = models.CharField(max_length=40, blank=True)
    """For a verb of one task: the vendor's id of it."""
    status = models.CharField(max_length=20, choices=[(s, s) for s in OperationStatus], default=OperationStatus.QUEUED)

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="operations"
    )
    token = models.ForeignKey(ApiToken, models.SET_NULL, null=True, blank=True, related_name="operations")
    actor = models.CharField(max_length=150)
    """Who asked, in words: a user name, a token's name, or the system."""
    reason = models.TextField(blank=True)
    ticket = models.CharField(max_length=80, blank=True)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # unique where given
    request_id = models.CharField(max_length=100, blank=True)
    batch_id = models.UUIDField(null=True, blank=True)
    """The batch it belongs to, for the record of its events."""

    state_before = models.CharField(max_length=20, choices=STATES)
    generation_before = models.CharField(max_length=200, blank=True)
    desired_before = models.CharField(max_length=20, null=True, blank=True)  # None: nobody had asked

    requested_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    converging_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField()
    not_before = models.DateTimeField(null=True, blank=True)
    """Do not send, or send again, before this."""
    attempts = models.PositiveIntegerField(default=0)
    lease_number = models.BigIntegerField(default=0)
    """The lease under which it was sent last."""
    vendor_operation_id = models.CharField(max_length=200, blank=True)
    proof = models.TextField(blank=True)
    """What showed that a verb without a lasting state was carried out."""
    has_seen_change = models.BooleanField(default=False)
    """Since it was sent, the target was seen on its way."""
    error = models.TextField(blank=True)
    """What went wrong, in the vendor's words; secrets stripped."""
    vendor_request = models.TextField(blank=True)
    vendor_reply = models.TextField(blank=True)

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.CheckConstraint(condition=ONE_TARGET, name="operation_one_target"),
            models.UniqueConstraint(
                fields=["connector"], condition=Q(status__in=OPEN), name="operation_one_open_per_connector"
            ),
            models.UniqueConstraint(
                fields=["pipeline"], condition=Q(status__in=OPEN, connector__isnull=True),
                name="operation_one_open_per_pipeline",
            ),
            models.UniqueConstraint(
                fields=["actor", "idempotency_key"], condition=Q(idempotency_key__isnull=False),
                name="operation_key_once",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["account"], name="operation_open", condition=Q(status__in=OPEN)),
            models.Index(fields=["connector", "-requested_at"], name="operation_of_connector"),
            models.Index(fields=["pipeline", "-requested_at"], name="operation_of_pipeline"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}: {self.status}"

    @property
    def target(self) -> Connector | Pipeline:
        """What it was asked of."""
        target = self.connector or self.pipeline
        assert target is not None  # noqa: S101  # kept by operation_one_target  # kept by operation_one_target
        return target

    @property
    def label(self) -> str:
        """Its verb in words, with the task it is for."""
        return label_of(Verb(self.kind), self.task)

    @property
    def is_open(self) -> bool:
        """Has it no outcome yet?"""
        return self.status in OPEN

    @property
    def seconds(self) -> float | None:
        """From the request to the outcome; None while it is open."""
        return (self.finished_at - self.requested_at).total_seconds() if self.finished_at else None

    def stamp(self, status: OperationStatus) -> datetime | None:
        """This will give when it reached a stage."""
        return {
            OperationStatus.QUEUED: self.requested_at,
            OperationStatus.SENT: self.sent_at,
            OperationStatus.ACCEPTED: self.accepted_at,
            OperationStatus.CONVERGING: self.converging_at,
        }.get(status, self.finished_at)


class UsualTime(models.Model):
    """How long a verb takes at a vendor from request to confirmation, as measured here."""

    vendor = models.SlugField(max_length=40)
    target = models.CharField(max_length=20, choices=[("connector", "connector"), ("pipeline", "pipeline")])
    kind = models.CharField(max_length=20, choices=[(verb, verb) for verb in Verb])
    p50 = models.FloatField()
    """Seconds."""
    p95 = models.FloatField()
    count = models.PositiveIntegerField()
    """Operations behind the figures: the newest confirmed ones."""
    measured_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["vendor", "target", "kind"], name="usual_time_once")]

    def __str__(self) -> str:
        return f"{self.vendor} {self.target} {self.kind}: {self.p50:.1f} s"


class StateChange(models.Model):
    """One observed transition, and what caused it."""

    class Cause(models.TextChoices):
        """Who or what made it happen, as far as can be told."""

        FIRST_SEEN = "first_seen"
        OPERATION = "operation"
        OUTSIDE = "outside"
        UNKNOWN = "unknown"

    connector = models.ForeignKey(Connector, models.CASCADE, null=True, blank=True, related_name="state_changes")
    pipeline = models.ForeignKey(Pipeline, models.CASCADE, null=True, blank=True, related_name="state_changes")
    before = models.CharField(max_length=20, choices=STATES, blank=True)
    after = models.CharField(max_length=20, choices=STATES)
    vendor_state = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    cause = models.CharField(max_length=20, choices=Cause)
    operation = models.ForeignKey(Operation, models.SET_NULL, null=True, blank=True, related_name="state_changes")

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [models.CheckConstraint(condition=ONE_TARGET, name="state_change_one_target")]
        indexes = [
            models.Index(fields=["connector", "-at"], name="change_of_connector"),
            models.Index(fields=["pipeline", "-at"], name="change_of_pipeline"),
        ]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"
