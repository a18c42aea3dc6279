"""Jump to: connectors, pipelines, accounts, views and pages by a few letters, and verbs on what is selected."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Case, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from connectors.forms.batches import picked
from connectors.forms.board import LONGEST_SEARCH
from connectors.permissions import Viewer
from connectors.queries import batches, views
from connectors.queries import connectors as queries
from connectors.queries.connectors import Filters
from connectors.states import LABELS, Verb
from connectors.views import responses
from connectors.views.access import signed_in

MOST = 8
"""Of each kind."""
FEW = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to go: a page, or the dialog of a verb."""

    label: str
    url: str
    detail: str = ""
    state: str = ""
    """A state to show beside it."""
    is_verb: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """Choices of one kind, under a heading."""

    heading: str
    choices: Sequence[Choice]


Condition = Callable[[Viewer], bool]
PAGES: Sequence[tuple[str, str, Condition]] = (
    ("Board", "board", lambda viewer: True),
    ("Batches", "batches", lambda viewer: True),
    ("Timed pauses", "holds", lambda viewer: True),
    ("Views of the board", "views", lambda viewer: True),
    ("Freezes", "freezes", lambda viewer: True),
    ("Approvals", "approvals", lambda viewer: True),
    ("Protected connectors", "protections", lambda viewer: True),
    ("Audit", "audit", lambda viewer: viewer.may_read_audit),
    ("Teams", "teams", lambda viewer: True),
    ("Ownership rules", "rules", lambda viewer: True),
    ("Access for a time", "access", lambda viewer: True),
    ("Vendor accounts", "accounts", lambda viewer: True),
    ("Add a vendor account", "account-choose", lambda viewer: viewer.may_add_accounts),
)
"""Every page one can go to by name, and who can."""


@require_safe
@signed_in
def palette(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will find what the letters lead to: into the palette, or as a page."""
    text = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    kinds = [kind for kind in _kinds(request, viewer, text) if kind.choices]
    template = "_list.html" if responses.is_fragment(request) else "page.html"
    return render(request, f"connectors/palette/{template}", {"viewer": viewer, "kinds": kinds, "text": text})


def _kinds(request: HttpRequest, viewer: Viewer, text: str) -> Iterable[Kind]:
    yield Kind("On what is selected", _verbs(request, viewer, text))
    yield Kind("Views", _views(viewer, text))
    if text:
        yield Kind("Connectors", _connectors(viewer, text))
        yield Kind("Pipelines", _pipelines(viewer, text))
        yield Kind("Accounts", _accounts(viewer, text))
    yield Kind("Pages", [c for c in _pages(viewer) if _fits(c.label, text)])


def _fits(label: str, text: str) -> bool:
    return all(word in label.lower() for word in text.lower().split())


def _verbs(request: HttpRequest, viewer: Viewer, text: str) -> list[Choice]:
    """Each verb of the vendors of what is selected; its dialog says who is skipped, and why."""
    rows, everything = picked(request.GET), "all" in request.GET
    if not rows and not everything:
        return []
    selected = queries.visible_to(viewer) if everything else queries.visible_to(viewer).filter(pk__in=rows)
    vendors = set(selected.order_by().values_list("account__vendor", flat=True).distinct())
    what = "all that match" if everything else f"{len(rows)} selected"
    query = request.GET.copy()
    query.pop("q", None)
    choices = []
    for verb in batches.verbs_of(vendors):
        query["kind"] = verb
        label = f"{LABELS[Verb(verb)]} {what}…"
        choices.append(Choice(label, f"{reverse('batch-new')}?{query.urlencode()}", is_verb=True))
    return [choice for choice in choices if _fits(choice.label, text)]


def _views(viewer: Viewer, text: str) -> list[Choice]:
    found = views.visible_to(viewer)
    for word in text.split():
        found = found.filter(name__icontains=word)
    return [Choice(v.name, f"{reverse('board')}?{v.query}", v.team.slug if v.team else "yours") for v in found[:FEW]]


def _connectors(viewer: Viewer, text: str) -> list[Choice]:
    """Those that are called so come first, then those in which it is found otherwise."""
    is_called = Case(
        When(name__istartswith=text, then=Value(0)), When(name__icontains=text, then=Value(1)), default=Value(2)
    )
    found = queries.narrowed(queries.visible_to(viewer), Filters(search=text)).order_by(
        is_called, "urgency", "name", "pk"
    )
    return [
        Choice(c.name, reverse("connector", args=[c.pk]), f"{c.account.name} · {c.pipeline.name}", c.state)
        for c in found[:MOST]
    ]


def _pipelines(viewer: Viewer, text: str) -> list[Choice]:
    found = queries.pipelines_of(viewer)
    for word in text.split():
        found = found.filter(name__icontains=word)
    return [Choice(p.name, reverse("pipeline", args=[p.pk]), p.account.name, p.state) for p in found[:FEW]]


def _accounts(viewer: Viewer, text: str) -> list[Choice]:
    found = queries.accounts_of(viewer)
    for word in text.split():
        found = found.filter(name__icontains=word)
    return [Choice(a.name, reverse("account", args=[a.pk]), a.team.slug) for a in found[:FEW]]


def _pages(viewer: Viewer) -> list[Choice]:
    return [Choice(label, reverse(name)) for label, name, may in PAGES if may(viewer)]
