"""Reading the review: the inbox, one item, what is asked of whom, and the figures of each month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.db.models import Count, Q, QuerySet

from connectors.models import AuditEvent, ReviewItem, ReviewNote
from connectors.permissions import Viewer

Status = ReviewItem.Status
SHOWN_EVENTS = 20
TO_DO = (Status.ESCALATED, Status.ANSWERED, Status.WAITING)
LATE = timedelta(days=3)
AGES = (("under a day", 0), ("1 to 3 days", 1), ("3 to 7 days", 3), ("over 7 days", 7))
UNDO_WITHIN = timedelta(minutes=10)

MONTHS = """
SELECT date_trunc('month', at AT TIME ZONE 'UTC')::date AS month, count(*),
    count(*) FILTER (WHERE status = 'approved'),
    extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY decided_at - at)),
    coalesce(sum(events), 0)
FROM connectors_reviewitem WHERE at >= %s AND at < %s GROUP BY 1 ORDER BY 1 DESC
"""


@dataclass(frozen=True, slots=True)
class Month:
    """How a month's items were dealt with."""

    begins: date
    items: int
    approved: int
    median: float | None
    """Seconds from the event to its sign-off; None where nothing was signed off."""
    events: int

    @property
    def coverage(self) -> float:
        """How many percent were signed off."""
        return 100 * self.approved / self.items if self.items else 100.0


@dataclass(frozen=True, slots=True)
class Report:
    """A month for print: the figures, by rule, by reviewer, by team, and what is still open."""

    month: Month
    by_rule: Sequence[tuple[str, int, int]]
    by_reviewer: Sequence[tuple[str, int]]
    by_team: Sequence[tuple[str, int, int]]
    open: Sequence[ReviewItem]


@dataclass(frozen=True, slots=True)
class Opened:
    """One item with what a reviewer needs to know."""

    item: ReviewItem
    events: Sequence[AuditEvent]
    notes: Sequence[ReviewNote]
    tries: int
    """How often this person tried the same and was refused, in the week before."""
    is_own: bool


def inbox(show: str = "") -> QuerySet[ReviewItem]:
    """This will give the items to deal with, the most serious first; or those of one status."""
    if show in Status.values:
        return ReviewItem.objects.filter(status=show)
    return ReviewItem.objects.filter(status__in=TO_DO)


def counts() -> dict[str, int]:
    """This will count the open items by status, in one query."""
    found = ReviewItem.objects.exclude(status=Status.APPROVED).order_by().values_list("status").annotate(Count("pk"))
    return {**dict.fromkeys(Status.values, 0), **dict(found)}


def ages(now: datetime) -> list[tuple[str, int]]:
    """This will count the open items by their age."""
    open_items = ReviewItem.objects.exclude(status=Status.APPROVED).order_by()
    bounds = [*(days for _, days in AGES[1:]), None]
    within = {
        f"age_{place}": Count("pk", filter=_aged(now, least, most))
        for place, ((_, least), most) in enumerate(zip(AGES, bounds, strict=True))
    }
    found = open_items.aggregate(**within)
    return [(name, found[f"age_{place}"]) for place, (name, _) in enumerate(AGES)]


def _aged(now: datetime, least: int, most: int | None) -> Q:
    old_enough = Q(at__lte=now - timedelta(days=least))
    return old_enough & Q(at__gt=now - timedelta(days=most)) if most is not None else old_enough


def oldest() -> ReviewItem | None:
    """This will give the open item that waits longest."""
    return ReviewItem.objects.exclude(status=Status.APPROVED).order_by("at").first()


def opened(item: ReviewItem, viewer: Viewer) -> Opened:
    """This will gather what belongs to an item."""
    ids = list(item.parts.order_by("event_id").values_list("event_id", flat=True)[:SHOWN_EVENTS])
    events = list(AuditEvent.objects.filter(pk__in=ids).select_related("seal").defer("canonical").order_by("at", "pk"))
    return Opened(item, events, list(item.notes.all()), _tries(events), viewer.user_id in item.people)


def _tries(events: Sequence[AuditEvent]) -> int:
    first = next((event for event in events if event.result == AuditEvent.Result.REFUSED), None)
    if first is None:
        return 0
    since = first.at - timedelta(days=7)
    return AuditEvent.objects.filter(
        actor=first.actor, action=first.action, target_id=first.target_id, at__gt=since, at__lt=first.at
    ).count()


def asked_of(viewer: Viewer) -> QuerySet[ReviewItem]:
    """This will give the items about which this person is asked."""
    return ReviewItem.objects.filter(asked_id=viewer.user_id, status=Status.QUESTIONED).prefetch_related("notes")


def undoable(viewer: Viewer, now: datetime) -> ReviewItem | None:
    """This will give what this person decided last, while it can be taken back."""
    note = ReviewNote.objects.filter(user_id=viewer.user_id, at__gt=now - UNDO_WITHIN).select_related("item").last()
    return note.item if note and note.kind not in {ReviewNote.Kind.REOPENED, ReviewNote.Kind.ANSWERED} else None


def months(first: date, last: date) -> list[Month]:
    """This will give the figures of each month that had items, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(MONTHS, [_begin(first), _begin(_next(last))])
        return [Month(*row) for row in cursor.fetchall()]


def report(month: date) -> Report:
    """This will gather a month for print."""
    of_month = ReviewItem.objects.filter(at__gte=_begin(month), at__lt=_begin(_next(month))).order_by()
    found = months(month, month)
    approved = Count("pk", filter=Q(status=Status.APPROVED))
    return Report(
        month=found[0] if found else Month(month, 0, 0, None, 0),
        by_rule=_by_rule(month),
        by_reviewer=list(
            of_month.filter(decided_by__isnull=False)
            .values_list("decided_by__username")
            .annotate(n=Count("pk"))
            .order_by("-n")
        ),
        by_team=list(of_month.values_list("team").annotate(n=Count("pk"), done=approved).order_by("-n")),
        open=list(of_month.exclude(status=Status.APPROVED).order_by("at")[:100]),
    )


def _by_rule(month: date) -> list[tuple[str, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rule, count(*), count(*) FILTER (WHERE status = 'approved') FROM connectors_reviewitem,"
            " unnest(rules) AS rule WHERE at >= %s AND at < %s GROUP BY 1 ORDER BY 2 DESC, 1",
            [_begin(month), _begin(_next(month))],
        )
        return [(str(rule), int(number), int(done)) for rule, number, done in cursor.fetchall()]


def _begin(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
