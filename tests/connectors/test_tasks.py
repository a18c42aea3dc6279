"""Hints go where they are waited for."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.conf import settings

from connectors import tasks
from connectors.models import VendorAccount
from connectors.services import driver
from dashboard.celery import app
from dashboard.stack.run import WORKERS
from tests import cast

Published = list[tuple[str, str]]


@pytest.fixture
def published() -> Iterator[Published]:
    """This will note what is published from now on: the task's last name, and the queue."""
    found: Published = []

    def note(sender: str, routing_key: str, **_: Any) -> None:
        found.append((sender.rpartition(".")[2], routing_key))

    before_task_publish.connect(note)
    yield found
    before_task_publish.disconnect(note)


def test_what_somebody_waits_for_has_a_queue_of_its_own(published: Published) -> None:
    tasks.wake(1)
    tasks.wake_batch("1")

    assert published == [("drive", settings.PRESSED), ("advance", settings.PRESSED)]


def test_what_the_clock_asks_for_does_not_stand_before_it(published: Published, estate: cast.Estate) -> None:
    VendorAccount.objects.update(due_at=None, leased_until=None)

    tasks.tick()

    assert ("drive", settings.ROUTINE) in published
    assert settings.PRESSED not in {queue for _, queue in published}


def test_an_account_that_is_hot_stays_with_those_who_wait(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "drive", lambda account_id: account_id == 1)

    tasks.drive(1)
    tasks.drive(2)

    assert published == [("drive", settings.PRESSED)]


def test_every_queue_has_a_part_of_the_stack_and_a_worker_that_is_told_nothing_serves_all() -> None:
    assert set(WORKERS.values()) == {settings.ROUTINE, settings.PRESSED} == set(app.amqp.queues.consume_from)
    assert {queue.name: queue.routing_key for queue in app.amqp.queues.values()} == {
        name: name for name in WORKERS.values()
    }
