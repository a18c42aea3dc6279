"""Signing in. A demo shows its logins; nothing else does."""

from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView

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


class SignIn(LoginView):
    """The sign-in page; whoever is signed in already goes on to the board."""

    template_name = "dashboard/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """This will add the demo's logins, in a demo."""
        logins = [{"name": name, "text": text} for name, text in DEMO_LOGINS] if settings.DEMO else []
        return super().get_context_data(**kwargs, demo_logins=logins, demo_password=DEMO_PASSWORD)


sign_out = LogoutView.as_view()
