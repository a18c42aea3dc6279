"""The record of who did what. The database refuses to change or remove a row; see the migrations."""

import uuid
from collections.abc import Hashable

from django.conf import settings
from django.db import models

SEARCHED = ("actor", "action", "target", "account", "team", "reason", "ticket", "error")
SEPARATORS = ".,;:-_/@()[]{}<>=\"'+&“”‘’„–—…·«»"
"""
What parts words; searched texts are parted at these, and so is what is searched for.

The words of an event are in a column `words` that the database makes of the SEARCHED ones itself (see the migrations).
No model has it: nothing but the search ever reads it, and nobody writes it.
"""


class AuditEvent(models.Model):
    """One intent, outcome, refusal or outside change. Holds names, not foreign keys: it outlives what it names."""

    class Result(models.TextChoices):
        """How it came out."""

        REQUESTED = "requested"
        DONE = "done"
        REFUSED = "refused"
        FAILED = "failed"
        OBSERVED = "observed"

    uid = models.UUIDField(default=uuid.uuid4, editable=False)
    """Its name in the canonical text, which is written before the database numbers the row."""
    canonical = models.TextField()
    """The event as one line of JSON: what is hashed, byte for byte. The other columns are there to search it by."""
    at = models.DateTimeField()
    action = models.CharField(max_length=100)
    """Noun first, dots, past tense: `connector.pause.requested`."""
    result = models.CharField(max_length=20, choices=Result)
    actor_kind = models.CharField(max_length=10)
    """`person`, `token` or `system`."""
    actor = models.CharField(max_length=150)
    actor_id = models.BigIntegerField(null=True, blank=True)
    on_behalf_of = models.CharField(max_length=150, blank=True)
    target_kind = models.CharField(max_length=20, blank=True)
    target_id = models.CharField(max_length=60, blank=True)
    target = models.CharField(max_length=300, blank=True)
    vendor = models.CharField(max_length=40, blank=True)
    account = models.CharField(max_length=80, blank=True)
    team = models.CharField(max_length=80, blank=True)
    reason = models.TextField(blank=True)
    ticket = models.CharField(max_length=80, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    operation_id = models.UUIDField(null=True, blank=True)
    batch_id = models.UUIDField(null=True, blank=True)
    error = models.TextField(blank=True)
    vendor_request = models.TextField(blank=True)
    vendor_reply = models.TextField(blank=True)
    vendor_request_id = models.CharField(max_length=120, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=100, blank=True)

    read_as: Hashable | None = None
    """Stands for all that was read of it, where a layout of `queries.lean` gives that."""

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["target_kind", "target_id", "-id"], name="audit_of_target"),
            models.Index(fields=["actor", "at", "id"], name="audit_of_actor"),
            models.Index(fields=["action", "at", "id"], name="audit_of_action"),
            models.Index(fields=["at", "id"], name="audit_at"),
            models.Index(
                fields=["at", "id"], name="audit_trouble", condition=models.Q(result__in=["refused", "failed"])
            ),
            models.Index(fields=["address", "at"], name="audit_from", condition=models.Q(address__isnull=False)),
            models.Index(fields=["operation_id"], name="audit_of_operation"),
            models.Index(fields=["team", "at", "id"], name="audit_of_team"),
            models.Index(fields=["target", "at", "id"], name="audit_of_name"),
            models.Index(fields=["batch_id"], name="audit_of_batch", condition=models.Q(batch_id__isnull=False)),
            models.Index(fields=["request_id"], name="audit_of_request", condition=~models.Q(request_id="")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["operation_id"],
                condition=models.Q(result__in=["done", "refused", "failed"], operation_id__isnull=False),
                name="audit_one_outcome_per_operation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.target}"


class AuditChain(models.Model):
    """The one chain of this product: its name is part of every hash, so two chains cannot be mixed."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    chain = models.UUIDField(default=uuid.uuid4)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="audit_one_chain")]

    def __str__(self) -> str:
        return str(self.chain)


class AuditPending(models.Model):
    """An event that has no position yet. A trigger adds it with the event; the sealer takes it away."""

    event_id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"event {self.event_id} waits"


class AuditSeal(models.Model):
    """The place of one committed event in the chain. Never changed, and removed only with its event."""

    position = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, models.DO_NOTHING, related_name="seal")
    hash = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"event {self.event_id} at {self.position}"


class AuditCheckpoint(models.Model):
    """A signed statement how far the chain has come; also one that names the next key, or what was pruned."""

    class Kind(models.TextChoices):
        """What it states."""

        CHECKPOINT = "checkpoint"
        ROTATION = "rotation"
        TOMBSTONE = "tombstone"

    number = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=20, choices=Kind)
    position = models.BigIntegerField(db_index=True)
    at = models.DateTimeField()
    body = models.TextField()
    """What is signed, byte for byte."""
    signature = models.CharField(max_length=128)

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.kind} {self.number} at {self.position}"


class AuditSink(models.Model):
    """How far a place outside has been told: events and checkpoints go there in order, and nothing is skipped."""

    name = models.CharField(max_length=60, primary_key=True)
    position = models.BigIntegerField(default=0)
    """The last one it has: a position for events, a number for checkpoints."""
    failures = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.name}: told up to {self.position}"


class AuditSearch(models.Model):
    """A query that one person has kept under a name."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="audit_searches")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="audit_search_once")]

    def __str__(self) -> str:
        return f"{self.name}: {self.query}"
