"""The filters above the board: what can be chosen, how many each choice holds, and what is chosen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from connectors.forms.board import FILTERS, filters_of
from connectors.matrix import Active
from connectors.permissions import Viewer
from connectors.queries import catalogue
from connectors.queries import facets as queries
from connectors.queries.connectors import Filters
from connectors.queries.facets import Number
from connectors.templatetags.looks import ACTIVITIES, STATES
from connectors.views import addresses
from connectors.views.access import signed_in
from connectors.views.addresses import Located

MENUS: Mapping[str, tuple[str, Sequence[tuple[str, str]]]] = {
    "vendor": ("Vendor", [("vendor", "")]),
    "account": ("Account", [("account", "")]),
    "pipeline": ("Pipeline", [("pipeline", "")]),
    "state": ("State", [("state", "Connector"), ("pipeline_state", "Pipeline")]),
    "active": ("Active", [("active", "Can data flow?"), ("activity", "In short")]),
    "team": ("Team", [("team", "")]),
    "label": ("Label", [("label", "")]),
    "class": ("Class", [("class", "")]),
    "more": ("More", [("drift", ""), ("open", ""), ("stale", "")]),
}
"""Each menu's heading, and the filters it offers, with a heading of their own where there are several."""
NAMES = {
    "search": "Search", "vendor": "Vendor", "account": "Account", "pipeline": "Pipeline", "state": "Connector",
    "pipeline_state": "Pipeline", "active": "Active", "activity": "Activity", "team": "Team", "label": "Label",
    "class": "Class", "drift": "Drift", "stale": "Seen", "open": "Operation",
}  # fmt: skip
ANSWERS: Mapping[str, str] = {
    Active.YES: "Yes",
    Active.WARNING: "Yes, degraded",
    Active.NO: "No",
    Active.UNKNOWN: "Unknown",
}
FEW = 3
"""Values that are named one by one."""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice; no number until it is counted."""

    value: str
    label: str
    number: int | None
    is_set: bool


@dataclass(frozen=True, slots=True)
class Section:
    """The choices of one filter; `name` is its word in the address."""

    name: str
    heading: str
    options: Sequence[Option]


@dataclass(frozen=True, slots=True)
class Facet:
    """One menu. On the page it holds what is chosen; it is counted when it is opened."""

    slug: str
    label: str
    sections: Sequence[Section]
    others: Sequence[tuple[str, str]] = ()
    """What the address holds besides, as names and values."""

    @property
    def chosen(self) -> str:
        """What is chosen, in words."""
        labels = [option.label for section in self.sections for option in section.options if option.is_set]
        return labels[0] if len(labels) == 1 else f"{len(labels)} chosen" if labels else ""


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is set, and the address without it."""

    name: str
    words: str
    url: str


@require_safe
@signed_in
def facet(request: HttpRequest, viewer: Viewer, slug: str) -> HttpResponse:
    """This will count the choices of one menu: into the menu, or as a page of its own."""
    if slug not in MENUS:
        raise Http404
    filters = filters_of(request.GET)
    known = known_names(viewer, filters)
    counted = {name: queries.numbers(viewer, filters, name) for name, _ in MENUS[slug][1]}
    shown = _facet(slug, request.GET, known, counted)
    template = "_options.html" if "HX-Request" in request.headers else "facet.html"
    context = {"facet": shown, "viewer": viewer, "place": "board", "query": addresses.without(request)}
    return render(request, f"connectors/board/{template}", context)


def known_names(viewer: Viewer, filters: Filters) -> dict[str, str]:
    """This will name the pipelines that are filtered for, in one query if there are any."""
    return queries.pipeline_names(viewer, filters.pipeline)


def facets(query: QueryDict, known: Mapping[str, str]) -> tuple[Facet, ...]:
    """This will lay out the menus with what is chosen, without counting and without what else the address holds."""
    return tuple(replace(_facet(slug, query, known), others=()) for slug in MENUS)


def chips(request: Located, known: Mapping[str, str]) -> list[Chip]:
    """This will say each filter that is set, with the way to take it off."""
    found = []
    for name in FILTERS:
        values = [value for value in request.GET.getlist(name) if value.strip()]
        if values:
            words = [_label(name, value, known) for value in values]
            text = ", ".join(words) if len(words) <= FEW else f"{len(words)} chosen"
            found.append(Chip(NAMES[name], text, addresses.without(request, name)))
    return found


def _facet(
    slug: str, query: QueryDict, known: Mapping[str, str], counted: Mapping[str, list[Number]] | None = None
) -> Facet:
    label, sections = MENUS[slug]
    own = {name for name, _ in sections}
    others = tuple((n, v) for n in (*FILTERS, "group") if n not in own for v in query.getlist(n))
    laid_out = (
        Section(n, heading, _options(n, query.getlist(n), known, (counted or {}).get(n))) for n, heading in sections
    )
    return Facet(slug, label, tuple(laid_out), others)


def _options(
    name: str, chosen: Iterable[str], known: Mapping[str, str], counted: list[Number] | None
) -> tuple[Option, ...]:
    wanted = dict.fromkeys(value for value in chosen if value)
    number = None if counted is None else 0
    found = {n.value: Option(n.value, _named(name, n, known), n.number, n.value in wanted) for n in counted or []}
    lacking = [Option(value, _label(name, value, known), number, True) for value in wanted if value not in found]
    return (*lacking, *found.values())


def _named(name: str, counted: Number, known: Mapping[str, str]) -> str:
    return counted.label if counted.label != counted.value else _label(name, counted.value, known)


def _label(name: str, value: str, known: Mapping[str, str]) -> str:
    words: Mapping[str, Mapping[str, str]] = {
        "pipeline": known,
        "state": {state: look.word.rstrip("…") for state, look in STATES.items()},
        "pipeline_state": {state: look.word.rstrip("…") for state, look in STATES.items()},
        "activity": {activity: look.word for activity, look in ACTIVITIES.items()},
        "active": ANSWERS,
        "drift": {value: "Drift"},
        "open": {value: "Operation open"},
        "stale": {"yes": "Stale", "no": "Seen in time"},
    }
    if name == "vendor" and (vendor := catalogue.find(value)):
        return vendor.name
    return words.get(name, {}).get(value, value)
