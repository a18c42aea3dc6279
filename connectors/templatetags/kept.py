"""
A block that is rendered once for each thing it shows and kept in memory.

The board renders the same rows again and again: for each person who opens it, for each page that is live. What
depends on the moment, such as an age, stands in an `anew` block within it and is rendered each time.
"""

import secrets
import zlib
from collections.abc import Hashable, Iterable
from functools import singledispatch

import msgspec
from django.template import Context, Library, Node, NodeList, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token
from django.utils.safestring import SafeString

from connectors.models import VendorAccount
from connectors.queries.connectors import Row
from connectors.queries.overview import Summary

register = Library()

MOST = 3_000
HOLE = f"\ue000{secrets.token_hex(8)}\ue001"
"""Stands in what is kept where a moment belongs; nobody outside can guess it."""
_encode = msgspec.msgpack.Encoder().encode
KEEPING = "switchyard: kept"
"""The key under which a rendering says that it is to be kept."""


class AnewNode(Node):
    """What is rendered each time; a hole in what is kept."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """This will leave a hole where the block around it is being kept."""
        if context.render_context.get(KEEPING):
            return SafeString(HOLE)
        return self.nodelist.render(context)


class KeptNode(Node):
    """The block. Its moments stand in it directly, each of them always: what is kept has as many holes."""

    child_nodelists = ("nodelist",)

    def __init__(self, nodelist: NodeList, shown: FilterExpression) -> None:
        self.nodelist = nodelist
        self.shown = shown
        self.moments = [node for node in nodelist.get_nodes_by_type(AnewNode) if isinstance(node, AnewNode)]
        self.kept: dict[Hashable, list[str]] = {}

    def render(self, context: Context) -> SafeString:
        """This will give what is kept, or render it; a refusal is shown once and never kept."""
        if context.get("refusal"):
            return self.nodelist.render(context)
        key = fingerprint(self.shown.resolve(context))
        pieces = self.kept.get(key)
        if pieces is None:
            pieces = self._keep(key, context)
        whole = [pieces[0]]
        for moment, piece in zip(self.moments, pieces[1:], strict=True):
            whole += (moment.nodelist.render(context), piece)
        return SafeString("".join(whole))

    def _keep(self, key: Hashable, context: Context) -> list[str]:
        if len(self.kept) >= MOST:
            self.kept.clear()
        with context.render_context.push():
            context.render_context[KEEPING] = True
            pieces = self.kept[key] = self.nodelist.render(context).split(HOLE)
        return pieces


@register.tag
def kept(parser: Parser, token: Token) -> KeptNode:
    """This will read `{% kept row %}…{% endkept %}`."""
    words = token.split_contents()
    if len(words) != 2:  # the tag and what it shows
        raise TemplateSyntaxError("kept takes what the block shows")
    nodelist = parser.parse(("endkept",))
    parser.delete_first_token()
    return KeptNode(nodelist, parser.compile_filter(words[1]))


@register.tag
def anew(parser: Parser, _token: Token) -> AnewNode:
    """This will read `{% anew %}…{% endanew %}`."""
    nodelist = parser.parse(("endanew",))
    parser.delete_first_token()
    return AnewNode(nodelist)


@singledispatch
def fingerprint(shown: object) -> Hashable:
    """
    This will name everything that kept blocks show of a thing, apart from what depends on the moment.

    A field that is added to a block must be added here; `tests/templates/test_row.py` changes each of them.
    """
    raise TypeError(f"nothing is kept for {type(shown).__name__}")


@fingerprint.register
def _(row: Row) -> Hashable:
    return (_seen(row), tuple(row.buttons), tuple(row.tasks))


def _seen(row: Row) -> Hashable:
    """All but the words of its buttons."""
    c, operation = row.connector, row.operation
    return (
        c.pk, c.name, c.type, c.state, c.vendor_state, c.desired_state, c.drift_since, c.drift_snoozed_until,
        c.tasks_total, c.tasks_failed, c.team_id,
        c.metrics.get("records_per_s"), tuple(c.flow), str(c.labels), c.team.slug, c.account.name, c.pipeline.name,
        c.pipeline.state, c.pipeline.vendor_state, row.vendor.slug, row.verdict, row.is_stale, row.why.rule,
        row.why.sentence, row.why.cause, row.guard,
        operation and (operation.pk, operation.status, operation.error),
    )  # fmt: skip


@fingerprint.register
def _(account: VendorAccount) -> Hashable:
    return (
        account.pk, account.vendor, account.name, account.rows_seen, account.rows_expected, bool(account.unread),
        account.failing_since is None, account.circuit, getattr(account, "open_operations", 0), account.interval,
    )  # fmt: skip


@fingerprint.register
def _(summary: Summary) -> Hashable:
    """Its numbers; the accounts beside them are kept one by one."""
    numbers = (summary.counts, summary.cells, summary.not_reached)
    return summary.total, tuple(frozenset(part.items()) for part in numbers)


def tag(rows: Iterable[Row]) -> str:
    """This will name what rows show in a few letters: a page that shows the same need not be told again."""
    ordered = sorted(rows, key=lambda row: row.connector.pk)
    return f"{zlib.crc32(_encode([_said(row) for row in ordered])):08x}"


def _said(row: Row) -> object:
    """What changes with the vendor and with what was asked; not the words of each button, which follow from that."""
    buttons = [(button.verb, button.why_not) for button in row.buttons]
    return _seen(row), buttons, [(b.task, b.why_not) for b in row.tasks], row.upcoming
