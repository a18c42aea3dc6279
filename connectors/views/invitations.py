"""Links into a team: made by a lead, used once by whoever got one."""

from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from connectors.forms.teams import InvitationForm, NewLoginForm
from connectors.models import Invitation
from connectors.permissions import Viewer
from connectors.services import actors, mailing, operations, teams
from connectors.states import Permission
from connectors.views.access import refuse_unless, signed_in
from connectors.views.teams import UNPROCESSABLE, visible


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def create(request: HttpRequest, viewer: Viewer, slug: str) -> HttpResponse:
    """This will make a link into the team, mail it where mail is set up, and show it, this once."""
    team = visible(viewer, slug)
    refuse_unless(viewer, Permission.MANAGE_TEAM, team)
    form = InvitationForm(request.POST or None, initial={"role": "viewer"})
    context = {"form": form, "team": team, "viewer": viewer, "place": "teams"}
    if not form.is_bound or not form.is_valid():
        return render(request, "connectors/team/invite.html", context, status=UNPROCESSABLE if form.errors else 200)
    actor = actors.of(request)
    invitation, secret = teams.invite(team=team, **form.cleaned_data, actor=actor, viewer=viewer)
    link = request.build_absolute_uri(reverse("invitation", args=[secret]))
    fate = mailing.mail_invitation(invitation=invitation, link=link, actor=actor)
    more = {"invitation": invitation, "link": link, "fate": fate}
    return render(request, "connectors/team/invited.html", {**context, **more})


@require_POST
@signed_in
def take_back(request: HttpRequest, viewer: Viewer, slug: str, pk: int) -> HttpResponse:
    """This will end a link that was not used."""
    team = visible(viewer, slug)
    refuse_unless(viewer, Permission.MANAGE_TEAM, team)
    invitation = get_object_or_404(Invitation.objects.select_related("team"), team=team, pk=pk)
    teams.take_back(invitation=invitation, actor=actors.of(request), viewer=viewer)
    messages.success(request, f"The link for {invitation.address} does not open any more.")
    return redirect("team", slug)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, secret: str) -> HttpResponse:
    """This will let in whoever holds the link: with the login they have, or with a new one."""
    try:
        invitation = teams.invitation_of(secret)
    except teams.LinkSpent as error:
        raise Http404 from error
    try:
        viewer = actors.viewer(request)
    except PermissionError:
        return _as_new(request, secret, invitation)
    if request.method != "POST":
        return render(request, "connectors/team/accept.html", {"invitation": invitation, "viewer": viewer})
    try:
        user = User.objects.get(pk=viewer.user_id)
        team = teams.accept(secret=secret, user=user, actor=actors.of(request))
    except teams.LinkSpent as error:
        raise Http404 from error
    except operations.NotAllowed as error:
        messages.error(request, str(error))
        return redirect("invitation", secret)
    messages.success(request, f"You belong to {team.name} now.")
    return redirect("team", team.slug)


def _as_new(request: HttpRequest, secret: str, invitation: Invitation) -> HttpResponse:
    form = NewLoginForm(request.POST or None) if settings.LOCAL_ACCOUNTS else None
    if form is None or not form.is_bound or not form.is_valid():
        context = {"invitation": invitation, "form": form, "here": request.get_full_path()}
        status = UNPROCESSABLE if form and form.errors else 200
        return render(request, "connectors/team/join.html", context, status=status)
    try:
        user = teams.accept_as_new(
            secret=secret,
            username=form.cleaned_data["username"],
            password=form.cleaned_data["password1"],
            address=request.META.get("REMOTE_ADDR"),
        )
    except teams.LinkSpent as error:
        raise Http404 from error
    answer: HttpResponse = perform_login(request, user, redirect_url=reverse("team", args=[invitation.team.slug]))
    return answer
