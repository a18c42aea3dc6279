"""The door that a command on the machine opens."""

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import Login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from connectors.permissions import NEEDS_FACTOR
from connectors.services import break_glass


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest, secret: str) -> HttpResponse:
    """This will ask once more, and then sign in as whom the link was made for; a spent link is 404."""
    try:
        link = break_glass.link_of(secret)
        if request.method != "POST":
            return render(request, "dashboard/break_glass.html", {"link": link})
        user = break_glass.use(secret=secret, address=request.META.get("REMOTE_ADDR"))
    except break_glass.LinkSpent as error:
        raise Http404 from error
    adapter = get_adapter()
    record_authentication(request, user, method="code")
    adapter.login(request, user)
    login = Login(user=user)
    adapter.post_login(request, user, email_verification=login.email_verification, redirect_url="/",
                       signal_kwargs=None, signup=False, email=None)  # fmt: skip
    request.session[NEEDS_FACTOR] = False  # it may be the second factor that is broken
    return redirect("board")
