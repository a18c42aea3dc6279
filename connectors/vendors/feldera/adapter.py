"""Our verbs over one Feldera server."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.states import Direction, State, Verb
from connectors.vendors import secrets
from connectors.vendors.base import (
    AccountConfig,
    AccountSnapshot,
    Check,
    ConnectorSnapshot,
    Metrics,
    Order,
    PipelineSnapshot,
    Receipt,
    Unread,
    Watch,
)
from connectors.vendors.errors import NotFound, SignInRefused, VendorError
from connectors.vendors.feldera import names, states
from connectors.vendors.feldera.client import Client
from connectors.vendors.http import Http

OUTPUTS_SINCE = (0, 340)
DROPS = "A paused output drops what the pipeline produces meanwhile; it is not sent later."
KINDS = {"inputs": ("tables", Direction.SOURCE), "outputs": ("views", Direction.SINK)}


class FelderaAdapter:
    """See `vendors.base.Adapter`. A connector's id is `pipeline id/endpoint`; pipelines are addressed by name."""

    def __init__(self, config: AccountConfig, http: Http) -> None:
        self.client = Client(config, http)
        self.http = http

    async def observe(self, watch: Watch) -> AccountSnapshot:
        """Two requests, and one for each pipeline: its figures while its process is up, else its program."""
        config, rows = await asyncio.gather(self.client.config(), self.client.pipelines())
        version = str(config.get("version", ""))
        is_open_source = "open" in str(config.get("edition", "")).lower()
        reads = await asyncio.gather(*(self._connectors(row, version) for row in rows))
        connectors = [c for read in reads if not isinstance(read, Unread) for c in read]
        return AccountSnapshot(
            [self._pipeline(row, is_open_source=is_open_source) for row in rows],
            connectors,
            unread=[read for read in reads if isinstance(read, Unread)],
            version=version,
        )

    def _pipeline(self, row: Mapping[str, Any], *, is_open_source: bool) -> PipelineSnapshot:
        error = row.get("deployment_error") or {}
        off = {}
        if is_open_source:
            off[Verb.STOP] = (
                "A stop with a checkpoint takes the Enterprise edition. This one can only be force-stopped."
            )
        return PipelineSnapshot(
            external_id=str(row["id"]),
            name=str(row["name"]),
            state=states.pipeline(row),
            vendor_state=_words(row),
            kind="pipeline",
            error=self.http.clean(str(error.get("message") or "").split("\n", 1)[0]),
            generation=str(row.get("deployment_id") or ""),
            vendor_desired=states.DESIRED.get(str(row.get("deployment_desired_status"))),
            labels={str(tag): "" for tag in row.get("tags") or []},
            verbs_off=off,
            facts={"name": row["name"], "program_status": row.get("program_status", "")},
        )

    async def _connectors(self, row: Mapping[str, Any], version: str) -> list[ConnectorSnapshot] | Unread:
        name = str(row["name"])
        try:
            if row.get("deployment_status") in states.HAS_PROCESS:
                return list(self._of_stats(row, await self.client.stats(name), version))
            return list(self._of_program(row, await self.client.program(name), version))
        except SignInRefused:
            raise
        except VendorError as error:
            return Unread(str(row["id"]), str(error))

    def _of_stats(self, row: Mapping[str, Any], stats: Mapping[str, Any], version: str) -> Iterator[ConnectorSnapshot]:
        for kind in KINDS:
            for entry in stats.get(kind) or []:
                if not names.is_ephemeral(entry["endpoint_name"]):
                    yield self._connector(row, kind, entry["endpoint_name"], entry, entry.get("config") or {}, version)

    def _of_program(
        self, row: Mapping[str, Any], program: Mapping[str, Any], version: str
    ) -> Iterator[ConnectorSnapshot]:
        for kind in KINDS:
            for endpoint, config in (program.get(f"{kind.removesuffix('s')}_connectors") or {}).items():
                yield self._connector(row, kind, endpoint, {"paused": config.get("paused", False)}, config, version)

    def _connector(
        self,
        row: Mapping[str, Any],
        kind: str,
        endpoint: str,
        entry: Mapping[str, Any],
        config: Mapping[str, Any],
        version: str,
    ) -> ConnectorSnapshot:
        above = states.pipeline(row)
        state = states.connector(entry, above)
        error = self.http.clean(str(entry.get("fatal_error") or (entry.get("health") or {}).get("description") or ""))
        stream = str(config.get("stream") or endpoint.split(".", 1)[0])
        facts = {"pipeline": row["name"], "kind": kind, "stream": stream, "endpoint": endpoint}
        if kind == "outputs":
            facts["consequence"] = {str(Verb.PAUSE): DROPS}
        return ConnectorSnapshot(
            external_id=f"{row['id']}/{endpoint}",
            pipeline=str(row["id"]),
            name=endpoint,
            state=state,
            vendor_state="paused" if entry.get("paused") else str(row.get("deployment_status", "")),
            direction=KINDS[kind][1],
            type=str((config.get("transport") or {}).get("name", "")),
            error=error.split("\n", 1)[0],
            error_trace=error,
            generation=str(row.get("deployment_id") or ""),
            config=secrets.mask(config),
            metrics=_metrics(entry.get("metrics")),
            verbs_off=self._off(kind, above, row, version),
            facts=facts,
        )

    @staticmethod
    def _off(kind: str, above: State, row: Mapping[str, Any], version: str) -> dict[Verb, str]:
        if kind == "outputs" and not _controls_outputs(version):
            return dict.fromkeys(
                (Verb.PAUSE, Verb.RESUME), f"Outputs can be paused from Feldera 0.340 on; this is {version}."
            )
        if above not in {State.RUNNING, State.PAUSED, State.DEGRADED}:
            why = f"Pipeline {row['name']} is {above}: its connectors can be paused or resumed only while it is up."
            return dict.fromkeys((Verb.PAUSE, Verb.RESUME), why)
        return {}

    async def send(self, order: Order) -> Receipt:
        """A connector's flag is flipped when this returns; a pipeline changes later."""
        if order.known.target == "connector":
            facts = order.known.facts
            endpoint, stream = str(facts["endpoint"]), str(facts["stream"])
            verb = "pause" if order.verb is Verb.PAUSE else "start"
            part = names.connector_part(endpoint, stream)
            kind = KINDS[str(facts["kind"])][0]
            answer = await self.client.act_on_connector(str(facts["pipeline"]), kind, stream, part, verb)
        else:
            verb, params = {
                Verb.START: ("start", {}),
                Verb.PAUSE: ("pause", {}),
                Verb.RESUME: ("resume", {}),
                Verb.STOP: ("stop", {"force": "false"}),
                Verb.FORCE_STOP: ("stop", {"force": "true"}),
            }[order.verb]
            answer = await self.client.act(str(order.known.facts["name"]), verb, **params)
        return Receipt(
            request=f"{answer.request.method} {answer.request.url.path}",
            reply=self.http.clean(f"{answer.status_code} {answer.text[:300]}").strip(),
        )

    async def test(self) -> Sequence[Check]:
        """Which role a key has cannot be asked for: the first verb shows it."""
        act = Check("act", None, "Not tried. The key needs the role write.")
        try:
            found = await self.client.pipelines()
        except SignInRefused as error:
            return [Check("reach", True, "answers"), Check("sign_in", False, f"{error}: check the key"),
                    Check("list", None, "not tried"), act]  # fmt: skip
        except NotFound:
            return [Check("reach", False, "this is not a Feldera server: check the address"),
                    Check("sign_in", None, "not tried"), Check("list", None, "not tried"), act]  # fmt: skip
        except VendorError as error:
            return [Check("reach", False, str(error)), Check("sign_in", None, "not tried"),
                    Check("list", None, "not tried"), act]  # fmt: skip
        listed = Check("list", True, f"{len(found)} pipelines")
        return [Check("reach", True, "answers"), Check("sign_in", True, "accepted, or switched off"), listed, act]


def _words(row: Mapping[str, Any]) -> str:
    """`Running`, or `Running → Paused` while it is being steered elsewhere."""
    now, wanted = str(row.get("deployment_status", "")), str(row.get("deployment_desired_status") or "")
    return now if wanted in {"", now} else f"{now} → {wanted}"


def _metrics(given: Mapping[str, Any] | None) -> Metrics | None:
    if not given:
        return None
    errors = [value for key, value in given.items() if key.startswith("num_") and key.endswith("_errors")]
    return Metrics(
        records_total=given.get("total_records", given.get("transmitted_records")),
        bytes_total=given.get("total_bytes", given.get("transmitted_bytes")),
        errors_total=sum(errors),
        lag=given.get("buffered_records", given.get("queued_records")),
    )


def _controls_outputs(version: str) -> bool:
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return tuple(numbers) >= OUTPUTS_SINCE
