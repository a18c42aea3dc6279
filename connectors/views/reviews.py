"""The review: the inbox, decisions by key or by button, rules, the report, and questions to whoever did it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.forms.reviews import DecisionForm, RuleForm, month_of
from connectors.models import ReviewItem, ReviewNote, ReviewRule
from connectors.permissions import Viewer
from connectors.queries import reviews as queries
from connectors.services import actors, audit, mailing, review_rules, reviewing
from connectors.states import Permission
from connectors.views import addresses
from connectors.views.access import refuse_unless, signed_in

SAID = {"approved": "Signed off", "questioned": "Asked", "escalated": "Escalated", "reopened": "Taken back"}


@require_safe
@signed_in
def inbox(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will show what is to be looked at again, the most serious first, and one item opened beside it."""
    refuse_unless(viewer, Permission.REVIEW)
    show, number, now = request.GET.get("show", ""), addresses.number_of(request), timezone.now()
    found = list(queries.inbox(show)[addresses.slice_of(number)])
    items = found[: addresses.SIZE]
    counts = queries.counts()
    this_month = now.date().replace(day=1)
    context = {
        "place": "review",
        "viewer": viewer,
        "items": items,
        "opened": _opened(request, items, viewer),
        "show": show,
        "counts": counts,
        "waiting": sum(counts[status] for status in queries.TO_DO),
        "ages": queries.ages(now),
        "oldest": queries.oldest(),
        "month": next(iter(queries.months(this_month, this_month)), None),
        "last": queries.undoable(viewer, now),
        "late": now - queries.LATE,
        "pager": addresses.pager(request, number, len(found)),
    }
    return render(request, "connectors/review/inbox.html", context)


@require_POST
@signed_in
def decide(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will sign off, ask about, escalate or take back what was chosen, and go on to the next."""
    refuse_unless(viewer, Permission.REVIEW)
    form = DecisionForm(request.POST)
    back = request.POST.get("next", "")
    here = reverse("review") + (f"?item={back}" if back.isascii() and back.isdigit() else "")
    if not form.is_valid() or not form.cleaned_data["item"]:
        messages.error(request, "Nothing was chosen.")
        return redirect(here)
    kind = form.cleaned_data["kind"]
    try:
        outcome = reviewing.decide(
            pks=form.cleaned_data["item"], kind=kind, text=form.cleaned_data["text"], actor=actors.of(request),
            viewer=viewer,
        )  # fmt: skip
    except (reviewing.NotReviewable, audit.Unwritable) as error:
        messages.error(request, str(error))
        return redirect(f"{reverse('review')}?item={form.cleaned_data['item'][0]}")
    if kind == ReviewNote.Kind.QUESTIONED:
        link = request.build_absolute_uri(reverse("questions"))
        text = form.cleaned_data["text"]
        mailing.mail_questions(items=outcome.done, text=text, link=link, actor=actors.of(request))
    _say(request, kind, outcome)
    return redirect(here)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def rules(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list the rules; POST makes one."""
    refuse_unless(viewer, Permission.REVIEW)
    return _rule(request, viewer, None)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def rule(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will show one rule to change; POST changes it."""
    refuse_unless(viewer, Permission.REVIEW)
    return _rule(request, viewer, get_object_or_404(ReviewRule, pk=pk))


@require_POST
@signed_in
def remove_rule(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will remove a rule; what it has found stays."""
    refuse_unless(viewer, Permission.REVIEW)
    found = get_object_or_404(ReviewRule, pk=pk)
    try:
        review_rules.remove(rule=found, actor=actors.of(request), viewer=viewer)
    except reviewing.NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    messages.success(request, f"The rule “{found.name}” is gone; what it has found stays.")
    return redirect("review-rules")


@require_safe
@signed_in
def report(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will show a month for print, and the months before it."""
    refuse_unless(viewer, Permission.REVIEW)
    today = timezone.now().date()
    month = month_of(request.GET.get("month", ""), today)
    context = {
        "place": "review",
        "viewer": viewer,
        "report": queries.report(month),
        "months": queries.months(today.replace(year=today.year - 1, day=1), today),
        "ages": queries.ages(timezone.now()),
        "now": timezone.now(),
    }
    return render(request, "connectors/review/report.html", context)


@require_safe
@signed_in
def questions(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will show what this person is asked about; anybody has such a page."""
    context = {"place": "questions", "viewer": viewer, "items": queries.asked_of(viewer)[: addresses.SIZE]}
    return render(request, "connectors/review/questions.html", context)


@require_POST
@signed_in
def answer(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will answer a question that was asked of this person."""
    if not queries.asked_of(viewer).filter(pk=pk).exists():
        raise Http404
    try:
        reviewing.answer(pk=pk, actor=actors.of(request), viewer=viewer, text=request.POST.get("text", "")[:2000])
    except (reviewing.NotReviewable, audit.Unwritable) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Your answer is with the reviewers.")
    return redirect("questions")


def _opened(request: HttpRequest, items: list[ReviewItem], viewer: Viewer) -> queries.Opened | None:
    word = request.GET.get("item", "")
    if word.isascii() and word.isdigit() and len(word) < 18:  # as far as ids go
        chosen = ReviewItem.objects.filter(pk=int(word)).first()
    else:
        chosen = None
    chosen = chosen or (items[0] if items else None)
    return queries.opened(chosen, viewer) if chosen else None


def _rule(request: HttpRequest, viewer: Viewer, found: ReviewRule | None) -> HttpResponse:
    if request.method == "POST" and not viewer.is_admin:
        raise PermissionDenied("Rules of review are changed by admins.")
    form = RuleForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        fresh = ReviewRule.objects.get(pk=found.pk) if found else None  # the form has changed its own copy
        try:
            review_rules.save(rule=fresh, values=form.cleaned_data, actor=actors.of(request), viewer=viewer)
        except reviewing.NotAllowed as error:
            raise PermissionDenied(str(error)) from error
        messages.success(request, f"The rule “{form.cleaned_data['name']}” holds from now on.")
        return redirect("review-rules")
    context = {"place": "review", "viewer": viewer, "rules": ReviewRule.objects.all(), "form": form, "rule": found}
    return render(request, "connectors/review/rules.html", context, status=422 if form.errors else 200)


def _say(request: HttpRequest, kind: str, outcome: reviewing.Outcome) -> None:
    if outcome.done:
        what = outcome.done[0].said if len(outcome.done) == 1 else f"{len(outcome.done)} items"
        messages.success(request, f"{SAID[ReviewNote.Kind(kind)]}: {what}.")
    for why in dict.fromkeys(why for _, why in outcome.refused):
        number = sum(reason == why for _, reason in outcome.refused)
        messages.error(request, f"{why} ({number} left as they were)" if number > 1 else why)
