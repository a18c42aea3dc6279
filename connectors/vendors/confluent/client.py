"""Confluent Cloud's management interface: environments, clusters and connectors."""

import zlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx

from connectors.vendors.base import AccountConfig
from connectors.vendors.errors import NotUnderstood
from connectors.vendors.http import Http

PAGE_SIZE = 100
EXPANSIONS = "info,status,id"
GZIP = b"\x1f\x8b"
LARGEST = 256 * 2**20
"""Bytes of an answer once unpacked; beyond that it is cut off and not understood."""


class Client:
    """One organization, as one API key sees it."""

    def __init__(self, config: AccountConfig, http: Http) -> None:
        self.http = http
        http.explain = explain
        key, secret = config.credentials.get("api_key", ""), config.credentials.get("api_secret", "")
        self._headers = {"Authorization": httpx.BasicAuth(key, secret)._auth_header}  # the header alone

    async def environments(self) -> list[dict[str, Any]]:
        """This will list all environments."""
        return [item async for item in self._pages("/org/v2/environments", {})]

    async def clusters(self, environment: str) -> list[dict[str, Any]]:
        """This will list all Kafka clusters of an environment."""
        return [item async for item in self._pages("/cmk/v2/clusters", {"environment": environment})]

    async def connectors(self, environment: str, cluster: str) -> dict[str, dict[str, Any]]:
        """This will read all connectors of a cluster at once. Expansions are a comma list here; there are no pages."""
        path = f"{_cluster(environment, cluster)}/connectors"
        found = await self._read(path, params={"expand": EXPANSIONS})
        if not isinstance(found, dict):
            raise NotUnderstood("the list of connectors is not what the interface promises")
        return found

    async def act(self, environment: str, cluster: str, name: str, verb: str) -> httpx.Response:
        """This will ask for pause, resume (PUT) or restart (POST): 202, later."""
        path = f"{_cluster(environment, cluster)}/connectors/{quote(name, safe='')}/{verb}"
        return await self.http.send("POST" if verb == "restart" else "PUT", path, headers=self._headers)

    async def _pages(self, path: str, params: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        """Tokens are opaque; `metadata.next` is a whole address of which only the token is taken."""
        query: dict[str, Any] = {**params, "page_size": PAGE_SIZE}
        read, total, seen = 0, 0, set()
        while query:
            page = await self._read(path, params=query)
            if not isinstance(page, dict) or not isinstance(page.get("data"), list):
                raise NotUnderstood("a page of a list is not what the interface promises", self.http.vendor)
            for item in page["data"]:
                read += 1
                yield item
            metadata = page.get("metadata") or {}
            total = metadata.get("total_size") or total
            token = _token(metadata.get("next"))
            if token in seen:
                raise NotUnderstood("the pages of a list go round in a circle", self.http.vendor)
            seen.add(token)
            query = {**params, "page_size": PAGE_SIZE, "page_token": token} if token else {}
        if isinstance(total, int) and read < total:
            raise NotUnderstood(f"a list came short: {read} of {total} entries", self.http.vendor)

    async def _read(self, path: str, **options: Any) -> Any:
        return self.http.json(unpacked(await self.http.get(path, headers=self._headers, **options)))


def _cluster(environment: str, cluster: str) -> str:
    return f"/connect/v1/environments/{quote(environment, safe='')}/clusters/{quote(cluster, safe='')}"


def _token(onward: str | None) -> str:
    found = parse_qs(urlsplit(onward or "").query).get("page_token")
    return found[0] if found else ""


def unpacked(response: httpx.Response) -> httpx.Response:
    """This will unpack a body that is gzip without saying so, as theirs can be, up to a size that cannot hurt."""
    if not response.content.startswith(GZIP):
        return response
    try:
        body = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(response.content, LARGEST)
    except zlib.error:
        return response
    headers = {"content-type": response.headers.get("content-type", "application/json")}
    return httpx.Response(response.status_code, content=body, headers=headers, request=response.request)


def explain(response: httpx.Response) -> str:
    """
    This will find Confluent's words in any of the shapes its errors come in.

    `{"errors": [{"detail"}]}` · `{"error_code", "message"}` · `{"error": {"message"}}` · `{"error": "text"}` ·
    `{"status", "error": {"code", "message"}}`
    """
    response = unpacked(response)
    try:
        body = response.json()
    except ValueError:
        text = response.text.strip()
        return "" if text.startswith("<") else text[:300]
    if not isinstance(body, dict):
        return ""
    if errors := body.get("errors"):
        first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
        return str(first.get("detail") or first.get("title") or "")
    if message := body.get("message"):
        return str(message)
    error = body.get("error")
    return str(error.get("message") or "") if isinstance(error, dict) else str(error or "")
