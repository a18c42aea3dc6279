"""How uvicorn serves a connection: `uvicorn --http dashboard.serving:Protocol`."""

import asyncio
import socket

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):
    """
    Uvicorn's own; what it writes goes out at once.

    Connections of `uvicorn --workers` would keep a short piece back until the one before is acknowledged, which takes
    40 ms for every request but the first. https://github.com/Kludex/uvicorn/issues/3149, 2026-11-21
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """This will take up a connection."""
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)  # type: ignore[arg-type]  # narrower there; asyncio gives one of these
