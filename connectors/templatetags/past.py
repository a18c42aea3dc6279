"""Tags for the time line and for notes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import msgspec
from django import template
from django.utils import timezone
from django.utils.html import format_html, urlize
from django.utils.safestring import SafeString, mark_safe

from connectors.models import AuditEvent, Note, Operation, StateChange
from connectors.permissions import Viewer
from connectors.queries import notes
from connectors.queries.timeline import Entry
from connectors.states import GOALS, LABELS, Verb
from connectors.templatetags import figures
from connectors.templatetags.looks import STAGES, STATES
from connectors.templatetags.switchyard import icon, stage

register = template.Library()

LONG = 400
"""Letters of a note that a time line shows."""


@register.simple_tag
def entry_icon(entry: Entry) -> SafeString:
    """This will give the shape of an entry: the state it led to, a note, or a decision."""
    if isinstance(entry.what, StateChange):
        return icon("outside" if _is_outside(entry.what) else STATES[entry.what.after].glyph)  # type: ignore[index]
    if isinstance(entry.what, Operation):
        goal = GOALS.get(Verb(entry.what.kind))
        return icon(STAGES[entry.what.status].glyph or ("person" if goal else "s-restarting"))  # type: ignore[index]
    return icon("note" if isinstance(entry.what, Note) else "flag")


@register.simple_tag
def entry_words(entry: Entry) -> SafeString:
    """This will say what happened, in one or two lines."""
    if isinstance(entry.what, StateChange):
        return _state(entry.what)
    if isinstance(entry.what, Operation):
        return _operation(entry.what)
    if isinstance(entry.what, Note):
        return format_html("Note by {}: <q>{}</q>", entry.what.author, linked(_short(entry.what.text)))
    return _decision(entry.what)


@register.simple_tag
def by_day(entries: Sequence[Entry]) -> list[tuple[str, list[Entry]]]:
    """This will part entries by the day, with its name."""
    today = timezone.now().astimezone(UTC).date()
    return [(_day(day, today), list(found)) for day, found in groupby(entries, key=lambda entry: _date(entry.at))]


@register.filter
def linked(text: str) -> SafeString:
    """This will show plain text with its lines, and its web addresses as links; nothing in it is taken as markup."""
    html = urlize(text, nofollow=True, autoescape=True)
    safe = html.replace('rel="nofollow"', 'rel="nofollow noreferrer noopener"').replace("\n", "<br>")
    return mark_safe(safe)  # noqa: S308  # escaped by urlize


@register.filter
def setting(value: object) -> str:
    """This will show a value of a configuration as it stands there: text as it is, all else as JSON."""
    return value if isinstance(value, str) else _pretty(value, indent=1)


@register.filter
def as_json(config: object) -> str:
    """This will give a masked configuration as JSON, to be copied."""
    return _pretty(config, indent=2)


def _pretty(value: object, indent: int) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=indent).decode()


@register.simple_tag
def may_change_note(viewer: Viewer, note: Note) -> bool:
    """This will tell whether this person may change or remove a note."""
    return notes.may_change(viewer, note)


def _state(change: StateChange) -> SafeString:
    look = STATES[change.after]  # type: ignore[index]
    was = format_html(", was {}", STATES[change.before].word.rstrip("…").lower()) if change.before else ""  # type: ignore[index]
    cause = "cause not known"
    if change.operation:
        cause = f"{LABELS[Verb(change.operation.kind)]} by {change.operation.actor}"
    elif change.cause == StateChange.Cause.FIRST_SEEN:
        cause = "seen for the first time"
    elif _is_outside(change):
        cause = "made outside Switchyard"
    return format_html("<b>{}</b>{}<small>{}</small>", look.word, was, cause)


def _operation(operation: Operation) -> SafeString:
    why = format_html(" “{}”", operation.reason) if operation.reason else ""
    why = format_html("{} {}", why, operation.ticket) if operation.ticket else why
    error = format_html("<small>{}</small>", _short(operation.error)) if operation.error else ""
    return format_html(
        "{} asked to <b>{}</b>{}<small>{}</small>{}",
        operation.actor, LABELS[Verb(operation.kind)].lower(), why,
        stage(operation.status, operation.requested_at, operation.finished_at), error,
    )  # fmt: skip


def _decision(event: AuditEvent) -> SafeString:
    reason = format_html("<small>“{}”</small>", event.reason) if event.reason else ""
    noun, _, rest = event.action.partition(".")  # whose it is, the page says
    what = (rest or noun).replace(".", " ").replace("_", " ")
    return format_html("{}: <b>{}</b>{}{}", event.actor, what, _until(event), reason)


def _until(event: AuditEvent) -> SafeString | str:
    said = event.after if isinstance(event.after, dict) else {}
    word = said.get("until") or said.get("drift_snoozed_until")
    try:
        until = datetime.fromisoformat(str(word))
    except ValueError:
        return ""
    return f" until {figures.clock(until, timezone.now())}"


def _is_outside(change: StateChange) -> bool:
    return change.cause == StateChange.Cause.OUTSIDE


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:LONG].rstrip()}…"


def _date(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _day(day: date, today: date) -> str:
    names = {today: "Today", today - timedelta(days=1): "Yesterday"}
    return names.get(day, f"{day:%A}, {day.day} {day:%b %Y}")
