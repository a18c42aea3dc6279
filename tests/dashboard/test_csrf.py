"""A page's token: Django's own check accepts it, and no two are alike."""

from collections import Counter

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.middleware.csrf import CSRF_ALLOWED_CHARS, _does_token_match, get_token  # type: ignore[attr-defined]  # the check itself
from django.test import Client

from dashboard import csrf


def asked(secret: str | None = None) -> HttpRequest:
    """This will give a request whose browser has a cookie with a secret, or none."""
    request = HttpRequest()
    if secret:
        request.META["CSRF_COOKIE"] = secret
    return request


@pytest.fixture
def person(db: None) -> User:
    """This will make a person who can sign in."""
    return User.objects.create_user("operator", password="right-horse-9")


@pytest.mark.parametrize("secret", [CSRF_ALLOWED_CHARS[:32], CSRF_ALLOWED_CHARS[-32:], "9" * 32, "a" * 32])
def test_django_finds_the_secret_in_every_token_and_no_other(secret: str) -> None:
    request = asked(secret)
    tokens = [csrf.token(request) for _ in range(50)]

    assert all(_does_token_match(token, secret) for token in tokens)
    assert not any(_does_token_match(token, "b" * 32) for token in tokens)
    assert {len(token) for token in tokens} == {len(get_token(asked(secret)))}


def test_no_part_of_a_token_stays_the_same_from_answer_to_answer() -> None:
    request = asked("secretsecretsecretsecretsecretse")
    tokens = [csrf.token(request) for _ in range(400)]

    assert len(set(tokens)) == 400
    for place in range(64):
        assert max(Counter(token[place] for token in tokens).values()) < 40  # some 6 of each of 62 letters


def test_all_letters_are_as_likely() -> None:
    drawn = Counter(place for _ in range(100) for place in csrf._drawn(6_200))

    assert set(drawn) == set(range(62))
    assert max(drawn.values()) < 11_000  # ten thousand each; bytes taken as they are would give some 12 100
    assert min(drawn.values()) > 9_000


def test_the_cookie_is_renewed_as_django_would() -> None:
    ours, theirs, fresh = asked("a" * 32), asked("a" * 32), asked()
    csrf.token(ours)
    get_token(theirs)
    token = csrf.token(fresh)

    assert ours.META == theirs.META
    assert _does_token_match(token, fresh.META["CSRF_COOKIE"])


def test_a_form_is_accepted_with_the_token_of_its_page_and_refused_with_any_other(person: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person)
    page = browser.get("/").content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    changed = token[:-1] + ("a" if token[-1] != "a" else "b")

    assert browser.post("/sign-out/", {"csrfmiddlewaretoken": changed}).status_code == 403
    assert browser.post("/sign-out/", {"csrfmiddlewaretoken": token}).status_code == 302
    assert settings.CSRF_COOKIE_NAME in browser.cookies
