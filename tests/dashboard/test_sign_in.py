"""Signing in: on record, and not without limit."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from connectors.models import AuditEvent
from connectors.services import signing_in

PATH = "/sign-in/"


@pytest.fixture
def person(db: None) -> User:
    """This will make a person who can sign in."""
    return User.objects.create_user("operator", password="right-horse-9")


def attempt(client: Client, login: str = "operator", password: str = "wrong") -> int:
    """This will try to sign in; the status."""
    return client.post(PATH, {"username": login, "password": password}).status_code


def test_signing_in_is_on_record(client: Client, person: User) -> None:
    assert attempt(client, password="right-horse-9") == 302

    event = AuditEvent.objects.get(action=signing_in.DONE)
    assert (event.actor, event.actor_id, event.result, event.address) == ("operator", person.pk, "done", "127.0.0.1")


def test_a_refusal_is_on_record_without_what_was_typed(client: Client, person: User) -> None:
    attempt(client)
    attempt(client, login="my-password-in-the-wrong-field")

    events = AuditEvent.objects.filter(action=signing_in.REFUSED).order_by("id")
    assert [(e.actor, e.result) for e in events] == [("operator", "refused"), (signing_in.NOBODY, "refused")]
    assert "wrong-field" not in str(list(AuditEvent.objects.values()))


def test_a_login_has_to_wait_after_five_refusals_even_with_the_right_password(client: Client, person: User) -> None:
    for _ in range(signing_in.BY_LOGIN):
        assert attempt(client) == 200

    answer = client.post(PATH, {"username": "operator", "password": "right-horse-9"})

    assert answer.status_code == 429
    assert "Too many attempts. Try again in 5 min." in answer.content.decode()
    assert answer.wsgi_request.user.is_anonymous


def test_the_limit_passes(client: Client, person: User) -> None:
    for _ in range(signing_in.BY_LOGIN):
        attempt(client)

    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert attempt(client, password="right-horse-9") == 302


def test_an_address_has_to_wait_whatever_the_logins(client: Client, person: User) -> None:
    for number in range(signing_in.BY_ADDRESS):
        assert attempt(client, login=f"guess-{number}") == 200

    assert attempt(client, password="right-horse-9") == 429


def test_another_login_is_not_held_up(client: Client, person: User) -> None:
    User.objects.create_user("viewer", password="other-horse-9")
    for _ in range(signing_in.BY_LOGIN):
        attempt(client)

    assert attempt(client, login="viewer", password="other-horse-9") == 302


def test_no_answer_tells_whether_a_login_exists(client: Client, person: User) -> None:
    known = client.post(PATH, {"username": "operator", "password": "x"}).content.decode()
    unknown = client.post(PATH, {"username": "nobody", "password": "x"}).content.decode()

    assert "Login or password is wrong." in known
    assert "Login or password is wrong." in unknown
