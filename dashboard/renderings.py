"""What open pages share: each thing is rendered once for each kind of viewer, however many pages show it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import fields
from typing import Generic, TypeVar

from asgiref.sync import sync_to_async

from connectors.permissions import Viewer

GOOD_FOR = 1.0
"""Seconds; what depends on the time alone, such as a row that grows old, is at most that late."""
MOST = 5_000

Key = Hashable
Piece = TypeVar("Piece")
Render = Callable[[Collection[Key]], Mapping[Key, Piece]]


def kind_of(viewer: Viewer) -> Hashable:
    """This will tell viewers apart who see different things: all that there is to a viewer but who it is."""
    return tuple(repr(getattr(viewer, f.name)) for f in fields(viewer) if f.name not in {"user_id", "name"})


class Renderings(Generic[Piece]):
    """Rendered pieces, as the futures of whoever asked first. To be used in one event loop."""

    def __init__(self, nothing: Piece) -> None:
        self.nothing = nothing
        """What there is of a key that was not rendered."""
        self._kept: defaultdict[Key, dict[Hashable, tuple[float, asyncio.Future[Piece]]]] = defaultdict(dict)
        self._tasks: set[asyncio.Task[None]] = set()

    async def of(self, kind: Hashable, keys: Iterable[Key], render: Render[Piece]) -> list[Piece]:
        """
        This will give the pieces of these keys for one kind of viewer; what is not there yet is rendered together.

        They are bytes, ready to be sent: a thousand pages would each encode the same text again.

        :param render: takes the keys that are missing, in a thread; a key it leaves out is `nothing`
        """
        loop = asyncio.get_running_loop()
        oldest = loop.time() - GOOD_FOR
        if len(self._kept) > MOST:
            self._kept.clear()
        waiting, missing = [], {}
        for key in keys:
            at, piece = self._kept[key].get(kind, (0.0, None))
            if piece is None or at < oldest:
                piece = missing[key] = loop.create_future()
                self._kept[key][kind] = (loop.time(), piece)
            waiting.append(piece)
        if missing:
            task = loop.create_task(self._fill(kind, missing, render))  # of its own: the page that asked may go away
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return [await asyncio.shield(piece) for piece in waiting]

    async def _fill(
        self, kind: Hashable, missing: Mapping[Key, "asyncio.Future[Piece]"], render: Render[Piece]
    ) -> None:
        try:
            found = await sync_to_async(render, thread_sensitive=False)(list(missing))
        except Exception as error:  # noqa: BLE001  # whoever waits for a piece gets it
            for key, piece in missing.items():
                self._kept[key].pop(kind, None)
                piece.set_exception(error)
                piece.exception()  # seen: the page may have gone
            return
        for key, piece in missing.items():
            piece.set_result(found.get(key, self.nothing))

    def forget(self, keys: Iterable[Key] | None = None) -> None:
        """This will let go of what has changed; of everything when nobody can tell."""
        if keys is None:
            self._kept.clear()
            return
        for key in keys:
            self._kept.pop(key, None)
