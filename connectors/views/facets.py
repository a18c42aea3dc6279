"""The filters above the board: what can be chosen, how many each choice holds, and what is chosen."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from connectors.queries import catalogue
from connectors.queries.connectors import Filters, Summary
from connectors.states import State
from connectors.templatetags.looks import ACTIVITIES, STATES


@dataclass(frozen=True, slots=True)
class Option:
    """One choice. The number counts all connectors the person may see, whatever else is chosen."""

    value: str
    label: str
    number: int
    is_set: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """One filter with its choices; `name` is its word in the address."""

    name: str
    label: str
    options: Sequence[Option]

    @property
    def chosen(self) -> str:
        """What is chosen, in words."""
        labels = [option.label for option in self.options if option.is_set]
        return labels[0] if len(labels) == 1 else f"{len(labels)} chosen" if labels else ""


def facets(summary: Summary, filters: Filters) -> list[Facet]:
    """This will lay out the filters from what the board's head has counted already, with no query of its own."""
    vendors: Counter[str] = Counter()
    teams: Counter[str] = Counter()
    for account in summary.accounts:
        vendors[account.vendor] += account.rows_seen
        teams[account.team.slug] += account.rows_seen
    states: Counter[str] = Counter(summary.not_reached)
    for (_, state), number in summary.cells.items():
        states[state] += number
    accounts = {account.name: account.rows_seen for account in summary.accounts}
    activities = {str(activity): number for activity, number in summary.counts.items()}
    return [
        _facet("vendor", "Vendor", vendors, filters.vendor, {v: catalogue.vendor(v).name for v in vendors}),
        _facet("state", "State", _ordered(states), filters.state, {s: look.word for s, look in STATES.items()}),
        _facet("activity", "Activity", activities, filters.activity, {a: k.word for a, k in ACTIVITIES.items()}),
        _facet("team", "Team", teams, filters.team, {}),
        _facet("account", "Account", accounts, filters.account, {}),
    ]  # fmt: skip


def _facet(
    name: str, label: str, numbers: Mapping[str, int], chosen: Iterable[str], labels: Mapping[str, str]
) -> Facet:
    wanted = set(chosen)
    values = [*numbers, *sorted(wanted - set(numbers))]
    return Facet(name, label, [Option(v, labels.get(v, v), numbers.get(v, 0), v in wanted) for v in values])


def _ordered(numbers: Mapping[str, int]) -> dict[str, int]:
    return {state: numbers[state] for state in State if numbers.get(state)}
