"""Background tasks: hints and chores. Each takes ids, calls one service, and may be lost or run twice."""

import contextlib

from celery import shared_task
from django.conf import settings
from kombu.exceptions import OperationalError


@shared_task(ignore_result=True)
def drive(account_id: int) -> None:
    """This will work for one vendor account for a slice of time, and come back while there is more to do."""
    from connectors.services import driver

    if driver.drive(account_id):
        wake(account_id)


@shared_task(ignore_result=True)
def tick() -> None:
    """This will wake each account that is due, go on with each batch, and do what the clock says."""
    from connectors.services import batch_steps, schedule, schedules, timers

    for account_id in schedule.due():
        drive.apply_async((account_id,), expires=10)
    for batch_id in batch_steps.due():
        advance.apply_async((batch_id,), expires=5)
    timers.run()
    schedules.run_due()


@shared_task(ignore_result=True)
def watch() -> None:
    """This will look after the guard rails: freezes that turn, approvals that lapse, what is to be healed, and told."""
    from connectors.services import alerts, approvals, freezes, healing

    freezes.tell_of_turns()
    approvals.sweep()
    healing.run()
    alerts.run()
    tell.apply_async(expires=5)


@shared_task(ignore_result=True)
def tell() -> None:
    """This will send each message of an alert that waits."""
    from connectors.services import alert_delivery

    for pk in alert_delivery.due():
        alert_delivery.deliver(pk)


@shared_task(ignore_result=True)
def tell_one(pk: int) -> None:
    """This will send one message of an alert."""
    from connectors.services import alert_delivery

    alert_delivery.deliver(pk)


@shared_task(ignore_result=True)
def advance(batch_id: str) -> None:
    """This will take one step of a batch, and come back at once while there is more to ask."""
    from connectors.services import batch_steps

    if batch_steps.advance(batch_id):
        wake_batch(batch_id)


@shared_task(ignore_result=True)
def sweep() -> None:
    """This will end what its driver can no longer end, and fold what was counted since."""
    from connectors.services import counting, schedule

    schedule.sweep()
    counting.fold()


@shared_task(ignore_result=True)
def measure() -> None:
    """This will work out how long verbs usually take."""
    from connectors.services import timings

    timings.measure()


@shared_task(ignore_result=True)
def roll_up() -> None:
    """This will sum up what connectors moved, and forget what is too old to be shown."""
    from django.utils import timezone

    from connectors.services import samples

    samples.roll_up(timezone.now())


@shared_task(ignore_result=True)
def seal() -> None:
    """This will seal the events that wait, and sign a checkpoint when one is due."""
    from connectors.services import checkpoints, sealing

    sealing.seal()
    checkpoints.make_due()


@shared_task(ignore_result=True)
def tell_outside() -> None:
    """This will tell the places outside what was sealed and signed since."""
    from connectors.services import sinks

    sinks.tell_all()


@shared_task(ignore_result=True)
def export_due() -> None:
    """This will go on with each export that nobody is at, and remove the files that were kept long enough."""
    from connectors.services import exporting

    for pk in exporting.due():
        write_export.apply_async((str(pk),), expires=10)
    exporting.forget()


@shared_task(ignore_result=True)
def write_export(pk: str) -> None:
    """This will write pieces of an export for a slice of time, and come back while there is more to do."""
    from uuid import UUID

    from connectors.services import exporting

    if exporting.advance(UUID(pk)):
        write_export.delay(pk)


@shared_task(ignore_result=True)
def feed_review() -> None:
    """This will hold what was sealed since to the rules of review."""
    from connectors.services import feeding

    feeding.feed()


def wake(account_id: int) -> None:
    """This will hint that an account has work; with the broker away, the next tick finds it all the same."""
    with contextlib.suppress(OperationalError):
        drive.apply_async((account_id,), queue=settings.PRESSED, expires=10, retry=False)


def wake_batch(batch_id: str) -> None:
    """This will hint that a batch may begin or go on; with the broker away, the next tick finds it all the same."""
    with contextlib.suppress(OperationalError):
        advance.apply_async((batch_id,), queue=settings.PRESSED, expires=10, retry=False)


def wake_message(pk: int) -> None:
    """This will hint that a message waits; with the broker away, the next watch finds it all the same."""
    with contextlib.suppress(OperationalError):
        tell_one.apply_async((pk,), expires=30, retry=False)
