"""
A block that is rendered once for each thing it shows and kept in memory.

The board renders the same rows again and again: for each person who opens it, for each page that is live. What
depends on the moment, such as ages, stands outside the blocks.
"""

import zlib
from collections.abc import Hashable, Iterable
from dataclasses import replace

from django.template import Context, Library, Node, NodeList, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token
from django.utils.safestring import SafeString

from connectors.queries.connectors import Row

register = Library()

MOST = 3_000


class KeptNode(Node):
    """The block."""

    def __init__(self, nodelist: NodeList, row: FilterExpression) -> None:
        self.nodelist = nodelist
        self.row = row
        self.kept: dict[Hashable, SafeString] = {}

    def render(self, context: Context) -> SafeString:
        """This will give what is kept, or render it; a refusal is shown once and never kept."""
        if context.get("refusal"):
            return self.nodelist.render(context)
        key = fingerprint(self.row.resolve(context))
        html = self.kept.get(key)
        if html is None:
            if len(self.kept) >= MOST:
                self.kept.clear()
            html = self.kept[key] = self.nodelist.render(context)
        return html


@register.tag
def kept(parser: Parser, token: Token) -> KeptNode:
    """This will read `{% kept row %}…{% endkept %}`."""
    words = token.split_contents()
    if len(words) != 2:  # the tag and its row
        raise TemplateSyntaxError("kept takes one row")
    nodelist = parser.parse(("endkept",))
    parser.delete_first_token()
    return KeptNode(nodelist, parser.compile_filter(words[1]))


def fingerprint(row: Row) -> Hashable:
    """
    This will name everything that the blocks of `board/_row.html` show, apart from what depends on the moment.

    A field that is added to a block must be added here; `tests/templates/test_row.py` changes each of them.
    """
    c, operation = row.connector, row.operation
    return (
        c.pk, c.name, c.type, c.state, c.vendor_state, c.desired_state, c.drift_since, c.drift_snoozed_until,
        c.tasks_total, c.tasks_failed,
        c.metrics.get("records_per_s"), tuple(c.flow), str(c.labels), c.team.slug, c.account.name, c.pipeline.name,
        c.pipeline.state, c.pipeline.vendor_state, row.vendor.slug, row.verdict, row.is_stale, row.why.rule,
        row.why.sentence, row.why.cause, row.guard, tuple(row.buttons),
        operation and (operation.pk, operation.status, operation.error),
    )  # fmt: skip


def tag(rows: Iterable[Row]) -> str:
    """This will name what rows show in a few letters: a page that shows the same need not be told again."""
    ordered = sorted(rows, key=lambda row: row.connector.pk)
    return f"{zlib.crc32(repr([_said(row) for row in ordered]).encode()):08x}"


def _said(row: Row) -> object:
    """What changes with the vendor and with what was asked; not the words of each button, which follow from that."""
    buttons = [(button.verb, button.why_not) for button in row.buttons]
    return fingerprint(replace(row, buttons=())), buttons, row.upcoming
