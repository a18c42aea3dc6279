"""Telling people outside: the rules, what holds now, and the messages that are on their way."""

from fnmatch import fnmatchcase

from django.db import models
from django.db.models import Q

from connectors.models.connectors import Connector
from connectors.models.people import Team


class Condition(models.TextChoices):
    """What an alert is about."""

    FAILED = "failed", "Failed"
    DEGRADED = "degraded", "Degraded"
    STALE = "stale", "Not read in time"
    NOT_FLOWING = "not_flowing", "Always on, and not flowing"
    HEAL_OPEN = "heal_open", "Auto-heal has given up"
    DRIFT = "drift", "Drifted from what is wanted"


class AlertRule(models.Model):
    """What of a team's connectors is told to one place."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="alert_rules")
    name = models.CharField(max_length=80)
    conditions = models.JSONField(default=list)
    names = models.JSONField(default=list, blank=True)
    """Of which connectors, by name; * stands for anything. None: all of the team's."""
    minutes = models.PositiveIntegerField(default=2)
    """For how long it has to hold before it is told."""
    repeat_minutes = models.PositiveIntegerField(default=0)
    """Told again so often while it holds; 0: once."""
    sealed_target = models.TextField()
    """Where to, encrypted: the address holds secrets, and never comes out."""
    target_kind = models.CharField(max_length=20)
    """What kind of address it is: slack, mailto, https."""
    is_on = models.BooleanField(default=True)
    set_by = models.CharField(max_length=150)
    set_at = models.DateTimeField()

    class Meta:
        ordering = ["team__slug", "name", "pk"]

    def __str__(self) -> str:
        return self.name

    def covers(self, name: str) -> bool:
        """This will tell whether a connector of that name is meant."""
        return not self.names or any(fnmatchcase(name, pattern) for pattern in self.names)


class Alert(models.Model):
    """One condition that holds for one connector, told once until it is over."""

    rule = models.ForeignKey(AlertRule, models.CASCADE, related_name="alerts")
    connector = models.ForeignKey(Connector, models.CASCADE, related_name="alerts")
    condition = models.CharField(max_length=20, choices=Condition)
    since = models.DateTimeField()
    told_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-told_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "connector", "condition"], condition=Q(resolved_at=None), name="alert_told_once"
            ),
        ]
        indexes = [models.Index(fields=["rule"], name="alert_open", condition=Q(resolved_at=None))]

    def __str__(self) -> str:
        return f"{self.connector}: {self.condition}"


class AlertMessage(models.Model):
    """One message to one place. It waits here until the place has taken it."""

    class Kind(models.TextChoices):
        """What it says."""

        FIRED = "fired"
        AGAIN = "again"
        RESOLVED = "resolved"
        TEST = "test"

    rule = models.ForeignKey(AlertRule, models.CASCADE, related_name="messages")
    kind = models.CharField(max_length=10, choices=Kind)
    title = models.CharField(max_length=200)
    body = models.TextField()
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-made_at", "-pk"]
        indexes = [
            models.Index(fields=["due_at"], name="alert_message_waiting", condition=Q(sent_at=None, given_up_at=None))
        ]

    def __str__(self) -> str:
        return self.title
