"""Whose is what, by rule: the list with overlaps and orphans, a new rule with its preview, and claims."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.forms.rules import RuleForm
from connectors.forms.teams import DecisionForm
from connectors.models import OwnershipRule
from connectors.permissions import Refused, Viewer
from connectors.queries import catalogue, people
from connectors.queries import connectors as queries
from connectors.queries import rules as ownership
from connectors.services import actors, claims, operations, rules
from connectors.states import Permission
from connectors.views import addresses, responses
from connectors.views.access import refuse_unless, signed_in

UNPROCESSABLE = 422


@require_safe
@signed_in
def rule_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list the rules in order, with what each decides, where two disagree, and what none holds for."""
    seen = queries.visible_to(viewer)
    in_order, slow = list(ownership.in_order()), ""
    number = addresses.number_of(request)
    mine = list(ownership.visible_to(viewer)[addresses.slice_of(number)])
    report, orphans = None, []
    try:
        report = ownership.report(in_order, seen)
        with ownership.limited():
            orphans = list(ownership.orphans(seen, in_order)[: people.SHOWN])
    except ownership.TooSlow as error:
        slow = str(error)
    shown = {rule.pk for rule in mine}
    context = {
        "place": "teams",
        "viewer": viewer,
        "rules": [(rule, report.decided.get(rule.pk, 0) if report else None, _may_change(viewer, rule))
                  for rule in mine[: addresses.SIZE]],
        "pager": addresses.pager(request, number, len(mine)),
        "report": report,
        "overlaps": [o for o in report.overlaps if {o.first.pk, o.second.pk} & shown] if report else [],
        "orphans": orphans,
        "slow": slow,
        "claims": people.claims_visible_to(viewer)[: people.SHOWN],
        "managed": people.teams_managed(viewer),
    }  # fmt: skip
    return render(request, "connectors/rule/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will make a rule, or show what it would move without making it."""
    managed = people.teams_managed(viewer)
    if not managed.exists():
        raise Refused(Permission.MANAGE_TEAM, "Making ownership rules takes the role lead, or the site role admin.")
    accounts = queries.accounts_of(viewer).filter(team__in=people.teams_for_accounts(viewer))
    vendors = [(vendor.slug, vendor.name) for vendor in catalogue.vendors()]
    form = RuleForm(managed, accounts, vendors, request.POST or None, is_admin=viewer.is_admin,
                    initial=_initial(request))  # fmt: skip
    if not form.is_bound or not form.is_valid():
        return _page(request, viewer, form)
    rule = form.rule()
    try:
        if "save" not in request.POST:
            moves = rules.preview(rule=rule, viewer=viewer)
            return _page(request, viewer, form, moves=moves, is_previewed=True)
        made = rules.create(rule=rule, actor=actors.of(request), viewer=viewer)
    except operations.NotPossible as error:
        form.add_error(None, str(error))
        return _page(request, viewer, form)
    messages.success(request, f"{made.team.name} owns by the new rule now.")
    return redirect("rules")


@require_POST
@signed_in
def remove(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will take a rule away; what it gave goes where the others put it."""
    rule = get_object_or_404(ownership.visible_to(viewer), pk=pk)
    _refuse_unless_changer(viewer, rule)
    words = str(rule)
    rules.delete(rule=rule, actor=actors.of(request), viewer=viewer)
    messages.success(request, f"The rule “{words}” is gone.")
    return redirect("rules")


@require_POST
@signed_in
def move(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will let a rule change places with its neighbour."""
    rule = get_object_or_404(ownership.visible_to(viewer), pk=pk)
    _refuse_unless_changer(viewer, rule)
    try:
        rules.move(rule=rule, is_up=request.POST.get("to") == "up", actor=actors.of(request), viewer=viewer)
    except operations.NotNow as error:
        messages.error(request, str(error))
    return redirect("rules")


@require_POST
@signed_in
def claim(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will claim a connector that no rule holds for."""
    connector = get_object_or_404(queries.visible_to(viewer), pk=pk)
    team = get_object_or_404(people.teams_of(viewer), slug=request.POST.get("team", ""))
    refuse_unless(viewer, Permission.MANAGE_TEAM, team)
    try:
        claims.claim(connector=connector, team=team, reason=request.POST.get("reason", ""),
                     user=User.objects.get(pk=viewer.user_id), actor=actors.of(request), viewer=viewer)  # fmt: skip
    except operations.NotPossible as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{connector.name} was claimed for {team.name}; an admin decides.")
    return redirect("rules")


@require_POST
@signed_in
def decide_claim(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will grant or decline a claim, for admins."""
    found = get_object_or_404(people.claims_visible_to(viewer), pk=pk)
    refuse_unless(viewer, Permission.ADMINISTER)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was decided: grant it or decline it.")
        return redirect("rules")
    try:
        claims.decide(claim=found, is_granted=form.is_granted, said=form.cleaned_data["said"],
                      actor=actors.of(request), viewer=viewer)  # fmt: skip
    except operations.NotPossible as error:
        messages.error(request, str(error))
    return redirect("rules")


def _may_change(viewer: Viewer, rule: OwnershipRule) -> bool:
    return not _why_not_change(viewer, rule)


def _refuse_unless_changer(viewer: Viewer, rule: OwnershipRule) -> None:
    if why := _why_not_change(viewer, rule):
        raise Refused(Permission.MANAGE_TEAM, why, rule.team)


def _why_not_change(viewer: Viewer, rule: OwnershipRule) -> str:
    return rules.why_not_change(rule, viewer)


def _initial(request: HttpRequest) -> dict[str, str]:
    known = ("team", "account", "vendor", "pipeline", "name", "label")
    return {"position": "100", **{name: request.GET[name] for name in known if name in request.GET}}


def _page(request: HttpRequest, viewer: Viewer, form: RuleForm, **more: object) -> HttpResponse:
    status = UNPROCESSABLE if form.is_bound and form.errors else 200
    context = {"form": form, "viewer": viewer, "place": "teams", "now": timezone.now(), **more}
    page = "_preview.html" if responses.is_fragment(request) else "new.html"
    return render(request, f"connectors/rule/{page}", context, status=status)
