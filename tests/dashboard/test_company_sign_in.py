"""The company's sign-in, against a real OpenID provider over real HTTP, as a browser goes through it."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client
from oidc_provider_mock import run_server_in_thread

from connectors.models import AuditEvent, Membership, SiteMembership, Team
from connectors.permissions import viewer_of
from connectors.services import signing_in
from connectors.states import Role, SiteRole

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:authlib", "ignore:get_jwt_config")
"""The provider's own library is on its way to another one."""

GROUPS = {
    "payments-ops": [("payments", "operator")],
    "payments-leads": [("payments", "lead")],
    "platform": [("", "admin")],
}


@pytest.fixture
def provider(settings: Any, db: None) -> Iterator[str]:
    """This will run a provider and make it the company's."""
    Team.objects.create(slug="payments", name="Payments")
    with run_server_in_thread(user_claims=()) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        settings.OIDC_ISSUER, settings.OIDC_NAME, settings.OIDC_GROUPS = url, "Acme", GROUPS
        app = {"provider_id": "company", "name": "Acme", "client_id": "switchyard", "secret": "oidc-secret-0815",
               "settings": {"server_url": url, "scope": ["openid", "profile", "email"]}}  # fmt: skip
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
        yield url


def claims(provider: str, name: str, *groups: str) -> None:
    """This will tell the provider who somebody is."""
    who = {"preferred_username": name, "email": f"{name}@acme.example", "groups": list(groups)}
    httpx.put(f"{provider}/users/{name}-id", json=who).raise_for_status()


def sign_in(client: Client, name: str, path: str = "/sign-in/company/login/") -> Any:
    """This will follow every redirect: ours by the client, the provider's over HTTP."""
    answer = client.get(path)
    assert answer.status_code == 302, answer.content.decode()
    with httpx.Client(follow_redirects=False) as browser:
        browser.get(answer["Location"]).raise_for_status()
        back = browser.post(answer["Location"], data={"sub": f"{name}-id"})
    assert back.status_code == 302, back.text
    found = urlsplit(back.headers["Location"])
    return client.get(f"{found.path}?{found.query}")


def test_the_page_offers_the_companys_sign_in(client: Client, provider: str) -> None:
    page = client.get("/sign-in/?next=/audit/").content.decode()

    assert "Sign in with Acme" in page
    assert "/sign-in/company/login/?next=/audit/" in page


def test_somebody_new_gets_a_login_and_the_roles_of_their_groups(client: Client, provider: str) -> None:
    claims(provider, "alice", "payments-ops", "payments-leads", "unheard-of")

    answer = sign_in(client, "alice", "/sign-in/company/login/?next=/teams/payments/")

    assert answer["Location"] == "/teams/payments/"
    assert client.get("/teams/payments/").status_code == 200
    user = User.objects.get(username="alice")
    assert (user.email, user.has_usable_password()) == ("alice@acme.example", False)
    assert viewer_of(user).roles == {Team.objects.get().pk: Role.LEAD}
    done = AuditEvent.objects.get(action=signing_in.DONE)
    assert (done.actor, done.after) == ("alice", {"by": ["company"]})
    assert AuditEvent.objects.filter(action="team.member.followed", actor="alice").exists()


def test_roles_go_with_the_group_and_what_was_given_by_hand_stays(client: Client, provider: str) -> None:
    claims(provider, "alice", "payments-ops", "platform")
    sign_in(client, "alice")
    user = User.objects.get(username="alice")
    assert viewer_of(user).is_admin
    other = Team.objects.create(slug="risk", name="Risk")
    Membership.objects.create(user=user, team=other, role=Role.VIEWER)

    claims(provider, "alice")
    sign_in(Client(), "alice")

    assert viewer_of(user).roles == {other.pk: Role.VIEWER}
    assert not SiteMembership.objects.filter(user=user).exists()
    assert User.objects.count() == 1


def test_a_role_given_by_hand_is_never_lowered_by_a_group(client: Client, provider: str) -> None:
    claims(provider, "alice", "payments-ops")
    sign_in(client, "alice")
    user = User.objects.get(username="alice")
    Membership.objects.filter(user=user).update(role=Role.LEAD, is_by_group=False)

    sign_in(Client(), "alice")

    assert viewer_of(user).roles == {Team.objects.get().pk: Role.LEAD}


def test_a_local_login_of_the_same_name_is_not_taken_over(client: Client, provider: str) -> None:
    local = User.objects.create_user("alice", email="alice@acme.example", password="right-horse-9")
    SiteMembership.objects.create(user=local, role=SiteRole.ADMIN)
    claims(provider, "alice")

    sign_in(client, "alice")

    assert client.get("/audit/").status_code == 403
    assert User.objects.count() == 2


def test_a_closed_login_stays_closed(client: Client, provider: str) -> None:
    claims(provider, "alice", "payments-ops")
    sign_in(client, "alice")
    User.objects.update(is_active=False)
    browser = Client()

    answer = sign_in(browser, "alice")

    assert answer["Location"] == "/account/closed/"
    assert browser.get("/").status_code == 302


def test_a_refusal_by_the_provider_is_on_record(client: Client, provider: str) -> None:
    started = client.get("/sign-in/company/login/")
    state = re.search(r"state=([^&]+)", started["Location"])
    assert state

    answer = client.get(f"/sign-in/company/login/callback/?error=server_error&state={state[1]}")

    assert (answer.status_code, "did not vouch for you" in answer.content.decode()) == (403, True)
    assert AuditEvent.objects.get(action=signing_in.REFUSED).actor == signing_in.NOBODY


def test_an_answer_meant_for_another_browser_opens_nothing(client: Client, provider: str) -> None:
    claims(provider, "alice", "platform")
    started = client.get("/sign-in/company/login/")
    back = httpx.post(started["Location"], data={"sub": "alice-id"})
    found = urlsplit(back.headers["Location"])
    other = Client()

    answer = other.get(f"{found.path}?{found.query}")

    assert answer.status_code == 403
    assert other.get("/").status_code == 302
    assert not User.objects.exists()


def test_the_companys_second_factor_counts(client: Client, provider: str, settings: Any) -> None:
    settings.SECOND_FACTOR = "everybody"
    claims(provider, "alice", "platform")

    sign_in(client, "alice")

    assert client.get("/audit/").status_code == 200


def test_the_secret_is_in_no_page_and_no_record(client: Client, provider: str) -> None:
    claims(provider, "alice")
    answer = sign_in(client, "alice")

    seen = answer.content.decode() + client.get("/account/").content.decode() + client.get("/sign-in/").content.decode()
    assert "oidc-secret-0815" not in seen + str(list(AuditEvent.objects.values()))
