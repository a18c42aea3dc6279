"""
Writers and sealers as processes of their own: `python -m bench.writers record|plain|seal [NUMBER]`.

`plain` inserts the same rows into a table with the same indexes and nothing else: the floor that appending is held to.
"""

import os
import subprocess
import sys
import time
from typing import IO, cast


def race(what: str, number: int, writers: int = 8) -> float:
    """This will let so many processes begin at once, each with that number; the seconds of the slowest."""
    command = [sys.executable, "-m", "bench.writers", what, str(number)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(writers)
    ]
    for process in running:
        cast("IO[str]", process.stdout).readline()
    for process in running:
        cast("IO[str]", process.stdin).write("go\n")
        cast("IO[str]", process.stdin).flush()
    return max(float(process.communicate()[0]) for process in running)


def main(what: str, number: int) -> None:
    """This will do it, once a line arrives on standard input; how long it took is printed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    import django

    django.setup()
    from django.db import connection

    connection.ensure_connection()
    work = {"record": record, "plain": plain, "seal": seal}[what]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    begun = time.monotonic()
    work(number)
    sys.stdout.write(f"{time.monotonic() - begun}\n")


def record(number: int) -> None:
    """This will record events, each in a transaction of its own."""
    from django.db import transaction

    from connectors.actor import Actor
    from connectors.services import audit

    actor = Actor("person", f"writer-{os.getpid()}", user_agent="load", request_id="req_load")
    for place in range(number):
        with transaction.atomic():
            audit.record("site.test.done", actor=actor, result="done", reason=f"event {place}", after={"n": place})


def plain(number: int) -> None:
    """This will insert the same rows where nothing watches."""
    from django.db import connection, models, transaction
    from django.db.models.sql import InsertQuery
    from django.utils import timezone

    from connectors.models import AuditEvent
    from connectors.services import audit

    fields = [field for field in AuditEvent._meta.concrete_fields if not isinstance(field, models.AutoField)]
    for place in range(number):
        event = AuditEvent(
            at=timezone.now(), action="site.test.done", result="done", actor_kind="person",
            actor=f"writer-{os.getpid()}", user_agent="load", request_id="req_load", reason=f"event {place}",
            after={"n": place},
        )  # fmt: skip
        event.canonical = audit.canonical(event)
        query = InsertQuery(AuditEvent)
        query.insert_values(fields, [event])
        ((sql, values),) = query.get_compiler(connection=connection).as_sql()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql.replace('"connectors_auditevent"', '"audit_plain"'), values)


def seal(number: int) -> None:
    """This will seal as the tick does, until killed; with a number, until that many are done."""
    from connectors.services import sealing

    done = 0
    while not number or done < number:
        sealed = sealing.seal()
        done += sealed
        if not sealed:
            time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
