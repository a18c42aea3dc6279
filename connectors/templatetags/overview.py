"""Tags for the head of the board: the seven counts, the matrix, the accounts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString

from connectors.matrix import Active, Activity, judge
from connectors.models import VendorAccount
from connectors.queries import catalogue
from connectors.queries.overview import Summary
from connectors.states import CHANGING, State
from connectors.templatetags.looks import ACTIVITIES, STATES, Look
from connectors.templatetags.switchyard import freshness
from connectors.vendors.base import Vendor

register = template.Library()

STOPPED = (State.STOPPED, State.FINISHED, State.UNCONFIGURED)
GROUPS: Sequence[tuple[State, Collection[State]]] = (
    (State.RUNNING, (State.RUNNING,)),
    (State.DEGRADED, (State.DEGRADED,)),
    (State.FAILED, (State.FAILED,)),
    (State.PAUSED, (State.PAUSED,)),
    (State.STOPPED, STOPPED),
    (State.PAUSING, sorted(CHANGING)),
    (State.UNKNOWN, (State.UNKNOWN,)),
)
"""Rows and columns of the matrix: a state that stands for the group, and all states in it."""


@register.simple_tag
def account_seen(account: VendorAccount) -> SafeString:
    """This will say when an account was last read."""
    return freshness(account.observed_at, account.budget, account.pk)


@dataclass(frozen=True, slots=True)
class Tally:
    """One of the seven counts."""

    look: Look
    number: int
    url: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One pair of the matrix; no number where there is none."""

    number: int
    title: str = ""
    tone: str = ""
    url: str = ""


EMPTY = Cell(0)


@dataclass(frozen=True, slots=True)
class Line:
    """One pipeline state and its cells."""

    word: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Grid:
    """The matrix: columns are connector states, lines pipeline states that exist."""

    columns: Sequence[Look]
    lines: Sequence[Line]


@register.simple_tag
def counts(summary: Summary) -> list[Tally]:
    """This will give the seven counts in their order; they add up to the total."""
    board = reverse("board")
    return [
        Tally(look, summary.counts.get(activity, 0), f"{board}?activity={activity}")
        for activity, look in ACTIVITIES.items()
    ]


@register.simple_tag
def matrix(summary: Summary, within: int | None = None) -> Grid:
    """
    This will group the pairs into the board's matrix, with a line for what was not reached.

    :param within: the pipeline whose connectors they are; a cell then opens those alone
    """
    board = f"{reverse('board')}?{f'pipeline={within}&' if within else ''}"
    lines = [_line(summary.cells, board, pipeline, group) for pipeline, group in GROUPS]
    lines = [line for line in lines if any(cell.number for cell in line.cells)]
    if any(summary.not_reached.values()):
        lines.append(Line("Not reached", [_not_reached(summary, board, *column) for column in GROUPS]))
    return Grid([_group_look(state) for state, _ in GROUPS], lines)


@register.simple_tag
def vendor_of(slug: str) -> Vendor:
    """This will find a vendor, for its name and mark."""
    return catalogue.vendor(slug)


def _line(cells: Mapping[tuple[State, State], int], board: str, pipeline: State, group: Collection[State]) -> Line:
    return Line(_group_look(pipeline).word, [_cell(cells, board, pipeline, group, *column) for column in GROUPS])


def _cell(
    cells: Mapping[tuple[State, State], int],
    board: str,
    pipeline: State,
    pipelines: Collection[State],
    connector: State,
    connectors: Collection[State],
) -> Cell:
    number = sum(cells.get((p, c), 0) for p in pipelines for c in connectors)
    if not number:
        return EMPTY
    words = (_group_look(pipeline).word.lower(), _group_look(connector).word.lower())
    query = urlencode({"pipeline_state": list(pipelines), "state": list(connectors), "stale": "no"}, doseq=True)
    return Cell(number, f"pipeline {words[0]}, connector {words[1]}", _tone(pipeline, connector), board + query)


def _not_reached(summary: Summary, board: str, connector: State, connectors: Collection[State]) -> Cell:
    number = sum(summary.not_reached.get(state, 0) for state in connectors)
    query = urlencode({"state": list(connectors), "stale": "yes"}, doseq=True)
    return Cell(number, f"not reached, last seen {_group_look(connector).word.lower()}", "stale", board + query)


def _tone(pipeline: State, connector: State) -> str:
    verdict = judge(pipeline, connector)
    if verdict.active is Active.YES:
        return "go"
    tones = {Activity.DEGRADED: "warn", Activity.FAILED: "fail", Activity.CHANGING: "change"}
    return tones.get(verdict.activity, "hold")


def _group_look(state: State) -> Look:
    return ACTIVITIES[Activity.CHANGING] if state in CHANGING else STATES[state]
