"""One line of the table: a value, its spread over the rounds, and what it must be."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured. `limit` None: printed for what it is, nothing is asked of it."""

    row: str
    name: str
    value: float
    unit: str = "×"
    limit: float | None = None
    is_least: bool = False
    """The limit is the least it may be, not the most."""
    spread: tuple[float, float] | None = None
    detail: str = ""
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool:
        """Is it within its limit?"""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.is_least else self.value <= self.limit

    @property
    def must_be(self) -> str:
        """The limit in words."""
        return "" if self.limit is None else f"{'≥' if self.is_least else '≤'} {self.limit:g} {self.unit}"


def ratio(
    row: str, name: str, ours: Sequence[float], floor: Sequence[float], limit: float | None, *, detail: str = ""
) -> Figure:
    """This will compare two measurements round by round: the median of the rounds' ratios, and the extremes."""
    ratios = [mine / its for mine, its in zip(ours, floor, strict=True)]
    shown = f"{_seconds(statistics.median(ours))} against {_seconds(statistics.median(floor))}"
    return Figure(
        row, name, statistics.median(ratios), limit=limit, spread=(min(ratios), max(ratios)),
        detail=f"{shown}{'; ' if detail else ''}{detail}", raw={"ours": list(ours), "floor": list(floor)},
    )  # fmt: skip


def quantile(values: Sequence[float], share: float) -> float:
    """This will give the value below which that share of all values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def alternate(rounds: int, *works: Callable[[], float]) -> list[list[float]]:
    """This will do each work in turn, so many rounds; what each of them gave."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for values, work in zip(found, works, strict=True):
            values.append(work())
    return found


def _seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"
