"""Adding, changing, testing and removing vendor accounts, for whoever may manage them."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.forms.accounts import AccountForm
from connectors.models import VendorAccount
from connectors.permissions import Viewer
from connectors.queries import catalogue, people
from connectors.queries import connectors as queries
from connectors.services import accounts, actors, operations
from connectors.states import Permission
from connectors.views import addresses, responses
from connectors.views.access import signed_in

UNPROCESSABLE = 422
SEARCH = 80


@require_safe
@signed_in
def account_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list the accounts whose connectors the person may see; `trouble=yes` leaves those not read in full."""
    number, search = addresses.number_of(request), request.GET.get("search", "")[:SEARCH]
    is_trouble = request.GET.get("trouble") == "yes"
    rows = queries.accounts_of(viewer).filter(name__icontains=search)
    rows = queries.not_in_full(rows) if is_trouble else rows
    found = list(rows[addresses.slice_of(number)])
    context = {
        "place": "accounts",
        "viewer": viewer,
        "accounts": found[: addresses.SIZE],
        "search": search,
        "is_trouble": is_trouble,
        "pager": addresses.pager(request, number, len(found)),
    }
    return render(request, "connectors/account/list.html", context)


@require_safe
@signed_in
def choose(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will offer the vendors that are installed."""
    _refuse_unless_adder(viewer)
    return render(
        request,
        "connectors/account/choose.html",
        {"vendors": catalogue.vendors(), "viewer": viewer, "place": "accounts"},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new(request: HttpRequest, viewer: Viewer, slug: str) -> HttpResponse:
    """This will add an account, or try out what was typed without adding anything."""
    _refuse_unless_adder(viewer)
    vendor = catalogue.find(slug)
    if vendor is None:
        raise Http404
    form = AccountForm(vendor, people.teams_for_accounts(viewer), request.POST or None)
    if not form.is_bound or not form.is_valid():
        return _page(request, viewer, form)
    if "test" in request.POST:
        return _tried(request, viewer, form)
    try:
        made = accounts.create(
            vendor=slug,
            name=form.cleaned_data["name"],
            base_url=form.cleaned_data["base_url"],
            team=form.cleaned_data["team"],
            settings=form.settings(),
            credentials=form.credentials(),
            actor=actors.of(request),
            viewer=viewer,
        )
    except accounts.Invalid as error:
        form.add_errors(error.errors)
        return _page(request, viewer, form)
    messages.success(request, f"{made.name} was added; its connectors appear with the first reading.")
    return redirect("account", made.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def change(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will change an account, or try out what was typed; secrets that are left empty stay as they are."""
    found = _managed(viewer, pk)
    teams = people.teams_for_accounts(viewer)
    form = AccountForm(catalogue.vendor(found.vendor), teams, request.POST or None, account=found)
    if not form.is_bound or not form.is_valid():
        return _page(request, viewer, form)
    if "test" in request.POST:
        return _tried(request, viewer, form)
    changes = {name: form.cleaned_data[name] for name in ("name", "base_url", "team")}
    changes |= {"settings": form.settings(), "credentials": form.credentials()}
    try:
        accounts.update(account=found, changes=changes, actor=actors.of(request), viewer=viewer)
    except accounts.Invalid as error:
        form.add_errors(error.errors)
        return _page(request, viewer, form)
    messages.success(request, f"{found.name} was changed and is read anew.")
    return redirect("account", found.pk)


@require_POST
@signed_in
def remove(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will remove an account with its rows; whoever asks has to type its name."""
    found = _managed(viewer, pk)
    if request.POST.get("name", "").strip() != found.name:
        messages.error(request, f"Nothing was removed: type the name {found.name} to remove it.")
        return redirect("account-change", pk)
    try:
        accounts.delete(account=found, actor=actors.of(request), viewer=viewer)
    except accounts.InUse as error:
        messages.error(request, str(error))
        return redirect("account", pk)
    messages.success(request, f"{found.name} was removed with its connectors. The record of them stays.")
    return redirect("board")


def _refuse_unless_adder(viewer: Viewer) -> None:
    if not viewer.may_add_accounts:
        raise PermissionDenied("Managing vendor accounts takes the role lead in a team, or the site role admin.")


def _managed(viewer: Viewer, pk: int) -> VendorAccount:
    found = get_object_or_404(queries.accounts_of(viewer), pk=pk)
    if why := viewer.why_not(Permission.MANAGE_ACCOUNTS, found.team_id, found.team.slug):
        raise PermissionDenied(why)
    return found


def _tried(request: HttpRequest, viewer: Viewer, form: AccountForm) -> HttpResponse:
    try:
        checks = accounts.try_out(
            vendor=form.vendor.slug,
            base_url=form.cleaned_data["base_url"],
            settings=form.settings(),
            credentials=form.credentials(),
            account=form.account,
            actor=actors.of(request),
            viewer=viewer,
        )
    except (accounts.Invalid, operations.NotAllowed) as error:
        form.add_errors(getattr(error, "errors", {"__all__": [str(error)]}))
        return _page(request, viewer, form)
    if responses.is_fragment(request):
        return render(request, "connectors/account/_checks.html", {"checks": checks})
    return _page(request, viewer, form, checks=checks)


def _page(request: HttpRequest, viewer: Viewer, form: AccountForm, **more: object) -> HttpResponse:
    status = UNPROCESSABLE if form.is_bound and form.errors else 200
    here = (
        reverse("account-change", args=[form.account.pk])
        if form.account
        else reverse("account-new", args=[form.vendor.slug])
    )
    context = {"form": form, "vendor": form.vendor, "account": form.account, "here": here, "viewer": viewer, **more}
    page = "_checks.html" if responses.is_fragment(request) else "form.html"  # what was typed stays where it is
    return render(request, f"connectors/account/{page}", context, status=status)
