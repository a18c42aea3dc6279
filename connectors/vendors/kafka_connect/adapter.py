"""Our verbs over one Connect cluster."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from connectors.states import LABELS, Direction, State, Verb
from connectors.vendors import secrets
from connectors.vendors.base import (
    AccountConfig,
    AccountSnapshot,
    Check,
    ConnectorSnapshot,
    Order,
    PipelineSnapshot,
    Receipt,
    TaskSnapshot,
    Watch,
)
from connectors.vendors.errors import NotAllowed, SignInRefused, VendorError
from connectors.vendors.http import Http
from connectors.vendors.kafka_connect import states
from connectors.vendors.kafka_connect.client import Client

CLUSTER = "cluster"
"""An account has one Connect cluster, and so one pipeline."""
SINCE = {Verb.STOP: (3, 5), Verb.RESTART_FAILED: (3, 0)}
"""Older workers answer a stop with 404, and take a restart of failed tasks for one of the connector object alone."""


class KafkaConnectAdapter:
    """See `vendors.base.Adapter`."""

    def __init__(self, config: AccountConfig, http: Http) -> None:
        self.client = Client(config, http)
        self.http = http
        self.name = config.base_url.rstrip("/").rsplit("/", 1)[-1]

    async def observe(self, watch: Watch) -> AccountSnapshot:
        """Three requests, however many connectors. What the map lacks but the list has is starting, not gone."""
        version, names, expanded = await asyncio.gather(
            self.client.version(), self.client.names(), self.client.expanded()
        )
        self.http.end_reading()
        off = _too_new(version)
        pipeline = PipelineSnapshot(
            CLUSTER, self.name, State.RUNNING, "reachable", kind="Connect cluster", facts={"version": version}
        )
        found = [self._connector(name, expanded.get(name, {}), off) for name in sorted({*names, *expanded})]
        return AccountSnapshot([pipeline], found, expected=len({*names, *expanded}), version=version)

    def _connector(self, name: str, entry: Mapping[str, Any], off: Mapping[Verb, str]) -> ConnectorSnapshot:
        status, info = entry.get("status") or {}, entry.get("info") or {}
        config = info.get("config") or {}
        tasks = sorted(status.get("tasks") or [], key=lambda task: task.get("id", 0))
        own = status.get("connector") or {}
        verdict = states.Verdict(State.STARTING, "no status yet")
        if status:
            verdict = states.whole(str(own.get("state", "")), tasks, configured=len(info.get("tasks") or []))
        trace = str(own.get("trace") or next((t["trace"] for t in tasks if t.get("trace")), ""))
        trace = self.http.clean(trace) if verdict.state in {State.FAILED, State.DEGRADED} else ""
        kind = str(info.get("type") or status.get("type") or "")
        return ConnectorSnapshot(
            external_id=name,
            pipeline=CLUSTER,
            name=name,
            state=verdict.state,
            vendor_state=_words(own, tasks),
            direction=Direction(kind) if kind in set(Direction) else Direction.UNKNOWN,
            type=str(config.get("connector.class", "")),
            tasks=[self._task(task) for task in tasks],
            error=cause_line(trace) or (verdict.note if verdict.state is not State.RUNNING else ""),
            error_trace=trace,
            config=secrets.mask(config),
            verbs_off=_unaddressable(off) if "/" in name else dict(off),
        )

    def _task(self, task: Mapping[str, Any]) -> TaskSnapshot:
        word = str(task.get("state", ""))
        return TaskSnapshot(
            id=str(task.get("id", "")),
            state=states.part_state(word),
            vendor_state=word,
            worker=str(task.get("worker_id", "")),
            trace=self.http.clean(str(task.get("trace") or "")),
        )

    async def send(self, order: Order) -> Receipt:
        """Start is resume here. A restart proves itself by the document in its answer."""
        name = order.known.external_id
        if order.verb is Verb.PAUSE:
            answer = await self.client.pause(name)
        elif order.verb in {Verb.RESUME, Verb.START}:
            answer = await self.client.resume(name)
        elif order.verb is Verb.STOP:
            answer = await self.client.stop(name)
        elif order.verb is Verb.RESTART_TASK:
            answer = await self.client.restart_task(name, order.task)
        else:
            answer = await self.client.restart(name, only_failed=order.verb is Verb.RESTART_FAILED)
        return Receipt(
            proof=_task_proof(answer, order.task) if order.task else _proof(answer),
            request=f"{answer.request.method} {answer.request.url.path}",
            reply=self.http.clean(f"{answer.status_code} {answer.text[:300]}").strip(),
        )

    async def test(self) -> Sequence[Check]:
        """A worker has no roles to ask for: what can list can act."""
        try:
            version = await self.client.version()
        except SignInRefused as error:
            return [
                Check("reach", True, "the worker answers"),
                Check("sign_in", False, f"{str(error).rstrip('.')}: check user name and password"),
                Check("list", None, "not tried"),
                Check("act", None, "not tried"),
            ]
        except VendorError as error:
            skipped = [Check(name, None, "not tried") for name in ("sign_in", "list", "act")]
            return [Check("reach", False, f"{str(error).rstrip('.')}: check the address"), *skipped]
        try:
            found = len(await self.client.names())
        except (VendorError, NotAllowed) as error:
            listed = Check("list", False, str(error))
        else:
            listed = Check("list", True, f"{found} connectors")
        return [
            Check("reach", True, f"Kafka Connect {version}"),
            Check("sign_in", True, "accepted, or none is asked for"),
            listed,
            Check("act", None, "not tried: it would change something. A worker that can be read can be asked."),
        ]


def cause_line(trace: str) -> str:
    """This will find the line of a Java trace that says most: the last cause, without the exception's package."""
    lines = [
        line.strip() for line in trace.splitlines() if line.strip() and not line.lstrip().startswith(("at ", "..."))
    ]
    if not lines:
        return ""
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    name, _, words = (causes[-1] if causes else lines[0]).partition(": ")
    return words or name.rsplit(".", 1)[-1]


def _words(own: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]]) -> str:
    """`RUNNING, tasks: 2 RUNNING, 1 FAILED`; the connector's word alone where the tasks say the same."""
    word = str(own.get("state", ""))
    others = [str(task.get("state", "")) for task in tasks]
    if not others or set(others) == {word}:
        return word
    counts = ", ".join(f"{others.count(state)} {state}" for state in dict.fromkeys(others))
    return f"{word}, tasks: {counts}"


def _proof(answer: httpx.Response) -> str:
    """A restart that was carried out answers with what is being restarted."""
    try:
        body = json.loads(answer.content or b"null")
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    parts = [body.get("connector") or {}, *(body.get("tasks") or [])]
    marked = sum(part.get("state") == "RESTARTING" for part in parts)
    return f"the worker answered {answer.status_code}, {marked} parts RESTARTING" if marked else ""


def _task_proof(answer: httpx.Response, task: str) -> str:
    """Unlike the others this one answers when it has been done; that the task runs, only an observation shows."""
    return f"the worker answered {answer.status_code}: task {task} was restarted"


def _too_new(version: str) -> dict[Verb, str]:
    """What this worker does not have yet; a version that cannot be read hides nothing."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    return {
        verb: f"{LABELS[verb]} needs Kafka Connect {since[0]}.{since[1]}; this is {version}."
        for verb, since in SINCE.items()
        if len(numbers) == len(since) and numbers < since
    }


def _unaddressable(off: Mapping[Verb, str]) -> dict[Verb, str]:
    words = (
        "Its name holds a slash, so the worker's own interface cannot address it. Create it anew under another name."
    )
    return {**dict.fromkeys(Verb, words), **off}
