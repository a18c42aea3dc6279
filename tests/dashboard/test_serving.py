"""What uvicorn is told to serve connections with."""

import asyncio
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from dashboard.serving import Protocol


class Watched(Protocol):
    """Notes whether its connections send at once."""

    prompt: list[bool] = []  # filled by the class's own connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        self.prompt.append(bool(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))


@contextmanager
def serving(listener: socket.socket) -> Iterator[int]:
    """Uvicorn on a socket that was opened for it, as with `--workers`."""

    async def app(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    server = uvicorn.Server(uvicorn.Config(app, http=Watched, lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def test_answers_go_out_at_once_on_sockets_that_were_handed_over() -> None:
    with socket.socket() as listener:  # its protocol is not named, so asyncio leaves it as it is
        listener.bind(("127.0.0.1", 0))
        with serving(listener) as port:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            client.request("GET", "/")
            assert client.getresponse().status == 204
            client.close()

    assert Watched.prompt == [True]
