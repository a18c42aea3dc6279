"""
Statements that are asked again and again: PostgreSQL plans them once for each connection.

Planning takes it longer than answering where a statement is long and finds little, as those of the hot path do. What
differs from call to call is sent beside the text. Everything else, such as the words of a state, has to stand in the
text: a plan that is kept cannot take account of it otherwise, and would pass by an index that holds open rows alone.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.utils import CursorWrapper
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format
from psycopg.sql import Literal
from psycopg.types.numeric import Int8Dumper

TIMESTAMPTZ = psycopg.adapters.types["timestamptz"].oid
MOMENTS: Any = psycopg.adapters.get_loader(TIMESTAMPTZ, Format.TEXT)
"""Psycopg's own loader, which is compiled; Django's calls a Python function for each moment. Connections speak UTC."""
MOST = 100
"""Cursors of one connection that are kept."""


def words(of: Iterable[str]) -> str:
    """This will write out words of ours, such as states, as they stand between the brackets of an `IN`."""
    return ", ".join(Literal(str(word)).as_string() for word in of)


class Ids(list[Any]):
    """Ids of rows, numbers or UUIDs, that are sent as one value; psycopg would look up how each of them is written."""


class IdsDumper(Dumper):
    """Writes them as PostgreSQL reads an array; of what, it sees by what they are compared with."""

    def dump(self, ids: Ids) -> bytes:
        """This will write them."""
        return b"{%b}" % ",".join(map(str, ids)).encode()


class Apart(psycopg.Cursor[Any]):
    """
    A cursor that sends text and values apart. It remembers what it asked with a kept plan, too, for Django's log.

    Asked the same text again, it knows already how values of its kinds are written and read. To find that out anew
    takes longer than all else it does for a small question.
    """

    @property
    def adapters(self) -> AdaptersMap:
        """How values travel: as for the whole connection, but for moments, ids and numbers."""
        known = _adapters.get(self.connection)
        if known is None:
            known = _adapters[self.connection] = AdaptersMap(self.connection.adapters)
            known.register_loader(TIMESTAMPTZ, MOMENTS)
            known.register_dumper(int, Int8Dumper)  # else a small number and a large one are two statements
            known.register_dumper(Ids, IdsDumper)
        return known

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        self._query = super()._convert_query(query, params)
        return self._query

    def rest(self) -> None:
        """This will let go of what was answered."""
        self._reset(reset_query=False)
        if self._last_query:  # before, there is nothing that reads
            self._tx.set_pgresult(None)


_adapters: WeakKeyDictionary[psycopg.Connection[Any], AdaptersMap] = WeakKeyDictionary()


@contextmanager
def cursor(text: str = "") -> Iterator[CursorWrapper]:
    """
    This will give a cursor that sends text and values apart; for one connection it plans each text once.

    Without a pool of its own (`DB_POOL_MAX=0`, behind PgBouncer) no plan is kept, because the next statement may
    meet another connection.

    :param text: what will be asked with it, where that is asked again and again: the cursor is kept for the next time
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    database.close_if_health_check_failed()
    database.ensure_connection()
    # At the connection itself: a cursor knows its connection, so no weak reference would ever let go of the two.
    resting: dict[str, Apart] = vars(database.connection).setdefault("resting", {})
    apart = resting.pop(text, None) or Apart(database.connection)
    wrap = database.make_debug_cursor if database.queries_logged else database.make_cursor
    try:
        yield wrap(apart)
    except BaseException:
        apart.close()
        raise
    if text:
        apart.rest()
        if len(resting) >= MOST:
            resting.clear()
        resting[text] = apart
    else:
        apart.close()
