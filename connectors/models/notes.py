"""What people write down for each other: beside a connector, a pipeline, or an error wherever it turns up."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from connectors.models.connectors import Connector, Pipeline
from connectors.models.people import Team

ONE_SUBJECT = (
    Q(connector__isnull=False, pipeline__isnull=True, fingerprint="")
    | Q(connector__isnull=True, pipeline__isnull=False, fingerprint="")
    | Q(connector__isnull=True, pipeline__isnull=True) & ~Q(fingerprint="")
)


class Note(models.Model):
    """One note. Without a connector or pipeline it is the team's runbook for an error."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="notes")
    """Whose runbook it is; for a connector or pipeline the team that owned it then."""
    connector = models.ForeignKey(Connector, models.CASCADE, null=True, blank=True, related_name="notes")
    pipeline = models.ForeignKey(Pipeline, models.CASCADE, null=True, blank=True, related_name="notes")
    fingerprint = models.CharField(max_length=20, blank=True)
    """Of the error that it is about; see `fingerprints.py`."""
    error = models.TextField(blank=True)
    """That error, as it was when the note was written."""
    text = models.TextField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="notes")
    author = models.CharField(max_length=150)
    written_at = models.DateTimeField()
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-written_at", "-id"]
        constraints = [models.CheckConstraint(condition=ONE_SUBJECT, name="note_one_subject")]
        indexes = [
            models.Index(fields=["connector", "-written_at"], name="note_of_connector"),
            models.Index(fields=["pipeline", "-written_at"], name="note_of_pipeline"),
            models.Index(fields=["team", "fingerprint"], name="note_of_error", condition=~Q(fingerprint="")),
        ]

    def __str__(self) -> str:
        return f"{self.author}: {self.text[:40]}"

    @property
    def owner_id(self) -> int:
        """The team whose leads look after it: the target's as it is now; needs `connector`, `pipeline__account`."""
        if self.connector:
            return self.connector.team_id
        return self.pipeline.account.team_id if self.pipeline else self.team_id

    @property
    def is_runbook(self) -> bool:
        """Is it about an error, wherever it turns up?"""
        return bool(self.fingerprint)
