"""Making the first admin of an empty product."""

from allauth.account.utils import perform_login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from connectors.services import first_admin


@require_http_methods(["GET", "POST"])
def create(request: HttpRequest, secret: str) -> HttpResponse:
    """This will show the form behind the one-time link and make the admin; a spent link is 404."""
    if not first_admin.is_valid(secret):
        raise Http404
    form: UserCreationForm[User] = UserCreationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = first_admin.use(
                secret=secret,
                username=form.cleaned_data["username"],
                password=form.cleaned_data["password1"],
                address=request.META.get("REMOTE_ADDR"),
            )
        except first_admin.LinkSpent as error:
            raise Http404 from error
        answer: HttpResponse = perform_login(request, user)
        return answer
    return render(request, "dashboard/first_admin.html", {"form": form}, status=422 if form.errors else 200)
