"""A pretend deployment: a registry of documents, and a connector service that looks at them now and then."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from connectors.states import State
from connectors.vendors.elastic import states
from connectors.vendors.elastic.sandbox import estate
from connectors.vendors.sandbox import Truth, World

POLL = 2.0
"""Seconds between two looks of the service; the real one takes 30."""
TRANSITIONS = {
    "created": {"needs_configuration", "error"},
    "needs_configuration": {"configured", "error"},
    "configured": {"needs_configuration", "configured", "connected", "error"},
    "connected": {"connected", "configured", "error"},
    "error": {"connected", "configured", "error"},
}
CANCELS = {"pending": "canceled", "suspended": "canceled", "in_progress": "canceling"}


class ElasticWorld(World):
    """`connectors` and `jobs` by id, as documents."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.connectors: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.silent: set[str] = set()
        self.silence = 7200.0
        """Seconds since the service of the silent ones last looked."""
        self._fill(estate.DEMO)

    def _fill(self, plan: Sequence[estate.Planned]) -> None:
        self.connectors, self.jobs, self.silent = {}, {}, set()
        for planned in plan:
            self.connectors[planned.id] = planned.document()
            self.connectors[planned.id]["last_synced"] = self.stamp(-600)
            if planned.is_silent:
                self.silent.add(planned.id)
            if planned.is_syncing:
                self._take(self.create_job(planned.id, "full", "scheduled"), seconds=900)

    def stamp(self, ago: float = 0.0) -> str:
        """This will give a time as Elasticsearch writes it."""
        moment = self.utc() + timedelta(seconds=ago)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def populate(self, connectors: int) -> None:
        """See `World.populate`."""
        self._fill(estate.made_up(connectors))

    def document(self, connector: str) -> dict[str, Any]:
        """This will give a connector's document with the service's sign of life as of now."""
        found = dict(self.connectors[connector])
        if found["status"] not in {"created"}:
            found["last_seen"] = self.stamp(-self.silence if connector in self.silent else -(self.clock.now() % 30))
        return found

    def unfinished(self, connector: str) -> list[dict[str, Any]]:
        """This will list a connector's jobs that have not ended."""
        ends = {"completed", "canceled", "error"}
        return [job for job in self.jobs.values() if job["connector"]["id"] == connector and job["status"] not in ends]

    def truth(self) -> Sequence[Truth]:
        """See `World.truth`. Paused and stopped are one thing here: off."""
        found = [Truth("pipeline", "deployment", "deployment", State.RUNNING, "reachable")]
        now = self.utc()
        for id_, kept in self.connectors.items():
            document = self.document(id_)
            verdict = states.judge(document, self.unfinished(id_), intent=self._intent(id_), pending=None, now=now)
            found.append(Truth("connector", id_, kept["name"], verdict.state, kept["status"]))
        return found

    def _intent(self, connector: str) -> str:
        """What the last verb was, as the record has it; the deployment itself cannot tell."""
        verbs = [act.verb for act in self.acts if act.external_id == connector and act.verb in {"schedule", "cancel"}]
        return "paused" if verbs and verbs[-1] == "schedule" else ""

    # Jobs

    def create_job(self, connector: str, kind: str, trigger: str) -> str:
        """This will put a job into the queue; the service takes it up at its next look."""
        job = f"job{len(self.jobs):05}{self.random.randrange(36**6):06x}"
        kept = self.connectors[connector]
        copied = ("configuration", "filtering", "index_name", "language", "service_type")
        self.jobs[job] = {
            "id": job,
            "connector": {"id": connector, **{key: kept[key] for key in copied if kept.get(key) is not None}},
            "job_type": kind,
            "trigger_method": trigger,
            "status": "pending",
            "created_at": self.stamp(),
            "indexed_document_count": 0,
            "indexed_document_volume": 0,
            "deleted_document_count": 0,
            "total_document_count": 0,
            "metadata": {},
        }
        if connector not in self.silent:
            self.later(POLL, lambda: self._take(job))
        return job

    def _take(self, job: str, seconds: float = 20.0) -> None:
        if self.jobs[job]["status"] == "pending":
            self.jobs[job] |= {"status": "in_progress", "started_at": self.stamp()}
            self.later(seconds, lambda: self._complete(job))

    def _complete(self, job: str) -> None:
        if self.jobs[job]["status"] == "in_progress":
            self.jobs[job]["status"] = "completed"
            document = self.connectors[self.jobs[job]["connector"]["id"]]
            document["last_sync_status"], document["last_synced"] = "completed", self.stamp()
            document["last_indexed_document_count"] = int(document.get("last_indexed_document_count") or 0) + 240

    def cancel(self, job: str) -> None:
        """This will cancel at once what waits, and later what runs."""
        self.jobs[job]["status"] = CANCELS[self.jobs[job]["status"]]
        if self.jobs[job]["status"] == "canceling":
            self.jobs[job]["cancelation_requested_at"] = self.stamp()
            self.later(1.5, lambda: self.jobs[job].update(status="canceled"))

    def schedule(self, connector: str, scheduling: Mapping[str, Any]) -> None:
        """This will merge schedules; kinds that are not named keep theirs."""
        self.connectors[connector]["scheduling"] |= dict(scheduling)

    def nudge(self, external_id: str, change: str) -> None:
        """See `World.nudge`."""
        document = self.connectors[external_id]
        if change in {"pause", "stop", "resume", "start"}:
            document["scheduling"]["full"]["enabled"] = change in {"resume", "start"}
        elif change == "fail":
            document |= {"status": "error", "error": "the source refused the sign-in"}
        elif change == "recover":
            document |= {"status": "connected", "error": None, "last_sync_status": "completed", "last_sync_error": None}
            document["scheduling"]["full"]["enabled"] = True
            self.silent.discard(external_id)
        elif change == "vanish":
            del self.connectors[external_id]
        elif change == "puzzle":
            document["status"] = "daydreaming"
        else:
            raise ValueError(change)
