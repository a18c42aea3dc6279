"""The stream of one page: shared bytes in their order, and an end for who reads too slowly."""

import asyncio
from collections.abc import Mapping
from typing import Any

from dashboard.streams import MOST_WAITING, OPEN, PIECE, Stream, lines, message


class Connection:
    """What a server hands to an application: messages come in when told to, what is sent is kept."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_over = False
        self.can_take = asyncio.Event()
        self.can_take.set()
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(self, told: Mapping[str, Any]) -> None:
        """This will take a piece, once the page reads."""
        await self.can_take.wait()
        self.is_over = not told["more_body"]
        self.sent.append(told["body"])


async def test_a_page_is_sent_the_very_bytes_that_others_are_sent() -> None:
    page, connection = Stream(), Connection()
    told = message(lines("<p>news</p>"))

    page.put(told)
    page.end("come back")
    await page.serve(connection.incoming.get, connection.send)

    assert connection.sent == [OPEN, b"id: 1\ndata: <p>news</p>\n\n", b": come back\n\n", b""]
    assert connection.sent[1] is told[0]
    assert connection.is_over


async def test_a_long_message_goes_out_in_pieces() -> None:
    told = message(lines("x" * PIECE * 2))

    assert [len(piece) <= PIECE for piece in told] == [True] * 3
    assert b"".join(told).endswith(b"x\n\n")


async def test_who_reads_too_slowly_is_ended_with_a_reason_and_keeps_nothing_waiting() -> None:
    page, connection = Stream(), Connection()
    connection.can_take.clear()
    serving = asyncio.create_task(page.serve(connection.incoming.get, connection.send))
    await asyncio.sleep(0)

    for number in range(MOST_WAITING + 2):
        page.put(message(b"data: %d\n" % number))
    connection.can_take.set()
    await serving

    assert page.why_ended == "too slow"
    assert connection.sent == [OPEN, b": too slow\n\n", b""]


async def test_a_page_that_went_away_is_sent_nothing_more() -> None:
    page, connection = Stream(), Connection()
    serving = asyncio.create_task(page.serve(connection.incoming.get, connection.send))
    await connection.incoming.put({"type": "http.disconnect"})
    await serving

    page.put(message(b"data: late\n"))

    assert page.why_ended == "gone"
    assert b"".join(connection.sent).count(b"data:") == 0
