"""Tags for the pages of the guard rails."""

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from connectors import heal
from connectors.models import FreezeWindow, Loosening, Schedule
from connectors.models.alerts import Condition
from connectors.permissions import Viewer
from connectors.queries import inbox, loosenings
from connectors.queries.guards import Mark
from connectors.queries.inbox import Waiting
from connectors.templatetags.switchyard import icon, moment
from connectors.timetable import Span

register = template.Library()

TABS = (("freezes", "Freezes"), ("approvals", "Approvals"), ("protections", "Protected"), ("schedules", "Schedules"),
        ("heal-policies", "Auto-heal"), ("alerts", "Alerts"))  # fmt: skip


@register.simple_tag
def guard_tabs(viewer: Viewer, tab: str) -> list[tuple[str, str, int, bool]]:
    """This will give the pages of the guard rails: address, name, what waits there, and whether it is this one."""
    numbers = {"approvals": inbox.waiting(viewer).second_persons}
    return [(reverse(name), label, numbers.get(name, 0), name == tab) for name, label in TABS]


@register.simple_tag
def waiting_for(viewer: object) -> Waiting:
    """This will count the approvals and questions that wait for this person."""
    return inbox.waiting(viewer) if isinstance(viewer, Viewer) else Waiting()


@register.simple_tag
def guard_mark(mark: Mark | None) -> SafeString | str:
    """This will give the lock as a small flag; nothing where nothing guards."""
    if mark is None:
        return ""
    return format_html(
        '<span class="flag{}" title="{}">{}{}</span>',
        " is-warn-text" if mark.is_shut else " dim",
        mark.title,
        icon("lock"),
        mark.word,
    )


@register.simple_tag
def span_of(freeze: FreezeWindow, span: Span | None) -> SafeString | str:
    """This will say from when until when a freeze holds, this time or the next."""
    if span is None:
        return format_html("over since {}", moment(freeze.ended_at or freeze.ends_at or freeze.starts_at))
    if span.ends_at is None:
        return format_html("from {} until somebody ends it", moment(span.starts_at))
    return format_html("{} to {}", moment(span.starts_at), moment(span.ends_at))


@register.simple_tag
def schedule_when(schedule: Schedule) -> SafeString:
    """This will say when a schedule comes."""
    if schedule.mode == Schedule.Mode.ONCE and schedule.at:
        return format_html("once, {} UTC", moment(schedule.at))
    if schedule.mode == Schedule.Mode.CRON:
        return format_html('<span class="mono">{}</span> <small>{}</small>', schedule.cron, schedule.zone)
    days = " ".join(DAYS[day] for day in schedule.days)
    return format_html(
        "outside {} to {}, {} <small>{}</small>",
        f"{schedule.opens:%H:%M}", f"{schedule.closes:%H:%M}", days, schedule.zone,
    )  # fmt: skip


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@register.filter
def loosening(asked: Loosening) -> str:
    """This will say what is to become of a protection."""
    return loosenings.said(asked)


@register.filter
def alert_condition(word: str) -> str:
    """This will give a condition as people say it."""
    return str(Condition(word).label)


@register.filter
def heal_kind(word: str) -> str:
    """This will give a kind of error as people say it."""
    return heal.WORDS[word]
