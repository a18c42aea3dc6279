"""Saved views: who keeps, shares, changes and removes them, and what is on record of it."""

import pytest
from django.test import Client

from connectors.actor import SET_UP
from connectors.models import AuditEvent, SavedView, Team
from connectors.permissions import Viewer
from connectors.services import operations, views
from connectors.states import Role
from tests import cast


def client(estate: cast.Estate, who: str) -> Client:
    made = Client()
    made.force_login(estate.people[who])
    return made


def save(estate: cast.Estate, who: str, name: str = "broken", team: str = "", query: str = "state=failed") -> SavedView:
    answer = client(estate, who).post(f"/views/new/?{query}", {"name": name, "team": team})
    assert answer.status_code == 302, answer.content.decode()
    return SavedView.objects.get(owner=estate.people[who], name=name)


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def test_a_view_keeps_filters_and_grouping_and_leads_back_to_them(estate: cast.Estate) -> None:
    browser = client(estate, "viewer")

    answer = browser.post("/views/new/?page=3&group=team&state=failed&search=+&closed=1&nonsense=1", {"name": "broken"})

    assert answer["Location"] == "/?state=failed&group=team"
    event = AuditEvent.objects.get(action="view.saved")
    assert (event.actor, event.after) == (
        "viewer",
        {"name": "broken", "query": "state=failed&group=team", "team": None},
    )


def test_a_private_view_exists_for_its_owner_alone(estate: cast.Estate) -> None:
    view = save(estate, "operator")

    assert "broken" in client(estate, "operator").get("/views/").content.decode()
    for who in ("viewer", "lead", "admin", "stranger"):
        assert "broken" not in client(estate, who).get("/views/").content.decode()
        assert client(estate, who).get(f"/views/{view.pk}/").status_code == 404
        assert client(estate, who).post(f"/views/{view.pk}/removal/").status_code == 404
    assert SavedView.objects.count() == 1


def test_a_shared_view_exists_for_the_team_and_its_lead_may_change_it(estate: cast.Estate) -> None:
    view = save(estate, "operator", team="payments")

    assert "broken" in client(estate, "viewer").get("/views/").content.decode()
    assert "broken" not in client(estate, "stranger").get("/views/").content.decode()
    assert client(estate, "viewer").get(f"/views/{view.pk}/").status_code == 403
    assert client(estate, "viewer").post(f"/views/{view.pk}/", {"name": "mine"}).status_code == 403
    answer = client(estate, "lead").post(f"/views/{view.pk}/", {"name": "ours", "team": "payments"})
    assert answer.status_code == 302
    view.refresh_from_db()
    assert (view.name, view.query, view.owner) == ("ours", "state=failed", estate.people["operator"])
    assert actions() == ["view.saved", "view.changed"]


def test_a_viewer_keeps_views_and_shares_none(estate: cast.Estate) -> None:
    answer = client(estate, "viewer").post("/views/new/?state=failed", {"name": "broken", "team": "payments"})

    assert answer.status_code == 422
    assert SavedView.objects.count() == 0


def test_the_service_refuses_to_share_with_a_team_one_may_not_operate(estate: cast.Estate) -> None:
    viewer = Viewer(user_id=estate.people["viewer"].pk, name="viewer", roles={estate.team.pk: Role.VIEWER})

    with pytest.raises(operations.NotAllowed, match="operator"):
        views.save(name="x", query="", team=Team.objects.get(slug="payments"), actor=SET_UP, viewer=viewer)


def test_nothing_is_kept_by_who_only_looks_as_somebody_else(estate: cast.Estate) -> None:
    viewer = Viewer(user_id=estate.people["viewer"].pk, name="viewer", simulated_by="admin")

    with pytest.raises(operations.NotAllowed):
        views.save(name="x", query="", team=None, actor=SET_UP, viewer=viewer)
    with pytest.raises(operations.NotAllowed):
        views.choose_columns(names=["team"], viewer=viewer)


def test_a_name_is_taken_once_and_a_new_view_can_take_the_place_of_an_older(estate: cast.Estate) -> None:
    view = save(estate, "viewer")
    browser = client(estate, "viewer")

    twice = browser.post("/views/new/?state=paused", {"name": "broken"})
    instead = browser.post("/views/new/?state=paused", {"name": "broken", "replaces": view.pk})

    assert (twice.status_code, instead.status_code) == (409, 302)
    assert "There is a view broken already." in twice.content.decode()
    assert SavedView.objects.get().query == "state=paused"
    assert actions() == ["view.saved", "view.changed"]


def test_nobody_takes_the_place_of_a_view_that_is_not_theirs(estate: cast.Estate) -> None:
    view = save(estate, "operator", team="payments")

    answer = client(estate, "viewer").post("/views/new/?state=paused", {"name": "x", "replaces": view.pk})

    assert answer.status_code == 422
    assert SavedView.objects.get().query == "state=failed"


def test_a_view_is_removed_once_by_its_owner_and_by_post_only(estate: cast.Estate) -> None:
    view = save(estate, "operator", team="payments")

    assert client(estate, "operator").get(f"/views/{view.pk}/removal/").status_code == 405
    client(estate, "viewer").post(f"/views/{view.pk}/removal/")
    assert SavedView.objects.count() == 1
    assert client(estate, "operator").post(f"/views/{view.pk}/removal/").status_code == 302
    assert client(estate, "operator").post(f"/views/{view.pk}/removal/").status_code == 404
    assert actions() == ["view.saved", "view.removed"]


def test_a_view_without_a_name_is_asked_for_one(estate: cast.Estate) -> None:
    answer = client(estate, "viewer").post("/views/new/?state=failed", {"name": " "})

    assert answer.status_code == 422
    assert "This field is required." in answer.content.decode()


@pytest.mark.parametrize("header", [{}, {"HX-Request": "true"}])
def test_menu_and_page_list_the_views_with_the_one_that_is_shown(estate: cast.Estate, header: dict[str, str]) -> None:
    save(estate, "viewer", "<b>broken</b>")
    save(estate, "viewer", "quiet", query="state=paused")

    html = client(estate, "viewer").get("/views/?state=paused", headers=header).content.decode()

    assert "&lt;b&gt;broken" in html
    assert 'href="/?state=paused"' in html
    assert html.count('<a href="/?state=paused" aria-current="true">') == (1 if header else 0)


@pytest.mark.parametrize("path", ["/views/", "/views/new/?state=failed"])
def test_pages_of_views_need_a_sign_in(estate: cast.Estate, path: str) -> None:
    assert Client().get(path).status_code == 302
    assert client(estate, "viewer").get(path).status_code == 200
