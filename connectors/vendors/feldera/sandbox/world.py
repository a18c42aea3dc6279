"""A pretend Feldera server: pipelines with a process that comes and goes, connectors with one flag each."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.vendors.feldera import names, states
from connectors.vendors.feldera.sandbox import estate, figures
from connectors.vendors.sandbox import Truth, World

RESOURCES = {"Stopped": "Stopped", "Stopping": "Stopping", "Provisioning": "Provisioning"}
"""Of the process; once it is there, what runs in it has words of its own."""


@dataclass
class Connector:
    """One endpoint. Its counter is worked out from the time it has been read."""

    endpoint: str
    stream: str
    kind: str
    transport: str
    configured_paused: bool = False
    is_paused: bool = False
    fatal_error: str | None = None
    rate: float = 0.0
    is_finished: bool = False
    base: float = 0.0
    """Records counted up to `since`."""
    since: float = 0.0


@dataclass
class Pipeline:
    """One pipeline: where it is, and where it is being steered."""

    id: str
    name: str
    status: str
    desired: str
    connectors: dict[str, Connector] = field(default_factory=dict)
    deployment: str | None = None
    error: str | None = None
    program_status: str = "Success"
    program_version: int = 2
    tags: Sequence[str] = ()
    odd_word: str = ""
    initial: str = "Running"
    """What it was asked to be once its process is up."""
    guests: Sequence[str] = ()
    checkpoint: dict[str, bool] | None = None
    """Flags as of the latest one; None where there is none, as always in the open-source edition."""


class FelderaWorld(World):
    """`pipelines` by name."""

    version = "0.341.0"
    edition = "Open source"

    @property
    def has_output_control(self) -> bool:
        """From 0.340 on outputs have a flag and verbs."""
        return tuple(int(part) for part in self.version.split(".")[:2]) >= (0, 340)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.pipelines: dict[str, Pipeline] = {}
        self.began = self.clock.now()
        self._fill(estate.DEMO)

    def _fill(self, plan: Sequence[estate.Planned]) -> None:
        self.pipelines = {planned.name: self._make(planned) for planned in plan}

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def _make(self, planned: estate.Planned) -> Pipeline:
        up = planned.status in {"Running", "Paused"}
        made = Pipeline(
            self._uuid(), planned.name, planned.status, planned.status, tags=planned.tags, guests=planned.guests
        )
        made.deployment = self._uuid() if up else None
        made.error = planned.error
        for endpoint in planned.endpoints:
            connector = Connector(endpoint.name, endpoint.stream, endpoint.kind, endpoint.transport, endpoint.is_paused)
            connector.is_paused, connector.fatal_error = endpoint.is_paused, endpoint.fatal_error
            connector.is_finished = endpoint.is_finished
            connector.rate = self.random.uniform(20, 2400)
            connector.base, connector.since = connector.rate * self.random.uniform(600, 9000), self.clock.now()
            made.connectors[endpoint.name] = connector
        return made

    def populate(self, connectors: int) -> None:
        """This will make pipelines of 20 connectors each."""
        self._fill(estate.made_up(connectors))

    def truth(self) -> Sequence[Truth]:
        """See `World.truth`."""
        found = []
        for pipeline in self.pipelines.values():
            above = states.pipeline(self.row(pipeline))
            found.append(Truth("pipeline", pipeline.id, pipeline.name, above, pipeline.status))
            for c in pipeline.connectors.values():
                state = states.connector(self.stats(pipeline, c), above)
                found.append(Truth("connector", f"{pipeline.id}/{c.endpoint}", c.endpoint, state, pipeline.status))
        return found

    # What the interface shows

    def row(self, pipeline: Pipeline) -> dict[str, Any]:
        """This will give a pipeline's status."""
        since = datetime.fromtimestamp(self.began, UTC).isoformat()
        is_up = pipeline.status in states.HAS_PROCESS
        error: dict[str, Any] = {"message": pipeline.error, "error_code": "RuntimeError.WorkerPanic", "details": {}}
        return {
            "id": pipeline.id,
            "name": pipeline.name,
            "description": "",
            "tags": list(pipeline.tags),
            "created_at": since,
            "version": 3,
            "refresh_version": 3,
            "platform_version": self.version,
            "program_version": pipeline.program_version,
            "program_status": pipeline.program_status,
            "program_status_since": since,
            "storage_status": "InUse",
            "deployment_id": pipeline.deployment,
            "deployment_error": error if pipeline.error else None,
            "deployment_status": pipeline.odd_word or pipeline.status,
            "deployment_status_since": since,
            "deployment_desired_status": pipeline.desired,
            "deployment_desired_status_since": since,
            "deployment_resources_status": RESOURCES.get(pipeline.status, "Provisioned"),
            "deployment_resources_status_since": since,
            "deployment_resources_desired_status": "Stopped" if pipeline.desired == "Stopped" else "Provisioned",
            "deployment_resources_desired_status_since": since,
            "deployment_runtime_status": pipeline.status if is_up else None,
            "deployment_runtime_status_since": since if is_up else None,
            "deployment_runtime_desired_status": pipeline.desired if is_up else None,
            "deployment_runtime_desired_status_since": since if is_up else None,
        }

    def counted(self, pipeline: Pipeline, connector: Connector) -> int:
        """This will give how many records a connector has moved by now."""
        moving = self.moves(pipeline, connector)
        return int(connector.base + (connector.rate * (self.clock.now() - connector.since) if moving else 0))

    @staticmethod
    def moves(pipeline: Pipeline, connector: Connector) -> bool:
        """This will tell whether it moves data: both run."""
        held = connector.is_paused or connector.fatal_error or connector.is_finished
        return pipeline.status == "Running" and not held

    def _settle_counts(self, pipeline: Pipeline) -> None:
        for connector in pipeline.connectors.values():
            connector.base, connector.since = float(self.counted(pipeline, connector)), self.clock.now()

    def stats(self, pipeline: Pipeline, connector: Connector) -> dict[str, Any]:
        """This will give one element of the live figures."""
        total = self.counted(pipeline, connector)
        if connector.kind == "inputs":
            return figures.endpoint(
                connector.endpoint, connector.stream, figures.input_metrics(total, is_at_end=connector.is_finished),
                fatal_error=connector.fatal_error, is_paused=connector.is_paused,
            )  # fmt: skip
        shown = figures.endpoint(
            connector.endpoint, connector.stream, figures.output_metrics(total),
            fatal_error=connector.fatal_error, is_paused=connector.is_paused,
        )  # fmt: skip
        if not self.has_output_control:
            del shown["paused"]
        return shown

    # What it does

    def start(self, pipeline: Pipeline, initial: str = "Running") -> None:
        """This will bring up a process, in steps; flags are as of the checkpoint, or as configured without one."""
        pipeline.desired, pipeline.initial, pipeline.error = initial, initial, None
        self.later(0.6, lambda: self._step(pipeline, initial, "Provisioning"))
        self.later(1.8, lambda: self._step(pipeline, initial, "Initializing"))
        self.later(3.0, lambda: self._up(pipeline))

    def _step(self, pipeline: Pipeline, wish: str, status: str) -> None:
        if pipeline.desired == wish:
            self._settle_counts(pipeline)
            pipeline.status = status

    def _up(self, pipeline: Pipeline) -> None:
        if pipeline.desired != pipeline.initial:
            return
        pipeline.deployment = self._uuid()
        flags = pipeline.checkpoint or {}
        for connector in pipeline.connectors.values():
            connector.is_paused = flags.get(connector.endpoint, connector.configured_paused)
            connector.fatal_error = None
        self._step(pipeline, pipeline.initial, pipeline.initial)

    def hold(self, pipeline: Pipeline, wish: str) -> None:
        """This will pause or resume."""
        pipeline.desired = wish
        self.later(self.random.uniform(0.5, 1.5), lambda: self._step(pipeline, wish, wish))

    def stop(self, pipeline: Pipeline) -> None:
        """This will take the process away."""
        pipeline.desired = "Stopped"
        self.later(0.5, lambda: self._step(pipeline, "Stopped", "Stopping"))
        self.later(2.0, lambda: self._down(pipeline))

    def suspend(self, pipeline: Pipeline) -> None:
        """This will write a checkpoint, and then take the process away."""
        pipeline.desired = "Suspended"
        self.later(0.5, lambda: self._kept(pipeline))

    def _kept(self, pipeline: Pipeline) -> None:
        if pipeline.desired == "Suspended":
            pipeline.checkpoint = {c.endpoint: c.is_paused for c in pipeline.connectors.values()}
            self.stop(pipeline)

    def _down(self, pipeline: Pipeline) -> None:
        self._step(pipeline, "Stopped", "Stopped")
        pipeline.deployment = None

    def flag(self, pipeline: Pipeline, connector: Connector, *, is_paused: bool) -> None:
        """This will flip a connector's flag, at once."""
        self._settle_counts(pipeline)
        connector.is_paused = is_paused

    def find(self, external_id: str) -> tuple[Pipeline, Connector | None]:
        """
        This will find a pipeline or a connector by our id.

        :raises LookupError: there is none
        """
        pipeline_id, _, endpoint = external_id.partition("/")
        pipeline = next((p for p in self.pipelines.values() if p.id == pipeline_id), None)
        if pipeline is None or (endpoint and endpoint not in pipeline.connectors):
            raise LookupError(external_id)
        return pipeline, pipeline.connectors.get(endpoint)

    def by_path(self, pipeline: Pipeline, kind: str, relation: str, part: str) -> Connector | None:
        """This will find a connector as an address names it: the relation as SQL would read it."""
        endpoint = f"{names.canonical(relation)}.{part}"
        found = pipeline.connectors.get(endpoint)
        return found if found and found.kind == kind else None

    def nudge(self, external_id: str, change: str) -> None:
        """See `World.nudge`."""
        pipeline, connector = self.find(external_id)
        self._settle_counts(pipeline)
        if connector is None:
            self._nudge_pipeline(pipeline, change)
        elif change in {"pause", "resume", "start"}:
            connector.is_paused = change == "pause"
        elif change == "fail":
            connector.fatal_error = "the input topic was deleted"
        elif change == "recover":
            connector.fatal_error, connector.is_paused = None, False
        elif change == "vanish":
            del pipeline.connectors[connector.endpoint]
            pipeline.program_version += 1
        elif change == "puzzle":
            pipeline.odd_word = "Levitating"
        else:
            raise ValueError(change)

    @staticmethod
    def _nudge_pipeline(pipeline: Pipeline, change: str) -> None:
        statuses = {"pause": "Paused", "resume": "Running", "start": "Running", "stop": "Stopped", "recover": "Running"}
        if change == "fail":
            pipeline.status = pipeline.desired = "Stopped"
            pipeline.error = "the process ran out of memory"
        elif change == "puzzle":
            pipeline.odd_word = "Levitating"
        elif change in statuses:
            pipeline.status = pipeline.desired = statuses[change]
            pipeline.error = None
        else:
            raise ValueError(change)
