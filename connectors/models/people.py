"""Teams, who belongs to them, and the tokens that services act with."""

from django.conf import settings
from django.db import models

from connectors.states import Role, SiteRole


class Team(models.Model):
    """The owner of connectors and vendor accounts."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person's role in one team."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=[(role, role) for role in Role])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "team"], name="membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=list(Role)), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.team}"


class SiteMembership(models.Model):
    """One person's role in the whole product."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="site_membership")
    role = models.CharField(max_length=20, choices=[(role, role) for role in SiteRole])

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=list(SiteRole)), name="site_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role}"


class ApiToken(models.Model):
    """A key for a service or a script; acts as its owner. Only a hash of it is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    start = models.CharField(max_length=16)
    """The first characters, to recognise it by; not enough to use it."""
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 in hex. The token itself holds 160 random bits, so it needs no salt and no slow hash."""
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["user_id", "name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.start}…)"


class FirstAdminLink(models.Model):
    """The one-time way in on an empty product. Only a hash of its secret is kept."""

    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"first admin link of {self.created_at:%Y-%m-%d %H:%M}"
