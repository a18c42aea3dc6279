"""Beat's own application: the same schedule, without what the tasks need."""

import os
import subprocess
import sys
from pathlib import Path

from dashboard import celery, clock

REPOSITORY = Path(__file__).parents[2]
LOADED = """
import sys
from dashboard.clock import app
app.conf.beat_schedule, app.amqp.queues, app.amqp.routes
print(*sorted(name for name in sys.modules if name.startswith(("connectors.models", "connectors.services", "allauth"))))
"""


def test_what_is_due_is_what_workers_know_and_goes_to_the_queue_they_serve() -> None:
    celery.app.loader.import_default_modules()
    schedule = clock.app.conf.beat_schedule

    assert schedule == celery.app.conf.beat_schedule
    assert {entry["task"] for entry in schedule.values()} <= celery.app.tasks.keys()
    assert clock.app.conf.broker_url == celery.app.conf.broker_url
    for entry in schedule.values():
        route = clock.app.amqp.router.route(entry["options"], entry["task"])
        assert route["queue"].name == celery.app.conf.task_default_queue


def test_beat_loads_no_model_and_no_service() -> None:
    told = subprocess.run(
        [sys.executable, "-c", LOADED], env=os.environ, cwd=REPOSITORY, check=True, capture_output=True, text=True
    )

    assert told.stdout.strip() == ""
