"""The pages and the API of the review."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from connectors.actor import SET_UP, Actor
from connectors.models import AuditEvent, ReviewItem, ReviewRule
from connectors.services import audit, tokens
from tests.templates.conftest import Estate

READERS_ONLY = ["/review/", "/review/rules/", "/review/report/"]
WRITING = ["/review/decisions/", "/review/rules/1/removal/", "/questions/1/answer/"]
RULE = {
    "name": "Night",
    "query": "-system",
    "condition": "out_of_hours",
    "number": 0,
    "begins": "07:00",
    "ends": "19:00",
    "zone": "Europe/Berlin",
    "weight": 55,
    "is_on": "on",
}


def item(person: str = "operator", **values: Any) -> ReviewItem:
    """This will make an item with a real event behind it."""
    user = User.objects.get(username=person)
    actor = Actor("person", person, user_id=user.pk)
    with transaction.atomic():
        event = audit.record(
            "connector.pause.refused", actor=actor, result="refused", error="frozen", after={"state": "paused"}
        )
    made = ReviewItem.objects.create(
        **{"key": f"event:{event.pk}", "event_id": event.pk, "said": f"{person} did {event.pk}", "actor": person,
           "people": [user.pk], "rules": ["Refused"], "weight": 70, "at": timezone.now(), **values}
    )  # fmt: skip
    made.parts.create(event_id=event.pk)
    return made


def api(name: str) -> Client:
    """This will call the API as somebody."""
    _, clear = tokens.issue(user=User.objects.get(username=name), name="t", expires_at=None, actor=SET_UP)
    return Client(headers={"Authorization": f"Token {clear}"})


@pytest.mark.parametrize("name", ["viewer", "operator", "lead", "stranger"])
def test_review_is_for_admins_and_auditors(estate: Estate, name: str) -> None:
    one = item()
    client = estate.client(name)

    for page in READERS_ONLY:
        assert client.get(page).status_code == 403, page
    assert client.post("/review/decisions/", {"kind": "approved", "item": one.pk}).status_code == 403
    for path in ("reviews/", "review-rules/", "review-months/"):
        assert api(name).get(f"/api/v1/{path}").status_code == 403, path


@pytest.mark.parametrize("path", WRITING)
def test_what_changes_something_refuses_get(estate: Estate, path: str) -> None:
    assert estate.client("admin").get(path).status_code == 405


def test_inbox_shows_the_most_serious_first_and_opens_it(estate: Estate) -> None:
    light, grave = item(weight=10), item(weight=90)

    html = estate.client("auditor").get("/review/").content.decode()

    assert html.index(f"item-{grave.pk}") < html.index(f"item-{light.pk}")
    assert "frozen" in html
    assert 'data-press="a"' in html
    assert "2 wait" in html


def test_own_item_offers_no_decision(estate: Estate) -> None:
    one = item("admin")

    html = estate.client("admin").get(f"/review/?item={one.pk}").content.decode()

    assert "somebody else has to review it" in html
    assert 'data-press="a"' not in html


def test_decision_goes_on_and_can_be_undone(estate: Estate) -> None:
    one, two = item(), item()
    client = estate.client("auditor")

    answer = client.post("/review/decisions/", {"kind": "approved", "item": [one.pk, two.pk]}, follow=True)
    html = answer.content.decode()

    assert set(ReviewItem.objects.values_list("status", flat=True)) == {"approved"}
    assert "Signed off: 2 items." in html
    assert "Nothing waits." in html
    assert "undo-review" in html
    client.post("/review/decisions/", {"kind": "reopened", "item": two.pk})
    assert ReviewItem.objects.get(pk=two.pk).status == "waiting"


def test_question_without_words_is_refused_on_the_same_item(estate: Estate) -> None:
    one = item()

    answer = estate.client("auditor").post("/review/decisions/", {"kind": "questioned", "item": one.pk}, follow=True)

    assert answer.redirect_chain[0][0] == f"/review/?item={one.pk}"
    assert "Say what you want to know." in answer.content.decode()


@pytest.mark.parametrize(
    "data", [{}, {"kind": "x", "item": 1}, {"kind": "approved", "item": "abc"}, {"kind": "approved"}]
)
def test_decision_about_nothing_is_harmless(estate: Estate, data: dict[str, Any]) -> None:
    assert estate.client("auditor").post("/review/decisions/", data, follow=True).status_code == 200


def test_actor_is_asked_and_answers_on_their_own_page(estate: Estate) -> None:
    one = item()
    estate.client("auditor").post("/review/decisions/", {"kind": "questioned", "item": one.pk, "text": "Why at night?"})
    operator, viewer = estate.client("operator"), estate.client("viewer")

    assert 'Asked of you <b class="count">1</b>' in operator.get("/").content.decode()
    assert "Asked of you <b" not in viewer.get("/").content.decode()
    assert "Why at night?" in operator.get("/questions/").content.decode()
    assert "Why at night?" not in viewer.get("/questions/").content.decode()
    assert viewer.post(f"/questions/{one.pk}/answer/", {"text": "x"}).status_code == 404
    operator.post(f"/questions/{one.pk}/answer/", {"text": "The vendor asked."})

    assert "The vendor asked." in estate.client("auditor").get(f"/review/?item={one.pk}").content.decode()


def test_rules_are_read_by_auditors_and_changed_by_admins(estate: Estate) -> None:
    auditor, admin = estate.client("auditor"), estate.client("admin")
    ReviewRule.objects.get_or_create(name="Break-glass", defaults={"query": "action:*break_glass*"})

    assert "Break-glass" in auditor.get("/review/rules/").content.decode()
    assert auditor.post("/review/rules/", RULE).status_code == 403
    assert admin.post("/review/rules/", RULE).status_code == 302
    made = ReviewRule.objects.get(name="Night")
    assert admin.post(f"/review/rules/{made.pk}/", {**RULE, "weight": 60}).status_code == 302
    assert auditor.post(f"/review/rules/{made.pk}/removal/").status_code == 403
    assert admin.post(f"/review/rules/{made.pk}/removal/").status_code == 302

    events = AuditEvent.objects.filter(action__startswith="review_rule.").order_by("pk")
    assert [event.action for event in events] == ["review_rule.created", "review_rule.changed", "review_rule.removed"]
    assert (events[1].before or {})["weight"] == 55
    assert (events[1].after or {})["weight"] == 60


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"query": "actr:x"}, "Column 1, actr:x"),
        ({"zone": "Nowhere"}, "no such time zone"),
        ({"begins": ""}, "working hours"),
        ({"condition": "sample", "number": 0}, "how many percent"),
    ],
)
def test_rule_that_cannot_hold_is_refused_at_its_field(estate: Estate, change: dict[str, Any], words: str) -> None:
    answer = estate.client("admin").post("/review/rules/", {**RULE, **change})

    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_report_is_there_for_any_month(estate: Estate) -> None:
    item()
    client = estate.client("auditor")

    assert "0 of 1 items signed off" in client.get("/review/report/").content.decode()
    assert client.get("/review/report/?month=2020-02").status_code == 200
    assert client.get("/review/report/?month=nonsense").status_code == 200


@pytest.mark.parametrize("rows", [1, 4])
def test_inbox_asks_the_same_number_of_questions_for_any_number_of_rows(
    estate: Estate, rows: int, django_assert_max_num_queries: Any
) -> None:
    for _ in range(rows):
        item()
    client = estate.client("auditor")

    with django_assert_max_num_queries(16):
        assert client.get("/review/").content.decode().count('id="item-') == rows


def test_page_escapes_what_was_said(estate: Estate) -> None:
    evil = "<img src=x onerror=alert(1)>"
    one = item(said=evil, rules=[evil], team=evil)
    estate.client("auditor").post("/review/decisions/", {"kind": "questioned", "item": one.pk, "text": evil})

    for client, page in (("auditor", f"/review/?item={one.pk}&show=questioned"), ("operator", "/questions/"),
                         ("auditor", "/review/report/")):  # fmt: skip
        assert "<img" not in estate.client(client).get(page).content.decode(), page


def test_api_decides_answers_and_keeps_own_hands_off(estate: Estate) -> None:
    theirs, own = item("operator"), item("auditor")
    auditor, operator = api("auditor"), api("operator")

    listed = auditor.get("/api/v1/reviews/").json()
    decided = auditor.post(
        "/api/v1/reviews/decisions/", {"items": [theirs.pk, own.pk], "decision": "questioned", "comment": "Why?"},
        content_type="application/json",
    ).json()  # fmt: skip
    asked = operator.get("/api/v1/reviews/questions/").json()
    answered = operator.post(f"/api/v1/reviews/{theirs.pk}/answer/", {"text": "So."}, content_type="application/json")

    assert {row["id"]: row["is_own"] for row in listed["results"]} == {theirs.pk: False, own.pk: True}
    assert (decided["done"], list(decided["refused"])) == ([theirs.pk], [str(own.pk)])
    assert [row["id"] for row in asked["results"]] == [theirs.pk]
    assert answered.json()["status"] == "answered"
    assert auditor.get("/api/v1/reviews/?status=answered").json()["count"] == 1
    assert auditor.get("/api/v1/review-months/").json()["results"][0]["items"] == 2


def test_api_holds_rules_to_the_form(estate: Estate) -> None:
    admin, auditor = api("admin"), api("auditor")
    good = {"name": "Night", "query": "result:refused", "weight": 5}

    made = admin.post("/api/v1/review-rules/", good, content_type="application/json")
    bad = admin.post("/api/v1/review-rules/", {**good, "query": "actr:x"}, content_type="application/json")
    forbidden = auditor.post("/api/v1/review-rules/", good, content_type="application/json")
    path = f"/api/v1/review-rules/{made.json()['id']}/"
    changed = admin.put(path, {**good, "is_on": False}, content_type="application/json")

    assert (made.status_code, bad.status_code, forbidden.status_code) == (201, 400, 403)
    assert changed.json()["is_on"] is False
    assert (auditor.delete(path).status_code, admin.delete(path).status_code) == (403, 204)
