"""Jump to: what is found, for whom, and verbs on what is selected."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from connectors.views.palette import PAGES
from tests import cast

OPTION = re.compile(r'role="option".*?href="([^"]+)".*?<span class="cut">(.*?)</span>', re.DOTALL)


def client(estate: cast.Estate, who: str) -> Client:
    made = Client()
    made.force_login(estate.people[who])
    return made


def options(estate: cast.Estate, query: str, who: str = "operator") -> dict[str, str]:
    """By what they are called: where they lead."""
    answer = client(estate, who).get(f"/palette/?{query}", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return {label: url.replace("&amp;", "&") for url, label in OPTION.findall(answer.content.decode())}


def test_letters_find_connector_pipeline_account_view_and_page(estate: cast.Estate) -> None:
    client(estate, "operator").post("/views/new/?state=failed", {"name": "boxes that failed"})

    assert options(estate, "q=box") == {
        "boxes that failed": "/?state=failed",
        **{c.name: f"/connectors/{c.pk}/" for c in estate.connectors},
        "box": f"/pipelines/{estate.pipeline.pk}/",
        "box-prod": f"/accounts/{estate.account.pk}/",
    }
    assert options(estate, "q=batch") == {"Batches": "/batches/"}


def test_who_is_called_so_comes_before_who_only_mentions_it(estate: cast.Estate) -> None:
    estate.add("zz-ledger-copy")
    estate.add("ledger-archive")

    assert list(options(estate, "q=ledger")) == ["ledger", "ledger-archive", "zz-ledger-copy"]


def test_a_stranger_finds_nothing_of_the_team(estate: cast.Estate) -> None:
    assert options(estate, "q=box", who="stranger") == {}
    rows = "&".join(f"row={c.pk}" for c in estate.connectors)
    assert [label for label in options(estate, rows, who="stranger") if "selected" in label] == []


@pytest.mark.parametrize("who", ["viewer", "lead", "admin", "auditor"])
def test_every_page_that_is_offered_opens(estate: cast.Estate, who: str) -> None:
    offered = set(options(estate, "", who).values())
    browser = client(estate, who)

    assert {url for url in offered if browser.get(url).status_code != 200} == set()
    hidden = {reverse(name) for _, name, _ in PAGES} - offered
    assert hidden == ({"/audit/", "/accounts/new/"} if who == "viewer" else
                      {"/audit/"} if who == "lead" else {"/accounts/new/"} if who == "auditor" else set())  # fmt: skip


def test_verbs_lead_to_the_dialog_with_what_is_selected(estate: cast.Estate) -> None:
    rows = [c.pk for c in estate.connectors[:2]]

    found = options(estate, f"q=pause+sel&row={rows[0]}&row={rows[1]}")

    assert found == {"Pause 2 selected…": f"/batches/new/?row={rows[0]}&row={rows[1]}&kind=pause"}
    assert client(estate, "operator").get(found["Pause 2 selected…"]).status_code == 200


def test_verbs_on_all_that_match_keep_the_filter(estate: cast.Estate) -> None:
    found = options(estate, "q=pause+all&all=yes&state=running")

    assert found == {"Pause all that match…": "/batches/new/?all=yes&state=running&kind=pause"}


def test_palette_escapes_and_needs_a_sign_in(estate: cast.Estate) -> None:
    estate.add("<img src=x>")

    html = client(estate, "viewer").get("/palette/?q=img").content.decode()

    assert "&lt;img src=x&gt;" in html
    assert "<img" not in html
    assert Client().get("/palette/").status_code == 302


def test_palette_asks_the_same_number_of_questions_for_any_number(
    estate: cast.Estate, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    browser = client(estate, "operator")
    for _ in range(2):
        with django_assert_max_num_queries(11):
            browser.get("/palette/?q=o&row=1", headers={"HX-Request": "true"})
        for number in range(9):
            estate.add(f"o-{number}-{len(estate.connectors)}")
