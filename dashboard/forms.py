"""The forms of signing in: each failure is on record, and too many of them have to wait."""

from typing import Any

from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm, LoginWebAuthnForm
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from connectors.services import signing_in
from dashboard.adapters import nobody


class SignInForm(AuthenticationForm):
    """Login and password; one sentence when they do not fit, which never tells which of the two was wrong."""

    error_messages = {
        "invalid_login": "Login or password is wrong.",
        "inactive": "Login or password is wrong.",
    }
    is_limited = False

    def clean(self) -> dict[str, Any]:
        """This will look at the limit before it looks at the password, and put a refusal on record."""
        assert self.request is not None  # noqa: S101  # LoginView gives it
        name = str(self.cleaned_data.get("username", ""))
        person = get_user_model().objects.filter(username=name).first()
        login = person.get_username() if person else signing_in.NOBODY
        address = self.request.META.get("REMOTE_ADDR") or None
        try:
            signing_in.check(login=login if person else "", address=address)
        except signing_in.TooManyAttempts as error:
            self.is_limited = True
            raise ValidationError(str(error)) from error
        try:
            return super().clean()
        except ValidationError:
            who = nobody(self.request, login, person.pk if person else None)
            signing_in.note(actor=who, is_in=False, error="login or password is wrong")
            raise


class _OnRecord:
    """A form that proves a second factor of `self.user`, or of nobody known yet."""

    user: Any

    def proved(self, prove: Any) -> Any:
        """This will let it prove what it can, within the same limit as passwords."""
        request, user = context.request, self.user
        login, pk = (user.get_username(), user.pk) if user else (signing_in.NOBODY, None)
        try:
            signing_in.check(login=login if user else "", address=request.META.get("REMOTE_ADDR") or None)
        except signing_in.TooManyAttempts as error:
            raise ValidationError(str(error)) from error
        try:
            return prove()
        except ValidationError:
            signing_in.note(actor=nobody(request, login, pk), is_in=False, error="the second factor is wrong")
            raise


class CodeForm(_OnRecord, AuthenticateForm):  # type: ignore[misc]  # the package has no types
    """A code from an app, or a recovery code."""

    def clean_code(self) -> str:
        """This will try the code."""
        return str(self.proved(super().clean_code))


class KeyForm(_OnRecord, AuthenticateWebAuthnForm):  # type: ignore[misc]  # the package has no types
    """A passkey as second factor."""

    def clean_credential(self) -> Any:
        """This will try the key's answer."""
        return self.proved(super().clean_credential)


class PasskeyForm(_OnRecord, LoginWebAuthnForm):  # type: ignore[misc]  # the package has no types
    """A passkey instead of login and password."""

    def clean_credential(self) -> Any:
        """This will try the key's answer."""
        return self.proved(super().clean_credential)
