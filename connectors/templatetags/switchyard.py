"""
Tags for the small marks of every page.

The marks are made here and kept, not in template files: a board renders hundreds of them and most are alike.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from time import time
from urllib.parse import urlencode

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django_htmx.jinja import htmx_script

from connectors.matrix import Active
from connectors.models import Operation
from connectors.permissions import Viewer
from connectors.queries.upcoming import Upcoming
from connectors.queries.verbs import Button
from connectors.states import LABELS, OperationStatus, State, Verb
from connectors.templatetags import figures
from connectors.templatetags.looks import SHORT, STAGES, STATES, Look
from connectors.templatetags.plain import plain

register = template.Library()


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, classes: str = "icon") -> SafeString:
    """This will give one shape of the sprite; it says nothing to a reader, so a word must stand beside it."""
    return format_html(
        '<svg class="{}" viewBox="0 0 16 16" aria-hidden="true"><use href="{}#{}"/></svg>',
        classes,
        static("icons.svg"),
        name,
    )


@register.simple_tag
@lru_cache(maxsize=1)
def htmx() -> SafeString:
    """This will give the scripts of htmx; the policy names where scripts come from, so they carry no nonce."""
    return htmx_script(version=4, extensions="hx-sse")


@register.simple_tag
def now_in_seconds() -> int:
    """This will give the time as seconds since 1970, for the browser to count on from."""
    return int(time())


@register.simple_tag
@lru_cache(maxsize=2048)
def state(
    value: str,
    *,
    raw: str = "",
    is_stale: bool = False,
    wanted: str = "",
    is_late: object = False,
    axis: str = "",
) -> SafeString:
    """
    This will give one state as glyph and word; a stale one says what it was.

    :param raw: the vendor's own word: shown for an unknown state, else on hover
    :param wanted: the desired state, when it differs
    :param axis: the word before it for readers: Pipeline, Connector
    """
    look = STATES[State(value)]
    return format_html(
        '<span class="state is-{}{}"{}>{}{}{}{}</span>',
        look.tone,
        " is-stale" if is_stale else "",
        format_html(' title="The vendor says {}"', raw) if raw else "",
        icon(look.glyph, ""),
        format_html('<span class="hide">{}: </span>', axis) if axis else "",
        _word(look, value, raw, is_stale=is_stale),
        _want(wanted, is_late=is_late) if wanted and wanted != value else "",
    )


@register.simple_tag
@lru_cache(maxsize=4096)
def pair(
    pipeline: str,
    connector: str,
    *,
    active: str = Active.NO,
    is_stale: bool = False,
    pipeline_raw: str = "",
    connector_raw: str = "",
    wanted: str = "",
    is_late: object = False,
    is_large: bool = False,
) -> SafeString:
    """This will give the two blocks of one track, pipeline first; joined only when data can flow."""
    joined = active in {Active.YES, Active.WARNING} and not is_stale
    return format_html(
        '<span class="pair{}{}{}">{}{}</span>',
        " is-active" if joined else "",
        " is-stale" if is_stale else "",
        " is-large" if is_large else "",
        state(pipeline, raw=pipeline_raw, is_stale=is_stale, axis="Pipeline"),
        state(connector, raw=connector_raw, is_stale=is_stale, wanted=wanted, is_late=is_late, axis="Connector"),
    )


@register.simple_tag
def look(value: str) -> Look:
    """This will find the look of a state."""
    return STATES[State(value)]


@register.simple_tag
def age(when: datetime | None, now: datetime | None = None) -> SafeString:
    """This will give how long ago it was, counting on in the browser; the exact time is in the title."""
    return SafeString(age_in_html(when, now or timezone.now()))


def age_in_html(when: datetime | None, now: datetime) -> str:
    """This will give the same for what is put together of it."""
    if when is None:
        return "never"
    return f"{_age_of(when)}{_so_long(int((now - when).total_seconds()))}</time>"


@lru_cache(maxsize=8192)
def _so_long(seconds: int) -> str:
    return plain(figures.age(seconds))


@lru_cache(maxsize=8192)
def _age_of(when: datetime) -> str:
    """The start of an age's element: digits and letters alone, nothing that would have to be escaped."""
    return _moment_of(when).replace("<time ", "<time data-age ", 1)


@register.simple_tag
def freshness(
    when: datetime | None,
    budget: float,
    account: int | None = None,
    now: datetime | None = None,
) -> SafeString:
    """
    This will give the age of a fact against its budget: quiet, old from half of it, hatched beyond.

    :param account: the account whose last reading this is; the browser takes a newer one from the accounts plate
    """
    return SafeString(freshness_in_html(when, budget, account, now or timezone.now()))


def freshness_in_html(when: datetime | None, budget: float, account: int | None, now: datetime) -> str:
    """This will give the same for what is put together of it."""
    if when is None:
        return '<span class="fresh is-gone">never seen</span>'
    seconds = (now - when).total_seconds()
    mark = " is-gone" if seconds > budget else " is-old" if seconds > budget / 2 else ""
    whose = f' data-account="{account:d}"' if account else ""
    seen = age_in_html(when, now)
    return f'<span class="fresh{mark}" data-budget="{budget:.0f}"{whose}>seen {seen}</span>'


@register.simple_tag
def left(when: datetime, now: datetime | None = None) -> SafeString:
    """This will give how long it is until then, counting down in the browser; the exact time is in the title."""
    seconds = (when - (now or timezone.now())).total_seconds()
    return format_html(
        '<time data-left datetime="{}" title="{}">{}</time>',
        f"{when:%Y-%m-%dT%H:%M:%SZ}",
        figures.exact(when),
        figures.left(seconds),
    )


@register.simple_tag
def upcoming(coming: Upcoming) -> SafeString:
    """This will say what happens next by itself, and in how long; trouble with it stands out."""
    return format_html(
        '<span class="with-icon{}"{}>{}<span>{} {}</span></span>',
        " is-warn-text" if coming.trouble else "",
        format_html(' title="{}"', coming.trouble) if coming.trouble else "",
        icon("warn" if coming.trouble else coming.glyph),
        coming.words,
        left(coming.at),
    )


@register.simple_tag
def moment(when: datetime) -> SafeString:
    """This will give a point in time as the time of day, with the day when it is not today's."""
    return SafeString(f"{_moment_of(when)}{figures.clock(when, timezone.now())}</time>")


@lru_cache(maxsize=8192)
def _moment_of(when: datetime) -> str:
    return f'<time datetime="{when:%Y-%m-%dT%H:%M:%SZ}" title="{figures.exact(when)}">'


@register.simple_tag
@lru_cache(maxsize=32)
def stage_mark(status: str) -> SafeString:
    """This will give the four stations filled as far as known, or the glyph of another ending."""
    stage = STAGES[OperationStatus(status)]
    if stage.glyph:
        return icon(stage.glyph)
    stations = format_html_join(
        "",
        '<circle cx="{}" cy="4" r="2.4"{}/>',
        ((4 + 8 * n, mark_safe(' class="on"') if n < stage.stations else "") for n in range(4)),
    )
    return format_html('<svg class="stage" viewBox="0 0 32 8" aria-hidden="true"><path d="M4 4h24"/>{}</svg>', stations)


@register.simple_tag
def stage(
    status: str,
    requested_at: datetime,
    finished_at: datetime | None = None,
    usual: float | None = None,
    timeout: float | None = None,
    is_slow: bool = False,
) -> SafeString:
    """This will give the stage of an operation: mark, word, elapsed and usual time."""
    look = STAGES[OperationStatus(status)]
    tone = "is-warn-text" if is_slow else look.tone
    return format_html(
        '<span class="stage-line {}">{}<span>{}</span></span>',
        tone,
        stage_mark(status),
        _stage_words(OperationStatus(status), look.word, requested_at, finished_at, usual, timeout),
    )


@register.simple_tag
def spark(flow: Sequence[float | None]) -> SafeString:
    """This will draw the last rates as a line on zero; nothing is drawn where nothing was measured."""
    if not any(flow):
        known = any(value is not None for value in flow)
        inner = mark_safe('<path class="zero" d="M1 18H70"/>') if known else ""
    else:
        inner = format_html_join("", '<polyline points="{}"/>', ((p,) for p in figures.spark_points(flow)))
    return format_html('<svg class="spark" viewBox="0 0 72 20" aria-hidden="true">{}</svg>', inner)


@register.simple_tag
@lru_cache(maxsize=256)
def tasks(total: int, failed: int) -> SafeString:
    """This will say how many tasks work, of how many."""
    words = f"{total - failed}/{total} {'task' if total == 1 else 'tasks'}"
    return format_html('<b class="is-fail-text">{}</b>' if failed else "{}", words)


@register.simple_tag
def verb_button(
    button: Button,
    kind: str,
    pk: int,
    after: object = "",
    classes: str = "btn",
    *,
    is_short: bool = False,
) -> SafeString:
    """
    This will give one verb of a target, as a button that sends it or a link to its dialog.

    It holds no per-person token: the form `verbs` of the page does, so one row serves many viewers.

    :param kind: connector or pipeline
    :param after: the operation this person saw last; pressing twice is then one request
    """
    label = SHORT.get(button.verb, button.label) if is_short else button.label
    if not button.is_on:
        return format_html(
            '<button class="{}" type="button" aria-disabled="true" title="{}">{}'
            '<span class="hide">, off: {}</span></button>',
            classes, button.why_not, label, button.why_not,
        )  # fmt: skip
    url = _operations_of(kind).replace("0", str(pk), 1)
    if button.consequence:
        query = urlencode({"kind": button.verb, **({"task": button.task} if button.task else {})})
        return format_html(
            '<a class="{}" href="{}new/?{}" hx-get="{}new/?{}" hx-target="#dialog">{}…</a>',
            classes, url, query, url, query, label,
        )  # fmt: skip
    url += f"?{urlencode({'task': button.task})}" if button.task else ""
    return format_html(
        '<button class="{}" form="verbs" formaction="{}" name="kind" value="{}" hx-post="{}" hx-swap="none" '
        """hx-vals='{{"kind":"{}","after":"{}"}}'>{}</button>""",
        classes, url, button.verb, url, button.verb, after or "", label,
    )  # fmt: skip


@register.simple_tag
def may_operate(viewer: object, team_id: int) -> bool:
    """This will tell whether the person may ask for verbs on what the team owns."""
    return isinstance(viewer, Viewer) and viewer.may_operate(team_id)


@register.simple_tag
def stage_of(operation: Operation, buttons: Sequence[Button]) -> SafeString:
    """This will give the stage of an operation beside the usual times of its verb; what is slow stands out."""
    times = next((button.times for button in buttons if button.verb == operation.kind), None)
    elapsed = (timezone.now() - operation.requested_at).total_seconds()
    is_slow = bool(operation.is_open and times and elapsed > times.p95)
    mark = stage(
        operation.status, operation.requested_at, operation.finished_at, times.p50 if times else None, is_slow=is_slow
    )
    if not (is_slow and times):
        return mark
    return format_html('{} <span class="is-warn-text">longer than nearly all, {}</span>', mark, figures.age(times.p95))


@register.simple_tag
@lru_cache(maxsize=64)
def vendor_mark(mark: str, name: str) -> SafeString:
    """This will give a vendor's two-letter station code."""
    return format_html('<abbr class="vendor" title="{}">{}</abbr>', name, mark)


@register.simple_tag
def why(sentence: str, cause: str) -> SafeString:
    """This will set the vendor's own words within the sentence in bold."""
    before, found, after = sentence.partition(cause.rstrip(".")) if cause.rstrip(".") else (sentence, "", "")
    return format_html("{}<b>{}</b>{}", before, found, after) if found else format_html("{}", sentence)


@register.filter
def ended(sentence: str) -> str:
    """This will end a sentence with one full stop."""
    return f"{sentence.rstrip('. ')}."


@register.filter
def class_name(path: str) -> str:
    """This will give the last part of a class path; other types stay as they are."""
    return path.rpartition(".")[2] if path.count(".") > 1 and "/" not in path else path


@register.filter
def verb(kind: str) -> str:
    """This will give a verb as people say it."""
    return LABELS[Verb(kind)]


@register.filter
def number(value: float | None) -> SafeString:
    """This will group thousands."""
    return plain("?" if value is None else figures.number(value))


@register.filter
def rate(value: float | str | None) -> str:
    """This will give a rate a second in at most three digits; what is missing is not known."""
    return figures.rate(float(value) if value not in {None, ""} else None)


@register.filter
def duration(seconds: float) -> str:
    """This will give a length of time."""
    return figures.duration(seconds)


@lru_cache(maxsize=2)
def _operations_of(kind: str) -> str:
    return reverse(f"{kind}-operations", args=[0])


def _word(look: Look, value: str, raw: str, *, is_stale: bool) -> SafeString | str:
    if value == State.UNKNOWN and raw and not is_stale:
        return format_html('<span class="raw">{}</span>', raw)
    return f"was {look.word.rstrip('…').lower()}" if is_stale and value != State.UNKNOWN else look.word


def _want(wanted: str, *, is_late: object) -> SafeString:
    look = STATES[State(wanted)]
    word = look.word.lower()
    return format_html(
        '<span class="want{}" title="Wanted: {}"><span class="hide">, wanted: {}</span>{}{}</span>',
        " is-late" if is_late else "",
        word,
        word,
        icon("to", ""),
        icon(look.glyph, ""),
    )


def _stage_words(
    status: OperationStatus,
    word: str,
    requested_at: datetime,
    finished_at: datetime | None,
    usual: float | None,
    timeout: float | None,
) -> SafeString | str:
    if finished_at is None:
        tail = f", usually {figures.age(max(usual, 1))}" if usual else ""
        return format_html("{} {}{}", word, age(requested_at), tail)
    took = (finished_at - requested_at).total_seconds()
    if status is OperationStatus.CONFIRMED:
        return f"seen after {figures.duration(took)}"
    if status is OperationStatus.TIMED_OUT:
        return f"not seen in {figures.age(timeout or took)}"
    return word
