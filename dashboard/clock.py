"""The Celery application as beat needs it: what is due when, and of Django nothing but the settings."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

app = Celery("switchyard", fixups=[])  # without Celery's own for Django, which loads every model
app.config_from_object("django.conf:settings", namespace="CELERY")
