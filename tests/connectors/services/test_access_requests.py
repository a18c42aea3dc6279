"""Access for a time: asked by anybody, granted by a lead, ended by the clock."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.actor import Actor
from connectors.models import AccessRequest, AuditEvent
from connectors.permissions import viewer_of
from connectors.services import access_requests
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Role
from tests.cast import Estate


def ask(estate: Estate, name: str = "stranger", minutes: int = 60, now: datetime | None = None) -> AccessRequest:
    """This will ask team payments for the role operator."""
    user = estate.people[name]
    return access_requests.ask(
        team=estate.team, role=Role.OPERATOR, minutes=minutes, reason="ledger fails, on call", user=user,
        actor=Actor("person", name, user.pk), viewer=viewer_of(user), now=now,
    )  # fmt: skip


def decide(
    estate: Estate, request: AccessRequest, by: str = "lead", is_granted: bool = True, now: datetime | None = None
) -> AccessRequest:
    """This will let somebody decide."""
    user = estate.people[by]
    return access_requests.decide(
        request=request, is_granted=is_granted, said="go on", actor=Actor("person", by, user.pk),
        viewer=viewer_of(user), now=now,
    )  # fmt: skip


def test_a_stranger_asks_gets_it_for_an_hour_and_loses_it(estate: Estate) -> None:
    stranger = estate.people["stranger"]
    request = ask(estate)
    assert not viewer_of(stranger).may_see(estate.team.pk)

    granted = decide(estate, request)

    assert granted.ends_at is not None
    assert viewer_of(stranger).may_operate(estate.team.pk)
    assert not viewer_of(stranger, now=granted.ends_at).may_see(estate.team.pk)
    assert list(AuditEvent.objects.order_by("id").values_list("action", "actor")) == [
        ("access.asked", "stranger"),
        ("access.granted", "lead"),
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 30 * 24 * 60), st.integers(-100_000, 100_000))
def test_a_grant_holds_exactly_as_long_as_was_asked(estate: Estate, minutes: int, seconds: int) -> None:
    AccessRequest.objects.all().delete()
    now = timezone.now()
    decide(estate, ask(estate, minutes=minutes, now=now), now=now)
    later = now + timedelta(minutes=minutes, seconds=seconds)

    assert viewer_of(estate.people["stranger"], now=later).may_operate(estate.team.pk) == (seconds < 0)


@pytest.mark.parametrize("by", ["viewer", "operator", "stranger", "auditor"])
def test_only_a_lead_or_an_admin_decides(estate: Estate, by: str) -> None:
    with pytest.raises(NotAllowed):
        decide(estate, ask(estate), by)

    assert not viewer_of(estate.people["stranger"]).may_see(estate.team.pk)


def test_nobody_grants_themselves(estate: Estate) -> None:
    request = ask(estate, "viewer")
    estate.people["viewer"].memberships.update(role=Role.LEAD)

    with pytest.raises(NotAllowed, match="takes a second person"):
        decide(estate, request, "viewer")


def test_what_was_declined_opens_nothing(estate: Estate) -> None:
    decide(estate, ask(estate), is_granted=False)

    assert not viewer_of(estate.people["stranger"]).may_see(estate.team.pk)
    assert AuditEvent.objects.get(action="access.declined").reason == "go on"


def test_a_request_is_decided_once_and_lapses(estate: Estate) -> None:
    now = timezone.now()
    request = ask(estate, now=now)
    with pytest.raises(NotNow, match="has lapsed"):
        decide(estate, request, now=now + access_requests.LAPSES_AFTER)

    decide(estate, request)

    with pytest.raises(NotNow, match="decided already, by lead"):
        decide(estate, request)


def test_a_second_request_waits_for_the_first(estate: Estate) -> None:
    now = timezone.now()
    ask(estate, now=now)

    with pytest.raises(NotNow, match="asked Payments already"):
        ask(estate, now=now)
    assert ask(estate, now=now + access_requests.LAPSES_AFTER)


@pytest.mark.parametrize(
    ("name", "minutes", "words"),
    [("operator", 60, "You are operator"), ("stranger", 0, "At most"), ("stranger", 60 * 24 * 31, "At most 30 days")],
)
def test_what_cannot_be_asked(estate: Estate, name: str, minutes: int, words: str) -> None:
    with pytest.raises(NotNow, match=words):
        ask(estate, name, minutes)


@pytest.mark.parametrize("by", ["lead", "stranger"])
def test_a_grant_is_taken_or_given_back(estate: Estate, by: str) -> None:
    request = decide(estate, ask(estate))
    user = estate.people[by]

    access_requests.end(request=request, actor=Actor("person", by, user.pk), viewer=viewer_of(user))

    assert not viewer_of(estate.people["stranger"]).may_see(estate.team.pk)
    with pytest.raises(NotAllowed):
        access_requests.end(
            request=request,
            actor=Actor("person", "viewer", estate.people["viewer"].pk),
            viewer=viewer_of(estate.people["viewer"]),
        )
