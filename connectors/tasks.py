"""Background tasks: hints and chores. Each takes ids, calls one service, and may be lost or run twice."""

import contextlib

from celery import shared_task
from kombu.exceptions import OperationalError


@shared_task(ignore_result=True)
def drive(account_id: int) -> None:
    """This will work for one vendor account for a slice of time, and come back while there is more to do."""
    from connectors.services import driver

    if driver.drive(account_id):
        drive.delay(account_id)


@shared_task(ignore_result=True)
def tick() -> None:
    """This will wake each account that is due."""
    from connectors.services import schedule

    for account_id in schedule.due():
        drive.apply_async((account_id,), expires=10)


@shared_task(ignore_result=True)
def sweep() -> None:
    """This will end what its driver can no longer end."""
    from connectors.services import schedule

    schedule.sweep()


@shared_task(ignore_result=True)
def measure() -> None:
    """This will work out how long verbs usually take."""
    from connectors.services import timings

    timings.measure()


def wake(account_id: int) -> None:
    """This will hint that an account has work; with the broker away, the next tick finds it all the same."""
    with contextlib.suppress(OperationalError):
        drive.apply_async((account_id,), expires=10, retry=False)
