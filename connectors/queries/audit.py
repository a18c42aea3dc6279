"""Every read of the record: searching it, counting what was found, and completing a query."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import OperationalError, connection, transaction
from django.db.models import (
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    Field,
    GenericIPAddressField,
    Lookup,
    OuterRef,
    Q,
    QuerySet,
    TextField,
)
from django.db.models.expressions import RawSQL
from psycopg.errors import QueryCanceled

from connectors.models import AuditEvent, AuditExport, AuditSearch, ReviewEvent, Team, VendorAccount
from connectors.models.audit import SEARCHED, SEPARATORS
from connectors.permissions import Viewer
from connectors.queries import audit_language as language
from connectors.queries import lean
from connectors.queries.audit_language import Query, Term

AT_ONCE = 500
SIZE = 50
COUNTED = 5_000
"""Facets count the newest of what matches, up to so many: exact counts of a million would cost more than they tell."""
SHOWN = 8
COLUMNS = {"request": "request_id", "behalf": "on_behalf_of", "batch": "batch_id", "operation": "operation_id"}
FACETS = {"actor": "Actor", "action": "Action", "result": "Result", "team": "Team", "vendor": "Vendor"}
LOOKED_THROUGH = 20_000
PATIENCE, SOON = 5_000, 100
"""Milliseconds: for a page, and for counts that can be had in another way."""
WORDS = RawSQL('"connectors_auditevent"."words"', [], output_field=SearchVectorField())
COLLECTED = (ExpressionWrapper(F("at") + timedelta(0), output_field=DateTimeField()).desc(), "-pk")
"""The same order, written so that no index gives it: what fits is collected first, then sorted."""
MERGED = 12
"""Actions that are looked up one by one."""
PREFIX = 3
"""A word of fewer letters is searched as it stands."""


@GenericIPAddressField.register_lookup
class Within(Lookup):
    """An address in a network, the network itself included."""

    lookup_name = "within"

    def get_prep_lookup(self) -> str:
        return str(self.rhs)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """This will write PostgreSQL's operator, which an index on the column serves."""
        lhs, parameters = self.process_lhs(compiler, connection)
        return f"{lhs} <<= %s::inet", (*parameters, self.rhs)


@Field.register_lookup
class Like(Lookup):
    """A pattern in which `*` stands for anything."""

    lookup_name = "like"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """This will write LIKE, with what it would take for a sign of its own made plain."""
        lhs, parameters = self.process_lhs(compiler, connection)
        return f"{lhs} LIKE %s", (*parameters, pattern(str(self.rhs)))


def pattern(glob: str) -> str:
    """This will turn a pattern with `*` into one of SQL."""
    plain = glob.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return plain.replace("*", "%")


class TooSlow(Exception):
    """Too much would have to be read for an answer."""

    def __init__(self) -> None:
        super().__init__("This search reads too much. Narrow it: by time (after:30d), by actor, or by whole words.")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the record: what comes next is older than this."""

    at: datetime
    pk: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.pk}"


class Line(NamedTuple):
    """What the list shows of an event; a plain tuple, for there are many. No position: it is being sealed."""

    pk: int
    at: datetime
    action: str
    result: str
    actor: str
    on_behalf_of: str
    target: str
    account: str
    reason: str
    ticket: str
    error: str
    position: int | None
    hash: bytes | None


LISTED = (*Line._fields[:-2], "seal__position", "seal__hash")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of what was found, newest first."""

    events: Sequence[Line]
    older: Cursor | None


@dataclass(frozen=True, slots=True)
class Facet:
    """One column of what was found, with its commonest values."""

    name: str
    label: str
    values: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Facets:
    """What was found, counted; `is_exact` is false where only the newest were."""

    total: int
    is_exact: bool
    among: int
    """Only so many of the newest events were looked at; 0: all of them."""
    facets: Sequence[Facet]


def search(query: Query) -> QuerySet[AuditEvent]:
    """This will give the events that fit, newest first."""
    _settle(query)
    found = AuditEvent.objects.order_by("-at", "-pk")
    if any(_is_searched(term) for term in query.terms):
        found = found.alias(_words=WORDS)
    last = query.terms[-1] if query.terms else None
    for term in query.terms:
        condition = _condition(term, is_last=term is last)
        found = found.exclude(condition) if term.is_negated else found.filter(condition)
    return found


def _settle(query: Query) -> None:
    """
    Is the last word the beginning of one, being typed?

    Of several parts, as `orders-123-sink`, only where nothing is called so as it stands: an open end has every word
    that begins so read from the index, and the last part of a name is often one that thousands share.
    """
    last = query.terms[-1] if query.terms else None
    if query.is_settled or last is None or last.key or not last.is_part:
        return
    query.is_settled = True
    lexemes = _lexemes(last.value)
    if len(lexemes) > 1 and _holds_any(_phrase(lexemes, is_open=False)):
        query.terms[-1] = replace(last, is_part=False)


def _holds_any(phrase: SearchQuery) -> bool:
    try:
        with _within(SOON):
            found = AuditEvent.objects.alias(_words=WORDS).filter(_words=phrase).order_by().exists()
            with connection.cursor() as cursor:  # rules are searched within a transaction that goes on
                cursor.execute("SET LOCAL statement_timeout = DEFAULT")
            return found
    except TooSlow:
        return True  # the open end would take longer still


def page(query: Query, cursor: Cursor | None = None, size: int = SIZE) -> Page:
    """
    This will read one page; the cost does not grow with the page's number.

    :raises TooSlow: the query would read too much; it has to be narrowed
    """
    pattern = _lone_pattern(query)
    found = search(Query(terms=[term for term in query.terms if term is not pattern]) if pattern else query)
    if cursor:
        found = found.filter(_behind(cursor))
    with _within(PATIENCE):
        rows = _of_actions(pattern, found, size + 1) if pattern else _first(query, found, cursor, size + 1)
    shown = rows[:size]
    return Page(shown, Cursor(shown[-1].at, shown[-1].pk) if len(rows) > size else None)


def _first(query: Query, found: QuerySet[AuditEvent], cursor: Cursor | None, number: int) -> list[Line]:
    """
    The newest that fit.

    Where words are searched, the database cannot know how many events hold them. So the newest events are looked
    through first: a common word is found there at once. One that is not is rare enough to be collected by its index.
    """
    if not any(_is_searched(term) for term in query.terms):
        return _lines(found, number)
    newest = AuditEvent.objects.order_by("-at", "-pk")
    if cursor:
        newest = newest.filter(_behind(cursor))
    for term in query.terms:
        if term.key == "before" and term.moment and not term.is_negated:
            newest = newest.filter(at__lt=term.moment)
    bound = newest.values_list("at", flat=True)[LOOKED_THROUGH : LOOKED_THROUGH + 1]
    since = next(iter(bound), None)
    if since is None:
        return _lines(found, number)
    rows = _lines(found.filter(at__gte=since), number)
    return rows if len(rows) == number else _lines(found.order_by(*COLLECTED), number)


def _lone_pattern(query: Query) -> Term | None:
    """The pattern of actions that is asked for, where nothing else is but a time."""
    patterns = [term for term in query.terms if term.key == "action" and "*" in term.value and not term.is_negated]
    is_lone = len(patterns) == 1 and all(term.moment for term in query.terms if term not in patterns)
    return patterns[0] if is_lone else None


def _of_actions(pattern: Term, found: QuerySet[AuditEvent], number: int) -> list[Line]:
    """
    The newest events of a pattern of actions: those of each action by its index, merged by the database.

    Asked for all of the actions at once, it would read everything that is newer than they are.
    """
    actions = _spelled_out(pattern)
    if not 0 < len(actions) <= MERGED:
        return _lines(found.filter(action__in=actions), number)
    one = found.filter(action=lean.Given("action", TextField())).values_list(*LISTED)[:number]
    text, params = one.query.sql_with_params()
    each = " UNION ALL ".join([f"({text})"] * len(actions))
    given = [value for action in actions for value in lean.filled(params, {"action": action})]
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM ({each}) AS newest ORDER BY "at" DESC, "pk" DESC LIMIT %s', [*given, number])  # noqa: S608  # compiled above
        return [Line._make(row) for row in cursor.fetchall()]


def _lines(found: QuerySet[AuditEvent], number: int) -> list[Line]:
    return [Line._make(row) for row in found.values_list(*LISTED)[:number]]


@contextlib.contextmanager
def _within(milliseconds: int) -> Iterator[None]:
    """The database gives up after so long: nobody can keep it busy with a query."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {milliseconds}")
            yield
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        raise TooSlow from None


def cursor_of(text: str) -> Cursor | None:
    """This will read a cursor as it stands in an address; None when it is none."""
    at, _, pk = text.rpartition("_")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return Cursor(moment, int(pk)) if pk.isdecimal() and len(pk) < 19 and moment.tzinfo else None  # as far as it goes


def facets(query: Query) -> Facets:
    """
    This will count what matches by actor, action, result, team and vendor, in one pass.

    The newest of it up to a bound; where even that takes too long, what matches among the newest events.
    """
    matching = search(query).values("pk", *FACETS)
    try:
        with _within(SOON):
            rows = _counted(matching[: COUNTED + 1])
        return _facets(rows)
    except TooSlow:
        newest = AuditEvent.objects.order_by("-at", "-pk").values_list("at", flat=True)
        since = newest[LOOKED_THROUGH : LOOKED_THROUGH + 1]
        return _facets(_counted(matching.filter(at__gte=since[0])), among=LOOKED_THROUGH)


def _counted(matching: QuerySet[AuditEvent, dict[str, Any]]) -> list[tuple[Any, ...]]:
    sql, parameters = matching.query.sql_with_params()
    columns = ", ".join(FACETS)
    sets = ", ".join(f"({name})" for name in FACETS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns}, count(*) FROM ({sql}) AS newest GROUP BY GROUPING SETS ((), {sets})",  # noqa: S608  # our own names
            parameters,
        )
        return list(cursor.fetchall())


def _facets(rows: Sequence[Sequence[Any]], among: int = 0) -> Facets:
    total = next((row[-1] for row in rows if all(value is None for value in row[:-1])), 0)
    found = []
    for place, (name, label) in enumerate(FACETS.items()):
        counted = [(row[place], row[-1]) for row in rows if row[place]]
        found.append(Facet(name, label, sorted(counted, key=lambda pair: (-pair[1], pair[0]))[:SHOWN]))
    return Facets(min(total, COUNTED), not among and total <= COUNTED, among, found)


def complete(text: str, at: int) -> list[tuple[str, str]]:
    """This will give what the word under the caret may become, as `(the word, what it means)`."""
    start = max(text.rfind(" ", 0, at), -1) + 1
    word = text[start:at]
    minus = "-" if word.startswith("-") else ""
    name, colon, begun = word.removeprefix("-").partition(":")
    if not colon:
        keys = [(f"{minus}{key}:", known.says) for key, known in language.KEYS.items() if key.startswith(name.lower())]
        kinds = [(f"-{kind}", f"nothing done by: {kind}") for kind in language.KINDS if minus and kind.startswith(name)]
        return [*kinds, *keys][:SHOWN] if name or minus else []
    if name not in language.KEYS:
        return []
    begun = begun.removeprefix("~").removeprefix('"')
    return [(f"{minus}{name}:{language.quote(value)}", says) for value, says in _values(name, begun)][:SHOWN]


def _values(name: str, begun: str) -> list[tuple[str, str]]:
    key = language.KEYS[name]
    if key.choices:
        return [(value, "") for value in key.choices if value.startswith(begun.lower())]
    if key.sort is language.Sort.MOMENT:
        known = {
            "today": "since midnight, UTC",
            "yesterday": "",
            "24h": "the last day",
            "7d": "the last week",
            "30d": "",
        }
        return [(value, says) for value, says in known.items() if value.startswith(begun)]
    if name == "team":
        return [
            (slug, "") for slug in Team.objects.filter(slug__startswith=begun).values_list("slug", flat=True)[:SHOWN]
        ]
    if name == "account":
        rows = VendorAccount.objects.filter(name__startswith=begun).values_list("name", "vendor")[:SHOWN]
        return [(account, vendor) for account, vendor in rows]
    if name == "vendor":
        rows_of = VendorAccount.objects.filter(vendor__startswith=begun).order_by("vendor")
        return [(vendor, "") for vendor in rows_of.values_list("vendor", flat=True).distinct()[:SHOWN]]
    return [(value, "") for value in distinct(name, begun)] if name in {"actor", "action"} else []


def distinct(column: str, begun: str = "") -> list[str]:
    """This will give the values of an indexed column that begin so, each found by one step in its index."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE found (value) AS (
                (SELECT {column} FROM connectors_auditevent WHERE {column} >= %s ORDER BY {column} LIMIT 1)
                UNION ALL
                SELECT (SELECT {column} FROM connectors_auditevent WHERE {column} > value ORDER BY {column} LIMIT 1)
                FROM found WHERE value IS NOT NULL
            )
            SELECT value FROM found WHERE value IS NOT NULL AND starts_with(value, %s) LIMIT 200
            """,  # noqa: S608  # the column is one of ours
            [begun, begun],
        )
        return [row[0] for row in cursor.fetchall()]


def in_chunks(found: QuerySet[AuditEvent], cursor: Cursor | None = None) -> Iterator[list[AuditEvent]]:
    """This will read any number of events a few hundred at a time, and hold no transaction open meanwhile."""
    while chunk := list((found.filter(_behind(cursor)) if cursor else found)[:AT_ONCE]):
        yield chunk
        cursor = Cursor(chunk[-1].at, chunk[-1].pk)


def chunk(found: QuerySet[AuditEvent], cursor: Cursor | None, number: int) -> list[AuditEvent]:
    """This will read the next events of a search, so many at most."""
    return list((found.filter(_behind(cursor)) if cursor else found)[:number])


def exports_of(viewer: Viewer) -> QuerySet[AuditExport]:
    """This will give the exports that a person has asked for, the newest first."""
    return AuditExport.objects.filter(user_id=viewer.user_id)


def _behind(cursor: Cursor) -> Q:
    """Written so that an index on time alone leads there."""
    return Q(at__lte=cursor.at) & (Q(at__lt=cursor.at) | Q(pk__lt=cursor.pk))


RARE = frozenset({"account", "reason", "ticket", "error"})
"""Columns without an index of their own: their values are looked for among the words first."""


def _is_searched(term: Term) -> bool:
    return not term.key or _indexed(term) is not None


def _indexed(term: Term) -> SearchQuery | None:
    """What the index of words can narrow a condition to, if it can: never less than what fits."""
    is_name = term.key == "target" and "*" in term.value  # whole names have an index
    if term.key not in SEARCHED or not (term.is_part or is_name or term.key in RARE):
        return None
    begun, star, _ = term.value.partition("*")
    is_open = term.is_part or bool(star)
    lexemes = _lexemes(begun)
    if is_open and lexemes and len(lexemes[-1]) < PREFIX:
        lexemes, is_open = lexemes[:-1], False  # so short a beginning of a word would narrow nothing
    return _phrase(lexemes, is_open=is_open) if lexemes else None


def _condition(term: Term, *, is_last: bool) -> Q:
    if not term.key:
        lexemes = _lexemes(term.value)
        return Q(_words=_phrase(lexemes, is_open=is_last and term.is_part and len(lexemes[-1]) >= PREFIX))
    if term.moment:
        return Q(at__gte=term.moment) if term.key == "after" else Q(at__lt=term.moment)
    if special := SPECIAL.get(term.key):
        return Q(special(term))
    indexed = _indexed(term)
    return _plain(term) & Q(_words=indexed) if indexed else _plain(term)


def _plain(term: Term) -> Q:
    column = COLUMNS.get(term.key, term.key)
    if term.is_part:
        return Q(**{f"{column}__icontains": term.value})
    if "*" not in term.value:
        return Q(**{column: term.value})
    return Q(action__in=_spelled_out(term)) if column == "action" else Q(**{f"{column}__like": term.value})


def _spelled_out(term: Term) -> list[str]:
    """The actions that a pattern stands for: there are few, and their index finds each."""
    wanted = re.compile(re.escape(term.value).replace(r"\*", ".*"))
    return [action for action in distinct("action", term.value.split("*")[0]) if wanted.fullmatch(action)]


def _kind(term: Term) -> Q:
    if term.value == "outside":
        return Q(result=AuditEvent.Result.OBSERVED)
    return Q(actor_kind=term.value)


def _review(term: Term) -> Q:
    parts = ReviewEvent.objects.filter(event_id=OuterRef("pk"))
    return Q(~Exists(parts) if term.value == "none" else Exists(parts.filter(item__status=term.value)))


SPECIAL: Mapping[str, Any] = {
    "ip": lambda term: Q(address__within=term.value),
    "kind": _kind,
    "review": _review,
}


def _phrase(lexemes: Sequence[str], *, is_open: bool) -> SearchQuery:
    """Words beside each other, as the index holds them; the last one may go on if it is open."""
    quoted = [f"'{word}'" for word in lexemes]
    return SearchQuery(" <-> ".join(quoted) + (":*" if is_open else ""), search_type="raw", config="simple")


def _lexemes(text: str) -> list[str]:
    parted = text.translate(str.maketrans(SEPARATORS, " " * len(SEPARATORS)))
    return re.findall(r"\w+", parted)


def kept_by(viewer: Viewer) -> QuerySet[AuditSearch]:
    """This will give the queries that a person keeps."""
    return AuditSearch.objects.filter(user_id=viewer.user_id)
