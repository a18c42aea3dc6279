"""Tags for acting on many: how far a batch has come, and the choices of its dialog."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms, template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from connectors.forms.batches import REASONS, STARTS, UNTIL
from connectors.models import Batch, Connector, Pipeline
from connectors.queries.batches import Progress
from connectors.queries.verbs import Button
from connectors.states import HOLDING
from connectors.templatetags import figures

register = template.Library()

REMIND = timedelta(minutes=10)
"""Before its end a timed pause asks whether that is too soon."""
ENOUGH = 5
"""Outcomes from which the time that is left is guessed."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One station of a batch's line."""

    name: str
    words: str = ""
    at: datetime | None = None
    mark: str = ""


@register.simple_tag
def progress_bar(progress: Progress) -> SafeString:
    """This will draw how many items stand where, as one bar."""
    parts = (
        ("done", progress.confirmed), ("sent", progress.asked), ("bad", progress.failed), ("wait", progress.waiting),
        ("drop", progress.dropped), ("skip", progress.skipped),
    )  # fmt: skip
    bars, at = [], 0
    for name, number in parts:
        if number:
            bars.append((name, at, number))
        at += number
    words = (
        f"{progress.confirmed} confirmed, {progress.asked} under way, {progress.failed} failed, "
        f"{progress.waiting} waiting, {progress.dropped} never asked, {progress.skipped} skipped"
    )
    return format_html(
        '<svg class="progress" viewBox="0 0 {} 12" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        max(progress.total, 1),
        words,
        format_html_join("", '<rect class="{}" x="{}" width="{}" height="12"/>', bars),
    )


@register.simple_tag
def batch_headline(batch: Batch, progress: Progress) -> str:
    """This will say how far it has come, and how long it may still take."""
    seen = f"{figures.number(progress.confirmed)} of {figures.number(progress.acted_on)} confirmed"
    if not batch.is_open:
        return f"{seen}, over"
    if batch.status == Batch.Status.WAITING:
        return f"Waits for its time: {seen}"
    left = _seconds_left(batch, progress)
    return f"{seen}, about {figures.age(left)} left" if left else seen


def _seconds_left(batch: Batch, progress: Progress) -> float:
    if batch.started_at is None or progress.ended < ENOUGH:
        return 0
    since = (timezone.now() - batch.started_at).total_seconds()
    return since / progress.ended * (progress.waiting + progress.asked)


@register.simple_tag
def batch_stages(batch: Batch, progress: Progress) -> Sequence[Stop]:
    """This will give the stations of a batch: where it is, and what is still ahead."""
    stops = [Stop("Counted", f"{figures.number(progress.total)} chosen", batch.requested_at)]
    if batch.starts_at:
        stops.append(Stop("Begins", "", batch.starts_at, "" if batch.started_at else "is-here"))
    if batch.canary:
        mark = "" if batch.canary_done_at else _mark(batch, is_now=batch.status == Batch.Status.CANARY)
        words = "all seen" if batch.canary_done_at else ""
        stops.append(Stop(f"Canary {batch.canary}", words, batch.canary_done_at, mark))
    is_now = batch.status == Batch.Status.RUNNING
    stops.append(Stop("The rest" if batch.canary else "Asked", mark=_mark(batch, is_now=is_now)))
    over = {Batch.Status.STOPPED: "Stopped", Batch.Status.CANCELLED: "Cancelled"}.get(
        Batch.Status(batch.status), "Done"
    )
    is_broken = over == "Stopped" and not batch.is_open
    stops.append(Stop(over, "", batch.finished_at, "is-ahead" if batch.is_open else "is-break" if is_broken else ""))
    if batch.until:
        stops.append(Stop("Resume", "", batch.until, "is-ahead" if batch.until > timezone.now() else ""))
    return stops


def _mark(batch: Batch, *, is_now: bool) -> str:
    if is_now and batch.is_open:
        return "is-here"
    return "is-ahead" if batch.is_open and batch.is_asking else ""


@register.simple_tag
def batch_shows(progress: Progress, show: str) -> list[tuple[str, str, int, bool]]:
    """This will give the choices of which items to show, with how many there are."""
    choices = [
        ("", "All", progress.total), ("failed", "Failed", progress.failed), ("asked", "Under way", progress.asked),
        ("waiting", "Waiting", progress.waiting), ("confirmed", "Confirmed", progress.confirmed),
        ("skipped", "Skipped", progress.skipped), ("dropped", "Never asked", progress.dropped),
    ]  # fmt: skip
    return [(value, label, number, value == show) for value, label, number in choices if number or not value]


@register.simple_tag
def reasons() -> Sequence[str]:
    """This will give the words that a reason often begins with."""
    return REASONS


@register.simple_tag
def starts_choices(form: forms.Form) -> list[tuple[str, str, bool]]:
    """This will give when it may begin, and what is chosen."""
    return _chosen(form, "starts", STARTS)


@register.simple_tag
def until_choices(form: forms.Form) -> list[tuple[str, str, bool]]:
    """This will give when it may end, and what is chosen."""
    return _chosen(form, "until", UNTIL)


@register.simple_tag
def time_left(until: datetime) -> SafeString:
    """This will give how long it still lasts, counting down in the browser."""
    seconds = (until - timezone.now()).total_seconds()
    return format_html(
        '<time data-ends datetime="{}" title="{}">{}</time>',
        f"{until:%Y-%m-%dT%H:%M:%SZ}",
        figures.exact(until),
        f"{figures.age(seconds)} left" if seconds > 0 else "ends now",
    )


@register.simple_tag
def is_near(until: datetime) -> bool:
    """This will tell whether it ends so soon that whoever needs longer should say so."""
    return until - timezone.now() < REMIND


@register.simple_tag
def team_of(target: Connector | Pipeline) -> int:
    """This will give the team that owns a target."""
    return target.team_id if isinstance(target, Connector) else target.account.team_id


@register.simple_tag
def verb_until(button: Button, kind: str, pk: int, classes: str = "btn") -> SafeString | str:
    """This will give the way to a pause or stop that ends by itself; nothing where its own dialog offers that."""
    if button.verb not in HOLDING or button.consequence or not button.is_on:
        return ""
    url = f"{reverse(f'{kind}-operation-new', args=[pk])}?{urlencode({'kind': button.verb, 'until': '1h'})}"
    return format_html(
        '<a class="{}" href="{}" hx-get="{}" hx-target="#dialog">{} until…</a>', classes, url, url, button.label
    )


def _chosen(form: Any, name: str, choices: Sequence[tuple[str, str]]) -> list[tuple[str, str, bool]]:
    given = form[name].value() or "" if form else ""
    return [(value, label, value == given) for value, label in choices]
