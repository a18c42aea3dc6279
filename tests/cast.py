"""The fixed cast, and an estate small enough to know by heart."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from connectors import matrix
from connectors.actor import SET_UP
from connectors.models import Connector, Membership, Pipeline, SiteMembership, Team, VendorAccount
from connectors.services import tokens, vault
from connectors.states import Role, SiteRole, State

SECRET = "planted-credential-0815"


@dataclass
class Estate:
    """Team payments with an account, a pipeline and connectors; team retail next door; everybody's logins."""

    team: Team
    other: Team
    account: VendorAccount
    pipeline: Pipeline
    people: dict[str, User]
    connectors: list[Connector] = field(default_factory=list)

    def add(self, name: str, state: State = State.RUNNING, **values: Any) -> Connector:
        """This will add a connector."""
        made = Connector.objects.create(
            account=self.account,
            pipeline=self.pipeline,
            team=values.pop("team", self.team),
            external_id=name,
            name=name,
            state=state,
            vendor_state=state.upper(),
            state_since=values.pop("since", timezone.now()),
            urgency=matrix.urgency(State(self.pipeline.state), state),
            **values,
        )
        self.connectors.append(made)
        return made

    def token(self, name: str) -> str:
        """This will issue a token for one of the cast."""
        return tokens.issue(user=self.people[name], name="test", expires_at=None, actor=SET_UP)[1]


def people(team: Team, other: Team) -> dict[str, User]:
    """This will make lead, operator, viewer, stranger, auditor and admin."""
    cast = {
        name: User.objects.create_user(name) for name in ("lead", "operator", "viewer", "stranger", "auditor", "admin")
    }
    for name, role in (("lead", Role.LEAD), ("operator", Role.OPERATOR), ("viewer", Role.VIEWER)):
        Membership.objects.create(user=cast[name], team=team, role=role)
    Membership.objects.create(user=cast["stranger"], team=other, role=Role.LEAD)
    SiteMembership.objects.create(user=cast["auditor"], role=SiteRole.AUDITOR)
    SiteMembership.objects.create(user=cast["admin"], role=SiteRole.ADMIN)
    return cast


def estate(vendor: str, now: datetime) -> Estate:
    """This will make the estate with three connectors: running, paused, failed."""
    team = Team.objects.create(slug="payments", name="Payments")
    other = Team.objects.create(slug="retail", name="Retail")
    account = VendorAccount.objects.create(
        vendor=vendor,
        name="box-prod",
        team=team,
        base_url="http://127.0.0.1:9",
        sealed_credentials=vault.seal({"key": SECRET}),
        created_at=now,
        observed_at=now,
        budget=60.0,
    )
    pipeline = Pipeline.objects.create(
        account=account, external_id="box", name="box", state=State.RUNNING, vendor_state="up", state_since=now
    )
    made = Estate(team, other, account, pipeline, people(team, other))
    made.add("orders", State.RUNNING)
    made.add("invoices", State.PAUSED)
    made.add("ledger", State.FAILED, error="connection refused", config={"topics": "ledger"})
    return made
