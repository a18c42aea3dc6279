"""The filter menus: what each offers, how many each choice would show, and that the board then shows as many."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags
from pytest_django import DjangoAssertNumQueries

from connectors.models import Operation, Pipeline
from connectors.states import State
from connectors.views.facets import MENUS
from tests import cast

ROW = re.compile(r'<tr role="row" id="connector-(\d+)"')
OPTION = re.compile(r'name="(\w+)" value="([^"]+)"( checked)?>(.*?)</label>', re.DOTALL)


@pytest.fixture
def rich(estate: cast.Estate) -> cast.Estate:
    """This will add what every filter can tell apart."""
    now = timezone.now()
    second = Pipeline.objects.create(
        account=estate.account, external_id="crate", name="crate", state=State.PAUSED, state_since=now
    )
    estate.add("clicks", labels={"env": "prod", "tier": "1"}, type="org.example.Sink")
    estate.add("views", labels={"env": "prod"}, type="org.example.Source", drift_since=now, desired_state="paused")
    old = estate.add("pages", seen_at=now - timedelta(hours=1))
    old.pipeline = second
    old.save(update_fields=["pipeline"])
    Operation.objects.create(
        account=estate.account, connector=estate.connectors[0], kind="pause", actor="x", state_before="running",
        requested_at=now, deadline_at=now + timedelta(minutes=1),
    )  # fmt: skip
    return estate


def client(estate: cast.Estate, who: str = "viewer") -> Client:
    made = Client()
    made.force_login(estate.people[who])
    return made


def options(html: str) -> dict[tuple[str, str], int]:
    """By name and value: the number beside the choice."""
    found = {}
    for name, value, _, rest in OPTION.findall(html):
        found[name, value] = int(strip_tags(rest).split()[-1])
    return found


def menu(estate: cast.Estate, slug: str, query: str = "", who: str = "viewer") -> dict[tuple[str, str], int]:
    answer = client(estate, who).get(f"/board/filters/{slug}/?{query}", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return options(answer.content.decode())


@pytest.mark.parametrize("slug", MENUS)
def test_each_choice_shows_as_many_as_it_says(rich: cast.Estate, slug: str) -> None:
    for (name, value), number in menu(rich, slug).items():
        shown = ROW.findall(client(rich).get("/", {name: value}).content.decode())

        assert len(shown) == number > 0, (name, value)


def test_every_filter_of_the_board_has_a_menu(rich: cast.Estate) -> None:
    offered = {name for slug in MENUS for name, _ in menu(rich, slug)}

    assert offered == {
        "vendor", "account", "pipeline", "state", "pipeline_state", "active", "activity", "team", "label", "class",
        "drift", "stale", "open",
    }  # fmt: skip


def test_other_filters_narrow_the_numbers_and_its_own_does_not(rich: cast.Estate) -> None:
    assert menu(rich, "label", "class=org.example.Sink") == {("label", "env=prod"): 1, ("label", "tier=1"): 1}
    assert menu(rich, "class", "class=org.example.Sink") == {
        ("class", "org.example.Sink"): 1, ("class", "org.example.Source"): 1,
    }  # fmt: skip


def test_a_stranger_is_counted_nothing(rich: cast.Estate) -> None:
    for slug in MENUS:
        assert menu(rich, slug, who="stranger") == {}


@pytest.mark.parametrize("slug", MENUS)
def test_a_menu_asks_the_same_number_of_questions_for_any_number_of_rows(
    rich: cast.Estate, slug: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    browser = client(rich)
    with django_assert_max_num_queries(9):
        browser.get(f"/board/filters/{slug}/")
    for number in range(10):
        rich.add(f"more-{number}")

    with django_assert_max_num_queries(9):
        browser.get(f"/board/filters/{slug}/")


def test_without_javascript_a_menu_is_a_page_that_keeps_the_other_filters(rich: cast.Estate) -> None:
    html = client(rich).get("/board/filters/state/?team=payments&search=o").content.decode()

    assert '<input type="hidden" name="team" value="payments">' in html
    assert '<input type="hidden" name="search" value="o">' in html
    assert 'action="/"' in html


def test_an_unknown_menu_is_not_there(estate: cast.Estate) -> None:
    assert client(estate).get("/board/filters/nonsense/").status_code == 404
    assert Client().get("/board/filters/state/").status_code == 302


def test_the_board_says_what_it_is_narrowed_to_and_how_to_take_it_off(rich: cast.Estate) -> None:
    pipeline = rich.pipeline.pk

    html = client(rich).get(f"/?pipeline={pipeline}&pipeline_state=running&state=failed&stale=no").content.decode()

    chips = [strip_tags(chip).split() for chip in re.findall(r"data-chip>(.*?)</a>", html, re.DOTALL)]
    words = [" ".join(chip).removesuffix(", take this filter off") for chip in chips]
    assert words == ["Pipeline box", "Pipeline Running", "Connector Failed", "Seen Seen in time"]
    assert f'href="/?pipeline={pipeline}&amp;pipeline_state=running&amp;stale=no" data-chip' in html
