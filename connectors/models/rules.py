"""Which team owns what: ordered rules over what is known of a connector."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from connectors.models.accounts import VendorAccount
from connectors.models.connectors import Connector
from connectors.models.people import Team


class OwnershipRule(models.Model):
    """All that it names must hold; the first rule that holds decides. Where none does, the account's team owns."""

    class Match(models.TextChoices):
        """How `name` is read."""

        GLOB = "glob", "pattern with * and ?"
        REGEX = "regex", "regular expression"

    team = models.ForeignKey(Team, models.CASCADE, related_name="rules")
    is_of_site = models.BooleanField(default=False)
    """Made by an admin: goes before the rules that leads made for their own accounts."""
    position = models.PositiveIntegerField(default=100)
    vendor = models.SlugField(max_length=40, blank=True)
    account = models.ForeignKey(VendorAccount, models.CASCADE, null=True, blank=True, related_name="rules")
    pipeline = models.CharField(max_length=300, blank=True)
    """A pattern with * and ? over the pipeline's name."""
    name = models.CharField(max_length=300, blank=True)
    match = models.CharField(max_length=10, choices=Match, default=Match.GLOB)
    label = models.CharField(max_length=200, blank=True)
    """`key` or `key=value`."""
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-is_of_site", "position", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(vendor="", account__isnull=True, pipeline="", name="", label=""),
                name="rule_names_something",
            ),
            models.CheckConstraint(
                condition=Q(is_of_site=True) | Q(account__isnull=False), name="rule_of_a_lead_stays_in_an_account"
            ),
        ]

    def __str__(self) -> str:
        parts = [
            ("vendor", self.vendor),
            ("account", self.account.name if self.account else ""),
            ("pipeline", self.pipeline),
            ("name", f"/{self.name}/" if self.name and self.match == self.Match.REGEX else self.name),
            ("label", self.label),
        ]
        return ", ".join(f"{word} {value}" for word, value in parts if value)


class OwnershipClaim(models.Model):
    """A lead says that a connector no rule holds for is their team's; an admin decides."""

    connector = models.ForeignKey(Connector, models.CASCADE, related_name="claims")
    team = models.ForeignKey(Team, models.CASCADE, related_name="claims")
    reason = models.TextField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="claims")
    asked_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decision = models.TextField(blank=True)
    is_granted = models.BooleanField(default=False)

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["connector", "team"], condition=Q(decided_at__isnull=True), name="claim_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.team} claims {self.connector}"
