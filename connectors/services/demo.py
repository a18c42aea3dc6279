"""The demo estate: three teams, five logins, and an account for each thing the sandboxes pretend to be."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from connectors import permissions
from connectors.actor import SET_UP
from connectors.models import Connector, FreezeWindow, Membership, SiteMembership, Team, VendorAccount
from connectors.models.guards import GRAVE
from connectors.services import actors, audit, driver, freezes, healing, protections, schedules, vault
from connectors.states import Role, SiteRole, State, Verb
from connectors.vendors import registry
from connectors.vendors.sandbox import DemoAccount, find

TEAMS = {"payments": "Payments", "retail": "Retail", "search": "Search"}
GUARDED = "payments"
PASSWORD = "demo"  # noqa: S105  # on purpose: the sign-in page shows it  # shown on the demo's sign-in page
LOGINS: Mapping[str, Mapping[str, Role] | SiteRole] = {
    "viewer": dict.fromkeys(TEAMS, Role.VIEWER),
    "operator": dict.fromkeys(TEAMS, Role.OPERATOR),
    "lead": {"payments": Role.LEAD},
    "admin": SiteRole.ADMIN,
    "auditor": SiteRole.AUDITOR,
}


@transaction.atomic
def seed(addresses: Mapping[str, str]) -> None:
    """
    This will make teams, logins and accounts, or bring existing accounts up to date with the sandboxes' addresses.

    :param addresses: slug of the vendor to the address of its sandbox
    """
    teams = {slug: Team.objects.get_or_create(slug=slug, defaults={"name": name})[0] for slug, name in TEAMS.items()}
    for name, standing in LOGINS.items():
        _login(name, standing, teams)
    for slug, url in addresses.items():
        for account in find(slug).accounts:
            _account(slug, url, account, teams[account.team])


def guard(now: datetime | None = None) -> None:
    """This will read one account, and set one of each guard rail for its team, unless that was done before."""
    now = now or timezone.now()
    team = Team.objects.get(slug=GUARDED)
    if FreezeWindow.objects.filter(team=team).exists():
        return
    for account in VendorAccount.objects.filter(team=team, observed_at=None):
        driver.drive(account.pk)
    user = get_user_model().objects.get(username="lead")
    actor, viewer = actors.behind(user, None), permissions.viewer_of(user)
    begin = (now + timedelta(days=5)).replace(hour=6, minute=0, second=0, microsecond=0)
    close = freezes.Wish("Quarter close", "The books close; nothing moves", "once", begin, begin + timedelta(hours=36))
    freezes.create(wish=close, team=team, actor=actor, viewer=viewer)
    found = Connector.objects.filter(team=team).select_related("team", "account__team", "pipeline").order_by("-name")
    running = list(found.filter(state=State.RUNNING)[:2])
    for card in running[:1]:
        protections.protect(
            connector=card, verbs=GRAVE, approver="operator", is_always_on=True, reason="Shops stop when it does",
            actor=actor, viewer=viewer,
        )  # fmt: skip
    for leaky in running[1:]:
        night = schedules.Wish("Weekly restart", Verb.RESTART, "cron", leaky.name, [leaky.pk], cron="30 2 * * 6",
                               reason="Lets go of old connections", zone="Europe/Berlin")  # fmt: skip
        schedules.create(wish=night, team=team, actor=actor, viewer=viewer)
    if broken := found.filter(state=State.FAILED).first():
        healing.set_policy(team=team, connector=broken, wish=healing.Wish(), actor=actor, viewer=viewer)


def _login(name: str, standing: Mapping[str, Role] | SiteRole, teams: Mapping[str, Team]) -> None:
    users = get_user_model().objects
    user = users.filter(username=name).first() or users.create(username=name, password=make_password(PASSWORD))
    if isinstance(standing, SiteRole):
        SiteMembership.objects.get_or_create(user=user, defaults={"role": standing})
        return
    for slug, role in standing.items():
        Membership.objects.get_or_create(user=user, team=teams[slug], defaults={"role": role})


def _account(slug: str, url: str, demo: DemoAccount, team: Team) -> None:
    vendor = registry.get(slug)
    now = timezone.now()
    made = VendorAccount.objects.filter(name=demo.name).first()
    account = made or VendorAccount(name=demo.name, vendor=slug, team=team, created_at=now)
    account.base_url = url + demo.path
    account.settings = _filled(demo.settings, url)
    account.sealed_credentials = vault.seal(demo.credentials)
    account.interval, account.budget = vendor.interval, vendor.budget
    account.due_at = None
    account.save()
    if made is None:
        audit.record(
            "account.created",
            actor=SET_UP,
            result="done",
            target=account,
            after={"address": account.base_url},
        )


def _filled(settings: Mapping[str, Any], url: str) -> dict[str, Any]:
    return {key: value.replace("{url}", url) if isinstance(value, str) else value for key, value in settings.items()}
