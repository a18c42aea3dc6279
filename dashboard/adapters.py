"""What signing in means here: on record, limited, with roles that follow the company's groups, secrets sealed."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connectors import permissions
from connectors.actor import Actor
from connectors.permissions import NEEDS_FACTOR
from connectors.services import actors, groups, signing_in, vault
from connectors.services.groups import Grant

PROOFS = {
    "reauthenticate": "Use the password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey or security key",
}
"""The ways to prove once more who one is, in words."""
WAYS = {"password": "password", "socialaccount": "company", "mfa": "second factor", "code": "link"}
FORBIDDEN = 403


def nobody(request: HttpRequest, login: str = signing_in.NOBODY, user_id: int | None = None) -> Actor:
    """This will name whoever tries to sign in and is not in yet."""
    address, agent = request.META.get("REMOTE_ADDR") or None, request.headers.get("user-agent", "")
    return Actor("person", login, user_id, address=address, user_agent=agent)


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]  # the package has no types
    """Signing in with whatever way, and out."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "enter_current_password": "That is not the password you have.",
        "incorrect_password": "That is not your password.",
        "rate_limited": "Too many attempts. Wait a few minutes.",
    }

    def get_reauthentication_methods(self, user: User) -> list[dict[str, str]]:
        """This will name the ways to prove who one is as the pages do."""
        methods: list[dict[str, str]] = super().get_reauthentication_methods(user)
        return [{**method, "description": PROOFS[method["id"]]} for method in methods]

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody makes a login for themselves: invitations and the company's sign-in do."""
        return False

    def post_login(self, request: HttpRequest, user: User, **more: Any) -> HttpResponse:
        """This will put it on record, and ask for a second factor where the policy wants one."""
        records = get_authentication_records(request, user)
        ways = list(dict.fromkeys(WAYS.get(record["method"], record["method"]) for record in records))
        signing_in.note(actor=actors.of(request), is_in=True, ways=ways)
        request.session[NEEDS_FACTOR] = needs_factor(user, ways)
        answer: HttpResponse = super().post_login(request, user, **more)
        return answer

    def add_message(self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any,
                    **options: Any) -> None:  # fmt: skip
        """This will keep quiet about what the page shows anyway."""
        if message_template and message_template.startswith("account/messages/logged_"):
            return
        super().add_message(request, level, message_template, *args, **options)


def needs_factor(user: User, ways: list[str]) -> bool:
    """This will tell whether the person has to add a second factor before anything else."""
    if settings.SECOND_FACTOR == "nobody" or "company" in ways:
        return False
    if settings.SECOND_FACTOR == "admins" and not permissions.viewer_of(user).is_admin:
        return False
    kinds = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    return not Authenticator.objects.filter(user=user, type__in=kinds).exists()


class Company(DefaultSocialAccountAdapter):  # type: ignore[misc]  # the package has no types
    """The company's own sign-in."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Whoever the company signs in gets a login here; what they may is for the groups to say."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """This will give somebody who is known the roles of their groups before they are in."""
        if sociallogin.is_existing:
            self._follow(request, sociallogin)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """This will do the same for somebody new. A login that is taken is nobody else's: they get another one."""
        user: User = super().save_user(request, sociallogin, form)
        self._follow(request, sociallogin)
        return user

    def on_authentication_error(self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None,
                                extra_context: Any = None) -> None:  # fmt: skip
        """This will put it on record and say so; the company's own words may hold anything and are not repeated."""
        kind = type(exception).__name__ if exception else str(error or "unknown")
        signing_in.note(actor=nobody(request), is_in=False, error=f"the company's sign-in failed: {kind}")
        page = render(request, "dashboard/sign_in_failed.html", {"name": settings.OIDC_NAME}, status=FORBIDDEN)
        raise ImmediateHttpResponse(page)

    def _follow(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        user = sociallogin.user
        grants = {group: [Grant(*pair) for pair in pairs] for group, pairs in settings.OIDC_GROUPS.items()}
        found = _claim(sociallogin.account.extra_data)
        groups.follow(user=user, groups=found, grants=grants, actor=nobody(request, user.get_username(), user.pk))


def _claim(data: dict[str, Any]) -> list[str]:
    """The groups, from the user information or the identity token; some providers send one as a bare text."""
    for part in (data.get("userinfo"), data.get("id_token"), data):
        found = part.get(settings.OIDC_GROUPS_CLAIM) if isinstance(part, dict) else None
        if isinstance(found, str):
            return [found]
        if isinstance(found, list):
            return [str(group) for group in found]
    return []


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]  # the package has no types
    """Their secrets are sealed with the keys that seal vendors' credentials."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": "Your second factor cannot be removed.",
        "cannot_generate_recovery_codes": "Add a second factor first: recovery codes stand in for it.",
        "incorrect_code": "That code does not fit. An app's code is good for half a minute, and each code for once.",
    }

    def generate_authenticator_name(self, user: User, kind: Authenticator.Type) -> str:
        """This will name a new key until its owner does."""
        number = Authenticator.objects.filter(user=user, type=kind).count()
        return f"Passkey {number + 1}" if number else "Passkey"

    def encrypt(self, text: str) -> str:
        """This will seal a secret."""
        return vault.seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        """This will open it."""
        return vault.unseal_text(encrypted_text)
