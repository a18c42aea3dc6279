"""Tags for the diagnosis: where on the line the flow breaks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django import template

from connectors import fingerprints
from connectors.diagnose import Trouble, trouble_of
from connectors.matrix import FLOWS
from connectors.models import Connector, VendorAccount
from connectors.queries.connectors import Row
from connectors.states import CHANGING, State
from connectors.templatetags import figures
from connectors.templatetags.looks import STATES

register = template.Library()


@dataclass(frozen=True, slots=True)
class Station:
    """One stop of the line. `mark` is empty where the flow passes."""

    name: str
    words: str
    at: datetime | None = None
    is_since: bool = False
    """The time says since when, not when it was seen."""
    mark: str = ""


@register.simple_tag
def trouble(account: VendorAccount) -> Trouble:
    """This will tell what it means that an account could not be read: words, and what to press."""
    return trouble_of(account.failure_kind)


@register.simple_tag
def stations(row: Row) -> Sequence[Station]:
    """This will give account, pipeline, connector, tasks and records; solid up to the break, dotted after it."""
    connector, account = row.connector, row.connector.account
    stops = [
        Station(
            "Account", "not reached" if row.is_stale else "reached", account.observed_at, mark=_break(row.is_stale)
        ),
        _stop("Pipeline", connector.pipeline.state, connector.pipeline.state_since),
        _connector(connector),
    ]
    if connector.tasks_total:
        working = connector.tasks_total - connector.tasks_failed
        words = f"{working} of {connector.tasks_total} work"
        stops.append(Station("Tasks", words, mark=_break(working == 0)))
    rate = connector.metrics.get("records_per_s")
    stops.append(Station("Records", "not measured" if rate is None else f"{figures.rate(rate)}"))
    return _dotted_after_break(stops)


@register.filter
def cause(trace: str) -> str:
    """This will find the innermost cause in a trace, else its first line."""
    return fingerprints.cause(trace)


def _connector(connector: Connector) -> Station:
    """Where all its tasks failed, the connector itself may well answer; the break is one stop further on."""
    if connector.state == State.FAILED and connector.tasks_total == connector.tasks_failed > 0:
        return Station("Connector", "answers", connector.state_since, is_since=True)
    return _stop("Connector", connector.state, connector.state_since)


def _stop(name: str, state: str, since: datetime) -> Station:
    observed = State(state)
    mark = "is-here" if observed in CHANGING else _break(observed not in FLOWS)
    return Station(name, STATES[observed].word.lower(), since, is_since=True, mark=mark)


def _break(is_broken: bool) -> str:  # the one question it answers
    return "is-break" if is_broken else ""


def _dotted_after_break(stops: Sequence[Station]) -> list[Station]:
    broken = next((place for place, stop in enumerate(stops) if stop.mark), len(stops))
    return [replace(stop, mark="is-ahead") if place > broken else stop for place, stop in enumerate(stops)]
