"""The way to a sandbox, with a note of each request that went over it."""

import json
from dataclasses import dataclass, field
from typing import Any

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

    def lines(self, method: str = "") -> list[str]:
        """This will give method, path and query of each, as they went out."""
        return [f"{r.method} {r.url.raw_path.decode()}" for r in self.requests if method in {"", r.method}]

    def bodies(self, method: str, end: str) -> list[Any]:
        """This will give what was sent to addresses that end so."""
        sent = [r for r in self.requests if r.method == method and r.url.path.endswith(end)]
        return [json.loads(request.content) for request in sent]
