"""Feldera's interface `/v0` as it is. https://docs.feldera.com/api"""

from collections.abc import Mapping
from typing import Any

import httpx

from connectors.vendors.base import AccountConfig
from connectors.vendors.errors import NotReady, NotUnderstood, Refused, VendorError
from connectors.vendors.feldera.names import segment
from connectors.vendors.http import Http

STOP_TIMEOUT = 130.0
"""Seconds: a graceful stop waits for the process, up to 120 s."""
PROGRAMS_TIMEOUT = 30.0
"""Seconds: with their programs, pipelines are long."""
SOON = frozenset(
    {
        "Initializing", "RestoreInProgress", "BootstrapInProgress", "PipelineUnavailable",
        "LockTookTooLong", "DeadlockDetected",
    }
)  # fmt: skip
"""503s after which nothing was done and a later try can help."""
NOT_DEPLOYED = "PipelineInteractionNotDeployed"
NEEDS = {
    "AwaitingApproval": "it was changed since its checkpoint, and somebody has to approve that at Feldera first",
    "Suspended": "it has written its checkpoint and is about to stop",
    "EnterpriseFeature": "this edition cannot do it",
}
"""Refusals that do not pass by themselves, and why."""


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

    async def pipelines(self, selector: str = "status") -> list[dict[str, Any]]:
        """This will list all pipelines with their status, or with their programs (`all`); there are no pages."""
        limit = PROGRAMS_TIMEOUT if selector == "all" else None
        found = await self._read("/v0/pipelines", params={"selector": selector}, timeout=limit)
        if not isinstance(found, list):
            raise NotUnderstood("the list of pipelines is not a list: check the address")
        return found

    async def pipeline(self, pipeline: str) -> dict[str, Any]:
        """This will read a pipeline with its program: the connectors it is configured with."""
        found = await self._read(f"/v0/pipelines/{segment(pipeline)}", params={"selector": "all"})
        if not isinstance(found, dict):
            raise NotUnderstood("a pipeline is not what the interface promises: check the address")
        return found

    async def stats(self, pipeline: str) -> dict[str, Any]:
        """This will read the live figures of a pipeline whose process is up."""
        return dict(await self._read(f"/v0/pipelines/{segment(pipeline)}/stats"))

    async def act(self, pipeline: str, verb: str, **params: str) -> httpx.Response:
        """This will ask a pipeline to start, pause, resume or stop: 202, later. No body."""
        path = f"/v0/pipelines/{segment(pipeline)}/{verb}"
        timeout = STOP_TIMEOUT if verb == "stop" else None
        return self._taken(await self.http.send("POST", path, headers=self._headers, params=params, timeout=timeout))

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
        return self._taken(await self.http.send("POST", path, headers=self._headers))

    def _taken(self, answer: httpx.Response) -> httpx.Response:
        """
        An answer to a verb is empty or JSON.

        :raises NotUnderstood: the console's page, with status 200: nothing was asked of a Feldera server
        """
        if answer.content.lstrip()[:1] == b"<":
            self.http.json(answer)
        return answer

    async def _read(self, path: str, **options: Any) -> Any:
        return self.http.json(await self.http.get(path, headers=self._headers, **options))


def explain(response: httpx.Response) -> str:
    """
    This will find the server's words. Its code decides, for 503 has three meanings.

    What the manager could not see through to the process (`PipelineInteractionUnreachable`) is left to the status: it
    may have been done.

    :raises NotReady: the pipeline's process is on its way
    :raises Refused: it says that this cannot be, whatever the status
    """
    try:
        body = response.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return str(body)[:300]
    words, code = str(body.get("message") or ""), str(body.get("error_code") or "")
    if code == NOT_DEPLOYED:
        raise _not_deployed(words, body.get("details"))
    if code in SOON and response.status_code == 503:
        raise NotReady(words)
    if code in NEEDS:
        raise Refused(f"{NEEDS[code]}. Feldera says: {words}")
    return words


def _not_deployed(words: str, details: Any) -> VendorError:
    """There is no process. Whether there will be one is where it is being steered."""
    known = details if isinstance(details, Mapping) else {}
    status, wanted = str(known.get("status") or "not up"), str(known.get("desired_status") or "Stopped")
    if wanted not in {"Stopped", "Suspended"}:
        return NotReady(f"its pipeline is still {status.lower()}. Feldera says: {words}")
    return Refused(f"its pipeline is {status.lower()}: start that first. Feldera says: {words}")
