"""What is looked at again by somebody else: the rules that choose it, the items, and what was said about each."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class ReviewRule(models.Model):
    """Which events are looked at again: those that a query finds and that meet the condition."""

    class Condition(models.TextChoices):
        """What must hold besides; `number` and `hours` say how much."""

        ALWAYS = "always", "always"
        OUT_OF_HOURS = "out_of_hours", "out of hours"
        PROTECTED = "protected", "the connector is protected"
        NO_TICKET = "no_ticket", "without a ticket"
        LARGE_BATCH = "large_batch", "a batch of more than so many"
        FIRST_TIME = "first_time", "the first time this person did this"
        SAMPLE = "sample", "so many percent, drawn by chance"

    name = models.CharField(max_length=60, unique=True)
    """What the item says why it is here."""
    query = models.CharField(max_length=1000, blank=True)
    condition = models.CharField(max_length=20, choices=Condition, default=Condition.ALWAYS)
    number = models.PositiveIntegerField(default=0)
    begins = models.TimeField(null=True, blank=True)
    """Working hours, on weekdays, in the zone."""
    ends = models.TimeField(null=True, blank=True)
    zone = models.CharField(max_length=60, default="UTC")
    weight = models.PositiveSmallIntegerField(default=50)
    """The more, the further up."""
    is_on = models.BooleanField(default=True)

    class Meta:
        ordering = ["-weight", "name"]

    def __str__(self) -> str:
        return self.name


class ReviewItem(models.Model):
    """One thing to look at again. All events of a batch, or of an operation, are one item."""

    class Status(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting"
        QUESTIONED = "questioned"
        ANSWERED = "answered"
        ESCALATED = "escalated"
        APPROVED = "approved"

    key = models.CharField(max_length=60, unique=True)
    """`batch:…`, `operation:…` or `event:…`: what makes several events one item."""
    event_id = models.BigIntegerField()
    """The first of them; no foreign key: an event may be pruned."""
    batch_id = models.UUIDField(null=True, blank=True)
    said = models.CharField(max_length=500)
    """The sentence, kept for when the event is gone."""
    actor = models.CharField(max_length=150)
    people = ArrayField(models.BigIntegerField(), default=list)
    """Whoever had a hand in it, also through a token: none of them may sign it off. The database sees to that, too."""
    team = models.CharField(max_length=80, blank=True)
    rules = ArrayField(models.CharField(max_length=60))
    weight = models.PositiveSmallIntegerField()
    events = models.PositiveIntegerField(default=1)
    at = models.DateTimeField()
    status = models.CharField(max_length=20, choices=Status, default=Status.WAITING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="reviews"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    """When it was approved."""
    asked = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="questions"
    )
    """Who is asked, while it is questioned."""

    class Meta:
        ordering = ["-weight", "at", "id"]
        indexes = [
            models.Index(fields=["-weight", "at", "id"], name="review_open", condition=~Q(status="approved")),
            models.Index(fields=["at"], name="review_at"),
            models.Index(fields=["asked"], name="review_asked", condition=Q(status="questioned")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="approved", decided_at__isnull=False) | ~Q(status="approved"),
                name="review_approved_at_some_time",
            ),
        ]

    def __str__(self) -> str:
        return self.said

    @property
    def is_open(self) -> bool:
        """Is it still to be signed off?"""
        return self.status != self.Status.APPROVED


class ReviewEvent(models.Model):
    """Which events an item holds."""

    event_id = models.BigIntegerField(primary_key=True)
    item = models.ForeignKey(ReviewItem, models.CASCADE, related_name="parts")

    def __str__(self) -> str:
        return f"event {self.event_id} in item {self.item_id}"


class ReviewNote(models.Model):
    """What somebody said or decided about an item. Nothing of it is ever changed."""

    class Kind(models.TextChoices):
        """What it does."""

        APPROVED = "approved"
        QUESTIONED = "questioned"
        ANSWERED = "answered"
        ESCALATED = "escalated"
        REOPENED = "reopened"

    item = models.ForeignKey(ReviewItem, models.CASCADE, related_name="notes")
    kind = models.CharField(max_length=20, choices=Kind)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="review_notes"
    )
    author = models.CharField(max_length=150)
    text = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["item", "at"], name="review_note_of_item")]

    def __str__(self) -> str:
        return f"{self.author} {self.kind}: {self.text}"
