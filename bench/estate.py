"""The estate that is measured: so many connectors, spread evenly over accounts of every vendor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.vendors import registry
from connectors.vendors.sandbox import DemoAccount, find

CONNECTORS_AN_ACCOUNT = 100
USERS = 8
"""People who are signed in; each is a member of every team."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One vendor account with a world of its own."""

    vendor: str
    number: int
    connectors: int

    @property
    def name(self) -> str:
        """The account's name."""
        return f"{self.vendor}-{self.number:03}"

    @property
    def path(self) -> str:
        """Where its world stands at the sandboxes' address."""
        return f"/{self.vendor}/{self.number}"

    @property
    def demo(self) -> DemoAccount:
        """The account of the demo that it is modelled on."""
        return find(self.vendor).accounts[0]


def plan(connectors: int, accounts: int | None = None) -> list[Planned]:
    """This will spread connectors over accounts, the vendors taking turns; one account for a hundred, five at least."""
    vendors = sorted(registry.vendors())
    number = accounts or max(len(vendors), connectors // CONNECTORS_AN_ACCOUNT)
    share, rest = divmod(connectors, number)
    return [Planned(vendors[n % len(vendors)], n, share + (n < rest)) for n in range(number)]


def settings_of(planned: Planned, address: str) -> dict[str, Any]:
    """This will give the settings of the account's form, pointed at its world."""
    url = address + planned.path
    return {k: v.replace("{url}", url) if isinstance(v, str) else v for k, v in planned.demo.settings.items()}


def settle(estate: Sequence[Planned], address: str) -> list[str]:
    """This will make teams, people and accounts in the database, not read yet; a session key for each person."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from connectors.models import Membership, Team, VendorAccount
    from connectors.services import vault
    from connectors.states import Role

    teams = [Team.objects.create(slug=slug, name=slug.title()) for slug in ("payments", "retail", "search")]
    people = [User.objects.create_user(f"person-{n}") for n in range(USERS)]
    Membership.objects.bulk_create(Membership(user=u, team=t, role=Role.OPERATOR) for u in people for t in teams)
    for planned in estate:
        vendor = registry.get(planned.vendor)
        VendorAccount.objects.create(
            vendor=planned.vendor,
            name=planned.name,
            team=teams[planned.number % len(teams)],
            base_url=address + planned.path + planned.demo.path,
            settings=settings_of(planned, address),
            sealed_credentials=vault.seal(planned.demo.credentials),
            created_at=timezone.now(),
            interval=vendor.interval,
            budget=vendor.budget,
        )
    return [_signed_in(user) for user in people]


def _signed_in(user: Any) -> str:
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)
