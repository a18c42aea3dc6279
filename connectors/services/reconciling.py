"""Writing down what an observation showed: one transaction, set-based statements, only what changed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from connectors import fingerprints, matrix, planned, reconcile
from connectors.actor import DRIVER
from connectors.models import AuditEvent, Connector, Operation, Pipeline, StateChange, VendorAccount
from connectors.queries.rules import TooSlow
from connectors.services import audit, leases, metering, notices, operations, rules, second_look, storing
from connectors.services.leases import Lease
from connectors.services.storing import CONNECTORS, PIPELINES, Table
from connectors.states import OPEN, OperationStatus, State, Verb
from connectors.vendors import registry
from connectors.vendors.base import AccountSnapshot, ConnectorSnapshot, PipelineSnapshot
from connectors.vendors.errors import RateLimited, VendorError

log = structlog.get_logger(__name__)

RESEND_LIMIT = 4

DRIFTED = [
    f"{desired} {state}" for desired in reconcile.ENDS for state in State if reconcile.has_drifted(desired, state)
]
WANTED = """
SELECT id, drift_since IS NOT NULL AS was, desired_state || ' ' || state IN ({drifted}) AND NOT EXISTS (
    SELECT FROM connectors_operation o WHERE o.{noun}_id = target.id AND o.status IN ({open})
) AS now_is
FROM connectors_{noun} AS target WHERE account_id = %(account)s AND desired_state IS NOT NULL
""".replace("{drifted}", planned.words(DRIFTED)).replace("{open}", planned.words(OPEN))
"""Rows that somebody wants in some state: did they drift, and do they now?"""
HAS_DRIFT_TO_NOTE = " OR ".join(
    f"EXISTS (SELECT FROM ({WANTED.format(noun=noun)}) AS wanted WHERE was <> now_is)"
    for noun in ("pipeline", "connector")
)
NOTE_DRIFT = """
UPDATE connectors_{noun} AS stored
SET drift_since = CASE WHEN wanted.now_is THEN %(now)s::timestamptz END, drift_snoozed_until = NULL
FROM ({wanted}) AS wanted WHERE stored.id = wanted.id AND wanted.was <> wanted.now_is RETURNING stored.id
"""
NOTE_ALL_DRIFT = "WITH pipelines AS ({}), connectors AS ({}) {}".format(
    *(NOTE_DRIFT.format(noun=noun, wanted=WANTED.format(noun=noun)) for noun in ("pipeline", "connector")),
    "SELECT id, NULL FROM pipelines UNION ALL SELECT NULL, id FROM connectors",
)
NOTE_MOVES = """
INSERT INTO connectors_statechange ({noun}_id, before, after, vendor_state, at, cause, operation_id)
SELECT id, before, after, vendor_state, %s, cause, operation
FROM jsonb_to_recordset(%s::jsonb)
     AS given(id bigint, before text, after text, vendor_state text, cause text, operation uuid)
"""
HAS_ANY = "SELECT EXISTS (SELECT FROM connectors_operation WHERE account_id = %s AND status IN ({}))"
HAS_OPEN, HAS_QUEUED = (HAS_ANY.format(planned.words(words)) for words in (OPEN, [OperationStatus.QUEUED]))
NOTE_SUCCESS = """
UPDATE connectors_vendoraccount
SET observed_at = %s, observed_version = %s, rows_seen = %s, rows_expected = %s, unread = %s::jsonb, heard = %s,
    metered_at = %s, failing_since = NULL, failure = '', failure_kind = '', failures = 0, due_at = %s
WHERE id = %s
"""
NOTE_SAME = """
WITH noted AS (
    UPDATE connectors_vendoraccount
    SET observed_at = %s, failing_since = NULL, failure = '', failure_kind = '', failures = 0, due_at = %s
    WHERE id = %s AND lease_number = %s RETURNING id
)
SELECT pg_notify(%s, json_build_object('a', json_build_array(id))::text) FROM noted
"""
"""One statement, so one transaction: fenced, written and told."""


@dataclass(slots=True)
class Seen:
    """What one observation changed; told to open pages at the end."""

    pipelines: set[int] = field(default_factory=set)
    connectors: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Move:
    """A row that was another state before, or was not there."""

    pk: int
    external_id: str
    before: str
    after: str
    vendor_state: str


@transaction.atomic
def apply(
    lease: Lease, snapshot: AccountSnapshot, *, started: datetime, in_flight: Collection[UUID] = (), heard: str = ""
) -> None:
    """
    This will store an observation, close the operations whose goal it shows, and open or close drift.

    :param started: when the observation began: everything in it is at least that fresh
    :param in_flight: operations whose reply is still awaited; they are not sent again yet
    :param heard: digest of the answers, where the same ones again would change nothing
    :raises LeaseLost: another driver has taken over; nothing is written
    """
    account = leases.hold(lease)
    seen = Seen()
    open_operations = _open_operations(account)
    pipelines = _store_pipelines(account, snapshot, seen, open_operations, started)
    returned = _store_connectors(account, snapshot, pipelines, seen, open_operations, started)
    if open_operations:
        _rule(open_operations, snapshot, started, seen, in_flight)
    _note_drift(account.pk, seen, started)
    moved = metering.store(account, snapshot.connectors, returned, started)
    seen.connectors |= moved or set()
    would_rest = bool(account.heard) if moved is None else not moved
    is_settled = would_rest and not open_operations and not snapshot.unread
    _note_success(account, snapshot, started, heard if is_settled else "")
    notices.rows(connectors=seen.connectors, pipelines=seen.pipelines, accounts=[account.pk])


def note_same(lease: Lease, *, interval: float, started: datetime) -> None:
    """
    This will store that the account was read and nothing is new: every row of it is as fresh as this reading.

    Only for an account with nothing open and no drift to note: that may come about with nothing new at the vendor.

    :raises LeaseLost: another driver has taken over; nothing is written
    """
    with planned.cursor(NOTE_SAME) as cursor:
        due_at = timezone.now() + timedelta(seconds=interval)
        cursor.execute(NOTE_SAME, [started, due_at, lease.account_id, lease.number, notices.CHANNEL])
        if cursor.fetchone() is None:
            raise leases.LeaseLost(f"lease {lease.number} of account {lease.account_id}")


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
    with planned.cursor(HAS_OPEN) as cursor:
        cursor.execute(HAS_OPEN, [account.pk])
        (has_open,) = cursor.fetchone()
    if not has_open:  # nearly always, and asked cheaply
        return {}
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
) -> dict[str, tuple[int, State]]:
    """By external id: the row's key, and the state that was observed."""
    stored = PIPELINES.load(account)
    new, writes, moves = [], list[dict[str, Any]](), list[Move]()
    for observed in snapshot.pipelines:
        reading, row = storing.pipeline_digest(observed), stored.get(observed.external_id)
        if row and _is_same(row, reading, observed.state):
            continue
        values = storing.pipeline_values(observed, reading)
        if row is None:
            new.append(Pipeline(account=account, external_id=observed.external_id, state_since=now, **values))
            continue
        writes.append({"id": row.pk, **values})
        if row.state != observed.state:
            moves.append(Move(row.pk, observed.external_id, row.state, observed.state, values["vendor_state"]))
    moves += _insert(Pipeline, new)
    _write(PIPELINES, writes, moves, seen.pipelines, now)
    _note_moves(account, "pipeline", moves, open_operations, now)
    _note_missing(account, PIPELINES, stored, snapshot, {}, seen.pipelines, now)
    known = {external_id: (row.pk, State(row.state)) for external_id, row in stored.items()}
    known |= {row.external_id: (row.pk, State(row.state)) for row in new}
    return known | {p.external_id: (known[p.external_id][0], p.state) for p in snapshot.pipelines}


def _store_connectors(
    account: VendorAccount,
    snapshot: AccountSnapshot,
    pipelines: Mapping[str, tuple[int, State]],
    seen: Seen,
    open_operations: Mapping[tuple[str, str], Operation],
    now: datetime,
) -> set[str]:
    """The external ids of rows that the last reading lacked and this one has."""
    stored = CONNECTORS.load(account)
    new, writes, moves, returned = [], list[dict[str, Any]](), list[Move](), set[str]()
    for observed in snapshot.connectors:
        pipeline, above = pipelines[observed.pipeline]
        urgency = matrix.urgency(above, observed.state)
        reading = storing.connector_digest(observed, pipeline, urgency)
        row = stored.get(observed.external_id)
        if row and _is_same(row, reading, observed.state):
            continue
        values = storing.connector_values(observed, pipeline, urgency, reading)
        if row is None:
            new.append(_new(account, observed.external_id, now, values))
            continue
        writes.append({"id": row.pk, **values})
        if not row.is_seen:
            returned.add(observed.external_id)
        if row.state != observed.state:
            moves.append(Move(row.pk, observed.external_id, row.state, observed.state, values["vendor_state"]))
    moves += _insert(Connector, new)
    is_unsettled = _write(CONNECTORS, writes, moves, seen.connectors, now)
    if new or is_unsettled:  # a new name or label may belong to another team
        _settle(account)
    _note_moves(account, "connector", moves, open_operations, now)
    _note_missing(account, CONNECTORS, stored, snapshot, pipelines, seen.connectors, now)
    return returned


def _is_same(row: storing.Row, reading: str, state: State) -> bool:
    return row.reading == reading != "" and row.state == state and row.is_seen and row.is_listed


def _new(account: VendorAccount, external_id: str, now: datetime, values: Mapping[str, Any]) -> Connector:
    return Connector(account=account, external_id=external_id, state_since=now, team_id=account.team_id, **values)


def _insert(model: Any, rows: Sequence[Any]) -> list[Move]:
    model.objects.bulk_create(rows, batch_size=2000)
    return [Move(row.pk, row.external_id, "", row.state, row.vendor_state) for row in rows]


def _write(
    table: Table, writes: Sequence[Mapping[str, Any]], moves: Sequence[Move], told: set[int], now: datetime
) -> bool:
    told.update(row["id"] for row in writes)
    told.update(move.pk for move in moves)
    return bool(writes) and table.update(writes, now)


def _settle(account: VendorAccount) -> None:
    """Whose the connectors are must not keep anybody from seeing how they are."""
    try:
        rules.settle(account=account)
    except TooSlow as error:
        log.warning("rules.too_slow", account=account.name, error=str(error))


def _note_moves(
    account: VendorAccount,
    noun: str,
    moves: Sequence[Move],
    open_operations: Mapping[tuple[str, str], Operation],
    now: datetime,
) -> None:
    changes, outside = list[dict[str, Any]](), list[Move]()
    for move in moves:
        operation = open_operations.get((noun, move.external_id))
        if operation and operation.status == OperationStatus.QUEUED:
            operation = None  # not sent yet, so it cannot have caused this
        why = _cause(move.before, move.after, operation)
        changes.append({
            "id": move.pk, "before": move.before, "after": move.after, "vendor_state": move.vendor_state, "cause": why,
            "operation": str(operation.pk) if operation else None,
        })  # fmt: skip
        if why == StateChange.Cause.OUTSIDE:
            outside.append(move)
    if changes:
        with planned.cursor() as cursor:
            cursor.execute(NOTE_MOVES.format(noun=noun), [now, storing.recordset(changes)])
    _record_outside(account, noun, outside, now)


def _cause(before: str, after: str, operation: Operation | None) -> str:
    if not before:
        return StateChange.Cause.FIRST_SEEN
    return reconcile.cause(State(before), State(after), has_operation=operation is not None)


def _record_outside(account: VendorAccount, noun: str, moves: Sequence[Move], now: datetime) -> None:
    if not moves:
        return
    model: Any = Connector if noun == "connector" else Pipeline
    rows = model.objects.select_related("team") if noun == "connector" else model.objects
    targets = rows.in_bulk([move.pk for move in moves])
    for move in moves:
        target = targets[move.pk]
        target.account = account
        audit.record(
            f"{noun}.state.changed_outside",
            actor=DRIVER,
            result=AuditEvent.Result.OBSERVED,
            target=target,
            before={"state": move.before},
            after={"state": move.after, "vendor_state": move.vendor_state},
            at=now,
        )


def _note_missing(
    account: VendorAccount,
    table: Table,
    stored: Mapping[str, storing.Row],
    snapshot: AccountSnapshot,
    pipelines: Mapping[str, tuple[int, State]],
    told: set[int],
    now: datetime,
) -> None:
    """Nothing vanishes: what was not read stays and grows old; what a whole list lacks is marked as gone."""
    observed = snapshot.connectors if table is CONNECTORS else snapshot.pipelines
    missing = {id_: stored[id_] for id_ in stored.keys() - {one.external_id for one in observed}}
    unread = {part.pipeline for part in snapshot.unread}
    unread_keys = {pipelines[id_][0] for id_ in unread if id_ is not None and id_ in pipelines}
    newly = [row.pk for row in missing.values() if row.is_seen]
    gone = [
        row.pk
        for id_, row in missing.items()
        if None not in unread and row.is_listed and id_ not in unread and row.pipeline not in unread_keys
    ]
    if newly:
        table.mark("seen_at", account.observed_at, newly)
    if gone:
        table.mark("gone_at", now, gone)
    told.update(newly)
    told.update(gone)


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
    endings, changed = list[operations.Ending](), list[Operation]()
    for (noun, external_id), operation in open_operations.items():
        observed = connectors.get(external_id) if noun == "connector" else pipelines.get(external_id)
        if operation.sent_at and operation.sent_at > started:
            observed = None  # the observation began before it was sent: it proves nothing
        ruling = reconcile.rule(_asked(operation), _seen(operation, observed, snapshot), now=now)
        if ruling.status not in OPEN:
            operation.has_seen_change = ruling.has_seen_change
            after = observed.state if observed else None
            endings.append(operations.Ending(operation, ruling.status, ruling.error, after))
        elif _follow(operation, ruling, now, is_in_flight=operation.pk in in_flight):
            changed.append(operation)
    operations.finish_all(endings, actor=DRIVER, now=now)
    changed += [ending.operation for ending in endings]
    operations.announce(changed)
    seen.connectors.update(o.connector_id for o in changed if o.connector_id)
    seen.pipelines.update(o.pipeline_id for o in changed if o.pipeline_id)


def _follow(operation: Operation, ruling: reconcile.Ruling, now: datetime, *, is_in_flight: bool) -> bool:
    """This will write down how far an operation is; True when that shows."""
    is_due = operation.not_before is None or operation.not_before <= now
    may_resend = ruling.should_resend and not is_in_flight and is_due and operation.attempts < RESEND_LIMIT
    if may_resend and not second_look.frozen([operation], now):
        Operation.objects.filter(pk=operation.pk).update(status=OperationStatus.QUEUED)
        return True
    if (ruling.status, ruling.has_seen_change) == (operation.status, operation.has_seen_change):
        return False
    has_moved_on = ruling.status != operation.status
    Operation.objects.filter(pk=operation.pk).update(
        status=ruling.status, has_seen_change=ruling.has_seen_change,
        converging_at=now if has_moved_on else operation.converging_at,
    )  # fmt: skip
    operation.status, operation.has_seen_change = ruling.status, ruling.has_seen_change
    return has_moved_on


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
        state_before=State.FAILED if operation.task else State(operation.state_before),
        is_of_task=bool(operation.task),
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
    if operation.task and isinstance(observed, ConnectorSnapshot):
        return _seen_task(operation.task, observed)
    theirs = snapshot.operations.get(operation.vendor_operation_id)
    return reconcile.Seen(
        state=observed.state,
        generation=observed.generation,
        error=observed.error,
        vendor_desired=observed.vendor_desired,
        is_vendor_operation_done=theirs.is_done if theirs else None,
        vendor_operation_error=theirs.error if theirs and theirs.is_done else "",
    )


def _seen_task(wanted: str, observed: ConnectorSnapshot) -> reconcile.Seen:
    task = next((task for task in observed.tasks if task.id == wanted), None)
    if task is None:
        return reconcile.Seen(State.UNKNOWN, error=f"the connector has no task {wanted} any more")
    generation = reconcile.generation_of_task(task.state, task.worker, task.trace)
    return reconcile.Seen(task.state, generation, error=fingerprints.cause(task.trace))


# Drift, figures and health


def _note_drift(account_id: int, seen: Seen, now: datetime) -> None:
    with planned.cursor(NOTE_ALL_DRIFT) as cursor:
        cursor.execute(NOTE_ALL_DRIFT, {"account": account_id, "now": now})
        for pipeline, connector in cursor.fetchall():
            (seen.pipelines if connector is None else seen.connectors).add(pipeline or connector)


def _note_success(account: VendorAccount, snapshot: AccountSnapshot, started: datetime, heard: str) -> None:
    found = len(snapshot.connectors)
    unread = [{"pipeline": part.pipeline, "reason": part.reason} for part in snapshot.unread]
    due_at = timezone.now() + timedelta(seconds=account.interval)
    with planned.cursor(NOTE_SUCCESS) as cursor:
        cursor.execute(NOTE_SUCCESS, [
            started, snapshot.version[:80], found, found if snapshot.expected is None else snapshot.expected,
            storing.recordset(unread), heard, account.metered_at, due_at, account.pk,
        ])  # fmt: skip
