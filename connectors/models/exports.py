"""Exports of the record that are written in the background, piece by piece."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class AuditExport(models.Model):
    """What somebody wants to have as a file, how far it is, and until when it is kept."""

    class Format(models.TextChoices):
        """What the file is."""

        CSV = "csv", "CSV"
        JSONL = "jsonl", "JSON Lines with proof"

    class Status(models.TextChoices):
        """How far it is."""

        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="audit_exports")
    query = models.CharField(max_length=1000, blank=True)
    format = models.CharField(max_length=10, choices=Format)
    status = models.CharField(max_length=20, choices=Status, default=Status.WAITING)
    until = models.BigIntegerField(default=0)
    """The newest position when it was asked for: what came later is not in it."""
    plan = models.JSONField(null=True, blank=True)
    """Stretches of the chain that it holds, as `[after, up to]`; None until they were found."""
    cursor = models.CharField(max_length=80, blank=True)
    """Where the next piece begins."""
    total = models.BigIntegerField(null=True, blank=True)
    done = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    kept_until = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    """Until then one worker is at it; when that one dies, another goes on."""

    class Meta:
        ordering = ["-requested_at"]
        indexes = [
            models.Index(fields=["requested_at"], name="export_open", condition=Q(status__in=["waiting", "running"]))
        ]

    def __str__(self) -> str:
        return f"{self.format} of {self.query or 'everything'}: {self.status}"

    @property
    def is_open(self) -> bool:
        """Is anything of it still to come?"""
        return self.status in {self.Status.WAITING, self.Status.RUNNING}


class AuditExportPart(models.Model):
    """One compressed piece; in the database, so that any worker may write it and any web process read it."""

    export = models.ForeignKey(AuditExport, models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["export", "number"], name="export_part_once")]

    def __str__(self) -> str:
        return f"piece {self.number} of {self.export_id}"
