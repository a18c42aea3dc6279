"""Restarting by itself what broke: the policies, and how far it has come with each connector."""

from datetime import timedelta

from django.db import models
from django.db.models import Q

from connectors import heal
from connectors.models.connectors import Connector
from connectors.models.people import Team


def all_kinds() -> list[str]:
    """This will give the kinds of errors at which a new policy stops."""
    return [heal.SIGN_IN, heal.SCHEMA]


def failed() -> list[str]:
    """This will give the states that a new policy heals."""
    return [str(heal.HEALED[0])]


class HealPolicy(models.Model):
    """How the connectors of a team, or one connector, are healed. A connector's own goes before its team's."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="heal_policies")
    connector = models.OneToOneField(Connector, models.CASCADE, null=True, blank=True, related_name="heal_policy")
    """None: all connectors of the team."""
    is_on = models.BooleanField(default=True)
    states = models.JSONField(default=failed)
    first_wait = models.PositiveIntegerField(default=60)
    """Seconds."""
    longest_wait = models.PositiveIntegerField(default=1800)
    budget = models.PositiveIntegerField(default=5)
    """Tries within an hour."""
    reset_after = models.PositiveIntegerField(default=1800)
    """Seconds for which it has to be well, until the tries count from nought again."""
    stops_at = models.JSONField(default=all_kinds, blank=True)
    stop_words = models.JSONField(default=list, blank=True)
    set_by = models.CharField(max_length=150)
    set_at = models.DateTimeField()

    class Meta:
        ordering = ["team__slug", "connector__name"]
        constraints = [
            models.UniqueConstraint(fields=["team"], condition=Q(connector=None), name="heal_policy_one_per_team"),
            models.CheckConstraint(condition=Q(budget__gte=1, first_wait__gte=1), name="heal_policy_bounded"),
        ]

    def __str__(self) -> str:
        return self.connector.name if self.connector else f"team {self.team.slug}"

    @property
    def terms(self) -> heal.Policy:
        """What the decision needs of it."""
        return heal.Policy(
            states=self.states,
            first_wait=timedelta(seconds=self.first_wait),
            longest_wait=timedelta(seconds=self.longest_wait),
            budget=self.budget,
            stops_at=self.stops_at,
            stop_words=self.stop_words,
        )


class HealState(models.Model):
    """How far healing has come with one connector; there is none while nothing was tried."""

    connector = models.OneToOneField(Connector, models.CASCADE, related_name="heal_state")
    attempts = models.PositiveIntegerField(default=0)
    tries = models.JSONField(default=list, blank=True)
    """The times of the last hour's tries, as text."""
    next_at = models.DateTimeField(null=True, blank=True)
    why = models.TextField(blank=True)
    """Why the circuit opened, or the last try was refused."""
    opened_at = models.DateTimeField(null=True, blank=True)
    """Since when nothing is tried any more."""
    well_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["opened_at"], name="heal_open", condition=Q(opened_at__isnull=False))]

    def __str__(self) -> str:
        return f"{self.connector}: {self.attempts} tries"
