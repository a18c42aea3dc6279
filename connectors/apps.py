"""The domain as a Django application."""

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    """Connectors, their vendors, and everything that is asked of them."""

    name = "connectors"
    default_auto_field = "django.db.models.BigAutoField"
