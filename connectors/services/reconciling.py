"""Writing down what an observation showed: one transaction, set-based statements, only what changed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connectors import matrix, reconcile
from connectors.actor import DRIVER
from connectors.models import AuditEvent, Connector, Operation, Pipeline, StateChange, VendorAccount
from connectors.queries.rules import TooSlow
from connectors.services import audit, leases, notices, operations, rules, samples
from connectors.services.leases import Lease
from connectors.states import OPEN, OperationStatus, State, Verb
from connectors.vendors import registry
from connectors.vendors.base import AccountSnapshot, ConnectorSnapshot, Metrics, PipelineSnapshot
from connectors.vendors.errors import RateLimited, VendorError

log = structlog.get_logger(__name__)

METRICS_EVERY = 10.0
"""Seconds between two stored readings of the counters."""
FLOW_LENGTH = 24
RESEND_LIMIT = 4

PIPELINE_FIELDS = (
    "name",
    "kind",
    "state",
    "vendor_state",
    "error",
    "generation",
    "labels",
    "verbs_off",
    "facts",
)
CONNECTOR_FIELDS = (
    "name", "type", "direction", "state", "vendor_state", "error", "error_trace", "whose", "generation", "labels",
    "verbs_off", "facts", "tasks", "tasks_total", "tasks_failed", "config", "console_url",
)  # fmt: skip


@dataclass(slots=True)
class Seen:
    """What one observation changed; told to open pages at the end."""

    pipelines: set[int] = field(default_factory=set)
    connectors: set[int] = field(default_factory=set)


@transaction.atomic
def apply(lease: Lease, snapshot: AccountSnapshot, *, started: datetime, in_flight: Collection[UUID] = ()) -> None:
    """
    This will store an observation, close the operations whose goal it shows, and open or close drift.

    :param started: when the observation began: everything in it is at least that fresh
    :param in_flight: operations whose reply is still awaited; they are not sent again yet
    :raises LeaseLost: another driver has taken over; nothing is written
    """
    account = leases.hold(lease)
    previous = account.observed_at
    seen = Seen()
    open_operations = _open_operations(account)
    pipelines = _store_pipelines(account, snapshot, seen, open_operations, started)
    connectors = _store_connectors(account, snapshot, pipelines, seen, open_operations, started)
    _note_missing(account, snapshot, previous, seen, started)
    _rule(open_operations, snapshot, started, seen, in_flight)
    _note_drift(account, seen, started)
    _store_metrics(account, snapshot, connectors, seen, started)
    _note_success(account, snapshot, started)
    notices.rows(connectors=seen.connectors, pipelines=seen.pipelines, accounts=[account.pk])


@transaction.atomic
def note_failure(lease: Lease, error: VendorError | audit.Unwritable, *, pause: float) -> None:
    """
    This will store that the account could not be read; its rows stay as they are and grow old.

    :param pause: seconds until the next try
    :raises LeaseLost: another driver has taken over; nothing is written
    """
    account = leases.hold(lease)
    now = timezone.now()
    account.due_at = now + timedelta(seconds=pause)
    account.failing_since = account.failing_since or account.observed_at or now
    account.failure, account.failure_kind = str(error), error.kind
    if isinstance(error, RateLimited):  # it answers, and only wants less: the circuit stays closed
        account.not_before = account.due_at
    else:
        account.failures += 1
    account.save(update_fields=["failing_since", "failure", "failure_kind", "failures", "due_at", "not_before"])
    if error.kind != audit.Unwritable.kind:  # an outcome that cannot be recorded has to wait
        _rule(_open_operations(account), None, now, Seen())
    notices.rows(accounts=[account.pk])


@transaction.atomic
def rule_without_observation(lease: Lease, *, now: datetime) -> None:
    """
    This will end what is past its deadline while the vendor asks to be left alone.

    :raises LeaseLost: another driver has taken over; nothing is written
    """
    _rule(_open_operations(leases.hold(lease)), None, now, Seen())


def _open_operations(account: VendorAccount) -> dict[tuple[str, str], Operation]:
    """By kind of target and external id."""
    rows = Operation.objects.select_for_update(of=("self",)).filter(account=account, status__in=OPEN)
    found = rows.select_related(*operations.TARGETS)
    return {("connector" if o.connector_id else "pipeline", o.target.external_id): o for o in found}


# Rows


def _store_pipelines(
    account: VendorAccount,
    snapshot: AccountSnapshot,
    seen: Seen,
    open_operations: Mapping[tuple[str, str], Operation],
    now: datetime,
) -> dict[str, Pipeline]:
    stored = {p.external_id: p for p in Pipeline.objects.filter(account=account)}
    writes: list[Pipeline] = []
    moves: list[tuple[Pipeline, str]] = []
    for observed in snapshot.pipelines:
        row = stored.get(observed.external_id)
        values = _pipeline_values(observed)
        changed = row is None or _differs(row, values)
        if row is None:
            row = Pipeline(account=account, external_id=observed.external_id, state_since=now)
            row.account = account
            stored[observed.external_id] = row
            moves.append((row, ""))
        elif row.state != values["state"]:
            moves.append((row, row.state))
            row.state_since = now
        if changed:
            for name, value in values.items():
                setattr(row, name, value)
            row.seen_at = row.gone_at = None
            writes.append(row)
    _upsert(Pipeline, writes, PIPELINE_FIELDS)
    seen.pipelines.update(row.pk for row in writes)
    _note_moves(moves, open_operations, now)
    return stored


def _store_connectors(
    account: VendorAccount,
    snapshot: AccountSnapshot,
    pipelines: Mapping[str, Pipeline],
    seen: Seen,
    open_operations: Mapping[tuple[str, str], Operation],
    now: datetime,
) -> dict[str, Connector]:
    stored = {c.external_id: c for c in Connector.objects.filter(account=account)}
    writes: list[Connector] = []
    moves: list[tuple[Connector, str]] = []
    is_unsettled = False  # a new name or label may belong to another team
    for observed in snapshot.connectors:
        pipeline = pipelines[observed.pipeline]
        row = stored.get(observed.external_id)
        values = _connector_values(observed)
        urgency = matrix.urgency(State(pipeline.state), observed.state)
        changed = row is None or _differs(row, values) or row.urgency != urgency or row.pipeline_id != pipeline.pk
        is_unsettled |= row is None or row.name != values["name"] or row.labels != values["labels"]
        if row is None:
            row = Connector(account=account, external_id=observed.external_id, state_since=now, team_id=account.team_id)
            stored[observed.external_id] = row
            moves.append((row, ""))
        elif row.state != values["state"]:
            moves.append((row, row.state))
            row.state_since = now
        if changed:
            for name, value in values.items():
                setattr(row, name, value)
            row.pipeline, row.account, row.urgency = pipeline, account, urgency
            row.seen_at = row.gone_at = None
            writes.append(row)
    _upsert(Connector, writes, (*CONNECTOR_FIELDS, "pipeline", "urgency"))
    seen.connectors.update(row.pk for row in writes)
    if is_unsettled:
        _settle(account)
    _note_moves(moves, open_operations, now)
    return stored


def _settle(account: VendorAccount) -> None:
    """Whose the connectors are must not keep anybody from seeing how they are."""
    try:
        rules.settle(account=account)
    except TooSlow as error:
        log.warning("rules.too_slow", account=account.name, error=str(error))


def _pipeline_values(observed: PipelineSnapshot) -> dict[str, Any]:
    return {
        "name": observed.name,
        "kind": observed.kind,
        "state": str(observed.state),
        "vendor_state": observed.vendor_state[:200],
        "error": observed.error,
        "generation": observed.generation[:200],
        "labels": dict(observed.labels),
        "verbs_off": _words(observed.verbs_off),
        "facts": dict(observed.facts),
    }


def _connector_values(observed: ConnectorSnapshot) -> dict[str, Any]:
    tasks = [
        {
            "id": t.id,
            "state": str(t.state),
            "vendor_state": t.vendor_state,
            "worker": t.worker,
            "trace": t.trace,
        }
        for t in observed.tasks
    ]
    return {
        "name": observed.name,
        "type": observed.type[:200],
        "direction": str(observed.direction),
        "state": str(observed.state),
        "vendor_state": observed.vendor_state[:200],
        "error": observed.error,
        "error_trace": observed.error_trace,
        "whose": observed.whose,
        "generation": observed.generation[:200],
        "labels": dict(observed.labels),
        "verbs_off": _words(observed.verbs_off),
        "facts": dict(observed.facts),
        "tasks": tasks,
        "tasks_total": len(tasks),
        "tasks_failed": sum(task["state"] == State.FAILED for task in tasks),
        "config": dict(observed.config),
        "console_url": observed.console_url[:500],
    }


def _words(verbs_off: Mapping[Verb, str]) -> dict[str, str]:
    return {str(verb): why for verb, why in verbs_off.items()}


def _differs(row: Pipeline | Connector, values: Mapping[str, Any]) -> bool:
    return (
        any(getattr(row, name) != value for name, value in values.items())
        or row.seen_at is not None
        or row.gone_at is not None
    )


def _upsert(model: Any, rows: Sequence[Any], fields: Iterable[str]) -> None:
    """One statement for new and changed rows alike. Desired state is not among the fields: actors set it."""
    if rows:
        model.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["account", "external_id"],
            update_fields=[*fields, "state_since", "seen_at", "gone_at"],
            batch_size=2000,
        )


def _note_moves(
    moves: Sequence[tuple[Any, str]], open_operations: Mapping[tuple[str, str], Operation], now: datetime
) -> None:
    changes = []
    for row, before in moves:
        noun = "connector" if isinstance(row, Connector) else "pipeline"
        operation = open_operations.get((noun, row.external_id))
        if operation and operation.status == OperationStatus.QUEUED:
            operation = None  # not sent yet, so it cannot have caused this
        why = _cause(before, row.state, operation)
        changes.append(
            StateChange(
                **{noun: row}, before=before, after=row.state, vendor_state=row.vendor_state, at=now,
                cause=why, operation=operation,
            )
        )  # fmt: skip
        if why == StateChange.Cause.OUTSIDE:
            _record_outside(row, noun, before, now)
    StateChange.objects.bulk_create(changes, batch_size=2000)


def _cause(before: str, after: str, operation: Operation | None) -> str:
    if not before:
        return StateChange.Cause.FIRST_SEEN
    return reconcile.cause(State(before), State(after), has_operation=operation is not None)


def _record_outside(row: Any, noun: str, before: str, now: datetime) -> None:
    audit.record(
        f"{noun}.state.changed_outside",
        actor=DRIVER,
        result=AuditEvent.Result.OBSERVED,
        target=row,
        before={"state": before},
        after={"state": row.state, "vendor_state": row.vendor_state},
        at=now,
    )


def _note_missing(
    account: VendorAccount, snapshot: AccountSnapshot, previous: datetime | None, seen: Seen, now: datetime
) -> None:
    """Nothing vanishes: what was not read stays and grows old; what a whole list lacks is marked as gone."""
    unread = {part.pipeline for part in snapshot.unread}
    unread_ids = [pipeline for pipeline in unread if pipeline]
    pipelines = Pipeline.objects.filter(account=account).exclude(
        external_id__in=[p.external_id for p in snapshot.pipelines]
    )
    connectors = Connector.objects.filter(account=account).exclude(
        external_id__in=[c.external_id for c in snapshot.connectors]
    )
    _mark_missing(
        pipelines,
        pipelines.exclude(external_id__in=unread_ids),
        seen.pipelines,
        previous,
        now,
        None in unread,
    )
    _mark_missing(
        connectors,
        connectors.exclude(pipeline__external_id__in=unread_ids),
        seen.connectors,
        previous,
        now,
        None in unread,
    )


def _mark_missing(
    missing: QuerySet[Any],
    unlisted: QuerySet[Any],
    told: set[int],
    previous: datetime | None,
    now: datetime,
    is_list_broken: bool,
) -> None:
    newly = missing.filter(seen_at__isnull=True)
    told.update(newly.values_list("pk", flat=True))
    newly.update(seen_at=previous)
    if is_list_broken:
        return
    gone = unlisted.filter(gone_at__isnull=True)
    told.update(gone.values_list("pk", flat=True))
    gone.update(gone_at=now)


# Operations


def _rule(
    open_operations: Mapping[tuple[str, str], Operation],
    snapshot: AccountSnapshot | None,
    started: datetime,
    seen: Seen,
    in_flight: Collection[UUID] = (),
) -> None:
    now = timezone.now()
    connectors = {c.external_id: c for c in snapshot.connectors} if snapshot else {}
    pipelines = {p.external_id: p for p in snapshot.pipelines} if snapshot else {}
    changed = []
    for (noun, external_id), operation in open_operations.items():
        observed = connectors.get(external_id) if noun == "connector" else pipelines.get(external_id)
        if operation.sent_at and operation.sent_at > started:
            observed = None  # the observation began before it was sent: it proves nothing
        ruling = reconcile.rule(_asked(operation), _seen(operation, observed, snapshot), now=now)
        if operation.pk in in_flight:
            ruling = replace(ruling, should_resend=False)
        if _follow(operation, ruling, observed.state if observed else None, now):
            changed.append(operation)
    operations.announce(changed)
    seen.connectors.update(o.connector_id for o in changed if o.connector_id)
    seen.pipelines.update(o.pipeline_id for o in changed if o.pipeline_id)


def _follow(operation: Operation, ruling: reconcile.Ruling, state: State | None, now: datetime) -> bool:
    """This will write a ruling down; True when it changed something."""
    operation.has_seen_change = ruling.has_seen_change
    if ruling.status not in OPEN:
        operations.finish(operation, ruling.status, error=ruling.error, actor=DRIVER, now=now, after=state)
        return True
    is_due = operation.not_before is None or operation.not_before <= now
    if ruling.should_resend and is_due and operation.attempts < RESEND_LIMIT:
        Operation.objects.filter(pk=operation.pk).update(status=OperationStatus.QUEUED)
        return True
    if ruling.status == operation.status:
        Operation.objects.filter(pk=operation.pk).update(has_seen_change=ruling.has_seen_change)
        return False
    Operation.objects.filter(pk=operation.pk).update(
        status=ruling.status, converging_at=now, has_seen_change=ruling.has_seen_change
    )
    operation.status = ruling.status
    return True


def _asked(operation: Operation) -> reconcile.Asked:
    target = "connector" if operation.connector_id else "pipeline"
    capability = registry.get(operation.account.vendor).capability(
        Verb(operation.kind), "connector" if target == "connector" else "pipeline"
    )
    return reconcile.Asked(
        verb=Verb(operation.kind),
        status=OperationStatus(operation.status),
        evidence=capability.evidence if capability else "state",
        is_idempotent=capability.is_idempotent if capability else False,
        state_before=State(operation.state_before),
        generation_before=operation.generation_before,
        proof=operation.proof,
        has_seen_change=operation.has_seen_change,
        sent_at=operation.sent_at,
        deadline_at=operation.deadline_at,
        vendor_operation_id=operation.vendor_operation_id,
    )


def _seen(
    operation: Operation,
    observed: ConnectorSnapshot | PipelineSnapshot | None,
    snapshot: AccountSnapshot | None,
) -> reconcile.Seen | None:
    if observed is None or snapshot is None:
        return None
    theirs = snapshot.operations.get(operation.vendor_operation_id)
    return reconcile.Seen(
        state=observed.state,
        generation=observed.generation,
        error=observed.error,
        vendor_desired=observed.vendor_desired,
        is_vendor_operation_done=theirs.is_done if theirs else None,
        vendor_operation_error=theirs.error if theirs and theirs.is_done else "",
    )


# Drift


def _note_drift(account: VendorAccount, seen: Seen, now: datetime) -> None:
    for model, told in ((Pipeline, seen.pipelines), (Connector, seen.connectors)):
        wanted = model.objects.filter(account=account, desired_state__isnull=False)
        busy = set(
            Operation.objects.filter(account=account, status__in=OPEN).values_list(
                f"{model.__name__.lower()}_id", flat=True
            )
        )
        for row in wanted.only("pk", "state", "desired_state", "drift_since"):
            drifted = row.pk not in busy and reconcile.has_drifted(
                State(row.desired_state or row.state), State(row.state)
            )
            if drifted != (row.drift_since is not None):
                since = now if drifted else None
                model.objects.filter(pk=row.pk).update(drift_since=since, drift_snoozed_until=None)
                told.add(row.pk)


# Figures and health


def _store_metrics(
    account: VendorAccount,
    snapshot: AccountSnapshot,
    connectors: Mapping[str, Connector],
    seen: Seen,
    now: datetime,
) -> None:
    writes, drawn = [], []
    for observed in snapshot.connectors:
        if observed.metrics is None:
            continue
        row = connectors[observed.external_id]
        reading = _reading(row.metrics, observed.metrics, now)
        if reading is None:
            continue
        row.account = account
        sample, mark = samples.draw(row, row.metrics, reading, now)
        drawn += [sample] if sample else []
        row.metrics = reading | {"mark": mark}
        row.flow = [*row.flow, reading.get("records_per_s")][-FLOW_LENGTH:]
        writes.append(row)
    if writes:
        Connector.objects.bulk_update(writes, ["metrics", "flow"], batch_size=500)
        seen.connectors.update(row.pk for row in writes)
    if drawn:
        samples.store(drawn)


def _reading(before: Mapping[str, Any], metrics: Metrics, now: datetime) -> dict[str, Any] | None:
    """None when the last reading is young enough to stand."""
    seconds = now.timestamp() - before.get("at", 0.0)
    if seconds < METRICS_EVERY:
        return None
    rate = metrics.records_per_s
    if rate is None and metrics.records_total is not None and before.get("records_total") is not None:
        moved = metrics.records_total - before["records_total"]
        rate = moved / seconds if moved >= 0 else None
    figures = {
        "records_total": metrics.records_total,
        "bytes_total": metrics.bytes_total,
        "errors_total": metrics.errors_total,
        "lag": metrics.lag,
        "records_per_s": None if rate is None else round(rate, 2),
    }
    return {"at": now.timestamp(), **{name: value for name, value in figures.items() if value is not None}}


def _note_success(account: VendorAccount, snapshot: AccountSnapshot, started: datetime) -> None:
    account.observed_at, account.observed_version = started, snapshot.version[:80]
    account.rows_seen = len(snapshot.connectors)
    account.rows_expected = snapshot.expected if snapshot.expected is not None else len(snapshot.connectors)
    account.unread = [{"pipeline": part.pipeline, "reason": part.reason} for part in snapshot.unread]
    account.failing_since, account.failure, account.failure_kind, account.failures = None, "", "", 0
    account.due_at = timezone.now() + timedelta(seconds=account.interval)
    account.save(
        update_fields=[
            "observed_at", "observed_version", "rows_seen", "rows_expected", "unread", "failing_since", "failure",
            "failure_kind", "failures", "due_at",
        ]
    )  # fmt: skip
