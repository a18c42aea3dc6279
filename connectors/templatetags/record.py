"""Filters that read one event of the record aloud."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.urls import reverse
from django.utils.http import urlencode

from connectors.models import AuditEvent
from connectors.queries import audit_language
from connectors.queries.audit_language import Query, Trouble
from connectors.states import LABELS, Verb

register = template.Library()

OUTCOMES = {
    "requested": "asked to {verb} {noun}",
    "confirmed": "saw it done: {verb} {noun}",
    "refused": "was refused: {verb} {noun}",
    "failed": "could not {verb} {noun}",
    "timed_out": "did not see it done: {verb} {noun}",
    "overridden": "was overtaken from outside: {verb} {noun}",
    "cancelled": "cancelled: {verb} {noun}",
}
"""By the last word of an action such as `connector.pause.requested`."""

SAID = {
    "site.sign_in.done": "signed in",
    "site.sign_in.refused": "was refused to sign in",
    "connector.state.changed_outside": "saw that somebody outside changed connector",
    "pipeline.state.changed_outside": "saw that somebody outside changed pipeline",
    "account.tried_out": "tried out an account",
    "access.asked": "asked for access to",
    "access.granted": "granted access to",
    "access.declined": "declined access to",
    "access.ended": "ended access to",
    "site.record.pruned": "pruned the record",
    "site.signing_key.rotated": "changed the signing key",
    "audit.exported": "exported from the record",
}
"""Actions that read badly word by word."""


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


@register.filter
def sentence(event: AuditEvent) -> str:
    """This will say what was done, up to the name of the target."""
    noun, *words = event.action.split(".")
    if len(words) == 2 and words[0] in set(Verb) and words[1] in OUTCOMES:  # noun.verb.outcome
        return OUTCOMES[words[1]].format(verb=LABELS[Verb(words[0])].lower(), noun=noun)
    if event.action in SAID:
        return SAID[event.action]
    *about, verb = words or ["recorded"]
    return " ".join([verb, noun, *about]).replace("_", " ")


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
