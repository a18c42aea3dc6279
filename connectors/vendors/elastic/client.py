"""Elasticsearch's connector interface as it is."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx

from connectors.vendors.base import AccountConfig
from connectors.vendors.errors import NotReady, NotUnderstood
from connectors.vendors.http import Http

PAGE = 1000
JOB_PAGE = 500
WITHOUT_SECRETS = "-results.configuration,-results.filtering,-results.sync_cursor,-results.custom_scheduling"
"""Configuration comes back with its secrets in clear, so it is not asked for."""
JOB_FIELDS = (
    "count,results.id,results.status,results.job_type,results.trigger_method,results.connector.id,results.created_at,"
    "results.started_at,results.last_seen,results.cancelation_requested_at,results.indexed_document_count,results.error"
)


class Client:
    """One Elasticsearch deployment."""

    def __init__(self, config: AccountConfig, http: Http) -> None:
        self.http = http
        http.explain = explain
        self._headers: dict[str, str] = {}
        self._ahead = 0.0
        if key := config.credentials.get("api_key"):
            self._headers["Authorization"] = f"ApiKey {key}"
        elif user := config.credentials.get("username"):
            basic = httpx.BasicAuth(user, config.credentials.get("password", ""))
            self._headers["Authorization"] = basic._auth_header  # the header alone

    def now(self) -> datetime:
        """This will give the time by the deployment's clock, as far as its answers tell; else by ours."""
        return datetime.fromtimestamp(datetime.now(UTC).timestamp() + self._ahead, UTC)

    async def connectors(self) -> tuple[list[dict[str, Any]], int]:
        """This will list all connectors without their configuration, and how many Elasticsearch says there are."""
        return await self._all("/_connector", PAGE, {"filter_path": WITHOUT_SECRETS})

    async def jobs(self, status: str) -> list[dict[str, Any]]:
        """This will list all sync jobs in one status; the interface takes one at a time."""
        found, _ = await self._all("/_connector/_sync_job", JOB_PAGE, {"status": status, "filter_path": JOB_FIELDS})
        return found

    async def job(self, job: str) -> dict[str, Any]:
        """This will read one sync job."""
        fields = "id,status,error,connector.id"
        return dict(await self._read(f"/_connector/_sync_job/{quote(job, safe='')}", {"filter_path": fields}))

    async def connector(self, connector: str) -> dict[str, Any]:
        """This will read one connector without its configuration."""
        path = {"filter_path": "id,status,scheduling,index_name,service_type"}
        return dict(await self._read(f"/_connector/{quote(connector, safe='')}", path))

    async def jobs_of(self, connector: str, status: str) -> list[dict[str, Any]]:
        """This will list the sync jobs of one connector in one status."""
        query = {"connector_id": connector, "status": status, "filter_path": JOB_FIELDS}
        found, _ = await self._all("/_connector/_sync_job", JOB_PAGE, query)
        return found

    async def schedule(self, connector: str, scheduling: Mapping[str, Any]) -> httpx.Response:
        """This will set schedules. `full` is always named: without it the interface refuses what is right."""
        return await self._write(
            "PUT", f"/_connector/{quote(connector, safe='')}/_scheduling", {"scheduling": dict(scheduling)}
        )

    async def set_status(self, connector: str, status: str) -> httpx.Response:
        """This will set a status, as far as the transition table allows. The service writes over it within 30 s."""
        return await self._write("PUT", f"/_connector/{quote(connector, safe='')}/_status", {"status": status})

    async def sync(self, connector: str, kind: str = "full") -> httpx.Response:
        """This will create a sync job: 201 with its id. Never to be repeated blindly."""
        body = {"id": connector, "job_type": kind, "trigger_method": "on_demand"}
        return await self._write("POST", "/_connector/_sync_job", body)

    async def cancel(self, job: str) -> httpx.Response:
        """This will ask to cancel a sync job; refused when it is on its way out already."""
        return await self._write("PUT", f"/_connector/_sync_job/{quote(job, safe='')}/_cancel", None)

    async def _all(self, path: str, size: int, query: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
        found: list[dict[str, Any]] = []
        while True:
            page = await self._read(path, {**query, "from": len(found), "size": size})
            if not isinstance(page, dict):
                raise NotUnderstood("a list is not what the interface promises: check the address")
            results = page.get("results") or []
            found += results
            count = int(page.get("count", len(found)))
            if not results or len(found) >= count:
                return found, count

    async def _read(self, path: str, query: Mapping[str, Any]) -> Any:
        answer = await self.http.get(path, params=query, headers=self._headers)
        self._set_clock(answer.headers.get("date", ""))
        return self.http.json(answer)

    def _set_clock(self, date: str) -> None:
        """Times in documents are its own; an age counted against our clock would be wrong by the difference."""
        try:
            theirs = parsedate_to_datetime(date)
        except ValueError:
            return
        self._ahead = (theirs.replace(tzinfo=theirs.tzinfo or UTC) - datetime.now(UTC)).total_seconds()

    async def _write(self, method: str, path: str, body: Any) -> httpx.Response:
        return await self.http.send(method, path, json=body, headers=self._headers)


def explain(response: httpx.Response) -> str:
    """
    This will find Elasticsearch's words.

    :raises NotReady: another write came first (409), or the cluster has no master yet (503)
    """
    try:
        body = response.json()
    except ValueError:
        return ""
    error = body.get("error") if isinstance(body, dict) else None
    words = str(error.get("reason") or error.get("type") or "") if isinstance(error, dict) else str(error or "")
    if response.status_code == 409:
        raise NotReady(words or "the document was changed at the same moment")
    return words
