"""The Celery application: wake-ups and chores. All truth is in PostgreSQL."""

import os
from typing import Any

from celery import Celery, Task
from celery.signals import task_success

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

TICK = "connectors.tasks.tick"

app = Celery("switchyard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_success.connect(dispatch_uid="heartbeat")
def note_tick(sender: Task[Any, Any], **_: Any) -> None:
    """This will keep the time of the newest tick: the proof that beat, broker and a worker all do their part."""
    if sender.name != TICK:
        return
    from django.utils import timezone  # noqa: PLC0415  # Django is set up only once this module is imported

    from dashboard.models import Heartbeat  # noqa: PLC0415  # the same

    beat = Heartbeat(name=TICK, at=timezone.now())
    Heartbeat.objects.bulk_create([beat], update_conflicts=True, unique_fields=["name"], update_fields=["at"])
