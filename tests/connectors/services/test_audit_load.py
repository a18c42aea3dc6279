"""Eight writers at once, and a sealer that is killed and started again: nothing forks, nothing is left out."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from connectors.actor import SET_UP
from connectors.models import AuditEvent, AuditPending, AuditSeal
from connectors.services import audit, sealing, verifying

WRITERS, KILLS = 8, 4
EVENTS = int(os.environ.get("AUDIT_EVENTS", "4000"))
"""50 000 for the whole proof. How fast they are: `bin/bench audit`."""

Process = subprocess.Popen[str]

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]


def address() -> str:
    """This will give the address of the test database."""
    settings = connection.settings_dict
    login = quote(str(settings["USER"])) + (f":{quote(str(settings['PASSWORD']))}" if settings["PASSWORD"] else "")
    host, port = settings["HOST"], settings["PORT"]
    place = (
        f"@/{settings['NAME']}?host={quote(host, safe='')}" if host.startswith("/") else f"@{host}/{settings['NAME']}"
    )
    return f"postgresql://{login}{place}" + (f"{'&' if '?' in place else '?'}port={port}" if port else "")


@pytest.fixture
def start() -> Iterator[Any]:
    """This will give a function that starts a process and waits until it is ready to begin."""
    running: list[Process] = []

    def started(what: str, number: int = 0) -> Process:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.writers", what, str(number)],
            env={**os.environ, "DATABASE_URL": address(), "DB_POOL_MAX": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield started
    for process in running:
        process.kill()
        process.communicate()


def ready(processes: list[Process]) -> None:
    """This will wait until all of them stand by."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"


def go(processes: list[Process]) -> None:
    """This will let them all begin at once."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def wait(processes: list[Process]) -> None:
    """This will wait for all of them to end."""
    for process in processes:
        process.communicate()


def test_writers_and_a_killed_sealer_leave_one_whole_chain(start: Any) -> None:
    writers = [start("record", EVENTS // WRITERS) for _ in range(WRITERS)]
    sealers = [start("seal") for _ in range(KILLS + 1)]
    ready([*writers, *sealers])
    go([*writers, sealers[0]])

    kills = 0
    for number, sealer in enumerate(sealers[:KILLS], start=1):
        while AuditSeal.objects.count() < number * EVENTS // (2 * KILLS):  # by progress: a quick machine is killed, too
            assert sealer.poll() is None
            time.sleep(0.01)
        sealer.kill()
        kills += any(writer.poll() is None for writer in writers)
        go([sealers[number]])
    wait(writers)
    ended = time.monotonic()
    while AuditPending.objects.exists() and time.monotonic() - ended < 2:
        time.sleep(0.05)

    positions = list(AuditSeal.objects.order_by("position").values_list("position", flat=True))
    assert kills >= 1
    assert positions == list(range(1, EVENTS + 1))
    assert AuditSeal.objects.values("event_id").distinct().count() == AuditEvent.objects.count() == EVENTS
    assert AuditPending.objects.count() == 0
    assert verifying.verify().finding is None


def test_event_is_one_statement_and_any_number_of_seals_are_seven(django_assert_num_queries: Any) -> None:
    sealing.chain()
    sealed = []
    for number in (1, 100):
        with transaction.atomic(), django_assert_num_queries(number):
            for _ in range(number):
                audit.record("site.test.done", actor=SET_UP, result="done")
        with CaptureQueriesContext(connection) as asked:
            sealed.append((sealing.seal(), len(asked)))

    assert sealed == [(1, 8), (100, 7)]  # begin, lock, what waits, the head, seals, marks, commit; at first the chain


def test_writer_does_not_wait_for_one_that_has_not_committed() -> None:
    """Nor does the sealer; and the one that commits late is sealed, whatever its number."""
    with psycopg.connect(address()) as other:
        with transaction.atomic():
            first = audit.record("site.test.done", actor=SET_UP, result="done")
        other.execute("SET lock_timeout = '2s'")
        other.execute(copy_of(first))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            last = audit.record("site.test.done", actor=SET_UP, result="done")
        early = sealing.seal()
        other.commit()
    late = sealing.seal()

    assert (early, late) == (2, 1)
    assert [seal.event_id for seal in AuditSeal.objects.order_by("position")][:2] == [first.pk, last.pk]
    assert verifying.verify().is_whole


def copy_of(event: AuditEvent) -> str:
    """This will write the statement that stores the same event once more."""
    names = ", ".join(f'"{f.column}"' for f in AuditEvent._meta.concrete_fields if not f.primary_key)
    stored = f"SELECT {names} FROM connectors_auditevent WHERE id = {event.pk}"
    return f"INSERT INTO connectors_auditevent ({names}) {stored}"
