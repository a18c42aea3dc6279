"""What the tests of the guard rails have in common."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from connectors import permissions
from connectors.actor import Actor
from connectors.models import Connector, FreezeWindow, Membership, Operation, Protection, Team
from connectors.permissions import Viewer
from connectors.services import actors, freezes, operations, protections
from connectors.services.freezes import Wish
from connectors.states import Role, Verb
from tests.cast import Estate


def who(estate: Estate, name: str) -> tuple[Actor, Viewer]:
    """This will give one of the cast as actor and viewer."""
    user = estate.people[name]
    return actors.behind(user, None), permissions.viewer_of(user)


def second_operator(estate: Estate, name: str = "second") -> User:
    """This will add an operator to the team."""
    user = User.objects.create_user(name)
    Membership.objects.create(user=user, team=estate.team, role=Role.OPERATOR)
    estate.people[name] = user
    return user


def ask(
    estate: Estate, connector: Connector, verb: Verb = Verb.PAUSE, name: str = "operator", **more: Any
) -> Operation:
    """This will ask for a verb as one of the cast."""
    actor, viewer = who(estate, name)
    target = Connector.objects.select_related("account__team", "team").get(pk=connector.pk)
    return operations.request(target=target, verb=verb, actor=actor, viewer=viewer, **more)


def freeze(estate: Estate, *, team: Team | None, name: str = "admin", **fields: Any) -> FreezeWindow:
    """This will freeze a team, or the site, until somebody ends it."""
    actor, viewer = who(estate, name)
    now: datetime = fields.pop("now", timezone.now())
    wish = Wish(**{"name": "Year end", "reason": "books close", "mode": "open", **fields})
    return freezes.create(wish=wish, team=team, actor=actor, viewer=viewer, now=now)


def protect(estate: Estate, connector: Connector, **fields: Any) -> Protection:
    """This will protect a connector as the lead."""
    actor, viewer = who(estate, "lead")
    values: dict[str, Any] = {
        "verbs": [Verb.PAUSE, Verb.STOP, Verb.RESTART], "approver": "operator", "is_always_on": False, **fields
    }  # fmt: skip
    made = protections.protect(connector=connector, actor=actor, viewer=viewer, **values)
    assert isinstance(made, Protection)
    return made


def in_minutes(number: float) -> datetime:
    """This will give a moment that is to come."""
    return timezone.now() + timedelta(minutes=number)
