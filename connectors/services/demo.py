"""The demo estate: three teams, five logins, and an account for each thing the sandboxes pretend to be."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from connectors.actor import SET_UP
from connectors.models import Membership, SiteMembership, Team, VendorAccount
from connectors.services import audit, vault
from connectors.states import Role, SiteRole
from connectors.vendors import registry
from connectors.vendors.sandbox import DemoAccount, find

TEAMS = {"payments": "Payments", "retail": "Retail", "search": "Search"}
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
