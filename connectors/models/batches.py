"""Operations asked together, item by item, and pauses that end by themselves."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from connectors.models.connectors import STATES, Connector, Pipeline
from connectors.models.operations import ONE_TARGET, Operation
from connectors.models.people import ApiToken
from connectors.states import Verb


class Batch(models.Model):
    """One verb asked of many connectors. Everything it knows is here: any worker can go on with it."""

    class Status(models.TextChoices):
        """How far it has come. The last three are final for what was not asked yet."""

        WAITING = "waiting"
        """Its time has not come."""
        CANARY = "canary"
        """A few go first; the rest waits for them."""
        RUNNING = "running"
        DONE = "done"
        STOPPED = "stopped"
        """Too many failed."""
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=[(verb, verb) for verb in Verb])
    status = models.CharField(max_length=20, choices=Status)
    selection = models.TextField(blank=True)
    """What was chosen, in words: the filter, or how many were picked."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="batches")
    token = models.ForeignKey(ApiToken, models.SET_NULL, null=True, blank=True, related_name="batches")
    actor = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    ticket = models.CharField(max_length=80, blank=True)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # unique where given
    request_id = models.CharField(max_length=100, blank=True)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="children")
    """The batch that this one repeats or takes back."""

    canary = models.PositiveIntegerField(default=0)
    """How many go first."""
    at_once = models.PositiveIntegerField(default=0)
    """How many may be under way at one account; 0: as many as the vendor allows."""
    stop_after = models.PositiveIntegerField(default=0)
    """Failures after which nothing more is asked; 0: never."""
    starts_at = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    """When what it held is resumed by itself."""

    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    canary_done_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    """Nothing of it waits or is under way any more."""
    error = models.TextField(blank=True)
    """Why it was stopped or cancelled."""
    claimed_until = models.DateTimeField(null=True, blank=True)
    """Until then one worker is at it; when that one dies, the next tick finds another."""

    class Meta:
        ordering = ["-requested_at"]
        indexes = [
            models.Index(fields=["requested_at"], name="batch_open", condition=Q(finished_at__isnull=True)),
            models.Index(fields=["-requested_at"], name="batch_newest"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["actor", "idempotency_key"], condition=Q(idempotency_key__isnull=False), name="batch_key_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor}: {self.status}"

    @property
    def is_open(self) -> bool:
        """Is anything of it still to come?"""
        return self.finished_at is None

    @property
    def is_asking(self) -> bool:
        """May it still ask for more?"""
        return self.status in {self.Status.WAITING, self.Status.CANARY, self.Status.RUNNING}


class BatchItem(models.Model):
    """One connector of a batch, with the state it was in before, and what became of it."""

    class Status(models.TextChoices):
        """Where this one stands."""

        WAITING = "waiting"
        ASKED = "asked"
        CONFIRMED = "confirmed"
        FAILED = "failed"
        SKIPPED = "skipped"
        """It was not asked, and `why` says why."""
        DROPPED = "dropped"
        """The batch ended before its turn."""

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="items")
    connector = models.ForeignKey(Connector, models.CASCADE, related_name="batch_items")
    place = models.PositiveIntegerField()
    is_canary = models.BooleanField(default=False)
    status = models.CharField(max_length=20, choices=Status)
    why = models.TextField(blank=True)
    operation = models.OneToOneField(Operation, models.SET_NULL, null=True, blank=True, related_name="batch_item")
    state_before = models.CharField(max_length=20, choices=STATES)
    desired_before = models.CharField(max_length=20, null=True, blank=True)  # None: nobody had asked

    class Meta:
        ordering = ["place"]
        constraints = [models.UniqueConstraint(fields=["batch", "connector"], name="batch_item_once")]
        indexes = [models.Index(fields=["batch", "status", "place"], name="batch_items_by_status")]

    def __str__(self) -> str:
        return f"{self.connector}: {self.status}"


class Hold(models.Model):
    """A pause or stop with an end: at `until` the product asks for the way back, if nobody was faster."""

    connector = models.ForeignKey(Connector, models.CASCADE, null=True, blank=True, related_name="holds")
    pipeline = models.ForeignKey(Pipeline, models.CASCADE, null=True, blank=True, related_name="holds")
    operation = models.OneToOneField(Operation, models.CASCADE, related_name="hold")
    """The pause."""
    batch = models.ForeignKey(Batch, models.SET_NULL, null=True, blank=True, related_name="holds")
    actor = models.CharField(max_length=150)
    until = models.DateTimeField()
    tried_at = models.DateTimeField(null=True, blank=True)
    trouble = models.TextField(blank=True)
    """Why the last try to resume was refused; it is tried again."""
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=200, blank=True)
    resumption = models.ForeignKey(Operation, models.SET_NULL, null=True, blank=True, related_name="ends_hold")

    class Meta:
        ordering = ["until"]
        constraints = [
            models.CheckConstraint(condition=ONE_TARGET, name="hold_one_target"),
            models.UniqueConstraint(
                fields=["connector"], condition=Q(ended_at__isnull=True), name="hold_one_open_per_connector"
            ),
            models.UniqueConstraint(
                fields=["pipeline"], condition=Q(ended_at__isnull=True), name="hold_one_open_per_pipeline"
            ),
        ]
        indexes = [models.Index(fields=["until"], name="hold_open", condition=Q(ended_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.target} until {self.until:%Y-%m-%d %H:%M}"

    @property
    def target(self) -> Connector | Pipeline:
        """What is held."""
        target = self.connector or self.pipeline
        assert target is not None  # noqa: S101  # kept by hold_one_target
        return target
