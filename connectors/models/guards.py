"""What keeps a verb from being carried out: freezes, protected connectors, and approvals by a second person."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Expression, Q

from connectors import timetable
from connectors.models.connectors import STATES, Connector, Pipeline
from connectors.models.operations import ONE_TARGET, Operation
from connectors.models.people import ApiToken, Team
from connectors.states import PART_OF, Verb, label_of
from connectors.timetable import Span


class FreezeWindows(models.QuerySet["FreezeWindow"]):
    """The windows, by what has become of them."""

    def standing(self, now: datetime | Expression) -> Self:
        """This will give those that hold now or may hold later."""
        return self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now), ended_at__isnull=True)

    def of_teams(self, teams: Iterable[int]) -> Self:
        """This will give those of some teams and those of the whole site."""
        return self.filter(Q(team__isnull=True) | Q(team_id__in=teams))


class FreezeWindow(models.Model):
    """A time in which nothing is asked of a team's connectors, or of any; by page, API, schedule or the product."""

    class Mode(models.TextChoices):
        """When it holds."""

        ONCE = "once"
        """From a moment to another."""
        REPEATING = "repeating"
        """By a cron line, for so many minutes each time."""
        OPEN = "open"
        """From a moment until somebody ends it."""

    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="freezes")
    """None: the whole site."""
    name = models.CharField(max_length=80)
    reason = models.TextField()
    mode = models.CharField(max_length=20, choices=Mode)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    """For a repeating one: it does not begin again after this."""
    cron = models.CharField(max_length=100, blank=True)
    minutes = models.PositiveIntegerField(default=0)
    zone = models.CharField(max_length=60, default="UTC")
    spared = models.JSONField(default=list, blank=True)
    """Names of connectors and pipelines that it does not hold for; * stands for anything."""
    spared_people = models.JSONField(default=dict, blank=True)
    """Who is not bound by it: ids (as text) to names."""
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    """Ended before its time, or for good."""
    ended_by = models.CharField(max_length=150, blank=True)
    is_told = models.BooleanField(default=False)
    """Open pages know that it holds."""

    objects = FreezeWindows.as_manager()

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(mode="once") | Q(ends_at__gt=models.F("starts_at")), name="freeze_once_ends"
            ),
            models.CheckConstraint(
                condition=~Q(mode="repeating") | (Q(minutes__gt=0) & ~Q(cron="")), name="freeze_repeating_has_length"
            ),
        ]
        indexes = [models.Index(fields=["team", "starts_at"], name="freeze_standing", condition=Q(ended_at=None))]

    def __str__(self) -> str:
        return f"{self.name} ({self.team.slug if self.team else 'whole site'})"

    def span(self, now: datetime) -> Span | None:
        """This will give the span that holds now, or else the next one; None when it never holds again."""
        if self.ended_at is not None or (self.ends_at is not None and self.ends_at <= now):
            return None
        if self.mode != self.Mode.REPEATING:
            return Span(self.starts_at, self.ends_at)
        earliest = max(now, self.starts_at)
        found = timetable.current_or_next(self.cron, self.zone, timedelta(minutes=self.minutes), earliest)
        if found is None or (self.ends_at is not None and found.starts_at >= self.ends_at):
            return None
        return found

    def spares(self, name: str) -> bool:
        """This will tell whether a connector or pipeline of that name is excepted."""
        return any(fnmatchcase(name, pattern) for pattern in self.spared)


class BreakGlass(models.Model):
    """Somebody passes a freeze for a short time, for a reason that is reviewed afterwards."""

    freeze = models.ForeignKey(FreezeWindow, models.CASCADE, related_name="breaks")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="glass_broken")
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["user", "until"], name="glass_of_person", condition=Q(ended_at=None))]

    def __str__(self) -> str:
        return f"{self.actor} breaks {self.freeze}"


GRAVE = (Verb.PAUSE, Verb.STOP, Verb.FORCE_STOP, Verb.RESTART)
"""What a protected connector is protected from, unless somebody says otherwise."""


def grave_verbs() -> list[str]:
    """This will give the verbs that a new protection covers."""
    return [str(verb) for verb in GRAVE]


class Protection(models.Model):
    """Some verbs on a connector take a second person; and it may be one that must always flow."""

    class Approver(models.TextChoices):
        """Who may be the second person. An admin always may."""

        OPERATOR = "operator"
        LEAD = "lead"

    connector = models.OneToOneField(Connector, models.CASCADE, related_name="protection")
    verbs = models.JSONField(default=grave_verbs)
    """Those that take a second person, on the connector and on the pipeline it runs in."""
    approver = models.CharField(max_length=10, choices=Approver, default=Approver.OPERATOR)
    is_always_on = models.BooleanField(default=False)
    """An alert goes out when it does not flow, whoever stopped it."""
    reason = models.TextField(blank=True)
    set_by = models.CharField(max_length=150)
    set_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.connector} is protected"

    def covers(self, verb: Verb) -> bool:
        """This will tell whether a verb takes a second person; of a part it does where the whole does."""
        return str(PART_OF.get(verb, verb)) in self.verbs


class Loosening(models.Model):
    """A protection is to become weaker, or to be lifted: that takes a second person, too."""

    class Outcome(models.TextChoices):
        """What became of it; it is open while there is none."""

        APPROVED = "approved"
        DECLINED = "declined"
        TAKEN_BACK = "taken back"
        VOID = "void"
        """The protection was changed meanwhile, or something else was asked for."""

    connector = models.ForeignKey(Connector, models.CASCADE, related_name="loosenings")
    verbs = models.JSONField(default=list)
    approver = models.CharField(max_length=10, choices=Protection.Approver, default=Protection.Approver.OPERATOR)
    is_always_on = models.BooleanField(default=False)
    """What is to be left of the protection; nothing at all: it is to be lifted."""
    seen_at = models.DateTimeField()
    """When the protection it is about was set."""
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="loosenings_asked")
    actor = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    asked_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decider = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    said = models.TextField(blank=True)

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(outcome="approved") | (Q(decider__isnull=False) & ~Q(decider=models.F("user"))),
                name="loosening_by_a_second_person",
            ),
            models.UniqueConstraint(fields=["connector"], condition=Q(outcome=""), name="loosening_one_open"),
        ]

    def __str__(self) -> str:
        return f"{'lift' if self.is_lift else 'weaken'} the protection of {self.connector}, asked by {self.actor}"

    @property
    def is_lift(self) -> bool:
        """Is nothing to be left of the protection?"""
        return not self.verbs and not self.is_always_on


class Approval(models.Model):
    """One verb on named targets, as they were seen, asked by one person and approved by another."""

    class Status(models.TextChoices):
        """Where it stands. All but the first two are final."""

        WAITING = "waiting"
        APPROVED = "approved"
        """It may be carried out, by whoever asked, until it lapses."""
        USED = "used"
        DECLINED = "declined"
        VOID = "void"
        """What it was bound to has changed, or it was taken back."""
        LAPSED = "lapsed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=[(verb, verb) for verb in Verb])
    task = models.CharField(max_length=40, blank=True)
    """For a verb of one task."""
    status = models.CharField(max_length=20, choices=Status, default=Status.WAITING)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="approvals_asked")
    token = models.ForeignKey(ApiToken, models.SET_NULL, null=True, blank=True, related_name="+")
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    ticket = models.CharField(max_length=80, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    """For a pause or stop that is to end by itself."""
    asked_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    """Undecided until then, or approved and not used until then, it is worth nothing any more."""
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decider = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="approvals_decided"
    )
    said = models.TextField(blank=True)
    """What the decider said, or why it ended by itself."""

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(decider__isnull=True) | ~Q(decider=models.F("user")), name="approval_by_a_second_person"
            ),
        ]
        indexes = [
            models.Index(fields=["asked_at"], name="approval_open", condition=Q(status__in=["waiting", "approved"]))
        ]

    def __str__(self) -> str:
        return f"{self.kind} asked by {self.actor}: {self.status}"

    @property
    def label(self) -> str:
        """Its verb in words, with the task it is for."""
        return label_of(Verb(self.kind), self.task)

    @property
    def is_open(self) -> bool:
        """Can anything still come of it?"""
        return self.status in {self.Status.WAITING, self.Status.APPROVED}


class ApprovalTarget(models.Model):
    """One target of an approval, and how it was when the approval was asked."""

    approval = models.ForeignKey(Approval, models.CASCADE, related_name="targets")
    connector = models.ForeignKey(Connector, models.CASCADE, null=True, blank=True, related_name="approvals")
    pipeline = models.ForeignKey(Pipeline, models.CASCADE, null=True, blank=True, related_name="approvals")
    state = models.CharField(max_length=20, choices=STATES)
    state_since = models.DateTimeField()
    operation = models.OneToOneField(Operation, models.SET_NULL, null=True, blank=True, related_name="approval")
    """What was asked with it; an approval opens each of its targets once."""
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=ONE_TARGET, name="approval_one_target"),
            models.UniqueConstraint(fields=["approval", "connector"], name="approval_connector_once"),
            models.UniqueConstraint(fields=["approval", "pipeline"], name="approval_pipeline_once"),
        ]

    def __str__(self) -> str:
        return f"{self.target} while {self.state}"

    @property
    def target(self) -> Connector | Pipeline:
        """What it is for."""
        target = self.connector or self.pipeline
        assert target is not None  # noqa: S101  # kept by approval_one_target
        return target

    def fits(self, target: Connector | Pipeline) -> bool:
        """This will tell whether the target still is as it was seen."""
        return target.state == self.state and target.state_since == self.state_since
