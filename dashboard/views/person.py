"""What a person sees and changes about their own way in: second factor, password, sessions, tokens."""

from allauth.account import views as allauth_views
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.forms.teams import OwnTokenForm
from connectors.models import ApiToken
from connectors.permissions import NEEDS_FACTOR, Viewer
from connectors.services import actors, signing_in, tokens
from connectors.states import Permission
from connectors.views.access import signed_in

MOST = 50


@require_safe
@signed_in
def page(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will show what keeps the person's login safe, and where it is signed in."""
    user = User.objects.get(pk=viewer.user_id)
    found = Authenticator.objects.filter(user=user).order_by("created_at")
    kinds = {kind: [one for one in found if one.type == kind] for kind in Authenticator.Type}
    context = {
        "place": "self",
        "viewer": viewer,
        "person": user,
        "keys": kinds[Authenticator.Type.WEBAUTHN],
        "totp": kinds[Authenticator.Type.TOTP],
        "codes": kinds[Authenticator.Type.RECOVERY_CODES],
        "sessions": UserSession.objects.filter(user=user).order_by("-created_at")[:MOST],
        "here": request.session.session_key,
        "tokens": ApiToken.objects.filter(user=user, revoked_at__isnull=True).select_related("team")[:MOST],
        "has_password": settings.LOCAL_ACCOUNTS and user.has_usable_password(),
        "now": timezone.now(),
    }
    return render(request, "dashboard/person.html", context)


@require_POST
@signed_in
def end_session(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will sign out one of the person's own sessions, wherever it is open."""
    found = get_object_or_404(UserSession, pk=pk, user_id=viewer.user_id)
    signing_in.note_change(actor=actors.of(request), what="session.ended", after={"address": str(found.ip)})
    is_here = found.session_key == request.session.session_key
    found.end()
    if is_here:
        request.session.flush()
        return redirect("sign-in")
    messages.success(request, "That session is signed out.")
    return redirect("self")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new_token(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will make a token that reaches all of the person's teams, and show it, this once."""
    held = [permission for permission in Permission if viewer.holds(permission)]
    form = OwnTokenForm(held, request.POST or None)
    context: dict[str, object] = {"form": form, "viewer": viewer, "place": "self"}
    if not form.is_bound or not form.is_valid():
        return render(request, "dashboard/token_new.html", context, status=422 if form.errors else 200)
    token, clear = tokens.issue_own(
        user=User.objects.get(pk=viewer.user_id),
        name=form.cleaned_data["name"],
        permissions=form.cleaned_data["permissions"],
        lasts=form.lasts,
        actor=actors.of(request),
        viewer=viewer,
    )
    return render(request, "dashboard/token_made.html", {**context, "token": token, "clear": clear})


@require_POST
@signed_in
def revoke_token(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will end one of the person's own tokens."""
    found = get_object_or_404(ApiToken.objects.select_related("team", "user"), pk=pk, user_id=viewer.user_id)
    tokens.revoke(token=found, actor=actors.of(request))
    messages.success(request, f"{found.name} opens nothing any more.")
    return redirect("self")


@require_safe
def needs_factor(request: HttpRequest) -> HttpResponse:
    """This will say that a second factor is wanted first, or go on when there is one by now."""
    if not request.user.is_authenticated:
        return redirect("sign-in")
    kinds = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    if Authenticator.objects.filter(user_id=request.user.pk, type__in=kinds).exists():
        request.session[NEEDS_FACTOR] = False
    if not request.session.get(NEEDS_FACTOR):
        return redirect("board")
    return render(request, "dashboard/needs_factor.html")


def change_password(request: HttpRequest) -> HttpResponseBase:
    """This will change a password that is kept here; 404 for whoever has none."""
    has_none = request.user.is_authenticated and not request.user.has_usable_password()
    if has_none or not settings.LOCAL_ACCOUNTS:
        raise Http404
    answer: HttpResponseBase = allauth_views.password_change(request)
    return answer
