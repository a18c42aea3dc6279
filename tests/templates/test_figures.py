"""Numbers and times as people read them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from connectors.templatetags import acting, figures, switchyard


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"), (0.4, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (4620, "1 h 17"),
        (36000, "10 h"), (172799, "47 h"), (172800, "2 d"),
    ],
)  # fmt: skip
def test_age_is_short(seconds: float, text: str) -> None:
    assert figures.age(seconds).replace("\u2009", " ") == text


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(None, "?"), (0, "0"), (0.5, "0.5/s"), (840, "840/s"), (2100, "2.1 k/s"), (12_400, "12.4 k/s"), (3e6, "3 M/s")],
)
def test_rate_has_three_digits(per_second: float | None, text: str) -> None:
    assert figures.rate(per_second).replace("\u2009", " ") == text


def test_number_is_grouped() -> None:
    assert figures.number(1087).replace("\u202f", " ") == "1 087"


def test_spark_leaves_gaps_where_nothing_was_measured() -> None:
    assert len(figures.spark_points([1, 2, None, 3, 4])) == 2
    assert figures.spark_points([None, None]) == []


@pytest.mark.parametrize(("made", "rule"), [(switchyard.left, "data-left"), (acting.time_left, "data-ends")])
def test_each_countdown_is_counted_on_by_one_rule_alone(made: Callable[[datetime], str], rule: str) -> None:
    script = (Path(settings.BASE_DIR) / "static/js/ages.js").read_text()

    html = made(timezone.now() + timedelta(days=4))

    assert f"<time {rule} " in html
    assert script.count(f"time[{rule}]") == 1
