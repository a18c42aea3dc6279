"""An account at the tiny vendor, served over real HTTP."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from connectors import permissions
from connectors.actor import Actor
from connectors.models import Connector, Membership, Operation, Team, VendorAccount
from connectors.services import driver, operations, vault
from connectors.states import Role, Verb
from connectors.vendors.sandbox import Bench


@dataclass
class Tiny:
    """The account, its sandbox, and an operator of its team."""

    account: VendorAccount
    bench: Bench
    user: User

    def drive(self) -> bool:
        """This will drive the account for one slice."""
        VendorAccount.objects.filter(pk=self.account.pk).update(due_at=None)
        return driver.drive(self.account.pk)

    def connector(self, name: str = "thing-1") -> Connector:
        """This will read a connector."""
        return Connector.objects.select_related("account__team", "pipeline", "team").get(name=name)

    def ask(self, verb: Verb, name: str = "thing-1", key: str = "", reason: str = "") -> Operation:
        """This will ask for a verb as the operator."""
        return operations.request(
            target=self.connector(name),
            verb=verb,
            actor=self.actor,
            viewer=self.viewer,
            key=key,
            reason=reason,
        )

    @property
    def actor(self) -> Actor:
        """The operator."""
        return Actor("person", self.user.username, user_id=self.user.pk)

    @property
    def viewer(self) -> permissions.Viewer:
        """The operator's roles."""
        return permissions.viewer_of(self.user)


@pytest.fixture
def box(db: None, tiny: str, serve: Callable[..., tuple[Bench, str]]) -> Tiny:
    """This will make the account, not read yet."""
    app, url = serve(tiny, tempo=0.2)
    team = Team.objects.create(slug="payments", name="Payments")
    user = User.objects.create_user("operator")
    Membership.objects.create(user=user, team=team, role=Role.OPERATOR)
    account = VendorAccount.objects.create(
        vendor=tiny,
        name="tiny-box",
        team=team,
        base_url=url,
        sealed_credentials=vault.seal({"key": "tiny-secret-key"}),
        created_at=timezone.now(),
        interval=5.0,
        budget=20.0,
    )
    return Tiny(account, app, user)
