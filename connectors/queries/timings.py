"""How long verbs usually take: as measured here, or as the vendor's folder says until there is enough to go by."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from connectors.models import UsualTime
from connectors.queries import lean
from connectors.vendors.base import Capability

ENOUGH = 5
"""Confirmed operations from which the measured figures are taken."""
SLOW = 3.0
"""Where nothing was measured, so many times the usual is slow."""

Key = tuple[str, str, str]
"""Vendor, kind of target, verb."""


@dataclass(frozen=True, slots=True)
class Usual:
    """Seconds from request to confirmation: half of them are faster than `p50`, nearly all faster than `p95`."""

    p50: float
    p95: float
    count: int = 0
    """Operations behind the figures; 0 when they were not measured."""


Measured = Mapping[Key, Usual]


def measured() -> Measured:
    """This will read all measured times, in one query."""
    return {(r.vendor, r.target, r.kind): Usual(r.p50, r.p95, r.count) for r in _enough.read()}


def asked() -> lean.Asked:
    """This will put the question of `measured`."""
    return _enough.asked()


@lean.statement(lean.Layout(UsualTime))
def _enough() -> QuerySet[UsualTime]:
    return UsualTime.objects.filter(count__gte=ENOUGH)


def usual(times: Measured, vendor: str, capability: Capability) -> Usual:
    """This will give a verb's usual time."""
    found = times.get((vendor, capability.target, capability.verb))
    return found or Usual(capability.usual, capability.usual * SLOW)
