"""Filters that read one event of the record aloud."""

from dataclasses import dataclass
from typing import Any

from django import template

from connectors.models import AuditEvent
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
    return f"{noun} {' '.join(words)}".replace("_", " ")


@register.filter
def changes(event: AuditEvent) -> list[Line]:
    """This will lay before and after side by side, field by field."""
    before, after = _fields(event.before), _fields(event.after)
    return [Line(name.replace("_", " "), before.get(name, "–"), after.get(name, "–")) for name in {**before, **after}]


def _fields(value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(name): "none" if part is None else str(part) for name, part in value.items()}
    return {} if value is None else {"value": str(value)}
