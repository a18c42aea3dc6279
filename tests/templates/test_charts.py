"""Charts: drawn from what was measured, with words for whoever cannot see them."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connector, Sample, StateChange
from connectors.queries.samples import MINUTE
from tests.templates.conftest import Estate


def measured(connector: Connector, *minutes: int, **values: float) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    Sample.objects.bulk_create(
        Sample(connector=connector, span=MINUTE, at=now - timedelta(minutes=minute), **values) for minute in minutes
    )


def test_page_draws_what_was_measured_and_says_what_was_not(estate: Estate) -> None:
    connector = estate.connector(metrics={"at": 1})
    measured(connector, 1, 2, 3, 10, 11, records=640.0, lag=3)

    html = estate.client("viewer").get(f"/connectors/{connector.pk}/").content.decode()

    assert re.findall(r"<title id=[^>]+>([^<]+)</title>", html) == ["Records a second", "Records that wait"]
    assert "Last 1 h: 640 at the end, at most 640, at least 640; not measured for 55 min of it." in html.replace(
        "\u2009", " "
    )
    assert "Not told by Tiny: bytes a second, errors." in html


def test_chart_leaves_gaps_open(estate: Estate) -> None:
    connector = estate.connector(metrics={"at": 1})
    measured(connector, 1, 2, 3, 10, 11, 30, records=640.0)

    html = estate.client("viewer").get(f"/connectors/{connector.pk}/").content.decode()

    runs = [len(points.split()) for points in re.findall(r'<polyline class="a" points="([^"]+)"', html)]
    assert (runs, html.count('class="dot"')) == ([2, 3], 1)


def test_chart_marks_when_it_failed_and_when_it_was_held(estate: Estate) -> None:
    connector = estate.connector(metrics={"at": 1})
    measured(connector, 1, 2, records=1.0)
    now = timezone.now()
    for minutes, before, after in ((30, "running", "failed"), (20, "failed", "paused"), (10, "paused", "running")):
        StateChange.objects.create(
            connector=connector, before=before, after=after, at=now - timedelta(minutes=minutes), cause="outside"
        )

    html = estate.client("viewer").get(f"/connectors/{connector.pk}/").content.decode()

    failed = (now - timedelta(minutes=30)).strftime("%H:%M")
    assert (html.count('<rect class="band"'), html.count('<rect class="hold"')) == (1, 1)
    assert re.findall(r'<text class="tag"[^>]*>([^<]+)', html) == [f"failed {failed}"]


@pytest.mark.parametrize("word", ["1h", "6h", "24h", "7d", "30d", "nonsense"])
def test_flow_is_a_fragment_of_its_own_in_few_questions(
    estate: Estate, word: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    connector = estate.connector(metrics={"at": 1})
    measured(connector, *range(1, 60), records=2.0)
    client = estate.client("viewer")

    with django_assert_max_num_queries(6):
        answer = client.get(f"/connectors/{connector.pk}/flow/?range={word}", headers={"HX-Request": "true"})

    html = answer.content.decode()
    assert answer.status_code == 200
    assert html.startswith('<section class="panel" id="flow"')
    assert re.findall(r'href="[^"]+range=(\w+)"[^>]*aria-current="true"', html) == [
        word if word != "nonsense" else "1h"
    ]


def test_flow_leads_a_plain_browser_to_the_page_and_a_stranger_nowhere(estate: Estate) -> None:
    connector = estate.connector()

    plain = estate.client("viewer").get(f"/connectors/{connector.pk}/flow/?range=7d")
    strange = estate.client("stranger").get(f"/connectors/{connector.pk}/flow/", headers={"HX-Request": "true"})

    assert (plain.status_code, plain["Location"]) == (302, f"/connectors/{connector.pk}/?range=7d")
    assert strange.status_code == 404
