"""Signing in. A demo shows its logins; nothing else does."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.http import HttpResponse

from connectors.actor import Actor
from connectors.services import actors, signing_in

DEMO_PASSWORD = "demo"  # noqa: S105  # shown on the page, and only where settings.DEMO holds
DEMO_LOGINS = (
    ("operator", "runs the connectors of all three teams"),
    ("lead", "leads team payments"),
    ("viewer", "sees all, changes nothing"),
    ("admin", "administers everything"),
    ("auditor", "reads the record of who did what"),
)


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
            who = Actor("person", login, person.pk if person else None, address=address,
                        user_agent=self.request.headers.get("user-agent", ""))  # fmt: skip
            signing_in.note(actor=who, is_in=False, error="login or password is wrong")
            raise


class SignIn(LoginView):
    """The sign-in page; whoever is signed in already goes on to the board."""

    template_name = "dashboard/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """This will add the demo's logins, in a demo."""
        logins = [{"name": name, "text": text} for name, text in DEMO_LOGINS] if settings.DEMO else []
        return super().get_context_data(**kwargs, demo_logins=logins, demo_password=DEMO_PASSWORD)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """This will sign in and say so on record."""
        answer = super().form_valid(form)
        signing_in.note(actor=actors.of(self.request), is_in=True)
        return answer

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """This will show the form again; whoever has to wait is told so by the status, too."""
        answer = super().form_invalid(form)
        if getattr(form, "is_limited", False):
            answer.status_code = HTTPStatus.TOO_MANY_REQUESTS
        return answer


sign_out = LogoutView.as_view()
