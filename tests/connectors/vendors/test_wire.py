"""The connections to a vendor, over real sockets: what comes back, and whether anything went out."""

import asyncio
import gzip
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from connectors.vendors.base import AccountConfig
from connectors.vendors.errors import LostReply, Unreachable, VendorError
from connectors.vendors.http import Http
from connectors.vendors.wire import AT_ONCE, LONGEST_HEAD, Wire

LIMITS = {"pool": 5.0, "connect": 5.0, "read": 5.0}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
IN_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Server:
    """A server that answers each request with the next of its answers, and hangs up after the last."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.requests: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """This will serve one connection."""
        self.connections += 1
        try:
            while self.answers:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.answers.pop(0))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(*answers: bytes) -> AsyncIterator[tuple[Server, Wire]]:
    """A server with these answers, and the wire to it."""
    server = Server(*answers)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        wire = Wire("127.0.0.1", server.port)
        try:
            yield server, wire
        finally:
            await wire.aclose()


async def ask(wire: Wire, path: str = "/", **limits: float) -> httpx.Response:
    """One request, read to its end."""
    extensions = {"timeout": LIMITS | limits}
    answer = await wire.handle_async_request(httpx.Request("GET", f"http://v.example{path}", extensions=extensions))
    await answer.aread()
    return answer


async def test_a_connection_is_kept_for_the_next_request() -> None:
    async with serving(OK, OK, OK) as (server, wire):
        for path in ("/a", "/b?c=d", "/e"):
            assert (await ask(wire, path)).content == b"{}"

    assert server.connections == 1
    assert [request.split(b"\r\n")[0] for request in server.requests] == [
        b"GET /a HTTP/1.1", b"GET /b?c=d HTTP/1.1", b"GET /e HTTP/1.1",
    ]  # fmt: skip
    assert b"Host: v.example\r\n" in server.requests[0]


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n",
            b"abcde",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, b"{}"),
    ],
)
async def test_every_way_to_frame_a_body_is_read(answer: bytes, body: bytes) -> None:
    async with serving(answer) as (_, wire):
        found = await ask(wire)

    assert found.content == body
    assert not {"trailer", "link"} & set(found.headers)


async def test_a_compressed_body_is_unpacked() -> None:
    packed = gzip.compress(b"[1, 2]")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    async with serving(head + packed) as (_, wire):
        assert (await ask(wire)).json() == [1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        IN_CHUNKS + b"9\r\nhalf",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * LONGEST_HEAD + b"\r\n\r\n",
    ],
)
async def test_what_is_no_whole_answer_may_have_been_sent(answer: bytes) -> None:
    async with serving(answer) as (server, _), Http("tiny", AccountConfig(f"http://127.0.0.1:{server.port}")) as http:
        with pytest.raises(LostReply) as caught:
            await http.send("PUT", "/pause")

    assert caught.value.may_have_acted
    assert len(server.requests) == 1


async def test_an_answer_without_a_length_is_not_whole_when_its_connection_is_torn() -> None:
    async def tear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf of")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    async with await asyncio.start_server(tear, "127.0.0.1", 0) as listening:
        wire = Wire("127.0.0.1", listening.sockets[0].getsockname()[1])
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(wire)
        await wire.aclose()


async def test_where_nobody_listens_nothing_was_sent() -> None:
    async with serving() as (server, _):
        pass
    async with Http("tiny", AccountConfig(f"http://127.0.0.1:{server.port}")) as http:
        with pytest.raises(Unreachable) as caught:
            await http.send("PUT", "/pause")

    assert not caught.value.may_have_acted


async def test_silence_is_given_up_and_a_trickle_is_not() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in (b"HTTP/1.1 200 OK\r\n", b"Content-Length: 4\r\n", b"\r\n", b"ab", b"cd"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.12)
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()  # until the other side hangs up
        writer.close()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as listening:
        wire = Wire("127.0.0.1", listening.sockets[0].getsockname()[1])
        assert (await ask(wire, read=0.3)).content == b"abcd"
        with pytest.raises(httpx.ReadTimeout):
            await ask(wire, read=0.3)
        await wire.aclose()


async def test_a_connection_that_the_answer_ends_is_not_used_again() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", OK) as (server, wire):
        await ask(wire)
        await ask(wire)

    assert server.connections == 2


async def test_a_connection_that_was_closed_without_a_word_is_not_used_again() -> None:
    """The loop has not been told yet: only the socket knows."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        wire = Wire("127.0.0.1", listening.getsockname()[1])
        first = asyncio.create_task(ask(wire))
        rude = await asyncio.to_thread(_serve_one, listening)
        await first
        rude.close()
        time.sleep(0.05)  # noqa: ASYNC251  # blocks the loop on purpose: the end of the connection comes unseen
        second = asyncio.create_task(ask(wire))
        polite = await asyncio.to_thread(_serve_one, listening)
        assert (await second).content == b"{}"
        polite.close()
        await wire.aclose()


def _serve_one(listening: socket.socket) -> socket.socket:
    """Takes one connection, reads one request and answers it; the connection stays open."""
    listening.settimeout(5)
    connection, _ = listening.accept()
    connection.recv(65_536)
    connection.sendall(OK)
    return connection


@pytest.mark.parametrize(
    "behind", [b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged", b"HTTP/1.1 200 OK\r\nCont", b"\x00torn"]
)
async def test_what_nobody_asked_for_is_not_taken_for_the_next_answer(behind: bytes) -> None:
    async with serving(OK + behind, OK) as (server, wire):
        assert (await ask(wire)).content == b"{}"
        assert (await ask(wire)).content == b"{}"

    assert server.connections == 2


async def test_a_request_that_is_given_up_leaves_no_answer_behind() -> None:
    late = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readuntil(b"\r\n\r\n")
        if b"/first" in line:
            await late.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + (b"1." if b"/first" in line else b"2."))
        writer.close()

    async with await asyncio.start_server(slow, "127.0.0.1", 0) as listening:
        wire = Wire("127.0.0.1", listening.sockets[0].getsockname()[1])
        first = asyncio.create_task(ask(wire, "/first"))
        await asyncio.sleep(0.05)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        late.set()
        assert (await ask(wire, "/second")).content == b"2."
        await wire.aclose()


async def test_no_more_connections_than_agreed_are_open_at_once() -> None:
    open_now, most = 0, 0
    all_busy, go_on = asyncio.Event(), asyncio.Event()

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        await reader.readuntil(b"\r\n\r\n")
        open_now, most = open_now + 1, max(most, open_now + 1)
        if open_now == AT_ONCE:
            all_busy.set()
        await go_on.wait()
        open_now -= 1
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(count, "127.0.0.1", 0) as listening:
        wire = Wire("127.0.0.1", listening.sockets[0].getsockname()[1])
        asked = [asyncio.create_task(ask(wire)) for _ in range(AT_ONCE + 5)]
        await all_busy.wait()
        with pytest.raises(httpx.PoolTimeout):
            await ask(wire, pool=0.2)
        go_on.set()
        await asyncio.gather(*asked)
        await wire.aclose()

    assert most == AT_ONCE


@pytest.mark.parametrize("key", ["secret\r\nX-Admin: yes", "secret\x00", "schlüssel-öäü"])
async def test_a_credential_that_no_header_can_hold_is_told_without_being_shown(key: str) -> None:
    async with serving(OK) as (server, _), Http("tiny", AccountConfig(f"http://127.0.0.1:{server.port}")) as http:
        with pytest.raises(VendorError, match="check the credentials") as caught:
            await http.send("PUT", "/pause", headers={"Authorization": f"Bearer {key}"})

    assert not caught.value.may_have_acted
    assert caught.value.__cause__ is None
    assert server.requests == []
