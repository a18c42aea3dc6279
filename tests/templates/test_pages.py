"""Every page, for each of the cast."""

import re
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django.test import AsyncClient, Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import AuditEvent, Connector, Pipeline, SiteMembership
from connectors.states import State
from tests.templates.conftest import Estate


def pages(connector: Connector) -> list[str]:
    return [
        "/",
        f"/connectors/{connector.pk}/",
        f"/pipelines/{connector.pipeline_id}/",
        f"/accounts/{connector.account_id}/",
    ]


@pytest.mark.parametrize("name", ["viewer", "operator", "lead", "admin", "auditor"])
def test_pages_open_for_everybody_who_may_see(estate: Estate, name: str) -> None:
    task = {"id": "0", "state": "failed", "vendor_state": "FAILED", "worker": "w", "trace": "x"}
    connector = estate.connector(State.FAILED, error="no slots", tasks_total=1, tasks_failed=1, tasks=[task])
    client = estate.client(name)

    for page in pages(connector):
        answer = client.get(page)

        assert answer.status_code == 200, page
        assert estate.account.name in answer.content.decode(), page


def test_pages_of_a_stranger_hold_nothing_of_the_team(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("stranger")

    answers = {page: client.get(page) for page in pages(connector)}

    assert answers.pop("/").content.decode().count(connector.name) == 0
    assert {answer.status_code for answer in answers.values()} == {404}


def test_pages_send_whoever_is_signed_out_to_sign_in(estate: Estate) -> None:
    connector = estate.connector()

    for page in [*pages(connector), "/audit/"]:
        assert Client().get(page).status_code == 302
        fragment = Client().get(page, headers={"HX-Request": "true"})
        assert (fragment.status_code, fragment["HX-Redirect"]) == (401, "/sign-in/")


def test_configuration_is_shown_to_operators_only(estate: Estate) -> None:
    connector = estate.connector(config={"topics": "orders-of-the-day"})
    page = f"/connectors/{connector.pk}/"

    assert "orders-of-the-day" in estate.client("operator").get(page).content.decode()
    assert "orders-of-the-day" not in estate.client("viewer").get(page).content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_board_asks_the_same_number_of_questions_for_any_number_of_rows(
    estate: Estate, rows: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        estate.connector()
    client = estate.client("operator")

    with django_assert_max_num_queries(14):
        html = client.get("/").content.decode()

    assert html.count('<tr role="row" id="connector-') == rows


def test_board_shows_failed_first_and_pages_by_fifty(estate: Estate) -> None:
    for _ in range(51):
        estate.connector()
    failed = estate.connector(State.FAILED, name="zebra")
    client = estate.client("viewer")

    first, second = (
        re.findall(r'<tr role="row" id="connector-(\d+)"', client.get(page).content.decode())
        for page in ("/", "/?page=2")
    )

    assert (len(first), len(second)) == (50, 2)
    assert first[0] == str(failed.pk)


@pytest.mark.parametrize("query", [
    "search=zeb", "state=failed", "activity=failed", "vendor=tiny&state=failed",
    "pipeline_state=running&state=failed&stale=no",
    "state=failed&team=payments&account=tiny-prod", "activity=nonsense&state=failed", "pipeline=x&state=failed&page=-3",
])  # fmt: skip
def test_board_is_narrowed_by_its_address(estate: Estate, query: str) -> None:
    estate.connector()
    failed = estate.connector(State.FAILED, name="zebra")

    html = estate.client("viewer").get(f"/?{query}").content.decode()

    assert re.findall(r'<tr role="row" id="connector-(\d+)"', html) == [str(failed.pk)]


def test_board_hatches_what_was_not_read_in_time(estate: Estate) -> None:
    estate.connector()
    long_ago = timezone.now() - timedelta(hours=1)
    type(estate.account).objects.update(observed_at=long_ago, failing_since=long_ago, failure="the key has expired")

    html = estate.client("viewer").get("/").content.decode()

    assert "was running" in html
    assert "is-active" not in html
    assert "has not answered since" in html


def test_banner_says_what_kind_of_trouble_it_is_and_what_to_do(estate: Estate) -> None:
    estate.connector()
    long_ago = timezone.now() - timedelta(hours=1)
    type(estate.account).objects.update(
        observed_at=long_ago, failing_since=long_ago, failure="the key has expired", failure_kind="sign_in_refused"
    )

    html = estate.client("viewer").get("/").content.decode()

    assert "is refused since" in html
    assert "Give the account new credentials." in html


def test_empty_board_says_what_to_do(estate: Estate) -> None:
    assert "No connectors yet." in estate.client("viewer").get("/").content.decode()
    assert "No connector matches." in estate.client("viewer").get("/?search=x").content.decode()


def test_page_escapes_what_a_vendor_says(estate: Estate) -> None:
    evil = "<img src=x onerror=alert(1)>"
    Pipeline.objects.update(vendor_state=evil, error=evil)
    connector = estate.connector(State.FAILED, name=evil, error=evil, type=evil, labels={evil: evil}, error_trace=evil,
                                 desired_state="running", desired_by=evil, drift_since=timezone.now())  # fmt: skip

    for page in pages(connector):
        assert "<img" not in estate.client("admin").get(page).content.decode(), page


def event(**fields: object) -> AuditEvent:
    return AuditEvent.objects.create(**{
        "at": timezone.now(), "action": "connector.pause.requested", "result": "requested", "actor_kind": "person",
        "actor": "operator", **fields,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("name", "status"), [("viewer", 403), ("operator", 403), ("lead", 403), ("admin", 200), ("auditor", 200)]
)
def test_audit_is_for_admins_and_auditors(estate: Estate, name: str, status: int) -> None:
    event(target="thing-7")
    client = estate.client(name)

    answer = client.get("/audit/")

    assert answer.status_code == status
    assert ("thing-7" in answer.content.decode()) == (status == 200)


@pytest.mark.parametrize(
    "query", ["actor:lead", "action:connector.stop.*", "target:thing-8", "result:done", "after:2099-01-01"]
)
def test_audit_is_narrowed_by_its_address(estate: Estate, query: str) -> None:
    event(target="thing-7")

    html = estate.client("auditor").get("/audit/", {"q": query}).content.decode()

    assert "No event matches." in html


async def test_audit_export_holds_no_formula(transactional_db: None) -> None:
    user = await sync_to_async(User.objects.create_user)("auditor")
    await SiteMembership.objects.acreate(user=user, role="auditor")
    await sync_to_async(event)(target="=HYPERLINK(1)", reason="@SUM(1)", error="-1")
    client = AsyncClient()
    await client.aforce_login(user)

    answer = await client.get("/audit/export.csv")
    chunks: Any = answer.streaming_content  # type: ignore[attr-defined]  # the stubs leave streams out
    text = "".join([chunk.decode() async for chunk in chunks])
    await sync_to_async(connections.close_all)()

    assert "'=HYPERLINK(1)" in text
    assert "'@SUM(1)" in text
    assert ",=" not in text
    assert "attachment" in answer["Content-Disposition"]


@pytest.mark.parametrize("path", ["/audit/", "/review/", "/audit/exports/"])
def test_a_refusal_names_the_role_it_takes(estate: Estate, path: str) -> None:
    answer = estate.client("operator").get(path)

    assert answer.status_code == 403
    words = "Reading the whole record takes the site role admin or auditor; you are neither."
    assert words in answer.content.decode()
