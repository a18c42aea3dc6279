"""Tags for the board's table: its columns, and a row's labels."""

from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import NamedTuple

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from connectors.queries.connectors import Row
from connectors.queries.views import COLUMNS, USUAL
from connectors.templatetags.switchyard import age_in_html, freshness_in_html, stage_of, upcoming

register = template.Library()

FEW = 3
"""Labels that a row has room for."""
NOTHING = SafeString()
"""Safe as it is: what is not said to be would be looked through, for each row."""


class Selection(NamedTuple):
    """What the bar below the rows offers for those that are picked; its words follow from nothing else."""

    match: int
    """How many there are when all that match are picked; 0 where the page shows them all."""
    filters: Sequence[tuple[str, str]]
    verbs: Sequence[str]


@register.simple_tag
def selection(total: int, rows: Sized, match: Iterable[tuple[str, str]], many: Iterable[str]) -> Selection:
    """This will gather it."""
    return Selection(total if total > len(rows) else 0, tuple(match), tuple(many))


@register.simple_tag
def columns_class(columns: Sequence[str] | str) -> str:
    """This will give the classes of a table with these columns; a page that names none gets the usual ones."""
    chosen = USUAL if isinstance(columns, str) else columns
    shown = " ".join(f"has-{name}" for name in COLUMNS if name in chosen)
    return shown if tuple(chosen) == USUAL else f"{shown} is-chosen"


@register.simple_tag
def column_choices(columns: Sequence[str]) -> list[tuple[str, str, bool]]:
    """This will give each column, its words, and whether it is shown."""
    return [(name, label, name in columns) for name, label in COLUMNS.items()]


@register.simple_tag
def labels(pairs: Mapping[str, object]) -> SafeString:
    """This will give a row's labels, the first ones in sight and all of them in the title."""
    if not pairs:
        return NOTHING
    words = [f"{key}={value}" for key, value in sorted(pairs.items())]
    more = f" +{len(words) - FEW}" if len(words) > FEW else ""
    shown = format_html_join(", ", "{}", ((word,) for word in words[:FEW]))
    return format_html('<span class="cut mono" title="{}">{}{}</span>', ", ".join(words), shown, more)


@register.simple_tag
def ages(row: Row) -> SafeString:
    """This will say since when a row is in its state, and when that was seen last."""
    connector, account, now = row.connector, row.account, row.read_at
    if connector.seen_at:
        seen = freshness_in_html(connector.seen_at, account.budget, None, now)
    else:
        seen = freshness_in_html(account.observed_at, account.budget, account.id, now)
    return SafeString(f"{age_in_html(connector.state_since, now)}<small>{seen}</small>")


@register.simple_tag
def last_operation(row: Row) -> SafeString:
    """This will give a row's last operation with its stage, and in short what comes next by itself."""
    operation, coming = row.operation, row.upcoming
    if operation is None and coming is None:
        return NOTHING
    soon = format_html('<small class="soon">{}</small>', upcoming(coming)) if coming else NOTHING
    if operation is None:
        return soon
    return format_html(
        '<span class="cut" title="{}: {}">{} <span class="dim">{}</span></span><small title="{}">{}</small>{}',
        operation.actor, operation.reason or "no reason given", operation.label, operation.actor, operation.error,
        stage_of(operation, row.buttons), soon,
    )  # fmt: skip


@register.simple_tag
def next_step(row: Row) -> SafeString:
    """This will say what comes next to a row by itself, and who decided it."""
    coming = row.upcoming
    return format_html("{}<small>{}</small>", upcoming(coming), coming.detail) if coming else NOTHING
