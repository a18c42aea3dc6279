"""Our verbs over one Confluent organization."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from connectors.states import Direction, State, Verb
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
    Unread,
    Watch,
)
from connectors.vendors.confluent import states
from connectors.vendors.confluent.client import Client
from connectors.vendors.errors import SignInRefused, VendorError
from connectors.vendors.http import Http

Whose = Literal["yours", "theirs", ""]


class ConfluentAdapter:
    """See `vendors.base.Adapter`. Ids are `environment/cluster/name` and, of a pipeline, `environment/cluster`."""

    def __init__(self, config: AccountConfig, http: Http) -> None:
        self.client = Client(config, http)
        self.http = http
        wanted = config.settings.get("environments") or []
        self.wanted = wanted.split() if isinstance(wanted, str) else list(wanted)

    async def observe(self, watch: Watch) -> AccountSnapshot:
        """One request for the environments, one for each environment, one for each cluster."""
        visible = await self.client.environments()
        lists = await asyncio.gather(
            *(self._pipelines(e) for e in visible if not self.wanted or e["id"] in self.wanted)
        )
        pipelines = [pipeline for read in lists if not isinstance(read, Unread) for pipeline in read]
        there = [p for p in pipelines if p.state is not State.PROVISIONING]
        lists_of = await asyncio.gather(*(self._listed(p.external_id) for p in there))
        self.http.end_reading()
        reads = [self._connectors(p.external_id, found, watch) for p, found in zip(there, lists_of, strict=True)]
        connectors = [connector for read in reads if not isinstance(read, Unread) for connector in read]
        hidden = [Unread(None, f"the key does not see environment {id_}") for id_ in self._hidden(visible)]
        unread = [*hidden, *(read for read in (*lists, *reads) if isinstance(read, Unread))]
        return AccountSnapshot(pipelines, connectors, unread=unread)

    def _hidden(self, visible: Sequence[Mapping[str, Any]]) -> list[str]:
        """What was asked for by its id and is not there, or not for this key."""
        return sorted(set(self.wanted) - {environment["id"] for environment in visible})

    async def _pipelines(self, environment: Mapping[str, Any]) -> list[PipelineSnapshot] | Unread:
        try:
            return [_pipeline(environment, cluster) for cluster in await self.client.clusters(environment["id"])]
        except SignInRefused:
            raise
        except VendorError as error:
            return Unread(None, f"environment {environment['id']}: {error}")

    async def _listed(self, pipeline: str) -> Mapping[str, Mapping[str, Any]] | Unread:
        try:
            return await self.client.connectors(*pipeline.split("/"))
        except SignInRefused:
            raise
        except VendorError as error:
            return Unread(pipeline, str(error))

    def _connectors(
        self, pipeline: str, found: Mapping[str, Mapping[str, Any]] | Unread, watch: Watch
    ) -> list[ConnectorSnapshot] | Unread:
        if isinstance(found, Unread):
            return found
        return [self._connector(pipeline, name, entry, watch) for name, entry in sorted(found.items())]

    def _connector(self, pipeline: str, name: str, entry: Mapping[str, Any], watch: Watch) -> ConnectorSnapshot:
        external_id = f"{pipeline}/{name}"
        status, info = entry.get("status") or {}, entry.get("info") or {}
        own, tasks = status.get("connector") or {}, status.get("tasks") or []
        words = [str(task.get("state", "")) for task in tasks]
        word = str(own.get("state", ""))
        state = states.whole(word, words, watch.pending.get(external_id))
        kind = str(info.get("type") or status.get("type") or "")
        is_invalid = bool(status.get("validation_errors"))
        whose: Whose = states.whose(words, is_invalid=is_invalid)  # type: ignore[assignment]  # one of these words
        return ConnectorSnapshot(
            external_id=external_id,
            pipeline=pipeline,
            name=name,
            state=state,
            vendor_state=_words(word, words),
            direction=Direction(kind) if kind in set(Direction) else Direction.UNKNOWN,
            type=str((info.get("config") or {}).get("connector.class", "")),
            tasks=[self._task(task) for task in tasks],
            error=self.http.clean(_cause(status)),
            error_trace=self.http.clean(str(own.get("trace") or "")),
            whose=whose if state in {State.FAILED, State.DEGRADED} else "",
            config=secrets.mask(info.get("config") or {}),
            facts={"id": str((entry.get("id") or {}).get("id", ""))},
        )

    def _task(self, task: Mapping[str, Any]) -> TaskSnapshot:
        word = str(task.get("state", ""))
        text = self.http.clean(str(task.get("trace") or task.get("msg") or ""))
        return TaskSnapshot(id=str(task.get("id", "")), state=states.task_state(word), vendor_state=word, trace=text)

    async def send(self, order: Order) -> Receipt:
        """Each is a wish that is answered with 202; a restart shows itself by its state on the way."""
        environment, cluster, name = order.known.external_id.split("/", 2)
        verb = {Verb.PAUSE: "pause", Verb.RESUME: "resume", Verb.RESTART: "restart"}[order.verb]
        answer = await self.client.act(environment, cluster, name, verb)
        return Receipt(
            request_id=answer.headers.get("x-request-id", ""),
            request=f"{answer.request.method} {answer.request.url.path}",
            reply=str(answer.status_code),
        )

    async def test(self) -> Sequence[Check]:
        """Roles cannot be asked for: whether the key may act shows at the first action."""
        act = Check(
            "act", None, "Pause, resume and restart take the role ConnectManager or higher; Operator only looks."
        )
        try:
            environments = await self.client.environments()
        except SignInRefused as error:
            told = f"{error}: give a key for cloud resource management, and its secret"
            return [
                Check("reach", True, "answers"),
                Check("sign_in", False, told),
                Check("list", None, "not tried"),
                act,
            ]
        except VendorError as error:
            return [Check("reach", False, str(error)), Check("sign_in", None, "not tried"),
                    Check("list", None, "not tried"), act]  # fmt: skip
        hidden = "".join(f"; {id_} is not among them" for id_ in self._hidden(environments))
        listed = Check("list", bool(environments) and not hidden, f"{len(environments)} environments{hidden}")
        return [Check("reach", True, "answers"), Check("sign_in", True, "accepted"), listed, act]


def _pipeline(environment: Mapping[str, Any], cluster: Mapping[str, Any]) -> PipelineSnapshot:
    phase = str((cluster.get("status") or {}).get("phase", ""))
    spec = cluster.get("spec") or {}
    return PipelineSnapshot(
        external_id=f"{environment['id']}/{cluster['id']}",
        name=str(spec.get("display_name") or cluster["id"]),
        state=states.PHASE.get(phase, State.UNKNOWN),
        vendor_state=phase,
        kind="Kafka cluster",
        labels={"environment": str(environment.get("display_name", "")), "region": str(spec.get("region", ""))},
        facts={"id": cluster["id"], "cloud": spec.get("cloud", "")},
    )


def _words(word: str, tasks: Sequence[str]) -> str:
    if not tasks or set(tasks) == {word}:
        return word
    return f"{word}, tasks: " + ", ".join(f"{tasks.count(task)} {task}" for task in dict.fromkeys(tasks))


def _cause(status: Mapping[str, Any]) -> str:
    """Their own order: the message for people, the summary, a task's message, the first line of the trace."""
    messages = [str(task.get("msg") or "") for task in status.get("tasks") or []]
    trace = str((status.get("connector") or {}).get("trace") or "")
    validation = status.get("validation_errors") or []
    candidates = (status.get("override_message"), status.get("error_summary"), *validation, *messages, trace)
    return next((str(text).strip().splitlines()[0] for text in candidates if text and str(text).strip()), "")
