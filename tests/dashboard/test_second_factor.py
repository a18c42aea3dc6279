"""The second factor: asked for, on record, limited, required by policy, kept sealed; and sessions one can end."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.template.loader import get_template
from django.test import Client
from django.urls import get_resolver
from pytest_django import DjangoCaptureOnCommitCallbacks

from connectors.actor import SET_UP
from connectors.models import ApiToken, AuditEvent, SiteMembership
from connectors.services import signing_in, tokens
from connectors.states import SiteRole

PASSWORD = "right-horse-9"
FACTORS = "/account/second-factor/"


@pytest.fixture
def person(db: None) -> User:
    """This will make an admin who can sign in with a password."""
    user = User.objects.create_user("admin", password=PASSWORD)
    SiteMembership.objects.create(user=user, role=SiteRole.ADMIN)
    return user


def sign_in(client: Client, **more: str) -> Any:
    return client.post("/sign-in/", {"username": "admin", "password": PASSWORD, **more})


def code(secret: str) -> str:
    """This will do what an app does."""
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def add_app(client: Client) -> tuple[str, str]:
    """This will add an app for codes as a person does; its secret, and the page that follows."""
    page = client.get(f"{FACTORS}totp/activate/")
    if page.status_code == 302:
        client.post(page["Location"], {"password": PASSWORD})
        page = client.get(f"{FACTORS}totp/activate/")
    found = re.search(r'id="authenticator_secret"[^>]*value="(\w+)"', page.content.decode())
    assert found, page.content.decode()
    answer = client.post(f"{FACTORS}totp/activate/", {"code": code(found[1])})
    assert answer.status_code == 302, answer.content.decode()
    return found[1], client.get(answer["Location"]).content.decode()


def test_a_second_factor_is_asked_for_before_anybody_is_in(client: Client, person: User) -> None:
    sign_in(client)
    secret, _ = add_app(client)
    Authenticator.objects.filter(type="totp").update(last_used_at=None)
    browser = Client()

    answer = sign_in(browser, next="/audit/")

    assert answer["Location"].startswith(f"{FACTORS}authenticate/")
    assert browser.get("/audit/").status_code == 302
    done = browser.post(f"{FACTORS}authenticate/", {"code": _fresh(secret)})
    assert done["Location"] == "/audit/"
    assert browser.get("/audit/").status_code == 200
    assert AuditEvent.objects.filter(action=signing_in.DONE).order_by("-id")[0].after == {
        "by": ["password", "second factor"]
    }


def _fresh(secret: str) -> str:
    """A code is taken once: the one of the next half minute has not been used yet."""
    from django.core.cache import cache

    cache.clear()
    return code(secret)


def test_a_wrong_code_is_on_record_and_limited(client: Client, person: User) -> None:
    sign_in(client)
    secret, _ = add_app(client)
    browser = Client()
    sign_in(browser)

    for _ in range(signing_in.BY_LOGIN):
        assert "That code does not fit." in browser.post(f"{FACTORS}authenticate/", {"code": "000000"}).content.decode()
    answer = browser.post(f"{FACTORS}authenticate/", {"code": _fresh(secret)})

    assert "Too many attempts" in answer.content.decode()
    refused = AuditEvent.objects.filter(action=signing_in.REFUSED)
    assert {(e.actor, e.error) for e in refused} == {("admin", "the second factor is wrong")}
    assert refused.count() == signing_in.BY_LOGIN


def test_a_recovery_code_opens_once(client: Client, person: User) -> None:
    sign_in(client)
    _, page = add_app(client)
    codes = re.findall(r"^\s*(?:[^>\n]*>)?(\d{8})", page, re.M)
    assert len(codes) == 10, page

    for expected in (True, False):
        browser = Client()
        sign_in(browser)
        browser.post(f"{FACTORS}authenticate/", {"code": codes[0]})
        assert (browser.get("/account/").status_code == 200) == expected


def test_changes_of_factors_are_on_record(
    client: Client, person: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    sign_in(client)

    with django_capture_on_commit_callbacks(execute=True):
        add_app(client)
        client.post(f"{FACTORS}totp/deactivate/")

    events = AuditEvent.objects.filter(action__startswith="site.second_factor").order_by("id")
    found = {(e.action, e.actor, (e.after or {})["kind"]) for e in events}
    assert ("site.second_factor.added", "admin", "totp") in found
    assert ("site.second_factor.added", "admin", "recovery_codes") in found
    assert ("site.second_factor.removed", "admin", "totp") in found


def test_secrets_of_factors_are_sealed_at_rest(client: Client, person: User) -> None:
    sign_in(client)
    secret, _ = add_app(client)

    kept = str(list(Authenticator.objects.values())) + str(list(AuditEvent.objects.values()))

    assert secret not in kept


@pytest.mark.parametrize(
    ("policy", "role", "is_held_up"),
    [
        ("admins", SiteRole.ADMIN, True),
        ("admins", SiteRole.AUDITOR, False),
        ("everybody", SiteRole.AUDITOR, True),
        ("nobody", SiteRole.ADMIN, False),
    ],
)
def test_the_policy_holds_up_who_needs_a_factor_until_there_is_one(
    client: Client, person: User, settings: Any, policy: str, role: SiteRole, is_held_up: bool
) -> None:
    settings.SECOND_FACTOR = policy
    SiteMembership.objects.update(role=role)
    sign_in(client)

    page, api = client.get("/"), client.get("/api/v1/connectors/")
    fragment = client.get("/", headers={"HX-Request": "true"})

    assert (page.status_code, api.status_code, fragment.status_code) == ((302, 403, 401) if is_held_up else (200,) * 3)
    if is_held_up:
        assert page["Location"] == "/account/second-factor/needed/"
        assert "Add a second factor first" in client.get(page["Location"]).content.decode()
        add_app(client)
        assert client.get("/account/second-factor/needed/").status_code == 302
        assert client.get("/").status_code == 200


def test_a_token_needs_no_second_factor(client: Client, person: User, settings: Any) -> None:
    settings.SECOND_FACTOR = "everybody"
    _, clear = tokens.issue(user=person, name="ci", expires_at=None, actor=SET_UP)

    assert client.get("/api/v1/connectors/", headers={"Authorization": f"Token {clear}"}).status_code == 200


def test_a_session_is_listed_and_ended_from_another(person: User) -> None:
    here, there = Client(), Client(headers={"user-agent": "Other browser"})
    sign_in(here)
    sign_in(there)
    other = UserSession.objects.get(user_agent="Other browser")
    assert "Other browser" in here.get("/account/").content.decode()

    here.post(f"/account/sessions/{other.pk}/end/")

    assert there.get("/account/").status_code == 302
    assert here.get("/account/").status_code == 200
    assert AuditEvent.objects.filter(action="site.session.ended", actor="admin").exists()


def test_nobody_ends_the_session_or_token_of_somebody_else(person: User) -> None:
    other = User.objects.create_user("viewer", password=PASSWORD)
    theirs = Client()
    theirs.post("/sign-in/", {"username": "viewer", "password": PASSWORD})
    token, _ = tokens.issue(user=other, name="ci", expires_at=None, actor=SET_UP)
    here = Client()
    sign_in(here)

    session = UserSession.objects.get(user=other)
    assert here.post(f"/account/sessions/{session.pk}/end/").status_code == 404
    assert here.post(f"/account/tokens/{token.pk}/revocation/").status_code == 404

    assert theirs.get("/account/").status_code == 200
    assert ApiToken.objects.get().revoked_at is None


def test_an_own_token_is_revoked(person: User) -> None:
    token, clear = tokens.issue(user=person, name="ci", expires_at=None, actor=SET_UP)
    here = Client()
    sign_in(here)
    assert "ci" in here.get("/account/").content.decode()

    here.post(f"/account/tokens/{token.pk}/revocation/")

    assert tokens.verify(clear) is None


def test_the_password_is_changed(client: Client, person: User) -> None:
    sign_in(client)
    typed = {"oldpassword": PASSWORD, "password1": "quite-another-1", "password2": "quite-another-1"}

    client.post("/account/password/", typed)

    person.refresh_from_db()
    assert AuditEvent.objects.filter(action="site.password.changed", actor="admin").exists()
    assert person.check_password("quite-another-1")
    assert client.get("/account/").status_code == 200


def test_without_local_accounts_no_password_opens(client: Client, person: User, settings: Any) -> None:
    settings.LOCAL_ACCOUNTS = False

    assert sign_in(client).status_code == 403
    page = client.get("/sign-in/").content.decode()

    assert 'name="password"' not in page
    assert client.get("/account/password/").status_code == 404
    assert not AuditEvent.objects.filter(action=signing_in.DONE).exists()


def test_passkeys_are_offered_by_a_script_of_the_package(client: Client, db: None) -> None:
    page = client.get("/sign-in/").content.decode()

    assert "mfa/js/webauthn.js" in page
    assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []


def _pages_of_the_package() -> dict[str, str]:
    """Address to template, for the package's own views."""
    found = {}
    for pattern in _patterns(get_resolver()):
        view = getattr(pattern.callback, "view_class", None)
        if view and view.__module__.startswith("allauth") and getattr(view, "template_name", None):
            found[str(pattern.name)] = view.template_name
    return found


def _patterns(resolver: Any) -> Iterator[Any]:
    for found in resolver.url_patterns:
        yield from _patterns(found) if hasattr(found, "url_patterns") else [found]


def test_pages_of_the_package_are_in_our_words_and_layout() -> None:
    pages = _pages_of_the_package()

    origins = {name: get_template(template).template.origin.name for name, template in pages.items()}  # type: ignore[attr-defined]  # Django's own backend

    assert {"mfa_activate_totp", "mfa_authenticate", "account_reauthenticate"} <= set(pages)
    assert {name for name, path in origins.items() if "site-packages" in path} == {
        "mfa_download_recovery_codes"
    }  # a file
