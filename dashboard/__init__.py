"""The Django project around the domain: settings, sign-in, health, event stream, and the one-command stack."""

from dashboard.celery import app as celery_app

__all__ = ["celery_app"]
