"""Our verbs over one Elasticsearch deployment. Elasticsearch runs nothing itself: a connector service does."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from connectors.states import Direction, State, Verb
from connectors.vendors.base import (
    AccountConfig,
    AccountSnapshot,
    Check,
    ConnectorSnapshot,
    Order,
    PipelineSnapshot,
    Receipt,
    VendorOperation,
    Watch,
)
from connectors.vendors.elastic import states
from connectors.vendors.elastic.client import Client
from connectors.vendors.errors import NotFound, Refused, SignInRefused, VendorError
from connectors.vendors.http import Http

DEPLOYMENT = "deployment"
"""An account has one deployment, and so one pipeline."""
UNFINISHED = ("pending", "in_progress", "canceling", "suspended")
CANCELLABLE = ("pending", "in_progress", "suspended")
STARTED = frozenset({"in_progress", "completed"})
Jobs = Mapping[str, Sequence[Mapping[str, Any]]]


class ElasticAdapter:
    """See `vendors.base.Adapter`."""

    def __init__(self, config: AccountConfig, http: Http) -> None:
        self.client = Client(config, http)
        self.http = http
        self.name = str(config.settings.get("deployment") or httpx.URL(config.base_url).host)

    async def observe(self, watch: Watch) -> AccountSnapshot:
        """Five lists, however many connectors; and each job we wait for that has left them."""
        (found, count), *lists = await asyncio.gather(
            self.client.connectors(), *(self.client.jobs(status) for status in UNFINISHED)
        )
        jobs: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for job in (job for part in lists for job in part):
            jobs[str((job.get("connector") or {}).get("id", ""))].append(job)
        pipeline = PipelineSnapshot(DEPLOYMENT, self.name, State.RUNNING, "reachable", kind="Elasticsearch deployment")
        now = self.client.now()
        shown = [c for c in found if not c.get("deleted")]
        connectors = [self._connector(row, jobs[str(row["id"])], watch, now) for row in shown]
        operations = await self._operations(watch.operations, [job for part in lists for job in part])
        return AccountSnapshot(
            [pipeline], connectors, expected=count - (len(found) - len(shown)), operations=operations
        )

    def _connector(
        self, row: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]], watch: Watch, now: datetime
    ) -> ConnectorSnapshot:
        external_id = str(row["id"])
        intent = str((watch.memories.get(external_id) or {}).get("intent", ""))
        pending = watch.pending.get(external_id)
        if pending in {Verb.PAUSE, Verb.STOP}:
            intent = {Verb.PAUSE: "paused", Verb.STOP: "stopped"}[pending]
        verdict = states.judge(row, jobs, intent=intent, pending=pending, now=now)
        error = self.http.clean(verdict.note)
        is_bad = verdict.state in {State.FAILED, State.DEGRADED, State.UNCONFIGURED, State.UNKNOWN}
        schedules = {kind: dict((row.get("scheduling") or {}).get(kind) or {}) for kind in states.SCHEDULES}
        return ConnectorSnapshot(
            external_id=external_id,
            pipeline=DEPLOYMENT,
            name=str(row.get("name") or external_id),
            state=verdict.state,
            vendor_state=_words(row, jobs),
            direction=Direction.SOURCE,
            type=str(row.get("service_type") or ""),
            error=_cause(error) if is_bad else "",
            error_trace=error if is_bad and "\n" in error else "",
            whose="yours" if verdict.state is State.UNCONFIGURED else "",
            config={
                "index_name": row.get("index_name"),
                "service_type": row.get("service_type"),
                "scheduling": schedules,
            },
            facts={
                "last_sync_records": row.get("last_indexed_document_count"),  # of one sync: no counter to draw
                "last_sync_status": row.get("last_sync_status") or "",
                "last_synced": row.get("last_synced") or "",
                "silent_minutes": verdict.silent_minutes,
            },
        )

    async def _operations(self, wanted: Sequence[str], jobs: Sequence[Mapping[str, Any]]) -> dict[str, VendorOperation]:
        """A sync counts as done when the service has taken it up, as failed when it ended badly before we saw that."""
        statuses: dict[str, Mapping[str, Any]] = {str(job.get("id")): job for job in jobs}
        found = {}
        for job_id in wanted:
            try:
                job = statuses.get(job_id) or await self.client.job(job_id)
            except NotFound:
                continue
            status = str(job.get("status", ""))
            is_bad = status in {"error", "canceled"}
            error = self.http.clean(str(job.get("error") or f"the sync was {status}")) if is_bad else ""
            found[job_id] = VendorOperation(job_id, is_done=status in STARTED or is_bad, error=error)
        return found

    async def send(self, order: Order) -> Receipt:
        """Pause and stop switch schedules off and remember which were on; resume and start put those back."""
        connector = order.known.external_id
        if order.verb is Verb.SYNC_NOW:
            return await self._sync(connector)
        row = await self.client.connector(connector)
        schedules = {kind: dict((row.get("scheduling") or {}).get(kind) or {}) for kind in states.SCHEDULES}
        if order.verb in {Verb.PAUSE, Verb.STOP}:
            return await self._hold(order, schedules)
        wanted = order.memory.get("flags") or {"full": True}
        return await self._schedule(connector, schedules, wanted, memory={})

    async def _hold(self, order: Order, schedules: Mapping[str, Mapping[str, Any]]) -> Receipt:
        flags = {kind: bool(schedule.get("enabled")) for kind, schedule in schedules.items()}
        if not any(flags.values()):
            flags = dict(order.memory.get("flags") or {})
        intent = "paused" if order.verb is Verb.PAUSE else "stopped"
        connector = order.known.external_id
        receipt = await self._schedule(connector, schedules, {}, memory={"intent": intent, "flags": flags})
        for status in CANCELLABLE if order.verb is Verb.STOP else ("pending",):
            for job in await self.client.jobs_of(connector, status):
                if order.verb is Verb.STOP or job.get("trigger_method") == "scheduled":
                    await self._cancel(str(job["id"]))
        return receipt

    async def _cancel(self, job: str) -> None:
        """A job that is on its way out already cannot be cancelled, and need not be."""
        try:
            await self.client.cancel(job)
        except Refused as error:
            if "transition" not in str(error):
                raise

    async def _schedule(
        self,
        connector: str,
        schedules: Mapping[str, Mapping[str, Any]],
        flags: Mapping[str, bool],
        *,
        memory: Mapping[str, Any],
    ) -> Receipt:
        body = {
            kind: {"enabled": bool(flags.get(kind)), "interval": schedule.get("interval") or "0 0 0 * * ?"}
            for kind, schedule in schedules.items()
        }
        answer = await self.client.schedule(connector, body)
        return Receipt(
            memory=memory,
            request=f"PUT {answer.request.url.path}",
            reply=self.http.clean(f"{answer.status_code} {answer.text[:200]}"),
        )

    async def _sync(self, connector: str) -> Receipt:
        """One that waits or runs already is taken as ours: a second would only wait behind it."""
        for status in ("pending", "in_progress"):
            for job in await self.client.jobs_of(connector, status):
                if job.get("trigger_method") == "on_demand" and job.get("job_type", "full") == "full":
                    job_id = str(job["id"])
                    return Receipt(operation_id=job_id, proof=f"job {job_id} waits or runs already")
        answer = await self.client.sync(connector)
        job_id = str(self.http.json(answer)["id"])
        return Receipt(
            operation_id=job_id,
            proof=f"job {job_id}",
            request="POST /_connector/_sync_job",
            reply=f"{answer.status_code} {job_id}",
        )

    async def test(self) -> Sequence[Check]:
        """Whether the key may write shows at the first verb."""
        act = Check("act", None, "Not tried. The key needs the cluster privilege manage_connector.")
        try:
            found, count = await self.client.connectors()
        except SignInRefused as error:
            return [Check("reach", True, "answers"), Check("sign_in", False, f"{error}: check the key"),
                    Check("list", None, "not tried"), act]  # fmt: skip
        except Refused as error:
            return [Check("reach", True, "answers"), Check("sign_in", True, "accepted"),
                    Check("list", False, f"{error}: the key needs monitor_connector"), act]  # fmt: skip
        except VendorError as error:
            return [Check("reach", False, str(error)), Check("sign_in", None, "not tried"),
                    Check("list", None, "not tried"), act]  # fmt: skip
        listed = Check("list", True, f"{len(found)} of {count} connectors")
        return [Check("reach", True, "answers"), Check("sign_in", True, "accepted"), listed, act]


def _cause(error: str) -> str:
    """The first line, without the exception's class in front: `pkg.mod.SomeError: login failed` is `login failed`."""
    line = error.split("\n", 1)[0]
    return re.sub(r"^(?:\w+\.)+\w+: ", "", line)


def _words(row: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]) -> str:
    """`connected, sync in_progress, schedules off`"""
    parts = [str(row.get("status", ""))]
    parts += [f"sync {status}" for status in dict.fromkeys(str(job.get("status")) for job in jobs)]
    return ", ".join(parts if states.is_scheduled(row) else [*parts, "schedules off"])
