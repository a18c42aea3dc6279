"""The project's own pages as a Django application."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Sign-in, health and the event stream."""

    name = "dashboard"

    def ready(self) -> None:
        """This will make Celery's application the current one, and listen to what people change of their sign-in."""
        # Here and not in the package: the supervisor must not carry Celery through its life.
        from dashboard import celery  # noqa: F401, PLC0415  # imported for its effect, once Django is set up
        from dashboard.record import connect  # noqa: PLC0415  # it needs the packages' models

        connect()
