"""Explanation, simulation and enforcement are one: what the page says is what the service does."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.test import Client, RequestFactory
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.actor import Actor
from connectors.models import (
    AccessRequest,
    ApiToken,
    AuditEvent,
    Connector,
    FreezeWindow,
    Membership,
    Operation,
    OwnershipRule,
    SiteMembership,
)
from connectors.permissions import Viewer, viewer_of
from connectors.queries import explain
from connectors.queries import rules as ownership
from connectors.services import actors, operations, rules
from connectors.states import Permission, Role, SiteRole, State, Verb
from tests.cast import Estate

STATES = st.sampled_from([State.RUNNING, State.PAUSED, State.FAILED, State.UNKNOWN, State.STOPPED])


def somebody(estate: Estate, role: Role | None, site: SiteRole | None, is_granted: bool) -> User:
    """This will make the person `judged` with these roles."""
    user, _ = User.objects.get_or_create(username="judged")
    Membership.objects.filter(user=user).delete()
    SiteMembership.objects.filter(user=user).delete()
    AccessRequest.objects.filter(user=user).delete()
    if role:
        Membership.objects.create(user=user, team=estate.team, role=role)
    if site:
        SiteMembership.objects.create(user=user, role=site)
    if is_granted:
        now = timezone.now()
        AccessRequest.objects.create(
            user=user, team=estate.team, role=Role.OPERATOR, minutes=60, reason="x", asked_at=now, lapses_at=now,
            decided_at=now, is_granted=True, ends_at=now + timedelta(hours=1),
        )  # fmt: skip
    return user


def enforced(connector: Connector, verb: Verb, user: User, viewer: Viewer, task: str = "") -> str:
    """This will ask for a verb in earnest, take it back, and give what the service said; empty when it was taken."""
    try:
        with transaction.atomic():
            operations.request(
                target=connector, verb=verb, task=task, actor=Actor("person", "judged", user.pk), viewer=viewer
            )
            transaction.set_rollback(True)
    except operations.NotPossible as error:
        return str(error)
    return ""


def simulated(user: User, admin: User) -> Viewer:
    """This will be the viewer of a request in which an admin looks as somebody else."""
    request = RequestFactory().get("/")
    request.user, request.session = admin, SessionStore()
    actors.simulate(request=request, user=user)
    return actors.viewer(request)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    role=st.none() | st.sampled_from(Role),
    site=st.none() | st.sampled_from(SiteRole),
    is_granted=st.booleans(),
    held=st.none() | st.sets(st.sampled_from(Permission)),
    is_of_team=st.booleans(),
    state=STATES,
    is_stale=st.booleans(),
    is_open=st.booleans(),
    is_frozen=st.booleans(),
    has_rule=st.booleans(),
)
def test_explain_simulate_and_enforce_agree(
    estate: Estate, role: Role | None, site: SiteRole | None, is_granted: bool, held: set[Permission] | None,
    is_of_team: bool, state: State, is_stale: bool, is_open: bool, is_frozen: bool, has_rule: bool,
) -> None:  # fmt: skip
    """For whatever person, token, state, freeze and rule: one sentence, on the page, as somebody else, in earnest."""
    with transaction.atomic():
        user = somebody(estate, role, site, is_granted)
        token = ApiToken(name="t", team=estate.team if is_of_team else None,
                         permissions=[str(p) for p in held or ()]) if held is not None else None  # fmt: skip
        viewer = viewer_of(user, token)
        orders = estate.connectors[0]
        Connector.objects.filter(pk=orders.pk).update(
            state=state, seen_at=timezone.now() - timedelta(hours=1) if is_stale else None
        )
        if has_rule:
            OwnershipRule.objects.create(team=estate.team, name="or*", is_of_site=True, made_at=timezone.now())
        if is_open:
            now = timezone.now()
            Operation.objects.create(account=estate.account, connector=orders, kind="restart", actor="x",
                                     requested_at=now, deadline_at=now, state_before="running")  # fmt: skip
        if is_frozen:
            now = timezone.now()
            FreezeWindow.objects.create(
                name="card scheme audit", starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1),
                mode=FreezeWindow.Mode.ONCE,
                created_by="admin", created_at=now,
            )  # fmt: skip
        connector = Connector.objects.select_related("account__team", "pipeline", "team").get(pk=orders.pk)

        found = explain.explain(connector, viewer)

        for line in found.verbs:
            assert line.verb
            said = line.decision.sentence if line.decision else line.asks
            assert enforced(connector, line.verb, user, viewer, line.task) == said
        if token is None:
            same = explain.explain(connector, simulated(user, estate.people["admin"]))
            assert (same.verbs, same.permissions, same.role) == (found.verbs, found.permissions, found.role)
        assert found.rule == ownership.deciding(connector)
        rules.settle()
        connector.refresh_from_db()
        assert found.rule is None or found.rule.team_id == connector.team_id
        transaction.set_rollback(True)


def client(estate: Estate, name: str) -> Client:
    """This will give a browser in which one of the cast is signed in."""
    made = Client()
    made.force_login(estate.people[name])
    return made


def test_the_page_names_rule_role_and_what_decides(estate: Estate) -> None:
    OwnershipRule.objects.create(
        team=estate.team, name="orders", is_of_site=True, made_by="admin", made_at=timezone.now()
    )

    page = client(estate, "viewer").get(f"/connectors/{estate.connectors[0].pk}/explanation/").content.decode()

    assert "The rule “name orders”, made by admin for the site, gives it to Payments." in page
    assert "viewer of the team" in page
    assert "Operating this takes the role operator or lead in team payments" in page
    assert "/access/?team=payments" in page


def test_an_admin_has_it_explained_for_somebody_else_and_nobody_else_has(estate: Estate) -> None:
    path = f"/connectors/{estate.connectors[0].pk}/explanation/?login=viewer"

    assert "viewer is" in client(estate, "admin").get(path).content.decode()
    assert client(estate, "lead").get(path).status_code == 403
    assert client(estate, "stranger").get(path).status_code == 404


def test_the_api_explains_the_same(estate: Estate) -> None:
    answer = client(estate, "viewer").get(f"/api/v1/connectors/{estate.connectors[0].pk}/explanation/").json()

    assert answer["role"] == "viewer of the team"
    assert {line["by"] for line in answer["verbs"]} == {"role"}
    assert [line["possible"] for line in answer["permissions"]][:2] == [True, False]


def test_an_admin_sees_the_site_as_somebody_else_would(estate: Estate) -> None:
    admin = client(estate, "admin")
    admin.post("/simulation/", {"login": "stranger"})

    page = admin.get("/").content.decode()

    assert "You see the site as <b>stranger</b> would" in page
    assert "orders" not in page
    assert admin.get(f"/connectors/{estate.connectors[0].pk}/").status_code == 404
    assert admin.get(f"/api/v1/connectors/{estate.connectors[0].pk}/").status_code == 404
    assert admin.get("/audit/").status_code == 403
    admin.post("/simulation/end/")
    assert admin.get("/audit/").status_code == 200
    events = AuditEvent.objects.filter(action__startswith="site.simulation").order_by("id")
    assert [(e.action, e.actor) for e in events] == [
        ("site.simulation.started", "admin"),
        ("site.simulation.ended", "admin"),
    ]


def test_nothing_can_be_changed_meanwhile(estate: Estate) -> None:
    admin, orders = client(estate, "admin"), estate.connectors[0]
    admin.post("/simulation/", {"login": "lead"})

    answers: list[Any] = [
        admin.post(f"/connectors/{orders.pk}/operations/", {"kind": "pause"}),
        admin.post("/teams/payments/members/", {"login": "viewer", "role": "lead"}),
        admin.post("/api/v1/operations/", {"connector": orders.pk, "kind": "pause"}, "application/json"),
        admin.post("/simulation/", {"login": "viewer"}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert not Operation.objects.exists()
    assert Membership.objects.get(user=estate.people["viewer"]).role == Role.VIEWER


@pytest.mark.parametrize("name", ["lead", "operator", "auditor", "stranger"])
def test_nobody_but_an_admin_looks_as_somebody_else(estate: Estate, name: str) -> None:
    assert client(estate, name).post("/simulation/", {"login": "admin"}).status_code == 403

    assert not AuditEvent.objects.exists()


def test_whoever_is_no_admin_any_more_is_themselves_again(estate: Estate) -> None:
    admin = client(estate, "admin")
    admin.post("/simulation/", {"login": "lead"})
    SiteMembership.objects.filter(user=estate.people["admin"]).delete()

    page = admin.get("/").content.decode()

    assert "You see the site as" not in page
    assert "orders" not in page
