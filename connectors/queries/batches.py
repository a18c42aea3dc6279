"""Every read of batches: who sees which, what one would do, how far one has come."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from connectors.models import Batch, BatchItem, Connector, Operation, VendorAccount
from connectors.permissions import Viewer
from connectors.queries import approvals, guards, timings, verbs
from connectors.states import GOALS, LABELS, OPEN, WHOLE, Verb
from connectors.vendors import registry
from connectors.vendors.base import Vendor

HEAVY = ("config", "tasks", "error_trace", "error", "flow", "metrics", "memory")
"""What a plan does not look at; with ten thousand rows it would be most of the work."""
EXAMPLES = 5
TROUBLE_FIRST = Case(
    *(When(status=status, then=Value(place)) for place, status in enumerate(
        ("failed", "asked", "waiting", "dropped", "skipped", "confirmed")
    )),
    default=Value(9),
)  # fmt: skip
"""The order of items in which a person wants to see them."""
ALREADY = "already {state}"


def visible_to(viewer: Viewer) -> QuerySet[Batch]:
    """This will give the batches that exist for this person: their own, and those with a connector they may see."""
    rows = Batch.objects.select_related("parent")
    if viewer.sees_all:
        return rows
    theirs = BatchItem.objects.filter(batch_id=OuterRef("pk"), connector__team_id__in=viewer.roles)
    return rows.filter(Q(user_id=viewer.user_id) | Exists(theirs))


def untouched(batch: Batch) -> QuerySet[BatchItem]:
    """This will give the items that are still wanted as this batch asked: it was the last to ask anything of them."""
    goal = GOALS.get(Verb(batch.kind))
    if goal is None:
        return BatchItem.objects.none()
    return BatchItem.objects.filter(
        batch=batch,
        status=BatchItem.Status.CONFIRMED,
        connector__desired_state=goal,
        connector__desired_at=F("operation__requested_at"),
    )


def items_of(batch: Batch, viewer: Viewer) -> QuerySet[BatchItem]:
    """This will give the items whose connectors the person may see, in their order."""
    rows = BatchItem.objects.filter(batch=batch).select_related(
        "operation", "connector__account__team", "connector__pipeline", "connector__team"
    )
    return rows if viewer.sees_all else rows.filter(connector__team_id__in=viewer.roles)


@dataclass(frozen=True, slots=True)
class Progress:
    """How many items stand where. They add up to the total."""

    waiting: int = 0
    asked: int = 0
    confirmed: int = 0
    failed: int = 0
    skipped: int = 0
    dropped: int = 0

    @property
    def total(self) -> int:
        """All of them, skipped ones too."""
        return self.acted_on + self.skipped

    @property
    def acted_on(self) -> int:
        """All that were or are to be asked."""
        return self.waiting + self.asked + self.confirmed + self.failed + self.dropped

    @property
    def ended(self) -> int:
        """Those with an outcome."""
        return self.confirmed + self.failed + self.dropped


def progress(batch: Batch) -> Progress:
    """This will count a batch's items, in one query."""
    return progress_of([batch])[batch.pk]


def progress_of(batches: Sequence[Batch]) -> dict[object, Progress]:
    """This will count the items of several batches, in one query."""
    rows = BatchItem.objects.filter(batch__in=batches).order_by().values_list("batch_id", "status")
    numbers: dict[object, dict[str, int]] = {batch.pk: {} for batch in batches}
    for pk, status, number in rows.annotate(number=Count("pk")):
        numbers[pk][status] = number
    return {pk: Progress(**found) for pk, found in numbers.items()}


@dataclass(slots=True)
class AccountPlan:
    """What would be done at one vendor account."""

    account: VendorAccount
    vendor: Vendor
    usual: float
    """Seconds that one usually takes."""
    act: int = 0
    skip: int = 0

    @property
    def match(self) -> int:
        """All that were chosen there."""
        return self.act + self.skip


@dataclass(slots=True)
class Skip:
    """Why some are left out, and which."""

    why: str
    number: int = 0
    examples: list[Connector] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """What the examples are called."""
        return [connector.name for connector in self.examples]

    @property
    def more(self) -> int:
        """How many are not among the examples."""
        return self.number - len(self.examples)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch would do, by what was last observed. Asking decides anew for each."""

    verb: Verb
    act: Sequence[Connector]
    skipped: Sequence[tuple[Connector, str]]
    accounts: Sequence[AccountPlan]
    skips: Sequence[Skip]
    consequences: Sequence[str]
    """What the vendors' verbs lead to, where a dialog has to say so."""
    teams: Sequence[str]
    """Whose connectors would be acted on."""
    guarded: Sequence[Connector] = ()
    """Those of the skipped that nothing but a second person keeps back."""

    @property
    def number(self) -> int:
        """How many would be acted on."""
        return len(self.act)

    @property
    def match(self) -> int:
        """All that were chosen."""
        return len(self.act) + len(self.skipped)


def plan(
    connectors: QuerySet[Connector],
    verb: Verb,
    viewer: Viewer,
    now: datetime | None = None,
    *,
    is_system: bool = False,
) -> Plan:
    """
    This will tell which of these connectors the verb would be asked of, and why not of the others: six queries.

    :param is_system: the product acts, so no person's exceptions and approvals count
    """
    now = now or timezone.now()
    rows = list(connectors.select_related("account__team", "pipeline", "team").defer(*HEAVY))
    rails = guards.read(viewer, connectors=[row.pk for row in rows], is_system=is_system, now=now)
    approved = set() if is_system else approvals.ready(verb, viewer.user_id, now)
    under_way = _under_way()
    times = timings.measured()
    act: list[Connector] = []
    skipped: list[tuple[Connector, str]] = []
    guarded: list[Connector] = []
    accounts: dict[int, AccountPlan] = {}
    skips: dict[str, Skip] = {}
    consequences: dict[str, None] = {}
    teams: Counter[str] = Counter()
    for row in rows:
        vendor = registry.get(row.account.vendor)
        capability = vendor.capability(verb, "connector")
        usual = timings.usual(times, vendor.slug, capability).p50 if capability else 0.0
        there = accounts.setdefault(row.account_id, AccountPlan(row.account, vendor, usual))
        why = why_not(row, verb, viewer, open_verb=under_way.get(row.pk), now=now)
        refusal = None if why else _guarded(row, verb, viewer, rails, approved)
        if refusal and refusal.rule == "protection":
            guarded.append(row)
        if why := why or (refusal.sentence if refusal else ""):
            there.skip += 1
            skipped.append((row, why))
            group = skips.setdefault(why, Skip(why))
            group.number += 1
            if len(group.examples) < EXAMPLES:
                group.examples.append(row)
            continue
        there.act += 1
        act.append(row)
        teams[row.team.slug] += 1
        if capability and (said := row.facts.get("consequence", {}).get(verb) or capability.consequence):
            consequences[said] = None
    return Plan(
        verb=verb,
        act=act,
        skipped=skipped,
        accounts=sorted(accounts.values(), key=lambda a: a.account.name),
        skips=sorted(skips.values(), key=lambda s: -s.number),
        consequences=list(consequences),
        teams=[team for team, _ in teams.most_common()],
        guarded=guarded,
    )


def why_not(connector: Connector, verb: Verb, viewer: Viewer, *, open_verb: str | None, now: datetime) -> str:
    """This will say why a batch leaves a connector out; empty when it does not."""
    if why := viewer.why_not_operate(connector.team_id, connector.team.slug):
        return why
    capability = verbs.capability_of(connector, verb)
    if capability is None:
        return f"{registry.get(connector.account.vendor).name} cannot {LABELS[verb].lower()} a connector"
    if not open_verb and GOALS.get(verb) == connector.state and not connector.is_stale(now):
        return ALREADY.format(state=connector.state)
    return verbs.why_not(connector, capability, is_stale=connector.is_stale(now), open_verb=open_verb)


def _guarded(
    connector: Connector,
    verb: Verb,
    viewer: Viewer,
    rails: guards.Rails,
    approved: Container[tuple[int, str, datetime]],
) -> guards.Refusal | None:
    """Why the gate would not let it pass."""
    if refusal := rails.why_frozen(connector, viewer):
        return refusal
    protections = rails.guarding(connector, verb)
    if not protections or (connector.pk, connector.state, connector.state_since) in approved:
        return None
    return guards.Refusal("protection", approvals.needed(connector, verb, protections))


def _under_way() -> Mapping[int, str]:
    rows = Operation.objects.filter(status__in=OPEN, connector__isnull=False)
    return {pk: kind for pk, kind in rows.values_list("connector_id", "kind") if pk is not None}


def verbs_of(slugs: Iterable[str]) -> list[Verb]:
    """This will give the verbs that at least one of these vendors has for a connector, in the order of `Verb`."""
    found = {c.verb for slug in slugs for c in registry.get(slug).capabilities if c.target == "connector"}
    return [verb for verb in WHOLE if verb in found]
