"""The cast, and a small estate at the tiny vendor. Nothing here talks to a vendor."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from connectors import matrix
from connectors.models import Connector, Membership, Pipeline, SiteMembership, Team, VendorAccount
from connectors.states import Role, SiteRole, State


@dataclass
class Estate:
    """One team, one account, one pipeline; connectors as a test needs them."""

    team: Team
    account: VendorAccount
    pipeline: Pipeline
    made: list[Connector] = field(default_factory=list)

    def connector(self, state: State = State.RUNNING, **fields: Any) -> Connector:
        """This will make one more connector."""
        name = fields.pop("name", f"thing-{len(self.made)}")
        made = Connector.objects.create(
            account=self.account,
            pipeline=self.pipeline,
            team=self.team,
            external_id=name,
            name=name,
            state=state,
            vendor_state=state.upper(),
            state_since=timezone.now() - timedelta(minutes=4),
            urgency=matrix.urgency(State.RUNNING, state),
            **fields,
        )
        self.made.append(made)
        return made

    def client(self, name: str) -> Client:
        """This will give a browser in which one of the cast is signed in."""
        client = Client()
        client.force_login(User.objects.get(username=name))
        return client


@pytest.fixture(autouse=True)
def collected_nowhere(settings: Any, tmp_path: Path) -> None:
    """This will give WhiteNoise a folder, so that it does not miss the collected files."""
    settings.STATIC_ROOT = tmp_path


@pytest.fixture
def estate(db: None, tiny: str) -> Estate:
    """This will make the cast and an account that was read a moment ago."""
    team, other = Team.objects.create(slug="payments", name="Payments"), Team.objects.create(slug="web", name="Web")
    for role in Role:
        Membership.objects.create(user=User.objects.create_user(role), team=team, role=role)
    Membership.objects.create(user=User.objects.create_user("stranger"), team=other, role=Role.LEAD)
    for site_role in SiteRole:
        SiteMembership.objects.create(user=User.objects.create_user(site_role), role=site_role)
    now = timezone.now()
    account = VendorAccount.objects.create(
        vendor=tiny,
        name="tiny-prod",
        team=team,
        base_url="http://127.0.0.1",
        created_at=now,
        observed_at=now,
        budget=600,
    )
    pipeline = Pipeline.objects.create(
        account=account, external_id="box", name="box", state=State.RUNNING, vendor_state="up", state_since=now
    )
    return Estate(team, account, pipeline)
