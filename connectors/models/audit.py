"""The record of who did what. The database refuses to change or remove a row; see the first migration."""

from django.db import models


class AuditEvent(models.Model):
    """One intent, outcome, refusal or outside change. Holds names, not foreign keys: it outlives what it names."""

    class Result(models.TextChoices):
        """How it came out."""

        REQUESTED = "requested"
        DONE = "done"
        REFUSED = "refused"
        FAILED = "failed"
        OBSERVED = "observed"

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
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    operation_id = models.UUIDField(null=True, blank=True)
    error = models.TextField(blank=True)
    vendor_request = models.TextField(blank=True)
    vendor_reply = models.TextField(blank=True)
    vendor_request_id = models.CharField(max_length=120, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["target_kind", "target_id", "-id"], name="audit_of_target"),
            models.Index(fields=["actor", "-id"], name="audit_of_actor"),
            models.Index(fields=["action", "-id"], name="audit_of_action"),
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["operation_id"], name="audit_of_operation"),
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
