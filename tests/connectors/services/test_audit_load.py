"""Eight writers at once, and a sealer that is killed and started again: nothing forks, nothing is left out."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from connectors.models import AuditEvent, AuditPending, AuditSeal
from connectors.services import sealing, verifying

WRITERS, KILLS = 8, 4
EVENTS = int(os.environ.get("AUDIT_EVENTS", "4000"))
"""50 000 for the figures; they are printed with `-rP`."""

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
            [sys.executable, "-m", "tests.audit_load", what, str(number)],
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


def took(processes: list[Process]) -> float:
    """This will wait for all, and give the longest time."""
    return max(float(process.communicate()[0]) for process in processes)


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
    took(writers)
    ended = time.monotonic()
    while AuditPending.objects.exists() and time.monotonic() - ended < 2:
        time.sleep(0.05)

    positions = list(AuditSeal.objects.order_by("position").values_list("position", flat=True))
    assert kills >= 1
    assert positions == list(range(1, EVENTS + 1))
    assert AuditSeal.objects.values("event_id").distinct().count() == AuditEvent.objects.count() == EVENTS
    assert AuditPending.objects.count() == 0
    assert verifying.verify().finding is None


def test_appending_costs_at_most_twice_a_plain_insert(start: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE audit_plain (LIKE connectors_auditevent INCLUDING ALL)")
    try:
        rates = {}
        for what in ("plain", "record"):
            writers = [start(what, EVENTS // WRITERS) for _ in range(WRITERS)]
            ready(writers)
            go(writers)
            rates[what] = EVENTS / took(writers)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE audit_plain")
    begun = time.monotonic()
    sealed = 0
    while done := sealing.seal():
        sealed += done
    rate = sealed / (time.monotonic() - begun)

    assert sealed == EVENTS
    assert rates["record"] >= 0.5 * rates["plain"]
    assert rate >= 5_000
