"""All addresses: the project's own pages, the API, and the domain's pages."""

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from connectors.api.endpoints.metrics import Metrics
from dashboard.views import events, first_admin, health, sign_in

handler403 = "dashboard.views.refusals.forbidden"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", Metrics.as_view(), name="metrics"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("first-admin/<str:secret>/", first_admin.create, name="first-admin"),
    path("events/", events.stream, name="events"),
    path("api/v1/", include("connectors.api.urls")),
    path("", include("connectors.urls")),
]
