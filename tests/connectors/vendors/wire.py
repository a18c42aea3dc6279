"""The way to a sandbox, with a note of each request that went over it."""

from dataclasses import dataclass, field

import httpx


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """Passes on what it notes."""

    inner: httpx.AsyncBaseTransport
    requests: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """This will note it and pass it on."""
        self.requests.append(request)
        return await self.inner.handle_async_request(request)

    def lines(self) -> list[str]:
        """This will give method, path and query of each, as they went out."""
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]
