"""The board's page: groups that close and page, columns that are remembered, rows that are new."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import strip_tags
from pytest_django import DjangoAssertNumQueries

from connectors import matrix, permissions
from connectors.models import BoardColumns, Connector, Pipeline, VendorAccount
from connectors.queries import board
from connectors.queries.board import Arrangement
from connectors.queries.connectors import Filters
from connectors.states import State
from dashboard import telling
from tests import cast
from tests.crowd import crowd

ROW = re.compile(r'<tr role="row" id="connector-(\d+)"')


@pytest.fixture
def wide(estate: cast.Estate) -> cast.Estate:
    """This will add two pipelines with 60 and 70 running connectors, beside the three there are."""
    now = timezone.now()
    for name, number in (("crates", 60), ("drums", 70)):
        estate.pipeline = Pipeline.objects.create(
            account=estate.account, external_id=name, name=name, state=State.RUNNING, state_since=now
        )
        Connector.objects.bulk_create(
            Connector(
                account=estate.account, pipeline=estate.pipeline, team=estate.team, external_id=f"{name}-{n:03}",
                name=f"{name}-{n:03}", state=State.RUNNING, state_since=now,
                urgency=matrix.urgency(State.RUNNING, State.RUNNING),
            )
            for n in range(number)
        )  # fmt: skip
    return estate


def client(estate: cast.Estate, who: str = "viewer") -> Client:
    made = Client()
    made.force_login(estate.people[who])
    return made


def ids(html: str) -> list[int]:
    return [int(pk) for pk in ROW.findall(html)]


def headings(html: str) -> list[list[str]]:
    found = re.findall(r'<tr role="row" class="group".*?</tr>', html, re.DOTALL)
    return [re.sub(r"<[^>]+>", " ", heading).split() for heading in found]


def test_groups_stand_with_the_most_urgent_first_and_say_how_many(wide: cast.Estate) -> None:
    html = client(wide).get("/?group=pipeline").content.decode()

    assert headings(html) == [["Pipeline:", "Running", "box", "box-prod", "3", "1", "failed"],
                              ["Pipeline:", "Running", "crates", "box-prod", "60"]]  # fmt: skip
    assert len(ids(html)) == board.SIZE


@pytest.mark.parametrize("group", ["pipeline", "vendor", "team"])
def test_pages_of_groups_hold_every_row_once(wide: cast.Estate, group: str) -> None:
    browser = client(wide)

    pages = [ids(browser.get(f"/?group={group}&page={number}").content.decode()) for number in (1, 2, 3, 4)]

    assert [len(page) for page in pages] == [50, 50, 33, 0]
    assert sorted(pk for page in pages for pk in page) == sorted(Connector.objects.values_list("pk", flat=True))


def test_a_closed_group_shows_its_heading_and_takes_one_line(wide: cast.Estate) -> None:
    crates = Pipeline.objects.get(name="crates").pk
    browser = client(wide)

    pages = [browser.get(f"/?group=pipeline&closed={crates}&page={n}").content.decode() for n in (1, 2)]

    assert [heading[2] for heading in headings(pages[0])] == ["box", "crates", "drums"]
    assert [len(ids(page)) for page in pages] == [49, 24]
    assert not set(ids(pages[0])) & set(ids(pages[1]))
    assert "133 connectors" in strip_tags(pages[0])
    assert 'href="/?group=pipeline" aria-expanded="false"' in pages[0]


def test_all_groups_can_be_closed_and_one_of_them_opened(wide: cast.Estate) -> None:
    box = Pipeline.objects.get(name="box").pk
    browser = client(wide)

    closed = browser.get("/?group=pipeline&closed=all").content.decode()
    opened = browser.get(f"/?group=pipeline&closed=all&closed={box}").content.decode()

    assert (len(headings(closed)), ids(closed)) == (3, [])
    assert (len(headings(opened)), len(ids(opened))) == (3, 3)


def test_groups_are_narrowed_like_rows(wide: cast.Estate) -> None:
    html = client(wide).get("/?group=pipeline&state=failed").content.decode()

    assert headings(html) == [["Pipeline:", "Running", "box", "box-prod", "1", "1", "failed"]]


def test_a_grouping_nobody_knows_is_none(estate: cast.Estate) -> None:
    html = client(estate).get("/?group=moon").content.decode()

    assert headings(html) == []
    assert len(ids(html)) == 3


@pytest.mark.parametrize("group", ["pipeline", "vendor", "team"])
def test_groups_ask_the_same_number_of_questions_for_any_number(
    estate: cast.Estate, group: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    browser = client(estate)
    for turn in range(2):
        with django_assert_max_num_queries(16):
            browser.get(f"/?group={group}&search=e")
        for name in ("a", "b", "c"):
            estate.pipeline = Pipeline.objects.create(
                account=estate.account, external_id=f"{name}{turn}", name=name, state=State.RUNNING,
                state_since=timezone.now(),
            )  # fmt: skip
            estate.add(f"e-{name}-{turn}")


def test_columns_are_remembered_for_the_person_and_for_nobody_else(estate: cast.Estate) -> None:
    mine, other = client(estate, "viewer"), client(estate, "operator")

    answer = mine.post("/board/columns/", {"column": ["kind", "team", "nonsense"]}, headers={"referer": "http://x/"})
    assert answer.status_code == 302
    mine.post("/board/columns/", {"column": ["kind", "team"]})

    assert 'class="rows board has-team has-kind is-chosen"' in mine.get("/").content.decode()
    assert 'class="rows board has-ages has-flow has-team has-op has-next"' in other.get("/").content.decode()


def test_columns_go_back_to_the_usual_ones(estate: cast.Estate) -> None:
    browser = client(estate)
    browser.post("/board/columns/", {"column": []})
    assert 'class="rows board  is-chosen"' in browser.get("/").content.decode()

    browser.post("/board/columns/", {"usual": "yes"})

    assert BoardColumns.objects.count() == 0
    assert "has-ages" in browser.get("/").content.decode()


def test_columns_refuse_get_and_whoever_is_signed_out(estate: cast.Estate) -> None:
    assert client(estate).get("/board/columns/").status_code == 405
    assert Client().post("/board/columns/", {"column": "team"}).status_code == 302
    assert BoardColumns.objects.count() == 0


def test_first_board_asks_as_often_for_thousands_as_for_three(
    estate: cast.Estate, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser = client(estate)
    with CaptureQueriesContext(connection) as few:
        browser.get("/")

    crowd(estate, 2000)

    with django_assert_num_queries(len(few)):
        assert len(ids(browser.get("/").content.decode())) == board.SIZE


@pytest.mark.parametrize(
    ("query", "shown", "total"),
    [
        ("search=crates", 50, 60),
        ("search=crates&page=2", 10, 60),
        ("search=crates-00", 10, 10),
        ("search=crates&page=9", 0, 60),
        ("search=nothing+such", 0, 0),
    ],
)
def test_a_search_says_how_many_it_found_whether_or_not_they_were_counted(
    wide: cast.Estate, query: str, shown: int, total: int
) -> None:
    answer = client(wide).get(f"/?{query}")

    assert len(ids(answer.content.decode())) == shown
    assert answer.context["total"] == total


def new_rows(estate: cast.Estate, filters: Filters, *, page: int = 1, by: str = "") -> Callable[[], int]:
    """This will read a page now, and give a function that tells what has come since."""
    viewer = permissions.viewer_of(estate.people["viewer"])
    arrangement = Arrangement(by)
    shown = {c.pk for c in board.page(viewer, filters, arrangement, page).connectors}
    return lambda: board.new_rows(viewer, filters, arrangement, page, shown)


def fail(names: list[str]) -> None:
    Connector.objects.filter(name__in=names).update(state=State.FAILED, urgency=0)


@pytest.mark.parametrize("by", ["", "pipeline"])
def test_rows_that_come_to_the_front_are_new(wide: cast.Estate, by: str) -> None:
    told = new_rows(wide, Filters(), by=by)
    assert told() == 0

    fail(["drums-050", "drums-051"] if not by else ["crates-055", "crates-056"])

    assert told() == 2


def test_rows_that_only_moved_up_are_not_new(wide: cast.Estate) -> None:
    told = new_rows(wide, Filters())

    Connector.objects.filter(name="ledger").update(state=State.RUNNING, urgency=6)

    assert told() == 0


def test_rows_that_come_to_match_a_filter_are_new(wide: cast.Estate) -> None:
    told = new_rows(wide, Filters(state=("failed",)))

    fail(["crates-001", "drums-001", "drums-002"])

    assert told() == 3


def test_on_an_empty_page_every_match_is_new(wide: cast.Estate) -> None:
    told = new_rows(wide, Filters(search="zebra"))

    wide.add("zebra")

    assert told() == 1


def test_a_later_page_does_not_count_what_the_one_before_pushed_over(wide: cast.Estate) -> None:
    told = new_rows(wide, Filters(), page=2)

    fail(["drums-065", "drums-066"])

    assert told() == 0


def test_the_stream_tells_how_many_are_new_and_lets_none_in(wide: cast.Estate) -> None:
    viewer = permissions.viewer_of(wide.people["viewer"])
    shown = frozenset(c.pk for c in board.page(viewer, Filters(state=("failed",)), Arrangement(), 1).connectors)
    fail(["crates-001"])
    moved = Connector.objects.get(name="crates-001").pk

    rows = dict(telling.row_parts(viewer, shown & {moved}))
    html = "".join([*rows.values(), telling.head(viewer), *telling.new_rows(viewer, "state=failed", shown)])

    assert f"connector-{moved}" not in html
    assert '<a class="btn" href="/?state=failed" data-news>1 new, show it</a>' in html


@pytest.mark.parametrize(
    ("who", "query", "words"),
    [
        ("viewer", "drift=yes", "Nothing has drifted. 1 of 3 connectors are active"),
        ("viewer", "search=zebra&state=failed", "Nothing fits search zebra, connector Failed; 3 connectors are there"),
        ("stranger", "", "No connectors yet. Add a vendor account."),
        ("newcomer", "", "Nothing is yours to see. You belong to no team yet."),
    ],
)
def test_an_empty_board_says_why_and_what_to_do(estate: cast.Estate, who: str, query: str, words: str) -> None:
    estate.people["newcomer"] = User.objects.create_user("newcomer")

    html = client(estate, who).get(f"/?{query}").content.decode()

    assert words in " ".join(strip_tags(html).split())


def test_an_empty_board_whose_accounts_were_never_read_says_so(estate: cast.Estate) -> None:
    Connector.objects.all().delete()
    VendorAccount.objects.update(observed_at=None)

    html = client(estate).get("/").content.decode()

    assert "Being read for the first time. box-prod:" in " ".join(strip_tags(html).split())


@pytest.mark.parametrize("by", ["pipeline", "vendor", "team"])
def test_the_counts_of_groups_follow_what_changes(wide: cast.Estate, by: str) -> None:
    viewer = permissions.viewer_of(wide.people["operator"])
    page = client(wide).get(f"/?group={by}").content.decode()
    before = "".join(telling.new_rows(viewer, f"group={by}", frozenset(ids(page))))

    failing = next(c for c in wide.connectors if c.state == "running" and c.team_id == wide.team.pk)
    failing.state, failing.urgency = "failed", matrix.urgency(State.RUNNING, State.FAILED)
    failing.save()
    after = "".join(telling.new_rows(viewer, f"group={by}", frozenset(ids(page))))

    targets = re.findall(r'hx-target="#(counts-[^"]+)"', after)
    assert targets
    assert all(f'id="{target}"' in page for target in targets)
    assert after != before
    assert after.count(" failed</span>") >= before.count(" failed</span>")
    assert 'hx-target="#counts' not in "".join(telling.new_rows(viewer, "", frozenset(ids(page))))


def test_an_open_group_has_a_box_for_its_rows_and_a_closed_one_has_none(wide: cast.Estate) -> None:
    crates = wide.connectors[-1].pipeline_id

    page = client(wide).get(f"/?group=pipeline&closed={crates}").content.decode()

    heads = re.findall(r'<tr role="row" class="group".*?</tr>', page, re.DOTALL)
    assert sorted("data-pick-group" in head for head in heads) == [False, True]
