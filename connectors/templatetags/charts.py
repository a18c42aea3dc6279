"""Charts, drawn by the server: one line each, zero as the base, gaps as gaps, failures and pauses behind it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from connectors.queries.samples import DAY, HOUR, MINUTE, History, Point, Range, Stretch
from connectors.states import State
from connectors.templatetags import figures
from connectors.templatetags.looks import STATES

register = template.Library()

WIDTH, HEIGHT = 420, 132
LEFT, RIGHT, TOP, BOTTOM = 44, 414, 14, 110
HELD = frozenset({State.PAUSED, State.STOPPED, State.FINISHED})
TICKS = (5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR, DAY,
         2 * DAY, 5 * DAY, 10 * DAY)  # fmt: skip
MOST_TICKS = 6
TAG = 60
"""Width that the word over a failure takes."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one chart is about; `name` is the field of a point."""

    name: str
    title: str
    unit: str = ""


LINES = (
    Line("records", "Records a second", "/s"),
    Line("bytes", "Bytes a second", "B/s"),
    Line("lag", "Records that wait"),
    Line("errors", "Errors"),
)


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawn chart with its words."""

    title: str
    svg: SafeString


@register.simple_tag
def charts(history: History) -> list[Chart]:
    """This will draw what was measured; what the vendor does not tell has no chart."""
    return [Chart(_title(line, history), _drawn(line, history)) for line in LINES if history.has(line.name)]


@register.simple_tag
def untold(history: History) -> str:
    """This will name what was not measured at all in this range."""
    return ", ".join(line.title.lower() for line in LINES if not history.has(line.name))


@register.simple_tag
def chart_rows(history: History) -> list[Point]:
    """This will give the steps in which anything was measured, the newest first: the charts as figures."""
    return [p for p in reversed(history.points) if any(getattr(p, line.name) is not None for line in LINES)]


@register.filter
def amount(value: float | None) -> str:
    """This will give a figure in at most three digits; what is missing is a dash."""
    return "–" if value is None else figures.short(value)


def _title(line: Line, history: History) -> str:
    return f"{line.title} in {figures.age(history.range.step)}" if line.name == "errors" else line.title


def _drawn(line: Line, history: History) -> SafeString:
    values = [getattr(point, line.name) for point in history.points]
    top = _nice(max(value for value in values if value is not None))
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="chart-{n} chart-{n}-says">'
        '<title id="chart-{n}">{}</title><desc id="chart-{n}-says">{}</desc>{}{}{}{}{}</svg>',
        WIDTH, HEIGHT, _title(line, history), _said(line, history, values),
        _bands(history), _grid(top), _times(history), _lines(history, values, top), _marks(history),
        n=line.name,
    )  # fmt: skip


def _said(line: Line, history: History, values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    gaps = len(values) - len(known)
    missing = f"; not measured for {figures.age(gaps * history.range.step)} of it" if gaps else ""
    return (
        f"Last {history.range.label}: {figures.short(known[-1])} at the end, at most {figures.short(max(known))}, "
        f"at least {figures.short(min(known))}{missing}."
    )


def _nice(most: float) -> float:
    """The end of the scale: 1, 2, 4 or 5 times a power of ten, so that its half reads well, too."""
    if most <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(most))
    found = next(step * power for step in (1, 2, 4, 5, 10) if step * power >= most)
    return max(found, 1)


def _grid(top: float) -> SafeString:
    rows = (
        ("base" if part == 0 else "grid", _y(part * top, top), LEFT, RIGHT, _y(part * top, top) + 4,
         figures.short(part * top))
        for part in (0, 0.5, 1)
    )  # fmt: skip
    return format_html_join(
        "",
        '<path class="{0}" d="M{2} {1}H{3}"/><text x="38" y="{4}" text-anchor="end">{5}</text>',
        rows,
    )


def _times(history: History) -> SafeString:
    step = next((s for s in TICKS if history.range.seconds / s <= MOST_TICKS), TICKS[-1])
    first = math.ceil(history.start.timestamp() / step) * step
    moments = (datetime.fromtimestamp(first + place * step, UTC) for place in range(MOST_TICKS + 1))
    rows = [(_x(at, history), _clock(at, history.range)) for at in moments if at < history.end]
    fit = [row for row in rows if LEFT + 8 < row[0] < RIGHT - 12]
    return format_html_join("", '<text x="{}" y="126" text-anchor="middle">{}</text>', fit)


def _clock(at: datetime, chosen: Range) -> str:
    return f"{at:%H:%M}" if chosen.seconds <= DAY else f"{at.day} {at:%b}"


def _bands(history: History) -> SafeString:
    rows = [(_band(s), _x(s.start, history), TOP, _wide(s, history), BOTTOM - TOP) for s in history.stretches]
    return format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>', [r for r in rows if r[0]])


def _band(stretch: Stretch) -> str:
    return "band" if stretch.state is State.FAILED else "hold" if stretch.state in HELD else ""


def _wide(stretch: Stretch, history: History) -> float:
    return max(round(_x(stretch.end, history) - _x(stretch.start, history), 1), 1)


def _marks(history: History) -> SafeString:
    """A dashed line where it failed, with the time where there is room for it."""
    rows, free = [], float(LEFT)
    for stretch in history.stretches:
        if stretch.state is not State.FAILED or stretch.start <= history.start:
            continue
        x = _x(stretch.start, history)
        is_left = x > (LEFT + RIGHT) / 2
        has_room = x - TAG > free if is_left else x > free
        words = f"{STATES[State.FAILED].word.lower()} {_clock(stretch.start, history.range)}" if has_room else ""
        rows.append((x, TOP, BOTTOM, x - 4 if is_left else x + 4, "end" if is_left else "start", words))
        free = x + (0 if is_left else TAG)
    return format_html_join(
        "",
        '<path class="mark" d="M{0} {1}V{2}"/><text class="tag" x="{3}" y="11" text-anchor="{4}">{5}</text>',
        rows,
    )


def _lines(history: History, values: Sequence[float | None], top: float) -> SafeString:
    """One line for each unbroken stretch; a point that stands alone is a dot."""
    middle = timedelta(seconds=history.range.step / 2)
    places = [_x(point.at + middle, history) for point in history.points]
    runs: list[list[tuple[float, float]]] = [[]]
    for x, value in zip(places, values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((x, _y(value, top)))
    lines = ((" ".join(f"{x},{y}" for x, y in run),) for run in runs if len(run) > 1)
    dots: Iterable[tuple[float, float]] = (run[0] for run in runs if len(run) == 1)
    return format_html(
        "{}{}",
        format_html_join("", '<polyline class="a" points="{}"/>', lines),
        format_html_join("", '<circle class="dot" cx="{}" cy="{}" r="1.5"/>', dots),
    )


def _x(at: datetime, history: History) -> float:
    part = (at - history.start) / (history.end - history.start)
    return round(LEFT + min(max(part, 0), 1) * (RIGHT - LEFT), 1)


def _y(value: float, top: float) -> float:
    return round(BOTTOM - value / top * (BOTTOM - TOP), 1)
