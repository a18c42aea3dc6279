"""Filters that read one event of the record aloud."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from connectors.models import AuditEvent
from connectors.queries import audit, audit_language, audit_words
from connectors.queries.audit_language import Query, Trouble
from connectors.templatetags import figures
from connectors.templatetags.switchyard import icon, moment

register = template.Library()


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A link to a search with a condition added or taken off."""

    url: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One field, before and after."""

    field: str
    before: str
    after: str


sentence = register.filter("sentence", audit_words.sentence)
TROUBLE = frozenset({"failed", "refused"})


@register.simple_tag
def event_moment(event: AuditEvent) -> SafeString:
    """This will say when it was."""
    return moment(event.at)


@register.simple_tag
def event_lines(events: Sequence[audit.Line]) -> SafeString:
    """This will list events with links to them; made here and not in a template file, for a page has fifty."""
    before, after = reverse("audit-event", args=[0]).rsplit("0", 1)
    return format_html_join("", "{}", ((_line(event, f"{before}{event.pk}{after}"),) for event in events))


LINE = (
    '<li class="event" id="event-{}">{}<div><a href="{}"><b>{}</b> {}{}</a>{}{}{}{}</div>'
    '<span class="end small"><span class="{}">{}</span><span class="with-icon dim seal">{}{}</span></span></li>'
)


def _line(event: audit.Line, address: str) -> SafeString:
    return format_html(
        LINE,
        event.pk,
        moment(event.at),
        address,
        event.actor,
        _said(event.action),
        _wrapped(" <b>{}</b>", event.target),
        _wrapped(' <span class="dim">in {}</span>', event.account if event.account != event.target else ""),
        _wrapped(' <span class="dim">for {}</span>', event.on_behalf_of if event.on_behalf_of != event.actor else ""),
        _wrapped("<small>{}</small>", _why(event)),
        _wrapped('<small class="is-fail-text">{}</small>', event.error),
        "is-fail-text" if event.result in TROUBLE else "dim",
        event.result,
        icon("clock" if event.position is None else "seal"),
        "sealing" if event.position is None else figures.number(event.position),
    )


def _why(event: audit.Line) -> str:
    quoted = f"“{event.reason}”" if event.reason else ""
    return " · ".join(filter(None, [quoted, event.ticket]))


@lru_cache(maxsize=1024)
def _wrapped(form: str, text: str) -> SafeString | str:
    return format_html(form, text) if text else ""


@lru_cache(maxsize=256)
def _said(action: str) -> str:
    return audit_words.said(action)


@register.filter
def changes(event: AuditEvent) -> list[Line]:
    """This will lay before and after side by side, field by field."""
    before, after = _fields(event.before), _fields(event.after)
    return [Line(name.replace("_", " "), before.get(name, "–"), after.get(name, "–")) for name in {**before, **after}]


@register.filter(name="hex")
def in_hex(digest: bytes | memoryview) -> str:
    """This will write a hash in hex."""
    return bytes(digest).hex()


@register.filter
def lasting(seconds: float) -> str:
    """This will say how long something took."""
    return figures.duration(seconds)


@register.filter
def grouped(digits: str) -> str:
    """This will part a hash into pieces that a person can compare."""
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


@register.simple_tag
def narrowed(query: Query, name: str, value: str) -> Narrowed:
    """This will give the address with one more condition, or without it if it is there."""
    word = f"{name}:{audit_language.quote(value)}"
    words = query.text.split(f"{word}")
    is_on = any(term.key == name and term.value == value and not term.is_negated for term in query.terms)
    text = " ".join(" ".join(words).split()) if is_on else f"{query.text} {word}".strip()
    return Narrowed(f"{reverse('audit')}?{urlencode({'q': text})}", is_on)


@register.filter
def better(query: Query, trouble: Trouble) -> str:
    """This will give the address of the query with a word put right."""
    return f"{reverse('audit')}?{urlencode({'q': query.better(trouble)})}"


@register.filter
def searching(text: str) -> str:
    """This will give the address of a query."""
    return f"{reverse('audit')}?{urlencode({'q': text})}"


def _fields(value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(name): "none" if part is None else str(part) for name, part in value.items()}
    return {} if value is None else {"value": str(value)}
