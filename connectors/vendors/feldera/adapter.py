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
from connectors.vendors.feldera.programs import Programs
from connectors.vendors.http import Http

OLDEST = (0, 148)
"""Before, `/start` resumed, `/pause` started, and there was no `/resume`."""
OUTPUTS_SINCE = (0, 340)
DROPS = "A paused output drops what the pipeline produces meanwhile; it is not sent later."
KINDS = {"inputs": ("tables", Direction.SOURCE), "outputs": ("views", Direction.SINK)}


class FelderaAdapter:
    """See `vendors.base.Adapter`. A connector's id is `pipeline id/endpoint`; pipelines are addressed by name."""

    def __init__(self, config: AccountConfig, http: Http) -> None:
        self.client = Client(config, http)
        self.http = http
        self.console = f"{config.base_url.rstrip('/')}/"  # "web console: any unknown path outside /v0"; README.md
        self.programs = Programs(self.client, f"{config.base_url}\n{config.settings.get('tenant') or ''}")
        self._server: dict[str, Any] = {}

    async def _about(self) -> dict[str, Any]:
        """Version and edition, once in a slice."""
        self._server = self._server or await self.client.config()
        return self._server

    async def observe(self, watch: Watch) -> AccountSnapshot:
        """
        Two requests, and one for each pipeline that is up: its figures.

        They do not say what a connector is made of, nor is there anything of the kind for a pipeline that is not up:
        that comes from the programs, read once for as long as they stay as they are.
        """
        config, rows = await asyncio.gather(self._about(), self.client.pipelines())
        version = str(config.get("version", ""))
        is_open_source = "open" in str(config.get("edition", "")).lower()
        programs = await self.programs.of(rows)
        figures = await asyncio.gather(*(self._figures(row) for row in rows))
        self.http.end_reading()
        reads = [
            self._connectors(row, found, programs.get(str(row["id"])), version)
            for row, found in zip(rows, figures, strict=True)
        ]
        connectors = [c for read in reads if not isinstance(read, Unread) for c in read]
        return AccountSnapshot(
            [self._pipeline(row, is_open_source=is_open_source) for row in rows],
            connectors,
            unread=[read for read in reads if isinstance(read, Unread)],
            version=version,
        )

    def _pipeline(self, row: Mapping[str, Any], *, is_open_source: bool) -> PipelineSnapshot:
        off = dict(states.verbs_off(row))
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
            error=self.http.clean(states.trouble(row).split("\n", 1)[0]),
            generation=str(row.get("deployment_id") or ""),
            vendor_desired=states.DESIRED.get(str(row.get("deployment_desired_status"))),
            labels={str(tag): "" for tag in row.get("tags") or []},
            verbs_off=off,
            facts={"name": row["name"], "program_status": row.get("program_status", "")},
        )

    async def _figures(self, row: Mapping[str, Any]) -> Mapping[str, Any] | VendorError | None:
        """What a pipeline that is up counts; None for one that is not."""
        if row.get("deployment_status") not in states.HAS_PROCESS:
            return None
        try:
            return await self.client.stats(str(row["name"]))
        except SignInRefused:
            raise
        except VendorError as error:
            return error

    def _connectors(
        self,
        row: Mapping[str, Any],
        figures: Mapping[str, Any] | VendorError | None,
        program: Mapping[str, Any] | None,
        version: str,
    ) -> list[ConnectorSnapshot] | Unread:
        if isinstance(figures, VendorError):
            return Unread(str(row["id"]), str(figures))
        if figures is not None:
            return list(self._of_stats(row, figures, program or {}, version))
        if program is None:
            return Unread(str(row["id"]), f"its program could not be read: {self.programs.trouble}")
        return list(self._of_program(row, program, version))

    def _of_stats(
        self, row: Mapping[str, Any], stats: Mapping[str, Any], program: Mapping[str, Any], version: str
    ) -> Iterator[ConnectorSnapshot]:
        for kind in KINDS:
            configured = program.get(_of(kind)) or {}
            for entry in stats.get(kind) or []:
                endpoint = str(entry["endpoint_name"])
                config = {**configured.get(endpoint, {}), **(entry.get("config") or {})}
                if not names.is_ephemeral(endpoint, _stream(endpoint, config)):
                    yield self._connector(row, kind, endpoint, entry, config, version)

    def _of_program(
        self, row: Mapping[str, Any], program: Mapping[str, Any], version: str
    ) -> Iterator[ConnectorSnapshot]:
        for kind in KINDS:
            for endpoint, config in (program.get(_of(kind)) or {}).items():
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
        facts = {"pipeline": row["name"], "kind": kind, "stream": _stream(endpoint, config), "endpoint": endpoint}
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
            vendor_desired=states.wanted(entry) if row.get("deployment_status") in states.HAS_PROCESS else None,
            config=secrets.mask(config),
            metrics=_metrics(entry.get("metrics")),
            verbs_off=self._off(kind, above, row, version),
            facts=facts,
            console_url=self.console,
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
            config, found = await self._about(), await self.client.pipelines()
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
        version = str(config.get("version", ""))
        if version and _numbers(version) < OLDEST:
            act = Check("act", False, f"This is {version}: its verbs meant other things before 0.148. Upgrade it.")
        reached = Check("reach", True, f"Feldera {version}, {config.get('edition', 'edition not told')}")
        return [reached, Check("sign_in", True, "accepted, or switched off"), listed, act]


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


def _of(kind: str) -> str:
    """Where a program keeps `inputs` or `outputs`."""
    return f"{kind.removesuffix('s')}_connectors"


def _stream(endpoint: str, config: Mapping[str, Any]) -> str:
    return str(config.get("stream") or endpoint.split(".", 1)[0])


def _controls_outputs(version: str) -> bool:
    return _numbers(version) >= OUTPUTS_SINCE


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
