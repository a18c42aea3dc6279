"""All addresses: the project's own pages, the API, and the domain's pages."""

from allauth.account import views as account
from allauth.socialaccount import views as company
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from connectors.api.endpoints.metrics import Metrics
from dashboard.views import break_glass, events, first_admin, health, person, sign_in

handler403 = "dashboard.views.refusals.forbidden"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", Metrics.as_view(), name="metrics"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-in/", sign_in.SignIn.as_view(), name="account_login"),
    path("sign-in/cancelled/", company.login_cancelled, name="socialaccount_login_cancelled"),
    path("sign-in/failed/", company.login_error, name="socialaccount_login_error"),
    path("sign-in/", include("allauth.socialaccount.providers.openid_connect.urls")),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("sign-out/", LogoutView.as_view(), name="account_logout"),
    path("account/", person.page, name="self"),
    path("account/password/", person.change_password, name="account_change_password"),
    path("account/confirmation/", account.reauthenticate, name="account_reauthenticate"),
    path("account/closed/", account.account_inactive, name="account_inactive"),
    path("account/sessions/<int:pk>/end/", person.end_session, name="self-session-end"),
    path("account/tokens/new/", person.new_token, name="self-token-new"),
    path("account/tokens/<int:pk>/revocation/", person.revoke_token, name="self-token-revocation"),
    path("account/second-factor/needed/", person.needs_factor, name="second-factor-needed"),
    path("account/second-factor/", include("allauth.mfa.urls")),
    path("break-glass/<str:secret>/", break_glass.enter, name="break-glass"),
    path("first-admin/<str:secret>/", first_admin.create, name="first-admin"),
    path("events/", events.stream, name="events"),
    path("api/v1/", include("connectors.api.urls")),
    path("", include("connectors.urls")),
]
