"""What waits for one person, for the head of every page."""

from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, Count, QuerySet, Value

from connectors.permissions import Viewer
from connectors.queries import approvals, loosenings, reviews


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many of each."""

    approvals: int = 0
    loosenings: int = 0
    questions: int = 0

    @property
    def second_persons(self) -> int:
        """What takes a second person: verbs, and protections that are to become weaker."""
        return self.approvals + self.loosenings


def waiting(viewer: Viewer) -> Waiting:
    """This will count them, in one query."""
    kinds: tuple[tuple[str, QuerySet[Any]], ...] = (
        ("approvals", approvals.to_decide(viewer)),
        ("loosenings", loosenings.to_decide(viewer)),
        ("questions", reviews.asked_of(viewer)),
    )
    counts = [
        found.select_related(None)
        .prefetch_related(None)
        .order_by()
        .annotate(waits_as=Value(kind, output_field=CharField()))
        .values("waits_as")
        .annotate(number=Count("pk"))
        .values_list("waits_as", "number")
        for kind, found in kinds
    ]
    return Waiting(**dict(counts[0].union(*counts[1:], all=True)))
