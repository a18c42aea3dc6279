"""
HTTP/1.1 to one origin: connections that stay open for a slice of work, answers parsed by llhttp.

A transport of httpx, a third of whose own it takes in processor time. Nothing is sent again from here: one request
goes out once, on one connection, and its error says whether it may have arrived.
"""

import asyncio
import re
import select
import ssl
from dataclasses import dataclass, field
from typing import Any

import httptools
import httpx

AT_ONCE = 32
"""Connections to the origin; more requests wait for one of them."""
LONGEST_HEAD = 2**16
"""Bytes of an answer's headers."""
LARGEST_BODY = 2**28
"""Bytes of an answer's body, as it comes."""
LEGAL_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
ILLEGAL_IN_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

Header = tuple[bytes, bytes]


@dataclass(slots=True, eq=False)
class Exchange:
    """One request that went out, and what has come back of its answer; llhttp calls the methods named `on_…`."""

    answer: asyncio.Future[httpx.Response]
    patience: float | None
    """Seconds without a byte after which it is given up."""
    parser: httptools.HttpResponseParser = field(init=False)
    heard_at: float = 0.0
    head: list[Header] = field(default_factory=list)
    head_size: int = 0
    body: list[bytes] = field(default_factory=list)
    body_size: int = 0
    has_head: bool = False
    keeps_line: bool = False

    def __post_init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        """This will begin anew: an answer like 103 comes before the one that counts, and none after it."""
        if self.answer.done():
            self.keeps_line = False
        self.head, self.head_size, self.has_head = [], 0, False

    def on_header(self, name: bytes, value: bytes) -> None:
        """This will keep a header; what comes after the body is not one of them."""
        self.head_size += len(name) + len(value)
        if self.head_size > LONGEST_HEAD:
            self.fail(httpx.RemoteProtocolError(f"more than {LONGEST_HEAD} bytes of headers"))
        elif not self.has_head:
            self.head.append((name, value))

    def on_headers_complete(self) -> None:
        """This will note whether the connection outlives this answer."""
        self.has_head = True
        if not self.answer.done():
            self.keeps_line = self.parser.should_keep_alive()

    def on_body(self, piece: bytes) -> None:
        """This will keep a piece of the body, as it came: httpx decompresses it."""
        self.body.append(piece)
        self.body_size += len(piece)
        if self.body_size > LARGEST_BODY:
            self.fail(httpx.RemoteProtocolError(f"more than {LARGEST_BODY // 2**20} MiB of body"))

    def on_message_complete(self) -> None:
        """This will hand over the answer."""
        status = self.parser.get_status_code()
        if status >= 200 and not self.answer.done():
            stream = httpx.ByteStream(b"".join(self.body))
            self.answer.set_result(httpx.Response(status, headers=self.head, stream=stream))

    def end(self, *, is_clean: bool) -> None:
        """The other side has hung up: that is the end of an answer that names no length, and too early for others."""
        names = {name.lower() for name, _ in self.head}
        if is_clean and self.has_head and not names & {b"content-length", b"transfer-encoding"}:
            self.on_message_complete()
        self.fail(httpx.RemoteProtocolError("the connection was closed before the answer was whole"))

    def fail(self, error: httpx.TransportError) -> None:
        """This will end it without an answer, unless there is one."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Line(asyncio.Protocol):
    """One connection. It carries one exchange at a time."""

    def __init__(self) -> None:
        self.is_open = False
        self._loop = asyncio.get_running_loop()
        self._exchange: Exchange | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # what TCP and TLS give
        self._transport, self.is_open = transport, True

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None or exchange.answer.done():  # nobody asked: whatever follows cannot be told apart
            self.hang_up()
            return
        exchange.heard_at = self._loop.time()
        try:
            exchange.parser.feed_data(data)
        except httptools.HttpParserError as error:
            exchange.keeps_line = False
            exchange.fail(httpx.RemoteProtocolError(f"not HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._exchange:
            self._exchange.end(is_clean=exc is None)

    def is_quiet(self) -> bool:
        """Can it carry another exchange? The socket is asked: the loop may not have heard yet that it was closed."""
        if not self.is_open:
            return False
        heard = select.poll()
        heard.register(self._transport.get_extra_info("socket"), select.POLLIN)
        return not heard.poll(0)

    def hang_up(self) -> None:
        """This will close it at once."""
        self.is_open = False
        self._transport.abort()

    async def ask(self, request: bytes, patience: float | None) -> httpx.Response:
        """
        This will send a request and wait for the whole answer. Whatever goes wrong, the connection is closed.

        :raises httpx.TransportError: there is none; the request may have arrived
        """
        exchange = self._exchange = Exchange(self._loop.create_future(), patience, heard_at=self._loop.time())
        self._transport.write(request)
        watch = self._loop.call_later(patience, self._watch, exchange) if patience else None
        try:
            answer = await exchange.answer
        except BaseException:
            self.hang_up()
            raise
        finally:
            self._exchange = None
            if watch:
                watch.cancel()
        if not exchange.keeps_line:
            self.hang_up()
        return answer

    def _watch(self, exchange: Exchange) -> None:
        """One timer for an exchange, set anew only where something was heard meanwhile."""
        patience = exchange.patience or 0.0
        rest = exchange.heard_at + patience - self._loop.time()
        if exchange.answer.done():
            return
        if rest > 0:
            self._loop.call_later(rest, self._watch, exchange)
        else:
            exchange.fail(httpx.ReadTimeout(f"nothing was heard for {patience:g} s"))


class Wire(httpx.AsyncBaseTransport):
    """
    The connections to one port of one address, on one event loop. How long to wait stands in the request, as httpx
    lays it out.

    :param name: of the host: the certificate must be for it
    :param tls: None for plain HTTP
    """

    def __init__(self, address: str, port: int, *, name: str = "", tls: ssl.SSLContext | None = None) -> None:
        self._address, self._port = address, port
        self._options: dict[str, Any] = {"ssl": tls, "server_hostname": name or address} if tls else {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._free: list[Line] = []
        self._lines: set[Line] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        This will send one request, once, and give its whole answer.

        :raises httpx.LocalProtocolError: a header cannot be sent; nothing was
        :raises httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout: nothing was sent
        :raises httpx.TransportError: it went out, and no whole answer came
        """
        limits = request.extensions.get("timeout", {})
        whole = _head(request) + await request.aread()
        try:
            async with asyncio.timeout(limits.get("pool")):
                await self._gate.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("every connection was busy") from error
        try:
            line = self._kept() or await self._open(limits.get("connect"))
            answer = await line.ask(whole, limits.get("read"))
            if line.is_open:
                self._free.append(line)
            return answer
        finally:
            self._gate.release()

    def _kept(self) -> Line | None:
        while self._free:
            line = self._free.pop()
            if line.is_quiet():
                return line
            line.hang_up()
        return None

    async def _open(self, patience: float | None) -> Line:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(patience):
                _, line = await loop.create_connection(Line, self._address, self._port, **self._options)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        self._lines = {kept for kept in self._lines if kept.is_open} | {line}
        return line

    async def aclose(self) -> None:
        """This will close every connection, whatever is under way."""
        for line in self._lines:
            line.hang_up()
        self._lines.clear()
        self._free.clear()
        await asyncio.sleep(0)  # the sockets are closed in the loop's next turn


def _head(request: httpx.Request) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    for name, value in request.headers.raw:
        if not LEGAL_NAME.fullmatch(name) or ILLEGAL_IN_VALUE.search(value):
            raise httpx.LocalProtocolError(f"the header {name.decode('ascii', 'replace')} holds what cannot be sent")
        lines.append(b"%b: %b" % (name, value))
    return b"\r\n".join([*lines, b"\r\n"])
