"""EventRouter and operations as they are. https://yandex.cloud/docs/serverless-integrations/eventrouter/api-ref"""

from collections.abc import Mapping
from typing import Any

import httpx

from connectors.vendors.base import AccountConfig
from connectors.vendors.errors import (
    NotAllowed,
    NotFound,
    NotUnderstood,
    RateLimited,
    Refused,
    ServerFault,
    SignInRefused,
    VendorError,
)
from connectors.vendors.http import Http
from connectors.vendors.yandex.tokens import Tokens

PAGE = 1000
KINDS: Mapping[int, type[VendorError]] = {
    3: Refused,  # INVALID_ARGUMENT
    5: NotFound,
    7: NotAllowed,  # PERMISSION_DENIED
    8: RateLimited,  # RESOURCE_EXHAUSTED
    9: Refused,  # FAILED_PRECONDITION
    10: Refused,  # ABORTED
    12: Refused,  # UNIMPLEMENTED
    16: SignInRefused,  # UNAUTHENTICATED
}
"""By gRPC code; two of them share HTTP 400, so the code decides, not the status."""
FAILED_PRECONDITION = 9


class Client:
    """One service account."""

    def __init__(self, config: AccountConfig, http: Http) -> None:
        self.http = http
        http.explain = explain
        settings = config.settings
        self.operation_url = str(settings.get("operation_url") or "https://operation.api.cloud.yandex.net").rstrip("/")
        audience = str(settings.get("iam_audience") or "https://iam.api.cloud.yandex.net/iam/v1/tokens")
        iam = str(settings.get("iam_url") or "https://iam.api.cloud.yandex.net")
        self.tokens = Tokens(http, config.credentials.get("key", ""), iam, audience)

    async def buses(self, folder: str) -> list[dict[str, Any]]:
        """This will list all buses of a folder."""
        return await self._pages("/eventrouter/v1/buses", folder, "buses")

    async def connectors(self, folder: str) -> list[dict[str, Any]]:
        """This will list all connectors of a folder, whichever bus they belong to."""
        return await self._pages("/eventrouter/v1/connectors", folder, "connectors")

    async def connector(self, connector: str) -> dict[str, Any]:
        """This will read one connector."""
        return dict(await self._call("GET", f"/eventrouter/v1/connectors/{connector}"))

    async def act(self, connector: str, verb: str, key: str) -> dict[str, Any]:
        """This will start or stop a connector and give the operation; the same key gives the same one."""
        path = f"/eventrouter/v1/connectors/{connector}:{verb}"
        return dict(await self._call("POST", path, headers={"Idempotency-Key": key}))

    async def operation(self, operation: str) -> dict[str, Any]:
        """This will read an operation, at its own host."""
        return dict(await self._call("GET", f"{self.operation_url}/operations/{operation}"))

    async def _pages(self, path: str, folder: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            params = {"folderId": folder, "pageSize": PAGE, **({"pageToken": token} if token else {})}
            page = await self._call("GET", path, params=params)
            if not isinstance(page, dict):
                raise NotUnderstood("a list is not what the interface promises: check the address")
            found += page.get(name) or []
            token = page.get("nextPageToken") or ""
            if not token:
                return found

    async def _call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Any:
        """With a token; one that was refused is renewed once."""
        try:
            return self.http.json(await self._send(method, path, headers, options))
        except SignInRefused:
            self.tokens.drop()
        return self.http.json(await self._send(method, path, headers, options))

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str] | None, options: Mapping[str, Any]
    ) -> httpx.Response:
        given = {"Authorization": f"Bearer {await self.tokens.get()}", **(headers or {})}
        if method == "GET":
            return await self.http.get(path, headers=given, **options)
        return await self.http.send(method, path, headers=given, **options)


def explain(response: httpx.Response) -> str:
    """
    This will find the words of a google.rpc.Status.

    :raises VendorError: the kind that its code means
    """
    try:
        body = response.json()
    except ValueError:
        text = response.text.strip()
        return "" if text.startswith("<") else text[:300]
    if not isinstance(body, dict) or not isinstance(body.get("code"), int):
        return str(body.get("message", "")) if isinstance(body, dict) else ""
    raise KINDS.get(body["code"], ServerFault)(str(body.get("message") or f"code {body['code']}"))
