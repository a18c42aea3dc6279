"""What people change about their own way in goes on record; the packages that change it say so by signals."""

from typing import Any

from allauth.account.signals import password_changed
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.models import User
from django.http import HttpRequest

from connectors.services import signing_in
from dashboard.adapters import nobody


def connect() -> None:
    """This will listen from now on."""
    authenticator_added.connect(_added)
    authenticator_removed.connect(_removed)
    authenticator_reset.connect(_reset)
    password_changed.connect(_password)


def _added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _note(request, user, "second_factor.added", authenticator)


def _removed(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _note(request, user, "second_factor.removed", authenticator)


def _reset(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _note(request, user, "second_factor.reset", authenticator)


def _password(request: HttpRequest, user: User, **_: Any) -> None:
    signing_in.note_change(actor=nobody(request, user.get_username(), user.pk), what="password.changed")


def _note(request: HttpRequest, user: User, what: str, authenticator: Authenticator) -> None:
    actor = nobody(request, user.get_username(), user.pk)
    signing_in.note_change(actor=actor, what=what, after={"kind": authenticator.type})
