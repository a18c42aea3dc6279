"""Signing in. A demo shows its logins; nothing else does."""

from http import HTTPStatus
from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from dashboard.forms import SignInForm

DEMO_PASSWORD = "demo"  # noqa: S105  # shown on the page, and only where settings.DEMO holds
DEMO_LOGINS = (
    ("operator", "runs the connectors of all three teams"),
    ("lead", "leads team payments"),
    ("viewer", "sees all, changes nothing"),
    ("admin", "administers everything"),
    ("auditor", "reads the record of who did what"),
)


class SignIn(LoginView):
    """The sign-in page; whoever is signed in already goes on to the board."""

    template_name = "dashboard/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """This will add the ways in that are open, and the demo's logins in a demo."""
        logins = [{"name": name, "text": text} for name, text in DEMO_LOGINS] if settings.DEMO else []
        return super().get_context_data(
            **kwargs,
            demo_logins=logins,
            demo_password=DEMO_PASSWORD,
            company=settings.OIDC_NAME if settings.OIDC_ISSUER else "",
            has_local=settings.LOCAL_ACCOUNTS,
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """This will take a login and a password, where such are kept here."""
        if not settings.LOCAL_ACCOUNTS:
            raise PermissionDenied(f"Nobody signs in with a password here. Sign in with {settings.OIDC_NAME}.")
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """This will sign in, or ask for the second factor first."""
        user = form.get_user()
        login = Login(user=user, redirect_url=self.get_success_url())
        try:
            answer: HttpResponse = perform_password_login(self.request, {"username": user.get_username()}, login)
        except ImmediateHttpResponse as stopped:
            answer = stopped.response
        return answer

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """This will show the form again; whoever has to wait is told so by the status, too."""
        answer = super().form_invalid(form)
        if getattr(form, "is_limited", False):
            answer.status_code = HTTPStatus.TOO_MANY_REQUESTS
        return answer


sign_out = LogoutView.as_view()
