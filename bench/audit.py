"""
The audit at a million events: search, facets, verification and sealing, each beside its floor.

`python -m bench.audit [NUMBER]` works on the database that DATABASE_URL names, migrated and empty of events, and prints
one line of JSON for each figure; `bin/bench audit` does so on a database of its own.
"""

import functools
import json
import os
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from statistics import median
from types import SimpleNamespace
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()

from django.conf import settings  # noqa: E402  # Django is set up only now
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402  # Django is set up only now
from django.db import connection, models, transaction  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import include, path  # noqa: E402

from bench import writers  # noqa: E402
from bench.figures import Figure, alternate, ratio  # noqa: E402
from connectors.models import AuditEvent, SiteMembership  # noqa: E402
from connectors.queries import audit as queries  # noqa: E402
from connectors.queries import audit_language  # noqa: E402
from connectors.services import audit, checkpoints, sealing, verifying  # noqa: E402

MILLION = 1_000_000
SPAN = timedelta(days=120)
SIGN_EVERY = 50_000
ROUNDS = 7
PART = 100_000
RACES, WRITERS, EACH = 3, 8, 500
COLUMNS = [f.attname for f in AuditEvent._meta.concrete_fields if not isinstance(f, models.AutoField)]
JSON_COLUMNS = frozenset({"before", "after"})

VENDORS = ("confluent", "elastic", "feldera", "kafka_connect", "yandex")
TEAMS = tuple(f"team-{number}" for number in range(12))
PEOPLE = tuple(f"person-{number}" for number in range(60))
VERBS = ("pause", "resume", "stop", "start", "restart")
ENDS = (("confirmed", "done"),) * 18 + (("timed_out", "failed"), ("failed", "failed"))
WORDS = (
    "consumer", "redeploy", "maintenance", "release", "price", "feed", "wrong", "lag", "rising", "schema", "change",
    "vendor", "incident", "rollback", "capacity", "planned", "window", "month", "end", "stuck", "looks", "retry",
)  # fmt: skip


def appending() -> Figure:
    """This will let eight writers record at once, and insert the same rows plainly, in turn."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE audit_plain (LIKE connectors_auditevent INCLUDING ALL)")
    plain, recorded = alternate(RACES, *(functools.partial(writers.race, what, EACH) for what in ("plain", "record")))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE audit_plain")
    rates = [its / mine for its, mine in zip(plain, recorded, strict=True)]
    seconds = [WRITERS * EACH / median(lasted) for lasted in (recorded, plain)]
    detail = "{:.0f} events/s against {:.0f} rows/s".format(*seconds)
    return Figure("audit", f"appending by {WRITERS} writers, of plain INSERTs", median(rates), limit=0.5, is_least=True,
                  spread=(min(rates), max(rates)), detail=detail)  # fmt: skip


def fill(number: int = MILLION) -> Figure:
    """This will record so many events by COPY, with true canonical texts, and seal and sign them; the sealer's rate."""
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    with (
        transaction.atomic(),
        connection.cursor() as cursor,
        cursor.copy(f"COPY connectors_auditevent ({names}) FROM STDIN") as copy,
    ):
        for event in _events(number):
            copy.write_row(event)
    stretches = list(iter(_sealed, None))
    rate = sum(sealed for sealed, _ in stretches) / sum(lasted for _, lasted in stretches)
    rates = [sealed / lasted for sealed, lasted in stretches]
    with connection.cursor() as cursor:
        for table in ("connectors_auditevent", "connectors_auditseal"):
            cursor.execute(f"VACUUM ANALYZE {table}")
        cursor.execute("CHECKPOINT")  # a million rows on their way to the disk would be in the way of what follows
    return Figure("audit", "sealer", rate, "events/s", limit=5_000, is_least=True, spread=(min(rates), max(rates)))


def _sealed() -> tuple[int, float] | None:
    """Events up to the next signed checkpoint, and the seconds that they took; None when all are sealed."""
    began = time.monotonic()
    sealed = 0
    while sealed < SIGN_EVERY and (some := sealing.seal()):
        sealed += some
    if not sealed:
        return None
    checkpoints.make()
    return sealed, time.monotonic() - began


def _events(number: int) -> Iterator[list[Any]]:
    chance = random.Random(1)  # noqa: S311  # made-up events
    begin = datetime.now(UTC) - SPAN
    step = SPAN / number
    place = 0
    while place < number:
        for event in _operation(chance, begin + step * place):
            yield _row(event)
            place += 1
            if place == number:
                return


def _operation(chance: random.Random, at: datetime) -> Iterator[dict[str, Any]]:
    """One press: the request, and what came of it; now and then a refusal or a change from outside."""
    who, verb, target = chance.choice(PEOPLE), chance.choice(VERBS), chance.randrange(5_000)
    vendor = VENDORS[target % len(VENDORS)]
    base: dict[str, Any] = {
        "at": at, "target_kind": "connector", "target_id": str(target), "target": f"orders-{target}-sink",
        "vendor": vendor, "account": f"{vendor}-{target % 4}", "team": TEAMS[target % len(TEAMS)],
        "reason": " ".join(chance.choices(WORDS, k=4)) + (f" INC-{chance.randrange(90_000)}" if target % 3 else ""),
    }  # fmt: skip
    person = {
        "actor": who, "actor_kind": "person", "actor_id": int(who.split("-")[1]), "user_agent": "Mozilla/5.0 (X11)",
        "address": f"10.20.{target % 8}.{chance.randrange(250)}", "request_id": f"req_{chance.getrandbits(64):016x}",
    }  # fmt: skip
    way = chance.random()
    if way < 0.04:
        yield {**base, **person, "action": f"connector.{verb}.refused", "result": "refused", "error": "frozen"}
        return
    if way < 0.06:
        system = {"actor": "system:driver", "actor_kind": "system", "reason": ""}
        yield {**base, **system, "action": "connector.state.changed_outside", "result": "observed",
               "before": {"state": "running"}, "after": {"state": "paused", "vendor_state": "PAUSED"}}  # fmt: skip
        return
    operation = uuid.UUID(int=chance.getrandbits(128), version=4)
    word, result = chance.choice(ENDS)
    yield {
        **base, **person, "action": f"connector.{verb}.requested", "result": "requested", "operation_id": operation,
        "before": {"state": "running", "desired_state": "running"}, "after": {"desired_state": "paused"},
    }  # fmt: skip
    yield {
        **base, "at": at + timedelta(seconds=2), "actor": "system:driver", "actor_kind": "system",
        "on_behalf_of": who, "action": f"connector.{verb}.{word}", "result": result, "operation_id": operation,
        "before": {"state": "running"}, "after": {"state": "paused"}, "vendor_reply": "202",
        "vendor_request": f"PUT /connectors/orders-{target}-sink/{verb}", "request_id": person["request_id"],
        "error": "not seen in 60 s" if result == "failed" else "",
    }  # fmt: skip


BLANK = {
    f.attname: (None if f.null else "") for f in AuditEvent._meta.concrete_fields if f.attname not in ("id", "uid")
}


def _row(said: dict[str, Any]) -> list[Any]:
    event = SimpleNamespace(**BLANK, uid=uuid.uuid4())
    event.__dict__.update(said)
    event.canonical = audit.canonical(event)  # type: ignore[arg-type]  # it reads attributes alone
    return [
        json.dumps(value) if name in JSON_COLUMNS and value is not None else value
        for name in COLUMNS
        for value in (getattr(event, name),)
    ]


FILTERS = (
    "actor:person-7", "action:connector.pause.*", "result:refused", "team:team-3", "target:orders-77-sink",
    "ip:10.20.3.7", "vendor:feldera -system result:refused", "after:60d before:30d",
)  # fmt: skip
SEARCHES = ("incident", "INC-4711", "pause", "orders-123-sink", "maintenance release", "zzz", "maintenance before:90d")
BARE = (
    "SELECT id, at, actor, action, result, target, account, team, reason FROM connectors_auditevent"
    " WHERE actor = %s ORDER BY at DESC, id DESC LIMIT 51"
)
PLAIN = engines["django"].from_string(
    "<table>{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table>"
)


def figures() -> Iterator[Figure]:
    """This will measure what a reader of the record waits for."""
    client = _reader()
    for text in FILTERS:
        page = functools.partial(_get, client, "/audit/", q=text)
        floor, ours = _times(functools.partial(_get, client, "/bare/"), page)
        yield ratio("audit", f"page {text}", ours, floor, 2.5)
    for text in SEARCHES:
        query = audit_language.read(text)
        (took,) = _times(functools.partial(queries.page, query))
        yield _milliseconds(f"words {text}", took, 100.0)
    for text in (*FILTERS, *SEARCHES, ""):
        query = audit_language.read(text)
        (took,) = _times(functools.partial(queries.facets, query))
        yield _milliseconds(f"facets {text or 'of everything'}", took, 300.0)
    verified, read, hashed = alternate(ROUNDS, _verify, _read_and_hash, _hash)
    yield Figure("audit", "verify", median(verified), "s", limit=5.0, spread=(min(verified), max(verified)))
    yield ratio("audit", "verify, against reading and hashing each text", verified, read, 2.0)
    yield ratio("audit", "verify, against hashing the same bytes in memory", verified, hashed, 2.0)


def _milliseconds(name: str, took: list[float], limit: float) -> Figure:
    return Figure("audit", name, 1000 * median(took), "ms", limit, spread=(1000 * min(took), 1000 * max(took)))


def _verify() -> float:
    began = time.monotonic()
    if not verifying.verify().is_whole:
        raise RuntimeError("the record is not whole")
    return time.monotonic() - began


def _read_and_hash() -> float:
    """What nothing that verifies here can do without: each text once out of the database, and through SHA-256."""
    began = time.monotonic()
    with connection.cursor() as cursor, cursor.copy("COPY connectors_auditevent (canonical) TO STDOUT") as copy:
        for text in copy:
            sha256(text).digest()
    return time.monotonic() - began


def _hash() -> float:
    """What verifying hashes, a part of it held in memory, and nothing done but SHA-256: each text, and each link."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT convert_to(canonical, 'UTF8') FROM connectors_auditevent LIMIT %s", [PART])
        texts = [bytes(text) for (text,) in cursor.fetchall()]
    link = bytes(32 + 8 + 32)  # of the hash before, the position and the text's own hash
    times = AuditEvent.objects.count() // len(texts)
    began = time.monotonic()
    for _ in range(times):
        for text in texts:
            sha256(text).digest()
            sha256(link).digest()
    return (time.monotonic() - began) * AuditEvent.objects.count() / (len(texts) * times)


def _reader() -> Client:
    user, _ = User.objects.get_or_create(username="bench-auditor")
    SiteMembership.objects.get_or_create(user=user, defaults={"role": "auditor"})
    client = Client()
    client.force_login(user)
    return client


def _get(client: Client, place: str, **query: str) -> None:
    """A page that is refused is quick, and says nothing."""
    answer = client.get(place, query)
    if answer.status_code != HTTPStatus.OK:
        raise RuntimeError(f"{place} answers {answer.status_code}")


@login_required
def bare(request: HttpRequest) -> HttpResponse:
    """What any page of fifty rows costs: signed in, one indexed query, rendered plainly."""
    with connection.cursor() as cursor:
        cursor.execute(BARE, ["person-7"])
        return HttpResponse(PLAIN.render({"rows": cursor.fetchall()}))


def _times(*works: Callable[[], Any]) -> list[list[float]]:
    """The seconds of each, done in turn."""
    return alternate(ROUNDS, *(functools.partial(_timed, work) for work in works))


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


urlpatterns = [path("bare/", bare), path("", include("dashboard.urls"))]


def main(number: int = MILLION) -> None:
    """This will fill an empty record and measure it."""
    settings.ROOT_URLCONF, settings.ALLOWED_HOSTS = "bench.audit", ["testserver"]
    if not AuditEvent.objects.exists():
        print(_line(appending()), flush=True)
        print(_line(fill(number)), flush=True)
    for figure in figures():
        print(_line(figure), flush=True)


def _line(figure: Figure) -> str:
    return json.dumps(asdict(figure) | {"is_met": figure.is_met})


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
