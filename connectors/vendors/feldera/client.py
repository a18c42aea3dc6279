"""Feldera's interface `/v0` as it is. https://docs.feldera.com/api"""

from typing import Any

import httpx

from connectors.vendors.base import AccountConfig
from connectors.vendors.errors import NotReady, NotUnderstood, Refused
from connectors.vendors.feldera.names import segment
from connectors.vendors.http import Http

STOP_TIMEOUT = 130.0
"""Seconds: a graceful stop waits for the process, up to 120 s."""
NOT_UP = {"PipelineInteractionUnreachable", "Initializing", "PipelineUnavailable", "UnableToInteract"}


class Client:
    """One server, as one key sees it."""

    def __init__(self, config: AccountConfig, http: Http) -> None:
        self.http = http
        http.explain = explain
        self._headers: dict[str, str] = {}
        if key := config.credentials.get("api_key"):
            self._headers["Authorization"] = f"Bearer {key}"
        if tenant := config.settings.get("tenant"):
            self._headers["Feldera-Tenant"] = str(tenant)

    async def config(self) -> dict[str, Any]:
        """This will read version and edition."""
        found = await self._read("/v0/config")
        if not isinstance(found, dict):
            raise NotUnderstood("this is not a Feldera server: check the address")
        return found

    async def pipelines(self) -> list[dict[str, Any]]:
        """This will list all pipelines with their status, without their programs; there are no pages."""
        found = await self._read("/v0/pipelines", params={"selector": "status"})
        if not isinstance(found, list):
            raise NotUnderstood("the list of pipelines is not a list: check the address")
        return found

    async def program(self, pipeline: str) -> dict[str, Any]:
        """This will read a pipeline with its program: the connectors it is configured with."""
        found = await self._read(f"/v0/pipelines/{segment(pipeline)}", params={"selector": "all"})
        return dict((found or {}).get("program_info") or {})

    async def stats(self, pipeline: str) -> dict[str, Any]:
        """This will read the live figures of a pipeline whose process is up."""
        return dict(await self._read(f"/v0/pipelines/{segment(pipeline)}/stats"))

    async def act(self, pipeline: str, verb: str, **params: str) -> httpx.Response:
        """This will ask a pipeline to start, pause, resume or stop: 202, later. No body."""
        path = f"/v0/pipelines/{segment(pipeline)}/{verb}"
        timeout = STOP_TIMEOUT if verb == "stop" else None
        return await self.http.send("POST", path, headers=self._headers, params=params, timeout=timeout)

    async def act_on_connector(
        self, pipeline: str, kind: str, stream: str, connector: str, verb: str
    ) -> httpx.Response:
        """
        This will start or pause a connector, at once.

        :param kind: `tables` for inputs, `views` for outputs
        :param stream: the relation in its SQL spelling, quotes included
        """
        place = f"{kind}/{segment(stream)}/connectors/{segment(connector)}"
        path = f"/v0/pipelines/{segment(pipeline)}/{place}/{verb}"
        return await self.http.send("POST", path, headers=self._headers)

    async def _read(self, path: str, **options: Any) -> Any:
        return self.http.json(await self.http.get(path, headers=self._headers, **options))


def explain(response: httpx.Response) -> str:
    """
    This will find the server's words.

    :raises NotReady: the pipeline's process is not up yet
    :raises Refused: it says that this cannot be, whatever the status (501: not in this edition; 503: not deployed)
    """
    try:
        body = response.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return str(body)[:300]
    words, code = str(body.get("message") or ""), str(body.get("error_code") or "")
    if response.status_code == 503 and code in NOT_UP:
        raise NotReady(words)
    if response.status_code in {501, 503}:
        raise Refused(words)
    return words
