"""
A block that is rendered once for each thing it shows and kept in memory.

The board renders the same rows again and again: for each person who opens it, for each page that is live. What
depends on the moment, such as an age, stands in an `anew` block within it and is rendered each time.
"""

import secrets
import zlib
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache, singledispatch
from operator import attrgetter
from typing import Any

import msgspec
from django.template import Context, Library, Node, NodeList, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token
from django.template.library import SimpleNode
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from connectors.models import AuditEvent, VendorAccount
from connectors.queries.connectors import Row
from connectors.queries.overview import Summary
from connectors.queries.pages import SAID
from connectors.templatetags.plain import plain
from connectors.views.addresses import Pager

register = Library()

MOST = 3_000
HOLE = f"<{secrets.token_hex(16)}>"
"""Stands in what is kept where a moment belongs; nobody outside can guess it."""
_encode = msgspec.msgpack.Encoder().encode
KEEPING = "switchyard: kept"
"""The key under which a rendering says that it is to be kept."""


class AnewNode(Node):
    """What is rendered each time; a hole in what is kept."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist
        self.says: Callable[[object], str] | None = None

    def settle(self, shown: FilterExpression) -> None:
        """This will find the function behind a moment that is one tag, of what is shown and nothing else."""
        if len(self.nodelist) == 1 and isinstance(tag := self.nodelist[0], SimpleNode):
            is_plain = not (tag.kwargs or tag.takes_context or tag.target_var)
            if is_plain and [argument.token for argument in tag.args] == [shown.token]:
                self.says = tag.func

    def moment(self, shown: object, context: Context) -> SafeString:
        """This will say what is so now."""
        if self.says is None:
            return self.nodelist.render(context)
        said = self.says(shown)
        return said if isinstance(said, SafeString) else conditional_escape(said)

    def render(self, context: Context) -> SafeString:
        """This will leave a hole where the block around it is being kept."""
        if context.render_context.get(KEEPING):
            return SafeString(HOLE)
        return self.nodelist.render(context)


class KeptNode(Node):
    """
    The block. Its moments stand in it directly, each of them always: what is kept has as many holes.

    One with a word that is left open has no moments: its holes are wherever that word stands.
    """

    child_nodelists = ("nodelist",)

    def __init__(self, nodelist: NodeList, shown: FilterExpression, around: str = "") -> None:
        self.nodelist = nodelist
        self.shown = shown
        self.around = around
        self.moments = [node for node in nodelist.get_nodes_by_type(AnewNode) if isinstance(node, AnewNode)]
        for moment in self.moments:
            moment.settle(shown)
        self.kept: dict[Hashable, list[str]] = {}

    def render(self, context: Context) -> SafeString:
        """This will give what is kept, or render it; a refusal is shown once and never kept."""
        if context.get("refusal"):
            return self.nodelist.render(context)
        shown = self.shown.resolve(context)
        if self.around:
            return SafeString(conditional_escape(context[self.around]).join(self._kept(shown, context)))
        return SafeString("".join(self._whole(shown, context)))

    def _whole(self, shown: object, context: Context) -> list[str]:
        """What is kept with its moments, in pieces."""
        pieces = self._kept(shown, context)
        whole = [pieces[0]]
        for moment, piece in zip(self.moments, pieces[1:], strict=True):
            whole += (moment.moment(shown, context), piece)
        return whole

    def _kept(self, shown: object, context: Context) -> list[str]:
        key = _finder(type(shown))(shown)
        pieces = self.kept.get(key)
        return self._keep(key, context) if pieces is None else pieces

    def _keep(self, key: Hashable, context: Context) -> list[str]:
        if len(self.kept) >= MOST:
            self.kept.clear()
        with context.render_context.push(), context.push(**({self.around: SafeString(HOLE)} if self.around else {})):
            context.render_context[KEEPING] = True
            pieces = self.kept[key] = plain(self.nodelist.render(context)).split(HOLE)
        return pieces


class EachKeptNode(KeptNode):
    """The block once for each of several things, without what a loop does for whatever its block may ask it."""

    def __init__(self, nodelist: NodeList, shown: FilterExpression, among: FilterExpression) -> None:
        super().__init__(nodelist, shown)
        self.among = among

    def render(self, context: Context) -> SafeString:
        """This will render the block for each of them; a refusal is never kept."""
        is_refused, written = bool(context.get("refusal")), list[str]()
        with context.push():
            for shown in self.among.resolve(context) or ():
                context[self.shown.token] = shown
                if is_refused:
                    written.append(self.nodelist.render(context))
                else:
                    written += self._whole(shown, context)
        return SafeString("".join(written))


@register.tag
def kept(parser: Parser, token: Token) -> KeptNode:
    """
    This will read `{% kept row %}…{% endkept %}`.

    Also `{% kept row in rows %}`, a block for each of them, and `{% kept facets around query %}`, which leaves a word
    open.
    """
    around = among = ""
    match token.split_contents():
        case [_, shown]:
            pass
        case [_, shown, "around", around]:
            pass
        case [_, shown, "in", among]:
            pass
        case _:
            raise TemplateSyntaxError(
                "kept takes what the block shows; `in` with what holds several of them, or `around` with the name of"
                " what is left open"
            )
    nodelist = parser.parse(("endkept",))
    parser.delete_first_token()
    if among:
        return EachKeptNode(nodelist, parser.compile_filter(shown), parser.compile_filter(among))
    return KeptNode(nodelist, parser.compile_filter(shown), around)


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


_finder: Callable[[type[Any]], Callable[[Any], Hashable]] = lru_cache(maxsize=None)(fingerprint.dispatch)  # type: ignore[assignment]


@fingerprint.register
def _(row: Row) -> Hashable:
    if row.judged.is_kept:
        return row.judged, *_moving(row)
    return _resting(row), *_moving(row), tuple(row.buttons), tuple(row.tasks)


def _moving(row: Row) -> tuple[Hashable, ...]:
    """What changes while the connector and what is said of it stay as they are."""
    operation = row.operation
    return tuple(row.connector.flow), operation and (operation.id, operation.status, operation.error)


def _resting(row: Row) -> Hashable:
    """All else but the words of its buttons: where what is said of a connector is kept, that stands for all of this."""
    c = row.connector
    return (
        c.pk, c.name, c.type, c.state, c.vendor_state, c.desired_state, c.drift_since, c.drift_snoozed_until,
        c.tasks_total, c.tasks_failed, c.team_id,
        c.metrics.get("records_per_s"), str(c.labels), c.team.slug, c.account.name, c.pipeline.name,
        c.pipeline.state, c.pipeline.vendor_state, row.vendor.slug, row.verdict, row.is_stale, row.why.rule,
        row.why.sentence, row.why.cause, row.guard,
    )  # fmt: skip


@fingerprint.register
def _(parts: tuple) -> Hashable:  # type: ignore[type-arg]  # whatever is in it is shown, and stands for itself
    return parts


@fingerprint.register
def _(pager: Pager) -> Hashable:
    return pager


@fingerprint.register
def _(event: AuditEvent) -> Hashable:
    return event.read_as or tuple(repr(getattr(event, name)) for name in SAID.paths)


@fingerprint.register
def _(account: VendorAccount) -> Hashable:
    if account.read_as is not None:
        return account.read_as, account.circuit
    return (
        account.pk, account.vendor, account.name, account.rows_seen, account.rows_expected, bool(account.unread),
        account.failing_since is None, account.circuit, getattr(account, "open_operations", 0), account.interval,
    )  # fmt: skip


@fingerprint.register
def _(summary: Summary) -> Hashable:
    """Its numbers; the accounts beside them are kept one by one."""
    numbers = (summary.counts, summary.cells, summary.not_reached)
    return summary.total, tuple(frozenset(part.items()) for part in numbers)


_ID = attrgetter("connector.id")


def tag(rows: Iterable[Row]) -> str:
    """This will name what rows show in a few letters: a page that shows the same need not be told again."""
    ordered = sorted(rows, key=_ID)
    moving = _encode([(*_moving(row), row.upcoming) for row in ordered])
    return f"{zlib.crc32(b''.join([*map(_said, ordered), moving])):08x}"


def _said(row: Row) -> bytes:
    """What changes with the vendor and with what was asked; not the words of each button, which follow from that."""
    judged = row.judged
    said = judged.follows.get("tag")
    if said is None:
        buttons = [(button.verb, button.why_not) for button in row.buttons]
        said = _encode((_resting(row), buttons, [(b.task, b.why_not) for b in row.tasks]))
        if judged.is_kept:
            judged.follows["tag"] = said
    return said
