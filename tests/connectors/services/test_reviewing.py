"""Signing off: by somebody else, on record, and never by whoever did it, whatever the way."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors import permissions
from connectors.actor import Actor
from connectors.models import ApiToken, AuditEvent, ReviewItem
from connectors.queries import reviews as queries
from connectors.services import reviewing
from connectors.services.reviewing import Outcome
from tests.cast import Estate

pytestmark = pytest.mark.django_db


def item(*people: User, **values: object) -> ReviewItem:
    """This will make an item that these people had a hand in."""
    number = ReviewItem.objects.count()
    return ReviewItem.objects.create(
        **{"key": f"event:{number}", "event_id": number, "said": f"thing {number}", "actor": "somebody",
           "people": [person.pk for person in people], "rules": ["Rule"], "weight": 1, "at": timezone.now(), **values}
    )  # fmt: skip


def decide(
    estate: Estate, name: str, kind: str, *items: ReviewItem, text: str = "", token: ApiToken | None = None
) -> Outcome:
    """This will decide as one of the cast, or as a token of theirs."""
    user = estate.people[name]
    actor = Actor("token" if token else "person", name, user_id=user.pk, token_name=token.name if token else "")
    viewer = permissions.viewer_of(user, token)
    return reviewing.decide(pks=[one.pk for one in items], kind=kind, text=text, actor=actor, viewer=viewer)


def status(one: ReviewItem) -> str:
    """This will read where an item stands."""
    return ReviewItem.objects.get(pk=one.pk).status


def test_sign_off_is_an_event_and_names_who_did_it(estate: Estate) -> None:
    one = item(estate.people["operator"])

    decide(estate, "auditor", "approved", one, text="ticket checked")

    one.refresh_from_db()
    assert (one.status, one.decided_by) == ("approved", estate.people["auditor"])
    event = AuditEvent.objects.get(action="review.approved")
    assert (event.actor, event.target, event.target_id, event.reason) == (
        "auditor",
        "thing 0",
        str(one.pk),
        "ticket checked",
    )
    assert [(note.author, note.kind) for note in one.notes.all()] == [("auditor", "approved")]


@pytest.mark.parametrize("kind", ["approved", "questioned", "escalated", "reopened"])
def test_nobody_decides_about_what_they_did(estate: Estate, kind: str) -> None:
    one = item(estate.people["admin"])

    outcome = decide(estate, "admin", kind, one, text="fine")

    assert (outcome.done, status(one)) == ([], "waiting")
    assert "somebody else" in outcome.refused[0][1]
    assert AuditEvent.objects.get(action="review.refused").result == "refused"


def test_nobody_decides_through_a_token_of_theirs(estate: Estate) -> None:
    estate.token("admin")
    token = ApiToken.objects.get(user=estate.people["admin"])
    one = item(estate.people["admin"])

    assert decide(estate, "admin", "approved", one, token=token).done == []


def test_nobody_decides_in_the_place_of_somebody_else(estate: Estate) -> None:
    viewer = replace(permissions.viewer_of(estate.people["auditor"]), simulated_by="admin")
    one = item(estate.people["admin"])

    with pytest.raises(reviewing.NotAllowed):
        reviewing.decide(pks=[one.pk], kind="approved", actor=Actor("person", "admin"), viewer=viewer)


def test_database_itself_refuses_a_sign_off_by_who_did_it(estate: Estate) -> None:
    one = item(estate.people["admin"])

    with pytest.raises(IntegrityError, match="review_never_by_themselves"), transaction.atomic():
        ReviewItem.objects.filter(pk=one.pk).update(
            status="approved", decided_by=estate.people["admin"], decided_at=timezone.now()
        )


@pytest.mark.parametrize("name", ["viewer", "operator", "lead", "stranger"])
def test_review_takes_a_role(estate: Estate, name: str) -> None:
    with pytest.raises(reviewing.NotAllowed):
        decide(estate, name, "approved", item())


def test_many_are_decided_each_by_itself(estate: Estate) -> None:
    theirs, own = item(estate.people["operator"]), item(estate.people["auditor"])

    outcome = decide(estate, "auditor", "approved", theirs, own)

    assert ([one.pk for one in outcome.done], [one.pk for one, _ in outcome.refused]) == ([theirs.pk], [own.pk])


def test_question_goes_to_who_did_it_and_the_answer_comes_back(estate: Estate) -> None:
    one = item(estate.people["operator"])
    decide(estate, "auditor", "questioned", one, text="Why at night?")
    operator, stranger = (permissions.viewer_of(estate.people[name]) for name in ("operator", "stranger"))

    assert list(queries.asked_of(operator)) == [one]
    assert list(queries.asked_of(stranger)) == []
    with pytest.raises(reviewing.NotReviewable):
        reviewing.answer(pk=one.pk, actor=Actor("person", "stranger"), viewer=stranger, text="x")
    with pytest.raises(reviewing.NotReviewable):
        reviewing.answer(pk=one.pk, actor=Actor("person", "operator"), viewer=operator, text=" ")
    actor = Actor("person", "operator", user_id=estate.people["operator"].pk)
    reviewing.answer(pk=one.pk, actor=actor, viewer=operator, text="The vendor asked us to.")

    assert status(one) == "answered"
    assert list(queries.asked_of(operator)) == []
    assert one in queries.inbox()
    assert decide(estate, "auditor", "approved", one).done
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == [
        "review.questioned", "review.answered", "review.approved",
    ]  # fmt: skip


def test_question_needs_words_and_somebody_to_ask(estate: Estate) -> None:
    with pytest.raises(reviewing.NotReviewable, match="what you want to know"):
        decide(estate, "auditor", "questioned", item(estate.people["operator"]), text=" ")

    assert "nobody to ask" in decide(estate, "auditor", "questioned", item(), text="Who?").refused[0][1]


def test_what_is_escalated_takes_an_admin(estate: Estate) -> None:
    one = item(estate.people["operator"])
    decide(estate, "auditor", "escalated", one, text="too grave for me")

    assert "an admin" in decide(estate, "auditor", "approved", one).refused[0][1]
    assert decide(estate, "admin", "approved", one).done


def test_decision_can_be_taken_back_by_who_made_it_for_a_while(estate: Estate) -> None:
    one, later = item(estate.people["operator"]), item(estate.people["operator"])
    decide(estate, "auditor", "approved", one, later)
    later.notes.update(at=timezone.now() - timedelta(minutes=11))

    assert decide(estate, "admin", "reopened", one).done == []
    assert decide(estate, "auditor", "reopened", later).done == []
    assert decide(estate, "auditor", "reopened", one).done
    assert (status(one), ReviewItem.objects.get(pk=one.pk).decided_by) == ("waiting", None)
    assert decide(estate, "auditor", "reopened", one).done == []  # once


def test_figures_of_a_month(estate: Estate) -> None:
    at = timezone.now().replace(day=1, hour=0, minute=0, second=1, microsecond=0)
    auditor = estate.people["auditor"]
    for hours in (1, 3, 8):
        item(at=at, status="approved", decided_at=at + timedelta(hours=hours), decided_by=auditor, team="payments")
    item(at=at)
    item(at=at - timedelta(days=1))

    (month,) = queries.months(at.date(), at.date())
    report = queries.report(at.date())

    assert (month.items, month.approved, month.coverage, month.median) == (4, 3, 75.0, 3 * 3600.0)
    assert report.by_rule == [("Rule", 4, 3)]
    assert report.by_reviewer == [("auditor", 3)]
    assert sorted(report.by_team) == [("", 1, 0), ("payments", 3, 3)]
    assert len(report.open) == 1


def test_open_items_are_counted_by_age(estate: Estate) -> None:
    now = timezone.now()
    for days in (0.5, 2, 5, 6, 30):
        item(at=now - timedelta(days=days))
    item(at=now, status="approved", decided_at=now)

    assert queries.ages(now) == [("under a day", 1), ("1 to 3 days", 1), ("3 to 7 days", 2), ("over 7 days", 1)]
