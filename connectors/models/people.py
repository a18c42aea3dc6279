"""Teams, who belongs to them, and the tokens that services act with."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from connectors.states import Permission, Role, SiteRole


def every_permission() -> list[str]:
    """This will give what a token holds that was not narrowed: all that its owner may."""
    return [str(permission) for permission in Permission]


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
    is_by_group = models.BooleanField(default=False)
    """Given by a group of the company's sign-in: it goes when the person leaves the group."""

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
    is_by_group = models.BooleanField(default=False)
    ends_at = models.DateTimeField(null=True, blank=True)
    """Set when the glass was broken: the role ends by itself."""

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=list(SiteRole)), name="site_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role}"


class ApiToken(models.Model):
    """A key for a service or a script; acts as its owner, within its scope. Only a hash of it is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="api_tokens")
    """The one team it reaches; None: every team of its owner, and what is the whole site's."""
    permissions = models.JSONField(default=every_permission)
    """What it holds of its owner's permissions; it can always see."""
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

    def is_live(self, now: datetime) -> bool:
        """This will tell whether it still opens anything."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class Invitation(models.Model):
    """A way into a team for one address, by a link that ends. Only a hash of its secret is kept."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="invitations")
    address = models.EmailField()
    role = models.CharField(max_length=20, choices=[(role, role) for role in Role])
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.address} into {self.team}"


class AccessRequests(models.QuerySet["AccessRequest"]):
    """The requests, by what has become of them."""

    def waiting(self, now: datetime) -> Self:
        """This will give those that nobody has decided and that have not lapsed."""
        return self.filter(decided_at__isnull=True, lapses_at__gt=now)

    def in_force(self, now: datetime) -> Self:
        """This will give the grants that hold now. Nothing has to run for one to end."""
        return self.filter(is_granted=True, ended_at__isnull=True, ends_at__gt=now)


class AccessRequest(models.Model):
    """Somebody asks for a role in a team for a time; a lead grants or declines."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="access_requests")
    team = models.ForeignKey(Team, models.CASCADE, related_name="access_requests")
    role = models.CharField(max_length=20, choices=[(role, role) for role in (Role.VIEWER, Role.OPERATOR)])
    minutes = models.PositiveIntegerField()
    reason = models.TextField()
    asked_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    """Undecided, it is void from then on."""
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decision = models.TextField(blank=True)
    """What the decider said."""
    is_granted = models.BooleanField(default=False)
    ends_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    """Taken back before its time."""

    objects = AccessRequests.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_granted=False) | Q(ends_at__isnull=False, decided_at__isnull=False),
                name="grant_has_an_end",
            ),
            models.UniqueConstraint(
                fields=["user", "team"], condition=Q(decided_at__isnull=True), name="access_request_one_open"
            ),
        ]
        indexes = [models.Index(fields=["user", "ends_at"], name="grant_of_person", condition=Q(is_granted=True))]

    def __str__(self) -> str:
        return f"{self.user} asks to be {self.role} of {self.team}"


class BreakGlassLink(models.Model):
    """A one-time way in for one person, made on the command line of the machine. Only a hash of its secret is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="break_glass_links")
    digest = models.CharField(max_length=64, unique=True)
    reason = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"break-glass link for {self.user}"


class FirstAdminLink(models.Model):
    """The one-time way in on an empty product. Only a hash of its secret is kept."""

    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"first admin link of {self.created_at:%Y-%m-%d %H:%M}"
