"""Elasticsearch's own Python clients, two major versions of them, against our sandbox."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import elasticsearch8
import elasticsearch9
import pytest

from connectors.vendors.elastic.sandbox.server import KEY
from connectors.vendors.sandbox import Bench

CONNECTOR = "tickets-jira"
pytestmark = pytest.mark.filterwarnings("ignore:This API is in (beta|technical preview)")


@dataclass
class Desk:
    """A client, its error types, and the sandbox it talks to."""

    client: Any
    errors: Any
    app: Bench

    @property
    def connector(self) -> Any:
        """Its API for connectors."""
        return self.client.connector


@pytest.fixture(params=[elasticsearch8, elasticsearch9], ids=["8.x", "9.x"])
def desk(request: pytest.FixtureRequest, serve: Callable[..., tuple[Bench, str]]) -> Iterator[Desk]:
    """This will serve the sandbox and connect a client that tries nothing twice."""
    app, url = serve("elastic", tempo=0.1)
    with request.param.Elasticsearch(url, api_key=KEY, max_retries=0) as client:
        yield Desk(client, request.param, app)


def test_lists_and_gets_connectors(desk: Desk) -> None:
    listed = desk.connector.list(size=5)
    one = desk.connector.get(connector_id=CONNECTOR)

    assert (listed["count"], len(listed["results"])) == (9, 5)
    assert (one["id"], one["service_type"], one["status"]) == (CONNECTOR, "jira", "connected")


def test_lists_by_pages_without_missing_one(desk: Desk) -> None:
    pages = [desk.connector.list(from_=start, size=4)["results"] for start in (0, 4, 8)]

    assert len({row["id"] for page in pages for row in page}) == 9


def test_updates_a_status_where_the_table_allows(desk: Desk) -> None:
    answer = desk.client.perform_request(
        "PUT", f"/_connector/{CONNECTOR}/_status", body={"status": "error"},
        headers={"content-type": "application/json", "accept": "application/json"},
    )  # fmt: skip

    assert answer["result"] == "updated"
    assert desk.connector.get(connector_id=CONNECTOR)["status"] == "error"


def test_an_invalid_transition_raises_its_own_error(desk: Desk) -> None:
    with pytest.raises(desk.errors.BadRequestError) as refused:
        desk.connector.update_status(connector_id=CONNECTOR, status="needs_configuration")

    assert (refused.value.status_code, refused.value.error) == (400, "status_exception")
    assert "Invalid transition attempt from [connected] to [needs_configuration]" in str(refused.value.body)


def test_switches_schedules_off_and_on(desk: Desk) -> None:
    off = {"full": {"enabled": False, "interval": "0 0 0 * * ?"}}

    desk.connector.update_scheduling(connector_id=CONNECTOR, scheduling=off)

    found = desk.connector.get(connector_id=CONNECTOR)["scheduling"]
    assert found["full"]["enabled"] is False
    assert found["incremental"] == {"enabled": False, "interval": "0 0 0 * * ?"}


def test_sets_and_clears_an_error(desk: Desk) -> None:
    desk.connector.update_error(connector_id=CONNECTOR, error="the source is away")
    broken = desk.connector.get(connector_id=CONNECTOR)
    desk.connector.update_error(connector_id=CONNECTOR, body={"error": None})
    mended = desk.connector.get(connector_id=CONNECTOR)

    assert (broken["status"], broken["error"]) == ("error", "the source is away")
    assert (mended["status"], mended["error"]) == ("connected", None)


def test_creates_lists_and_cancels_sync_jobs(desk: Desk) -> None:
    desk.app.world.tempo = 10.0  # the job is to be pending still when it is looked for
    made = desk.connector.sync_job_post(id=CONNECTOR, job_type="full", trigger_method="on_demand")["id"]
    pending = desk.connector.sync_job_list(connector_id=CONNECTOR, status="pending")

    desk.connector.sync_job_cancel(connector_sync_job_id=made)

    assert [job["id"] for job in pending["results"]] == [made]
    assert desk.connector.sync_job_get(connector_sync_job_id=made)["status"] == "canceled"
    with pytest.raises(desk.errors.BadRequestError):
        desk.connector.sync_job_cancel(connector_sync_job_id=made)


def test_unknown_connectors_raise_its_own_error(desk: Desk) -> None:
    with pytest.raises(desk.errors.NotFoundError):
        desk.connector.get(connector_id="nobody")
    with pytest.raises(desk.errors.NotFoundError):
        desk.connector.sync_job_post(id="nobody")


def test_a_wrong_key_raises_its_own_error(desk: Desk) -> None:
    with pytest.raises(desk.errors.AuthenticationException):
        desk.client.options(api_key="wrong").connector.list()
