"""Verbs that are asked by the clock."""

from collections.abc import Iterator
from datetime import datetime, time

from django.conf import settings
from django.db import models
from django.db.models import Q

from connectors import timetable
from connectors.models.batches import Batch
from connectors.models.connectors import Connector
from connectors.models.people import Team
from connectors.states import Verb
from connectors.timetable import Office


class Schedule(models.Model):
    """One verb on chosen connectors: once, by a cron line, or around office hours."""

    class Mode(models.TextChoices):
        """When it comes."""

        ONCE = "once"
        CRON = "cron"
        OFFICE = "office"
        """The verb when the hours close, the way back when they open."""

    class Missed(models.TextChoices):
        """What becomes of a run whose time passed while nothing ran."""

        SKIP = "skip"
        RUN_ONCE = "run_once"

    team = models.ForeignKey(Team, models.CASCADE, related_name="schedules")
    name = models.CharField(max_length=80)
    reason = models.TextField(blank=True)
    kind = models.CharField(max_length=20, choices=[(verb, verb) for verb in Verb])
    connectors = models.ManyToManyField(Connector, blank=True, related_name="schedules")
    filters = models.JSONField(null=True, blank=True)
    """The board's filters by name; None: the connectors that were picked."""
    selection = models.CharField(max_length=300)
    """What was chosen, in words."""

    mode = models.CharField(max_length=10, choices=Mode)
    at = models.DateTimeField(null=True, blank=True)
    cron = models.CharField(max_length=100, blank=True)
    days = models.JSONField(default=list, blank=True)
    """Days of the office hours, Monday being 0."""
    opens = models.TimeField(null=True, blank=True)
    closes = models.TimeField(null=True, blank=True)
    zone = models.CharField(max_length=60, default="UTC")
    missed = models.CharField(max_length=10, choices=Missed, default=Missed.SKIP)

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="schedules")
    """On whose behalf it acts: with the roles they have at the time of each run."""
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    is_on = models.BooleanField(default=True)
    next_at = models.DateTimeField(null=True, blank=True)
    """None: it does not come any more."""

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(mode="once") | Q(at__isnull=False), name="schedule_once_has_a_time"),
            models.CheckConstraint(condition=~Q(mode="cron") | ~Q(cron=""), name="schedule_cron_has_a_line"),
            models.CheckConstraint(
                condition=~Q(mode="office") | Q(opens__isnull=False, closes__isnull=False),
                name="schedule_office_has_hours",
            ),
        ]
        indexes = [models.Index(fields=["next_at"], name="schedule_due", condition=Q(is_on=True))]

    def __str__(self) -> str:
        return self.name

    @property
    def office(self) -> Office:
        """The hours of one around office hours."""
        return Office(self.days, self.opens or time(), self.closes or time())

    def moments(self, after: datetime) -> Iterator[tuple[datetime, bool]]:
        """This will give its times after a moment, each with whether it asks for the way back."""
        if self.mode == self.Mode.OFFICE:
            yield from timetable.office_after(self.office, self.zone, after)
        elif self.mode == self.Mode.CRON:
            yield from ((moment, False) for moment in timetable.after(self.cron, self.zone, after))
        elif self.at and self.at > after:
            yield self.at, False


class ScheduleRun(models.Model):
    """One time of a schedule and what became of it. The database keeps it to one for each time."""

    class Outcome(models.TextChoices):
        """What became of it."""

        ASKED = "asked"
        """The batch tells the rest."""
        MISSED = "missed"
        NOTHING = "nothing"
        """There was nothing to ask, or nothing that may be asked; `why` says why."""
        REFUSED = "refused"

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="runs")
    planned_at = models.DateTimeField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=20, choices=[(verb, verb) for verb in Verb])
    outcome = models.CharField(max_length=10, choices=Outcome)
    why = models.TextField(blank=True)
    batch = models.ForeignKey(Batch, models.SET_NULL, null=True, blank=True, related_name="schedule_runs")

    class Meta:
        ordering = ["-planned_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["schedule", "planned_at"], name="schedule_run_once")]

    def __str__(self) -> str:
        return f"{self.schedule} at {self.planned_at:%Y-%m-%d %H:%M}: {self.outcome}"
