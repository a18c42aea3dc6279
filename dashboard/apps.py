"""The project's own pages as a Django application."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Sign-in, health and the event stream."""

    name = "dashboard"
