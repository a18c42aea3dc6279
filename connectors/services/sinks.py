"""
Telling places outside what is sealed and signed: in order, again until it arrived, from where it stopped.

Each place has a row that says how far it was told. Whoever has claimed that row tells it, with no transaction open, and
moves it on only while the claim is still theirs. So a place may be told something twice after a crash, but nothing is
left out and nothing overtakes anything; each line carries its position, to tell doubles by.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from connectors.models import AuditCheckpoint, AuditSeal, AuditSink
from connectors.services import checkpoints, outlets
from connectors.services.outlets import Line, Untold

log = structlog.get_logger(__name__)

AT_ONCE = 200
SLICE = timedelta(seconds=5)
CLAIM = timedelta(seconds=60)
"""More than one telling can take; when its worker dies, another goes on after that."""
LONGEST_PAUSE = 600
"""Seconds between two tries."""


@dataclass(frozen=True, slots=True)
class Sink:
    """One place outside that the environment names."""

    name: str
    what: Literal["events", "checkpoints"]
    tell: Callable[[Sequence[Line]], None]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a place has been told, and how much it still lacks."""

    name: str
    position: int
    behind: int
    told_at: datetime | None
    failures: int
    error: str


class Unknown(Exception):
    """There is no such place; the message names those that there are."""


def configured() -> list[Sink]:
    """This will give the places that the environment names."""
    chosen: list[tuple[str, Literal["events", "checkpoints"], str, Callable[[str, Sequence[Line]], None]]] = [
        ("checkpoints.folder", "checkpoints", settings.AUDIT_CHECKPOINT_FOLDER, outlets.keep_apart),
        ("checkpoints.webhook", "checkpoints", settings.AUDIT_CHECKPOINT_WEBHOOK, outlets.post),
        ("events.file", "events", settings.AUDIT_STREAM_FILE, outlets.append),
        ("events.webhook", "events", settings.AUDIT_STREAM_WEBHOOK, outlets.post),
        ("events.syslog", "events", settings.AUDIT_STREAM_SYSLOG, outlets.syslog),
    ]
    return [Sink(name, what, _telling(tell, where)) for name, what, where, tell in chosen if where]


def tell_all(now: datetime | None = None) -> int:
    """This will tell every place that is due for a slice of time each; the number of lines."""
    return sum(tell(sink, now) for sink in configured())


def tell(sink: Sink, now: datetime | None = None) -> int:
    """This will tell one place what it lacks, unless somebody is at it or it is left in peace; the number of lines."""
    now = now or timezone.now()
    until = now + SLICE
    row = _claim(sink.name, now)
    if row is None:
        return 0
    told = 0
    try:
        while lines := _lacking(sink, row.position):
            sink.tell(lines)
            if not _move(row, lines[-1].position):
                return told  # somebody else goes on: this took too long
            told += len(lines)
            if len(lines) < AT_ONCE or timezone.now() > until:
                break
    except Untold as error:
        _fail(row, str(error))
        return told
    _rest(row, is_told=bool(told))
    return told


def standings() -> list[Standing]:
    """This will say of each place how far it was told."""
    rows = AuditSink.objects.in_bulk()
    found = []
    for sink in configured():
        row = rows.get(sink.name) or AuditSink(name=sink.name)
        behind = _after(sink, row.position).count()
        found.append(Standing(sink.name, row.position, behind, row.told_at, row.failures, row.error))
    return found


def tell_again(name: str, position: int) -> None:
    """
    This will have a place told once more from behind a position on, as after a move or a loss there.

    :raises Unknown: the environment names no such place
    """
    known = [sink.name for sink in configured()]
    if name not in known:
        raise Unknown(f"{name} is none of: {', '.join(known) or 'none is set'}")
    changed = {"position": position, "failures": 0, "not_before": None, "error": ""}
    AuditSink.objects.update_or_create(name=name, defaults=changed)


def _telling(tell: Callable[[str, Sequence[Line]], None], where: str) -> Callable[[Sequence[Line]], None]:
    return lambda lines: tell(where, lines)


def _claim(name: str, now: datetime) -> AuditSink | None:
    AuditSink.objects.bulk_create([AuditSink(name=name)], ignore_conflicts=True)
    free = AuditSink.objects.filter(Q(not_before__isnull=True) | Q(not_before__lte=now), name=name)
    if free.update(not_before=now + CLAIM) != 1:
        return None
    return AuditSink.objects.get(name=name)


def _lacking(sink: Sink, position: int) -> list[Line]:
    if sink.what == "checkpoints":
        signed = AuditCheckpoint.objects.filter(number__gt=position).order_by("number")[:AT_ONCE]
        return [Line(one.number, checkpoints.line(one), one.at) for one in signed]
    seals = AuditSeal.objects.filter(position__gt=position).order_by("position").select_related("event")[:AT_ONCE]
    return [Line(seal.position, _event(seal), seal.event.at) for seal in seals]


def _after(sink: Sink, position: int) -> QuerySet[Any]:
    if sink.what == "checkpoints":
        return AuditCheckpoint.objects.filter(number__gt=position)
    return AuditSeal.objects.filter(position__gt=position)


def _event(seal: AuditSeal) -> str:
    said = {"position": seal.position, "hash": bytes(seal.hash).hex(), "event": seal.event.canonical}
    return json.dumps(said, ensure_ascii=False)


def _move(row: AuditSink, position: int) -> bool:
    """The claim is renewed with each step; whoever lost it moves nothing."""
    held, row.not_before = row.not_before, timezone.now() + CLAIM
    row.position = position
    return AuditSink.objects.filter(name=row.name, not_before=held).update(
        position=position, not_before=row.not_before, told_at=timezone.now()
    ) == 1  # fmt: skip


def _fail(row: AuditSink, error: str) -> None:
    pause = min(LONGEST_PAUSE, 2 ** min(row.failures + 1, 10))
    log.warning("the audit could not be told outside", sink=row.name, error=error, pause=pause)
    AuditSink.objects.filter(name=row.name, not_before=row.not_before).update(
        failures=F("failures") + 1, not_before=timezone.now() + timedelta(seconds=pause), error=error
    )


def _rest(row: AuditSink, *, is_told: bool) -> None:
    well = {"failures": 0, "error": ""} if is_told else {}
    AuditSink.objects.filter(name=row.name, not_before=row.not_before).update(not_before=None, **well)
