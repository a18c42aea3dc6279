"""The product's pages, and beside them what they are measured against."""

from django.urls import include, path

from bench import bare

urlpatterns = [
    path("bare/", bare.page),
    path("bare-events/", bare.events),
    path("", include("dashboard.urls")),
]
