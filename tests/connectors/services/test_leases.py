"""What a driver holds while it writes: other drivers wait, people who ask do not."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError, connection, transaction

from connectors.models import Operation, VendorAccount
from connectors.services import leases
from connectors.states import Verb
from tests.connectors.services.conftest import Tiny

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = "2s"


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)


@pytest.fixture
def held(box: Tiny) -> Iterator[Tiny]:
    """An account whose driver is in the midst of writing."""
    box.drive()
    lease = leases.take(box.account.pk, "driver")
    assert lease is not None
    with transaction.atomic():
        leases.hold(lease)
        yield box


def elsewhere(act: Callable[[], object]) -> list[Exception]:
    """This will do it over another connection, with little patience for locks; what it raised."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SET lock_timeout = '{PATIENCE}'")
            act()
        except Exception as error:  # noqa: BLE001  # shown by the test
            raised.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    return raised


def test_somebody_who_asks_does_not_wait_for_the_driver(held: Tiny) -> None:
    raised = elsewhere(lambda: held.ask(Verb.PAUSE))

    assert raised == []
    assert Operation.objects.count() == 1


def test_another_driver_does(held: Tiny) -> None:
    raised = elsewhere(lambda: VendorAccount.objects.filter(pk=held.account.pk).update(lease_number=99))

    assert [type(error) for error in raised] == [OperationalError]
    assert "lock timeout" in str(raised[0])
