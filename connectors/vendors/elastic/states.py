"""
What Elasticsearch knows of a connector, put into our words. The first rule that fits decides.

https://www.elastic.co/docs/api/doc/elasticsearch/group/endpoint-connector, and the service's own code (2026-08).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.states import State, Verb

STATUSES = frozenset({"created", "needs_configuration", "configured", "connected", "error"})
OFFLINE_AFTER = timedelta(minutes=30)
"""Without a sign of life from its service for so long, nothing runs it."""
STUCK_AFTER = timedelta(minutes=10)
SCHEDULES = ("full", "incremental", "access_control")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state, and the sentence that goes with it."""

    state: State
    note: str = ""
    silent_minutes: int | None = None
    """For how long its service has given no sign of life, where that is too long."""


def is_scheduled(connector: Mapping[str, Any]) -> bool:
    """This will tell whether any of its schedules is on."""
    schedules = connector.get("scheduling") or {}
    return any((schedules.get(kind) or {}).get("enabled") for kind in SCHEDULES)


def judge(
    connector: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]], *, intent: str, pending: Verb | None, now: datetime
) -> Verdict:
    """
    This will tell the state of a connector.

    :param jobs: its jobs that have not ended
    :param intent: `paused` or `stopped`, as we left it: Elasticsearch itself cannot tell these apart
    :param pending: our own open verb
    """
    status = str(connector.get("status", ""))
    if status not in STATUSES:
        return Verdict(State.UNKNOWN)
    lacking = [name for name in ("index_name", "service_type") if not connector.get(name)]
    if status in {"created", "needs_configuration"} or lacking:
        return Verdict(
            State.UNCONFIGURED, f"it lacks {' and '.join(lacking)}" if lacking else "its configuration is not complete"
        )
    seen = moment(connector.get("last_seen"))
    if seen is None:
        return Verdict(State.UNKNOWN, "no connector service has ever looked at it")
    if now - seen > OFFLINE_AFTER:
        minutes = int((now - seen).total_seconds() // 60)
        note = f"its connector service has been silent for {minutes} min; verbs would only wait"
        return Verdict(State.FAILED, note, silent_minutes=minutes)
    if status == "error":
        return Verdict(State.FAILED, str(connector.get("error") or ""))
    return _by_jobs(connector, jobs, intent=intent, pending=pending, now=now)


def _by_jobs(
    connector: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]], *, intent: str, pending: Verb | None, now: datetime
) -> Verdict:
    statuses = [str(job.get("status", "")) for job in jobs]
    scheduled = is_scheduled(connector)
    if "canceling" in statuses:
        return Verdict(State.STOPPING, "a sync is being cancelled")
    if "in_progress" in statuses:
        if scheduled:
            return _last(connector, "a sync runs")
        if pending is Verb.PAUSE:
            return Verdict(State.PAUSING, "the running sync may end")
        return Verdict(State.RUNNING, "a sync runs; its schedules are off")
    waiting = [job for job in jobs if job.get("status") in {"pending", "suspended"}]
    if waiting and not scheduled:
        return Verdict(State.STARTING, "a sync waits for the connector service")
    if any(now - (moment(job.get("created_at")) or now) > STUCK_AFTER for job in waiting):
        return Verdict(State.DEGRADED, "a sync has been waiting for more than 10 min")
    if not scheduled:
        return Verdict(State.PAUSED) if intent == "paused" else Verdict(State.STOPPED, "its schedules are off")
    return _last(connector, "")


def _last(connector: Mapping[str, Any], note: str) -> Verdict:
    """How the last sync ended; a running one has not ended yet."""
    if connector.get("last_sync_status") == "error" or connector.get("last_sync_error"):
        return Verdict(State.DEGRADED, str(connector.get("last_sync_error") or "the last sync failed"))
    return Verdict(State.RUNNING, note)


def moment(text: Any) -> datetime | None:
    """This will read either of the two spellings of a time that come in one document."""
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
