"""The worker's REST interface as it is. https://kafka.apache.org/documentation/#connect_rest"""

from typing import Any
from urllib.parse import quote

import httpx

from connectors.vendors.base import AccountConfig
from connectors.vendors.errors import NotReady, NotUnderstood, Refused
from connectors.vendors.http import Http

HERDER_TIMEOUT = 100.0
"""Seconds: while the group rebalances, stop and restart wait on the server, up to 90 s."""


class Client:
    """One Connect cluster, through any of its workers."""

    def __init__(self, config: AccountConfig, http: Http) -> None:
        self.http = http
        http.explain = explain
        self._headers: dict[str, str] = {}
        if token := config.credentials.get("token"):
            self._headers["Authorization"] = f"Bearer {token}"
        elif user := config.credentials.get("username"):
            basic = httpx.BasicAuth(user, config.credentials.get("password", ""))
            self._headers["Authorization"] = basic._auth_header  # the header, not the flow around it

    async def version(self) -> str:
        """This will give the worker's version, `4.3.0`."""
        return str((await self._read("/")).get("version", ""))

    async def names(self) -> list[str]:
        """This will list the names of all connectors."""
        found = await self._read("/connectors")
        if not isinstance(found, list):
            raise NotUnderstood("the list of connectors is not a list: check the address")
        return [str(name) for name in found]

    async def expanded(self) -> dict[str, dict[str, Any]]:
        """
        This will read status and configuration of all connectors at once.

        `expand` must be repeated: a comma list is one unknown value and gives empty objects without an error. A
        connector whose status is not known yet is left out.
        """
        found = await self._read("/connectors", params=[("expand", "status"), ("expand", "info")])
        if not isinstance(found, dict):
            raise NotUnderstood("this worker does not know `expand` (older than 2.3) or is something else")
        return found

    async def pause(self, name: str) -> httpx.Response:
        """This will ask for a pause: 202, later."""
        return await self._write("PUT", name, "pause")

    async def resume(self, name: str) -> httpx.Response:
        """This will ask to run again, also after a stop: 202, later."""
        return await self._write("PUT", name, "resume")

    async def stop(self, name: str) -> httpx.Response:
        """This will ask for a stop (3.5 and newer): 204, later."""
        return await self._write("PUT", name, "stop", timeout=HERDER_TIMEOUT)

    async def restart(self, name: str, *, only_failed: bool) -> httpx.Response:
        """This will restart the connector with its tasks, or what has failed: 202 with a status document."""
        flags = {"includeTasks": "true", "onlyFailed": "true" if only_failed else "false"}
        return await self._write("POST", name, "restart", params=flags, timeout=HERDER_TIMEOUT)

    async def restart_task(self, name: str, task: str) -> httpx.Response:
        """This will restart one task, on the worker that has it: 204 when it has been done."""
        return await self._write("POST", name, f"tasks/{quote(task, safe='')}/restart", timeout=HERDER_TIMEOUT)

    async def _read(self, path: str, **options: Any) -> Any:
        return self.http.json(await self.http.get(path, headers=self._headers, **options))

    async def _write(self, method: str, name: str, verb: str, **options: Any) -> httpx.Response:
        path = f"/connectors/{quote(name, safe='')}/{verb}"
        return await self.http.send(method, path, headers=self._headers, **options)


def explain(response: httpx.Response) -> str:
    """
    This will find the worker's words.

    :raises NotReady: it is booting (a 404 without its own error document) or the group is rebalancing (any 409 but
        "already exists")
    """
    try:
        body = response.json()
    except ValueError:
        body = None
    words = str(body.get("message") or "") if isinstance(body, dict) else ""
    if response.status_code == 404 and not (isinstance(body, dict) and "error_code" in body):
        raise NotReady("the worker is starting: it does not know its own paths yet")
    if response.status_code == 409 and "already exists" not in words:
        raise NotReady(words or "the group is rebalancing")
    if response.status_code == 500 and words.startswith("Failed to start connector"):
        raise Refused(words)  # a fault of the connector, not of the worker
    text = response.text.strip()
    return words or ("" if text.startswith("<") else text[:300])
