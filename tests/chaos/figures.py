"""What must be zero, counted from the sandboxes' own record against ours."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Count, Q

from connectors.models import AuditEvent, Operation, VendorAccount
from connectors.reconcile import ENDS
from connectors.states import GOALS, OPEN, State, Verb
from connectors.vendors import registry
from connectors.vendors.base import Capability
from tests.chaos.load import Load
from tests.chaos.watch import Watch

TAKEOVER = 15.0
"""Seconds."""
OFF = {str(State.PAUSED), str(State.STOPPED)}
OFF_IS_OFF = {"elastic"}
"""Vendors that know one kind of off; what makes the difference, unfinished syncs, shows as another state there."""
IN_FLIGHT = 0.5
"""Seconds: what reaches the vendor so soon after a 429 was on its way already."""


@dataclass(frozen=True)
class Figure:
    """One row of the table; `findings` are the cases that break it."""

    name: str
    value: str
    must_be: str
    is_met: bool
    findings: Sequence[str] = ()


@dataclass(frozen=True)
class Evidence:
    """What each sandbox has written down: `requests`, `acts` and `journal`, by vendor."""

    records: Mapping[str, Mapping[str, Any]]

    def acts(self, vendor: str) -> list[dict[str, Any]]:
        """This will give the verbs that reached the vendor's world."""
        return list(self.records[vendor]["acts"])

    def states(self, vendor: str, target: str, external_id: str, begin: float, end: float) -> set[str]:
        """This will give the states a target had at some time in between, by the vendor's own journal."""
        mine = [e for e in self.records[vendor]["journal"] if (e["target"], e["external_id"]) == (target, external_id)]
        first = bisect_right([e["at"] for e in mine], begin) - 1
        return {e["state"] for e in mine[max(first, 0) :] if e["at"] <= end}


def table(evidence: Evidence, load: Load, watch: Watch) -> list[Figure]:
    """This will count everything."""
    operations = list(Operation.objects.select_related("account", "connector", "pipeline").order_by("requested_at"))
    return [
        _zero("operations that ended in no terminal state", [str(o) for o in operations if o.status in OPEN]),
        _zero("false confirmed (the sandbox's own record disagrees)", _false_confirmed(operations, evidence)),
        _zero("non-idempotent verbs sent twice for one request", _sent_twice(operations, evidence)),
        _zero("requests accepted by page or API and lost", sorted(set(load.asked) - _known(operations))),
        _zero("intents without exactly one outcome event", _without_outcome()),
        _zero("vendor writes without a committed intent", _without_intent(operations, evidence)),
        _zero("rows that vanished from the board", ["a row"] * (watch.rows - watch.fewest)),
        _zero("green cells older than their budget", watch.too_green),
        _takeover(watch.takeovers, watch.takeovers_in_outages),
        _zero("calls sent while the vendor's `Retry-After` still ran", _too_early(evidence)),
    ]


def _known(operations: Sequence[Operation]) -> set[str]:
    """By their ids, and by the keys of presses on a page."""
    return {str(o.pk) for o in operations} | {str(o.idempotency_key) for o in operations}


def _zero(name: str, findings: Sequence[str]) -> Figure:
    return Figure(name, str(len(findings)), "0", not findings, findings)


def _takeover(seconds: Sequence[float], in_outages: Sequence[float]) -> Figure:
    worst = max(seconds, default=None)
    value = "none seen" if worst is None else f"{worst:.1f} s (of {len(seconds)})"
    if in_outages:
        value += f"; {max(in_outages):.1f} s with outages"
    return Figure("take-over after SIGKILL of a driver", value, f"≤ {TAKEOVER:.0f} s",
                  worst is not None and worst <= TAKEOVER)  # fmt: skip


def _capability(operation: Operation) -> Capability:
    target = "connector" if operation.connector_id else "pipeline"
    found = registry.get(operation.account.vendor).capability(
        Verb(operation.kind), "connector" if target == "connector" else "pipeline"
    )
    assert found is not None
    return found


def _false_confirmed(operations: Sequence[Operation], evidence: Evidence) -> list[str]:
    return [_described(o) for o in operations if o.status == "confirmed" and not _really_done(o, evidence)]


def _really_done(operation: Operation, evidence: Evidence) -> bool:
    assert operation.finished_at
    begin, end = operation.requested_at.timestamp(), operation.finished_at.timestamp()
    vendor, external_id = operation.account.vendor, operation.target.external_id
    if "already" in operation.proof:  # somebody else's sync was under way, and the vendor runs one at a time
        begin = 0.0
    if _capability(operation).evidence == "proof":
        return any(
            act["external_id"] == external_id and act["verb"] == operation.kind and begin <= act["at"] <= end
            for act in evidence.acts(vendor)
            if not act["is_swallowed"]
        )
    target = "connector" if operation.connector_id else "pipeline"
    wanted = {str(state) for state in ENDS[State(GOALS[Verb(operation.kind)])]}
    if vendor in OFF_IS_OFF and wanted & OFF:
        wanted |= OFF
    return bool(wanted & evidence.states(vendor, target, external_id, begin, end))


def _sent_twice(operations: Sequence[Operation], evidence: Evidence) -> list[str]:
    """An act belongs to the last request for it before."""
    found = []
    for operation, acts in _acts_by_operation(operations, evidence).items():
        mine = [act for act in acts if act["verb"] == operation.kind]
        if len(mine) > 1 and not _capability(operation).is_idempotent:
            arrived = ", ".join(_clock(act["asked_at"] or act["at"]) for act in mine)
            found.append(f"{_described(operation)}: {len(mine)} times, at {arrived}; {_stamps(operation)}")
    return found


def _stamps(operation: Operation) -> str:
    """What we know of its way, to find out how it could happen."""
    names = ("requested_at", "sent_at", "accepted_at", "finished_at")
    times = [f"{name[:-3]} {_clock(at.timestamp())}" for name in names if (at := getattr(operation, name))]
    return (
        f"{operation.status} after {operation.attempts} attempts, {', '.join(times)}: {operation.error or 'no error'}"
    )


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S.%f}"[:-3]


def _acts_by_operation(operations: Sequence[Operation], evidence: Evidence) -> dict[Operation, list[dict[str, Any]]]:
    found = defaultdict(list)
    for vendor in evidence.records:
        for act in evidence.acts(vendor):
            if owner := _owner(operations, vendor, act):
                found[owner].append(act)
    return dict(found)


def _owner(operations: Sequence[Operation], vendor: str, act: Mapping[str, Any]) -> Operation | None:
    earlier = [
        o
        for o in operations
        if o.account.vendor == vendor
        and o.target.external_id == act["external_id"]
        and o.requested_at.timestamp() <= (act["asked_at"] or act["at"])
    ]
    return earlier[-1] if earlier else None


def _without_intent(operations: Sequence[Operation], evidence: Evidence) -> list[str]:
    return [
        f"{vendor}: {act['verb']} {act['external_id']}"
        for vendor in evidence.records
        for act in evidence.acts(vendor)
        if _owner(operations, vendor, act) is None
    ]


def _without_outcome() -> list[str]:
    """By the audit alone: one `.requested` and one outcome for each operation that it knows."""
    is_intent = Q(action__endswith=".requested", result="requested")
    counted = (
        AuditEvent.objects.filter(operation_id__isnull=False)
        .values("operation_id")
        .annotate(intents=Count("pk", filter=is_intent), outcomes=Count("pk", filter=~Q(result="requested")))
    )
    wrong = [str(row["operation_id"]) for row in counted if (row["intents"], row["outcomes"]) != (1, 1)]
    known = set(AuditEvent.objects.filter(operation_id__isnull=False).values_list("operation_id", flat=True))
    return wrong + [str(pk) for pk in set(Operation.objects.values_list("pk", flat=True)) - known]


def _too_early(evidence: Evidence) -> list[str]:
    """For each account by itself: two of them may share one sandbox."""
    prefixes = {urlsplit(url).path.rstrip("/") for url in VendorAccount.objects.values_list("base_url", flat=True)}
    found = []
    for vendor, record in evidence.records.items():
        for prefix in prefixes:
            mine = [r for r in record["requests"] if _prefix(r["path"], prefixes) == prefix]
            for limited in (r for r in mine if r["status"] == 429 and r.get("retry_after")):
                begin, end = limited["answered_at"] + IN_FLIGHT, limited["answered_at"] + limited["retry_after"]
                found += [f"{vendor}: {r['method']} {r['path']}, {end - r['at']:.2f} s too early"
                          for r in mine if begin < r["at"] < end]  # fmt: skip
    return found


def _prefix(path: str, prefixes: set[str]) -> str:
    return max((p for p in prefixes if path.startswith(p)), key=len)


def _described(operation: Operation) -> str:
    return f"{operation.account.vendor}: {operation.kind} {operation.target.name} ({operation.pk})"
