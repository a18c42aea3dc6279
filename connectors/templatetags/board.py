"""Tags for the board's table: its columns, and a row's labels."""

from collections.abc import Mapping, Sequence

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from connectors.queries.views import COLUMNS, USUAL

register = template.Library()

FEW = 3
"""Labels that a row has room for."""


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
def labels(pairs: Mapping[str, object]) -> SafeString | str:
    """This will give a row's labels, the first ones in sight and all of them in the title."""
    if not pairs:
        return ""
    words = [f"{key}={value}" for key, value in sorted(pairs.items())]
    more = f" +{len(words) - FEW}" if len(words) > FEW else ""
    shown = format_html_join(", ", "{}", ((word,) for word in words[:FEW]))
    return format_html('<span class="cut mono" title="{}">{}{}</span>', ", ".join(words), shown, more)
