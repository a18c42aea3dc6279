"""
Reads of the hot path: a queryset is compiled once for each kind of question, and its rows are laid out as instances.

Building a statement takes longer than the database takes to answer it, and so does making a model's instances. The
queryset stays the only place that says what is read; what is kept is its text, never an answer.

Where it is known beforehand what a page will ask, `ahead` sends all of it at once.
"""

import re
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec
import psycopg
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Expression,
    F,
    Field,
    Func,
    JSONField,
    Model,
    QuerySet,
    TextField,
)
from django.db.models.base import ModelState
from psycopg.sql import Literal

from connectors import planned

M = TypeVar("M", bound=Model)
Text = tuple[str, Sequence[Any]]
"""A statement and its parameters."""
KINDS = 500
"""Kinds of one question whose text is kept."""
MOST = 3_000
"""Rows of one layout of which it is kept what was made of them."""
_decode = msgspec.json.Decoder().decode
PLACE = re.compile("%%|%s")
_Shared = dict[tuple["Layout[Any]", Any], Any]


class Given(Expression):
    """Stands in a queryset for a value that differs from call to call."""

    def __init__(self, name: str, output_field: "Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """This will leave its place open."""
        return "%s", (self,)

    def value(self, given: Mapping[str, Any]) -> Any:
        """This will give what is sent there."""
        return given[self.name]


class GivenIds(Given):
    """Stands for several ids."""

    def value(self, given: Mapping[str, Any]) -> planned.Ids:
        """This will give them as one value."""
        return planned.Ids(given[self.name])


def any_of(column: str, name: str) -> Func:
    """This will find the rows of several ids that are given: as `__in`, but one text however many there are."""
    ids = GivenIds(name, BigIntegerField())
    return Func(F(column), ids, template="%(expressions)s)", arg_joiner=" = ANY(", output_field=BooleanField())


def equal(column: str, name: str, field: "Field[Any, Any] | None" = None) -> Func:
    """This will find the rows with one value that is given; an id where no other kind of field is named."""
    value = Given(name, field or BigIntegerField())
    return Func(F(column), value, template="%(expressions)s", arg_joiner=" = ", output_field=BooleanField())


def like(column: str, name: str) -> Func:
    """This will find the rows with a text that is given in a column, in the column's own letters: as `__contains`."""
    pattern = Given(name, TextField())
    return Func(F(column), pattern, template="%(expressions)s", arg_joiner=" LIKE ", output_field=BooleanField())


def pattern(text: str) -> str:
    """This will write a text as what `like` is given."""
    return f"%{connection.ops.prep_for_like_query(text)}%"


def filled(params: Sequence[Any], given: Mapping[str, Any]) -> list[Any]:
    """This will put a call's values where places were left open."""
    return [param.value(given) if isinstance(param, Given) else param for param in params]


def closed(text: Text) -> Text:
    """This will write out the values that are the same for each call; what is left open is left."""
    sql, params = text
    values, left = iter(params), []
    connection.ensure_connection()

    def put(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return found[0]
        value = next(values)
        if isinstance(value, Given):
            left.append(value)
            return found[0]
        return Literal(value).as_string(connection.connection).replace("%", "%%")

    return PLACE.sub(put, sql), left


class _Related(dict[str, Any]):
    """What foreign keys of a row lead to; each instance is made when it is first asked for."""

    __slots__ = ("_alias", "_left", "_shared", "_values")

    def __init__(
        self, left: "dict[str, tuple[Layout[Any], slice]]", values: Sequence[Any], alias: str, shared: _Shared
    ) -> None:
        self._left, self._values, self._alias, self._shared = left, values, alias, shared

    def __missing__(self, name: str) -> Any:
        layout, part = self._left[name]
        made = self[name] = layout._only(self._values[part], self._alias, self._shared)
        return made

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._left

    def __delitem__(self, name: str) -> None:
        self._left = {left: how for left, how in self._left.items() if left != name}
        self.pop(name, None)


class Layout(Generic[M]):
    """
    Which columns of a model are read, and how an instance is made of them. What is left out is read when it is needed.

    :param without: columns that are left out
    :param only: columns that are read, instead of all
    :param extra: names of the queryset's annotations
    :param moving: columns that change by themselves, again and again. Where they are named, be it as none, what is
        made of all other values of a row is kept, and an instance holds in `read_as` what stands for those: the same
        for the same
    :param related: layouts of foreign keys. What is read of them belongs to the row, but not where it moves by itself
    """

    def __init__(
        self,
        model: type[M],
        *,
        without: Collection[str] = (),
        only: Collection[str] = (),
        extra: Sequence[str] = (),
        moving: Collection[str] | None = None,
        **related: "Layout[Any]",
    ) -> None:
        self.model = model
        columns = only or {field.attname for field in model._meta.concrete_fields} - set(without)
        fields = [field for field in model._meta.concrete_fields if field.attname in columns]
        for field in fields:
            if hasattr(field, "from_db_value") and not isinstance(field, JSONField):
                raise TypeError(f"{field} is stored in another form than it is used in; read it without a layout")
        coded = {field.attname for field in fields if isinstance(field, JSONField)}
        names = [field.attname for field in fields] + list(extra)
        self._is_kept, moving = moving is not None, moving or ()
        self._resting = [name for name in names if name not in moving]
        self._moving = [name for name in names if name in moving]
        self._coded, self._moving_coded = ([n for n in part if n in coded] for part in (self._resting, self._moving))
        self.paths: list[str] = list(self._resting)
        self._related: dict[str, tuple[Layout[Any], slice]] = {}
        self._relate({name: layout for name, layout in related.items() if not layout._moving})
        self._rest = len(self.paths)
        self.paths += self._moving
        self._relate({name: layout for name, layout in related.items() if layout._moving})
        self.key = self.paths.index(model._meta.pk.attname)
        self._kept: dict[Sequence[Any], dict[str, Any]] = {}

    def _relate(self, layouts: "Mapping[str, Layout[Any]]") -> None:
        for name, layout in layouts.items():
            start = len(self.paths)
            self.paths += [f"{name}__{path}" for path in layout.paths]
            self._related[name] = layout, slice(start, len(self.paths))

    def read(self, rows: QuerySet[M]) -> list[M]:
        """This will ask once, and keep nothing."""
        text = self.text(rows)
        if text is None:
            return []
        with _cursor() as cursor:
            return self._laid(cursor, *text)

    def text(self, rows: QuerySet[M]) -> Text | None:
        """This will compile a queryset; None where it can be seen that nothing fits."""
        try:
            return rows.values_list(*self.paths).query.sql_with_params()
        except EmptyResultSet:
            return None

    def ask(self, text: Text, given: Mapping[str, Any]) -> list[M]:
        """This will give the instances that a text finds; one that is asked again and again."""
        with planned.cursor(text[0]) as cursor:
            return self._laid(cursor, text[0], filled(text[1], given))

    def _laid(self, cursor: CursorWrapper, sql: str, params: Sequence[Any]) -> list[M]:
        cursor.execute(sql, params)
        return self.fetched(cursor)

    def fetched(self, cursor: CursorWrapper) -> list[M]:
        """This will make instances of what a cursor has found."""
        alias, shared = connection.alias, _Shared()
        return [self._instance(values, alias, shared) for values in cursor.fetchall()]

    def _instance(self, values: Sequence[Any], alias: str, shared: _Shared) -> M:
        made, state = self.model.__new__(self.model), ModelState()
        related = _Related(self._related, values, alias, shared) if self._related else {}
        held = self._held(values)
        held["_state"] = state
        state.__dict__ = {"adding": False, "db": alias, "fields_cache": related}
        made.__dict__ = held
        return made

    def _only(self, values: Sequence[Any], alias: str, shared: _Shared) -> M | None:
        """The same instance for all rows of an answer that belong to it."""
        if (pk := values[self.key]) is None:
            return None
        made: M | None = shared.get((self, pk))
        if made is None:
            made = shared[self, pk] = self._instance(values, alias, shared)
        return made

    def _held(self, values: Sequence[Any]) -> dict[str, Any]:
        """What an instance holds of its own row."""
        if not self._is_kept:
            return self._named(values)
        resting = values[: self._rest]
        known = self._kept.get(resting)
        if known is None:
            if len(self._kept) >= MOST:
                self._kept.clear()
            known = self._kept[resting] = self._named(resting) | {"read_as": object()}
        held = known.copy()
        for name, value in zip(self._moving, values[self._rest :]):  # noqa: B905  # what follows is related and moves
            held[name] = value
        if self._moving_coded:
            _decode_in(held, self._moving_coded)
        return held

    def _named(self, values: Sequence[Any]) -> dict[str, Any]:
        held = dict(zip(self._resting, values))  # noqa: B905  # what follows belongs to what is related
        _decode_in(held, self._coded)
        return held


def _decode_in(held: dict[str, Any], names: Sequence[str]) -> None:
    for name in names:
        if held[name] is not None:
            held[name] = _decode(held[name])


@contextmanager
def _cursor() -> Iterator[CursorWrapper]:
    """What PostgreSQL plans anew, for the values at hand."""
    with connection.cursor() as cursor:
        adapters = cursor.cursor.adapters
        adapters.register_loader(planned.TIMESTAMPTZ, planned.MOMENTS)
        adapters.register_dumper(planned.Ids, planned.IdsDumper)
        yield cursor


def _opened(question: "Question", arguments: Sequence[Any]) -> AbstractContextManager[CursorWrapper]:
    return planned.cursor(question.sql(*arguments)) if question.is_planned else _cursor()


class Statement(Generic[M]):
    """
    A question with its text.

    :param build: gives the queryset for some arguments, which must be hashable and all that its text depends on
    :param is_planned: its plan is kept, too; not where the best way hangs on the values, as it does for a search
    """

    def __init__(self, layout: Layout[M], build: Callable[..., QuerySet[M]], *, is_planned: bool = True) -> None:
        self.layout, self.is_planned = layout, is_planned
        self._text = lru_cache(KINDS)(lambda *arguments: self._closed(build(*arguments)))

    def _closed(self, rows: QuerySet[M]) -> Text | None:
        text = self.layout.text(rows)
        return closed(text) if text else None

    def read(self, *arguments: Hashable, **given: Any) -> list[M]:
        """This will ask, with a value for each that the queryset left open, and give the instances."""
        asked = Asked(self, arguments, given)
        if (answer := _taken(asked)) is not None:
            return answer
        with _opened(self, arguments) as cursor:
            return self.fetched(cursor) if self.send(cursor, arguments, given) else []

    def asked(self, *arguments: Hashable, **given: Any) -> "Asked":
        """This will put the question for `ahead`."""
        return Asked(self, arguments, given)

    def sql(self, *arguments: Hashable) -> str:
        """This will give its text; empty where it can be seen that nothing fits."""
        text = self._text(*arguments)
        return text[0] if text else ""

    def send(self, cursor: CursorWrapper, arguments: Sequence[Any], given: Mapping[str, Any]) -> bool:
        """This will send it; False where it can be seen that nothing fits."""
        text = self._text(*arguments)
        if text is None:
            return False
        cursor.execute(text[0], filled(text[1], given))
        return True

    def fetched(self, cursor: CursorWrapper) -> list[M]:
        """This will give the instances that were found."""
        return self.layout.fetched(cursor)


def statement(layout: Layout[M], *, is_planned: bool = True) -> Callable[[Callable[..., QuerySet[M]]], Statement[M]]:
    """This will make a statement of a function that builds a queryset."""
    return lambda build: Statement(layout, build, is_planned=is_planned)


class Total:
    """How many rows a queryset finds; as a statement whose plan is not kept."""

    def __init__(self, build: Callable[..., QuerySet[Any]]) -> None:
        self._text = lru_cache(KINDS)(lambda *arguments: self._closed(build(*arguments)))

    def _closed(self, rows: QuerySet[Any]) -> Text | None:
        try:
            sql, params = closed(rows.order_by().values_list("pk").query.sql_with_params())
        except EmptyResultSet:
            return None
        return f"SELECT count(*) FROM ({sql}) AS found", params  # noqa: S608  # compiled by Django

    def read(self, *arguments: Hashable, **given: Any) -> int:
        """This will count, with a value for each that the queryset left open."""
        text = self._text(*arguments)
        if text is None:
            return 0
        with _cursor() as cursor:
            cursor.execute(text[0], filled(text[1], given))
            (number,) = cursor.fetchone()
        return int(number)


class Written:
    """A question that is written out in SQL, with named places for values; its plan is kept."""

    is_planned = True

    def __init__(self, sql: str) -> None:
        self._sql = sql

    @classmethod
    def of(cls, text: Text) -> "Written":
        """This will write out a compiled text whose values are all left open; `closed` makes one."""
        names = iter([param.name for param in text[1]])
        return cls(PLACE.sub(lambda found: found[0] if found[0] == "%%" else f"%({next(names)})s", text[0]))

    def read(self, **given: Any) -> list[tuple[Any, ...]]:
        """This will ask, and give the rows."""
        asked = Asked(self, (), given)
        if (answer := _taken(asked)) is not None:
            return answer
        with planned.cursor(self._sql) as cursor:
            self.send(cursor, (), given)
            return self.fetched(cursor)

    def asked(self, **given: Any) -> "Asked":
        """This will put the question for `ahead`."""
        return Asked(self, (), given)

    def sql(self) -> str:
        """This will give its text."""
        return self._sql

    def send(self, cursor: CursorWrapper, _arguments: Sequence[Any], given: Mapping[str, Any]) -> bool:
        """This will send it."""
        cursor.execute(self._sql, given)
        return True

    def fetched(self, cursor: CursorWrapper) -> list[tuple[Any, ...]]:
        """This will give the rows that were found."""
        return list(cursor.fetchall())


class Question(Protocol):
    """What can be sent before its answer is needed."""

    is_planned: bool
    """Is its plan kept?"""

    def read(self, *arguments: Any, **given: Any) -> list[Any]:
        """This will ask, and give the answer."""

    def sql(self, *arguments: Any) -> str:
        """This will give its text."""

    def send(self, cursor: CursorWrapper, arguments: Sequence[Any], given: Mapping[str, Any]) -> bool:
        """This will send it; False where no answer will come."""

    def fetched(self, cursor: CursorWrapper) -> list[Any]:
        """This will give the answer."""


class Asked(NamedTuple):
    """A question with all its values. Two that are equal have one answer."""

    question: Question
    arguments: tuple[Any, ...]
    given: Mapping[str, Any]

    def read(self) -> list[Any]:
        """This will ask it, or take the answer that came ahead."""
        return self.question.read(*self.arguments, **self.given)


Answered = tuple[Asked, list[Any]]
_answers: ContextVar[list[Answered] | None] = ContextVar("answers", default=None)


@contextmanager
def ahead(*questions: Asked) -> Iterator[None]:
    """
    This will send questions together and wait once: whoever reads one of them within is given its answer.

    Each answer is given once, so whoever asks again asks anew. PostgreSQL works on one while the next is being sent;
    asked one by one, both would spend more time waiting for each other than on the small questions of a page.
    """
    around = _answers.get()
    answers: list[Answered] = [] if around is None else around
    known = [asked for asked, _ in answers]
    fresh = [asked for asked in questions if asked not in known]
    own = _asked_at_once(fresh) if len(fresh) > 1 else []
    answers += own
    before = _answers.set(answers)
    try:
        yield
    finally:
        answers[:] = [left for left in answers if all(left is not answered for answered in own)]
        _answers.reset(before)


def _asked_at_once(questions: Sequence[Asked]) -> list[Answered]:
    connection.ensure_connection()
    with ExitStack() as cursors:
        sent = []
        pipeline = connection.connection.pipeline()  # its end waits for all answers
        with connection.wrap_database_errors, pipeline as within, _unheard(within):
            for asked in questions:
                cursor = _bare(cursors.enter_context(_opened(asked.question, asked.arguments)))
                sent.append((asked, cursor, asked.question.send(cursor, asked.arguments, asked.given)))
        return [(asked, asked.question.fetched(cursor) if has_answer else []) for asked, cursor, has_answer in sent]


def _bare(cursor: CursorWrapper) -> CursorWrapper:
    """Where nobody listens to what is asked: errors are translated around all questions, once."""
    return cursor if connection.queries_logged or connection.execute_wrappers else cursor.cursor


@contextmanager
def _unheard(pipeline: psycopg.Pipeline) -> Iterator[None]:
    """
    Questions go out, and nobody looks yet whether one was answered.

    Psycopg looks each time, and lets go of the interpreter for it: threads would hand it to each other at every
    question. Its way of doing so has no public name; were that to change, it would look again, nothing else.
    """

    def send() -> Iterator[Any]:
        while pipeline.command_queue:
            pipeline.command_queue.popleft()()
        pipeline.pgconn.flush()
        return iter(())

    pipeline._communicate_gen = send  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        del pipeline._communicate_gen


def _taken(asked: Asked) -> list[Any] | None:
    answers = _answers.get() or []
    for place, (known, answer) in enumerate(answers):
        if known == asked:
            del answers[place]
            return answer
    return None
