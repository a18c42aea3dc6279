"""
Driving one vendor account: send what was asked, observe, reconcile; one driver at a time, fenced by its lease.

No transaction is open during a vendor call. What must survive a death of this process is in the database before
the call goes out.
"""

import asyncio
import contextlib
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from connectors import planned
from connectors.actor import DRIVER
from connectors.models import Connector, Operation, VendorAccount
from connectors.models.accounts import CIRCUIT_OPENS_AT
from connectors.services import audit, leases, operations, reconciling, second_look, vault
from connectors.services.leases import Lease, LeaseLost
from connectors.states import OPEN, OperationStatus, State, Verb
from connectors.vendors import registry
from connectors.vendors.addresses import AddressRules
from connectors.vendors.base import AccountSnapshot, Known, Order, Receipt, Watch
from connectors.vendors.errors import LostReply, RateLimited, VendorError
from connectors.vendors.http import Http, NothingNew

log = structlog.get_logger(__name__)

T = TypeVar("T")

SLICE = 5.0
"""Seconds after which a drive makes room for other accounts."""
FIRST_LOOK = 0.25
"""Seconds from sending to the first observation; later ones wait longer, up to the vendor's hot interval."""
WIDENING = 0.25
"""The share of the time since sending that passes before the next observation: what is done is seen about so late."""
SEND_ON = 3.0
"""Seconds from one look to the next for which a long queue is sent on without looking."""
SENDS_AT_ONCE = 8
LINED_UP = SENDS_AT_ONCE * 4
"""Orders that are claimed together."""
PATIENCE = 1.0
"""Seconds to wait for the replies before going on to observe; slower ones are recorded when they come."""
SHORT_REST = 2.0
"""Seconds that orders wait here when the vendor asks to be left alone; for longer they go back into the queue."""
CLAIM_STANDS = 4.0
"""Seconds from claiming an order to sending it; one that waits longer behind others is looked at anew."""
RETRY_AFTER = 2.0
"""Seconds before the same order is sent again, doubled with each attempt."""
LONGEST_PAUSE = 300.0
"""Seconds between two tries at an account that does not answer."""
LONGEST_HOT_PAUSE = 8.0
"""The same while operations are open."""

SAME_FOR = 600.0
"""Seconds after which the same answers are read in full all the same; a minute where figures are drawn."""

HOW_MANY = "(SELECT count(*) FROM connectors_operation WHERE account_id = %(account)s AND status IN ({}))".format
GLANCE = """
SELECT due_at, not_before, failures, heard, {drift}, {open}, {queued},
       (SELECT jsonb_object_agg(external_id, memory) FROM connectors_connector
        WHERE account_id = %(account)s AND memory <> '{}'),
       (SELECT jsonb_object_agg(external_id, memory) FROM connectors_pipeline
        WHERE account_id = %(account)s AND memory <> '{}')
FROM connectors_vendoraccount WHERE id = %(account)s
"""
GLANCE = GLANCE.replace("{drift}", reconciling.HAS_DRIFT_TO_NOTE)
GLANCE = GLANCE.replace("{open}", HOW_MANY(planned.words(OPEN)))
GLANCE = GLANCE.replace("{queued}", HOW_MANY(planned.words([OperationStatus.QUEUED])))
Memories = Mapping[str, Mapping[str, Any]]

CLAIMING, CLAIMED, REPLIED, RECORDED = "claiming", "claimed", "replied", "recorded"
"""The stages between which a driver may die; it logs each of them."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One order that was claimed, and what came back."""

    operation: Operation
    outcome: Receipt | VendorError | None
    """None: it did not go out."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What there is to do for an account, read at once."""

    open: int
    queued: int
    memories: Memories


def drive(account_id: int) -> bool:
    """This will work for one account for a slice of time and tell whether it is to be queued again at once."""
    lease = leases.take(account_id, f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}")
    if lease is None:
        return False
    try:
        is_hot = Slice(lease).run()
    except LeaseLost:
        log.warning("lease lost", account_id=account_id)
        return False
    except audit.Unwritable as error:
        log.error("nothing is sent: the audit record cannot be written", account_id=account_id)  # no news in its trace
        reconciling.note_failure(lease, error, pause=LONGEST_HOT_PAUSE)
        return False
    finally:
        with contextlib.suppress(DatabaseError):  # without a database it runs out by itself
            leases.give_back(lease)
    return is_hot or _has_work(account_id)


def _has_work(account_id: int) -> bool:
    """A request may have come in between the last look and giving the lease back."""
    with planned.cursor(reconciling.HAS_QUEUED) as cursor:
        cursor.execute(reconciling.HAS_QUEUED, [account_id])
        (is_anything_queued,) = cursor.fetchone()
    return bool(is_anything_queued) and _sendable(account_id, timezone.now()).exists()


def _sendable(account_id: int, now: datetime) -> QuerySet[Operation]:
    """What may go out now: not while the vendor wants to be left alone, nor through a circuit that is not closed."""
    due = Q(not_before__isnull=True) | Q(not_before__lte=now)
    left_alone = Q(account__not_before__isnull=True) | Q(account__not_before__lte=now)
    queued = Operation.objects.filter(account_id=account_id, status=OperationStatus.QUEUED)
    return queued.filter(due, left_alone, account__failures__lt=CIRCUIT_OPENS_AT)


class Slice:
    """One slice of work under one lease."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.account = lease.account
        self.vendor = registry.get(self.account.vendor)
        self.in_flight: dict[asyncio.Task[Sent], uuid.UUID] = {}
        """Orders without a reply yet: one that hangs keeps neither the others nor observation waiting."""

    def run(self) -> bool:
        """This will send and observe until all is quiet or the slice is over; True when it is not quiet."""
        try:
            config = vault.config_of(self.account)
        except vault.Locked as error:
            reconciling.note_failure(self.lease, VendorError(str(error)), pause=LONGEST_PAUSE)
            return False
        end = time.monotonic() + SLICE
        with asyncio.Runner() as self.runner:
            rules = AddressRules(is_private_allowed=settings.VENDOR_PRIVATE_ADDRESSES)
            self.http = Http(self.vendor.slug, config, rules=rules)
            self.adapter = self.vendor.adapter(config, self.http)
            self.gate = asyncio.Semaphore(SENDS_AT_ONCE)
            try:
                return self._work(end)
            finally:
                with contextlib.suppress(DatabaseError):
                    self._keep_distance()  # the reply that asked for it may not have been recorded
                self.runner.run(self.http.__aexit__())

    def _work(self, end: float) -> bool:
        sent_at = looked_at = time.monotonic()
        while True:
            self._stay_alive()
            glance = self._glance()
            self._rest(glance)
            sent = self._send_queued(glance)
            if 0 < sent < glance.queued and time.monotonic() - looked_at < SEND_ON:
                continue
            if sent:
                sent_at = time.monotonic()
            if 0 < sent < LINED_UP:  # of a long queue, most were sent long enough ago
                self.runner.run(asyncio.sleep(FIRST_LOOK))
            if sent or self.in_flight:
                glance = self._glance()
                self._rest(glance)
            is_hot = self._look(glance)
            looked_at = time.monotonic()
            if not self.in_flight and (not is_hot or time.monotonic() >= end):
                return is_hot
            pause = max(FIRST_LOOK / 2, (looked_at - sent_at) * WIDENING)
            self.runner.run(asyncio.sleep(min(pause, self.vendor.hot_interval)))

    def _glance(self) -> Glance:
        with planned.cursor(GLANCE) as cursor:
            cursor.execute(GLANCE, {"account": self.account.pk})
            due_at, not_before, failures, heard, has_drift, opened, queued, *memories = cursor.fetchone()
        self.account.due_at, self.account.not_before, self.account.failures = due_at, not_before, failures
        self.account.heard = "" if has_drift else heard
        return Glance(opened, queued, {k: v for text in memories if text for k, v in json.loads(text).items()})

    def _look(self, glance: Glance) -> bool:
        """This will observe if it is time to; True when something is open still."""
        if not self._is_due(is_hot=glance.open > 0):
            return False
        open_operations = self._open_operations() if glance.open else []
        if not self._observe(open_operations, glance.memories) or not open_operations:
            return False
        return Operation.objects.filter(account_id=self.account.pk, status__in=OPEN).exists()

    def _stay_alive(self) -> None:
        """Short calls give no sign of life of their own."""
        if self.lease.certain_until - time.monotonic() < leases.RENEWAL:
            leases.renew(self.lease)

    def _rest(self, glance: Glance) -> None:
        """Where the vendor wants to be left alone for a moment only, and somebody waits, this slice outlasts it."""
        if not glance.open:
            return
        until, now = self.account.not_before, timezone.now()
        rest = max(self.http.closed_for, (until - now).total_seconds() if until else 0.0)
        if 0 < rest <= SHORT_REST:
            self.runner.run(asyncio.sleep(rest))
            self._stay_alive()

    def _is_due(self, *, is_hot: bool) -> bool:
        """While operations are open it always is, unless the last try failed: then it waits as long as it said."""
        if is_hot and not self.account.failures:
            return True
        return self.account.due_at is None or self.account.due_at <= timezone.now()

    def _open_operations(self) -> list[Operation]:
        rows = Operation.objects.filter(account_id=self.account.pk, status__in=OPEN)
        return list(rows.select_related(*operations.TARGETS, "connector__pipeline"))

    # Sending

    def _send_queued(self, glance: Glance) -> int:
        """This will claim, send, and record the replies that have come; the number claimed."""
        has_room = len(self.in_flight) < LINED_UP
        claimed = self._meanwhile(self._claim) if glance.queued and has_room else []
        if claimed:
            log.debug(CLAIMED, account_id=self.account.pk)
            self.in_flight |= self.runner.run(self._begin(claimed))
        if self.in_flight:
            left = LINED_UP // 2 if glance.queued > LINED_UP else 0
            self.runner.run(self._guard(self._replies(left, PATIENCE if claimed else 0)))
            self._meanwhile(self._record_all)
        return len(claimed)

    async def _replies(self, left: int, patience: float) -> None:
        """This will wait until few enough are without a reply."""
        end = time.monotonic() + patience
        while sum(not task.done() for task in self.in_flight) > left and (rest := end - time.monotonic()) > 0:
            under_way = [task for task in self.in_flight if not task.done()]
            await asyncio.wait(under_way, timeout=rest, return_when=asyncio.FIRST_COMPLETED)

    def _meanwhile(self, work: Callable[[], T]) -> T:
        """The database's turn: in a thread of its own where orders are under way, so that they go on."""
        if connection.in_atomic_block or all(task.done() for task in self.in_flight):
            return work()
        connection.close()  # one at a time is enough
        return self.runner.run(self._guard(asyncio.to_thread(_aside, work)))

    async def _begin(self, claimed: Sequence[Operation]) -> dict[asyncio.Task[Sent], uuid.UUID]:
        return {asyncio.create_task(self._send(operation)): operation.pk for operation in claimed}

    async def _send(self, operation: Operation) -> Sent:
        """
        Ask once. What has waited for its turn too long is not sent: since it was claimed, a freeze may have begun.

        :raises LeaseLost: the lease may have passed on while this process slept
        """
        claimed_at = time.monotonic()
        async with self.gate:
            if 0 < self.http.closed_for <= SHORT_REST:
                await asyncio.sleep(self.http.closed_for)
            self.lease.check()
            if time.monotonic() - claimed_at > CLAIM_STANDS:
                return Sent(operation, None)
            try:
                return Sent(operation, await self.adapter.send(_order(operation)))
            except VendorError as error:
                return Sent(operation, error)
            except Exception:  # whatever broke, it may have been sent
                log.exception("adapter broke while sending", operation=str(operation.pk))
                words = "the answer could not be read; this is our fault and has been logged"
                return Sent(operation, LostReply(words))

    def _record_all(self) -> None:
        done = [task for task in self.in_flight if task.done()]
        if not done:
            return
        log.debug(REPLIED, account_id=self.account.pk)
        self._record([task.result() for task in done])
        for task in done:
            del self.in_flight[task]
        self._keep_distance()
        log.debug(RECORDED, account_id=self.account.pk)

    def _keep_distance(self) -> None:
        """What the vendor said of its limits outlives this slice."""
        if wait := self.http.closed_for:
            until = timezone.now() + timedelta(seconds=wait)
            VendorAccount.objects.filter(pk=self.account.pk, lease_number=self.lease.number).update(not_before=until)

    @transaction.atomic
    def _claim(self) -> list[Operation]:
        """From here on each of these counts as sent: after a crash it is looked for, not repeated blindly."""
        leases.hold(self.lease)
        now = timezone.now()
        if not _sendable(self.account.pk, now).exists():
            return []
        log.debug(CLAIMING, account_id=self.account.pk)
        audit.probe()  # what cannot be put on record later is not sent now
        ids = list(
            _sendable(self.account.pk, now)
            .filter(deadline_at__gt=now)
            .order_by("requested_at")
            .values_list("pk", flat=True)[:LINED_UP]
        )
        withdrawn = second_look.withdraw_frozen(ids, now=now)
        ids = [pk for pk in ids if pk not in withdrawn]
        claimed = Operation.objects.filter(pk__in=ids, status=OperationStatus.QUEUED).update(
            status=OperationStatus.SENT,
            sent_at=now,
            attempts=F("attempts") + 1,
            lease_number=self.lease.number,
        )
        if not claimed:
            return []
        rows = Operation.objects.filter(
            pk__in=ids, status=OperationStatus.SENT, lease_number=self.lease.number, sent_at=now
        )
        found = list(rows.select_related(*operations.TARGETS, "connector__pipeline"))
        operations.announce(found)
        return found

    @transaction.atomic
    def _record(self, replies: Sequence[Sent]) -> None:
        """An observation, a person or the sweeper may have been faster than the reply: they have the last word."""
        leases.hold(self.lease)
        asked = Operation.objects.filter(pk__in=[sent.operation.pk for sent in replies])
        statuses = dict(asked.select_for_update().order_by("pk").values_list("pk", "status"))
        for sent in replies:
            sent.operation.status = statuses.get(sent.operation.pk, OperationStatus.CANCELLED)
            if sent.operation.is_open:
                self._note(sent.operation, sent.outcome)
        operations.announce([sent.operation for sent in replies if sent.operation.pk in statuses])

    def _note(self, operation: Operation, outcome: Receipt | VendorError | None) -> None:
        if outcome is None:
            operation.attempts -= 1
            self._put_back(operation, "", 0.0)
        elif isinstance(outcome, Receipt):
            self._accepted(operation, outcome)
        elif isinstance(outcome, RateLimited):
            operation.attempts -= not outcome.was_sent
            self._put_back(operation, str(outcome), outcome.retry_after)
        elif outcome.may_have_acted:
            operation.error = str(outcome)
            operation.not_before = timezone.now() + timedelta(seconds=RETRY_AFTER * 2**operation.attempts)
            operation.save(update_fields=["error", "not_before"])
        elif outcome.may_retry:
            self._put_back(operation, str(outcome), RETRY_AFTER * 2 ** (operation.attempts - 1))
        else:
            self._refused(operation, outcome)

    def _accepted(self, operation: Operation, receipt: Receipt) -> None:
        if operation.status == OperationStatus.SENT:
            operation.status = OperationStatus.ACCEPTED
        operation.accepted_at = timezone.now()
        operation.vendor_operation_id, operation.proof = receipt.operation_id, receipt.proof
        operation.vendor_request, operation.vendor_reply = receipt.request, receipt.reply
        operation.error = ""
        operation.save(
            update_fields=[
                "status", "accepted_at", "vendor_operation_id", "proof", "vendor_request", "vendor_reply", "error",
            ]
        )  # fmt: skip
        if receipt.memory is not None:
            type(operation.target).objects.filter(pk=operation.target.pk).update(memory=dict(receipt.memory))

    def _put_back(self, operation: Operation, error: str, wait: float) -> None:
        """Nothing happened at the vendor: it waits in the queue again, until its deadline."""
        operation.status, operation.error = OperationStatus.QUEUED, error
        operation.not_before = timezone.now() + timedelta(seconds=wait)
        operation.save(update_fields=["status", "not_before", "error", "attempts"])

    def _refused(self, operation: Operation, error: VendorError) -> None:
        operation.vendor_request = error.request
        operation.vendor_reply = f"{error.status or ''} {error}".strip()
        operation.save(update_fields=["vendor_request", "vendor_reply"])
        operations.finish(operation, OperationStatus.FAILED, error=_words(error), actor=DRIVER)

    # Observing

    def _observe(self, open_operations: Sequence[Operation], memories: Memories) -> bool:
        """This will read the account once and reconcile; False when it could not be read."""
        started = timezone.now()
        if self.account.not_before and self.account.not_before > started:
            reconciling.rule_without_observation(self.lease, now=started)
            return False
        known = "" if open_operations else self.account.heard
        self.http.begin_reading(self._circumstances(memories, started), known)
        try:
            snapshot = self.runner.run(self._guard(self.adapter.observe(_watch(open_operations, memories))))
        except NothingNew:
            reconciling.note_same(self.lease, interval=self.account.interval, started=started)
            return True
        except VendorError as error:
            pause = error.retry_after if isinstance(error, RateLimited) else self._pause_after_failure(open_operations)
            reconciling.note_failure(self.lease, error, pause=pause)
            return False
        except (LeaseLost, DatabaseError):
            raise
        except Exception:  # an adapter that breaks must not take its account's rows along
            log.exception("adapter broke", account=self.account.name)
            fault = VendorError("its answer could not be read; this is our fault and has been logged")
            reconciling.note_failure(self.lease, fault, pause=self._pause_after_failure(open_operations))
            return False
        heard, in_flight = self.http.heard, set(self.in_flight.values())
        write = partial(reconciling.apply, self.lease, snapshot, started=started, in_flight=in_flight, heard=heard)
        self._meanwhile(write)
        self._keep_distance()
        return True

    def _circumstances(self, memories: Memories, now: datetime) -> str:
        """What decides, beside the answers, what is made of them; and for how long the same answers may stand."""
        account = self.account
        stands = now.timestamp() // (60 if account.metered_at else SAME_FOR)
        return json.dumps([account.base_url, account.settings, memories, stands], sort_keys=True)

    def _pause_after_failure(self, open_operations: Sequence[Operation]) -> float:
        """Longer each time; shorter while somebody waits for an outcome."""
        first, longest = (RETRY_AFTER, LONGEST_HOT_PAUSE) if open_operations else (self.account.interval, LONGEST_PAUSE)
        return float(min(first * 2 ** min(self.account.failures, 6), longest))

    async def _guard(self, work: Coroutine[Any, Any, T]) -> T:
        """The work, with a sign of life every few seconds; without the lease it is broken off."""
        task = asyncio.create_task(work)
        while True:
            done, _ = await asyncio.wait({task}, timeout=leases.RENEWAL)
            if done:
                return task.result()
            try:
                await asyncio.to_thread(_aside, partial(leases.renew, self.lease))
            except LeaseLost:
                task.cancel()
                raise


def _watch(open_operations: Sequence[Operation], memories: Memories) -> Watch:
    return Watch(
        operations=[o.vendor_operation_id for o in open_operations if o.vendor_operation_id],
        memories=memories,
        pending={o.target.external_id: Verb(o.kind) for o in open_operations if o.status != OperationStatus.QUEUED},
    )


def _aside(work: Callable[[], T]) -> T:
    """In a thread of its own, so with a database connection of its own."""
    try:
        return work()
    finally:
        connection.close()


def _order(operation: Operation) -> Order:
    target = operation.target
    is_connector = isinstance(target, Connector)
    known = Known(
        target="connector" if is_connector else "pipeline",
        external_id=target.external_id,
        pipeline=target.pipeline.external_id if isinstance(target, Connector) else target.external_id,
        name=target.name,
        state=State(target.state),
        vendor_state=target.vendor_state,
        generation=target.generation,
        facts=target.facts,
    )
    return Order(
        verb=Verb(operation.kind), known=known, key=str(operation.pk), memory=target.memory, task=operation.task
    )


def _words(error: VendorError) -> str:
    return f"{error.status}: {error}" if error.status else str(error)


def observe_now(account: VendorAccount, snapshot: AccountSnapshot) -> None:
    """This will reconcile a snapshot that was read elsewhere, under a lease of its own; for tests and imports."""
    lease = leases.take(account.pk, "observe_now")
    if lease is None:
        raise LeaseLost("the account is being driven")
    try:
        reconciling.apply(lease, snapshot, started=timezone.now())
    finally:
        leases.give_back(lease)
