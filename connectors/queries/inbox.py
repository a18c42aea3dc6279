"""What waits for one person, for the head of every page."""

from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, Count, QuerySet, Value
from django.utils import timezone

from connectors.permissions import Viewer
from connectors.queries import approvals, lean, loosenings, reviews

KINDS = ("approvals", "loosenings", "questions")
_is_any = lean.Written("""
SELECT EXISTS (SELECT FROM connectors_approval WHERE status = 'waiting' AND lapses_at > now()),
       EXISTS (SELECT FROM connectors_loosening WHERE outcome = '' AND lapses_at > now()),
       EXISTS (SELECT FROM connectors_reviewitem WHERE status = 'questioned' AND asked_id = %(user)s)
""")
"""Whether anything of each kind waits at all, for whomever; counting begins there."""


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
    """This will count them: one query where nothing waits, which is the rule, and two where something does."""
    now = timezone.now()
    is_any = dict(zip(KINDS, _is_any.read(user=viewer.user_id)[0], strict=True))
    kinds: dict[str, QuerySet[Any]] = {}
    if is_any["approvals"]:
        kinds["approvals"] = approvals.to_decide(viewer, now)
    if is_any["loosenings"]:
        kinds["loosenings"] = loosenings.to_decide(viewer, now)
    if is_any["questions"]:
        kinds["questions"] = reviews.asked_of(viewer)
    counts = [_counted(kind, found) for kind, found in kinds.items()]
    return Waiting(**dict(counts[0].union(*counts[1:], all=True))) if counts else Waiting()


def asked(viewer: Viewer) -> lean.Asked:
    """This will put the question with which `waiting` begins."""
    return _is_any.asked(user=viewer.user_id)


def _counted(kind: str, rows: QuerySet[Any]) -> QuerySet[Any, tuple[str, int]]:
    plain = rows.select_related(None).prefetch_related(None).order_by()
    named = plain.annotate(waits_as=Value(kind, output_field=CharField()))
    found: QuerySet[Any, Any] = named.values("waits_as").annotate(number=Count("pk"))
    return found.values_list("waits_as", "number")
