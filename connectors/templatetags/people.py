"""Teams, roles and requests in words."""

from collections.abc import Iterable

from django.forms import BoundField
from django.template import Library
from django.utils import timezone

from connectors.models import AccessRequest
from connectors.permissions import Viewer
from connectors.states import Permission

register = Library()

HOUR, DAY = 60, 24 * 60
WORDS = {
    Permission.SEE: "see",
    Permission.SEE_CONFIGURATION: "see configuration",
    Permission.OPERATE: "operate",
    Permission.PROTECT: "protect",
    Permission.MANAGE_TEAM: "manage the team",
    Permission.MANAGE_ACCOUNTS: "manage accounts",
    Permission.REVIEW: "review",
    Permission.ADMINISTER: "administer",
}


@register.simple_tag
def role_in(viewer: Viewer, team_id: int) -> str:
    """This will say what somebody is in a team: `lead`, `operator for a time`, `admin of the site`, `no member`."""
    role = viewer.roles.get(team_id)
    if role:
        return f"{role} for a time" if team_id in viewer.granted else str(role)
    return f"{viewer.site_role} of the site" if viewer.site_role else "no member"


@register.simple_tag
def access_state(request: AccessRequest) -> str:
    """This will say what became of a request: asked, granted, ended, lapsed, declined."""
    now = timezone.now()
    if request.is_granted:
        holds = request.ended_at is None and request.ends_at is not None and request.ends_at > now
        return "granted" if holds else "ended"
    if request.decided_at and request.decided_by:
        return "declined"
    return "lapsed" if request.decided_at or request.lapses_at <= now else "asked"


@register.filter
def as_input(field: BoundField) -> str:
    """This will show a field of a package's form as ours look, without a word inside that vanishes on typing."""
    return field.as_widget(attrs={"class": "input", "placeholder": ""})


@register.filter
def minutes(number: int) -> str:
    """This will give a time that was asked for: `30 min`, `8 h`, `7 d`."""
    if number % DAY == 0:
        return f"{number // DAY} d"
    return f"{number // HOUR} h" if number % HOUR == 0 else f"{number} min"


@register.filter
def held(permissions: Iterable[str]) -> str:
    """This will say what a token may, in words; `everything its owner may` where it was not narrowed."""
    given = {Permission(word) for word in permissions}
    if given == set(Permission):
        return "everything its owner may"
    return ", ".join(words for permission, words in WORDS.items() if permission in given)
