"""Schedules by program."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from connectors.models import Schedule
from tests.cast import Estate

ClientOf = Callable[[str], APIClient]
PATH = "/api/v1/schedules/"
WISH = {"name": "Night stop", "team": "payments", "kind": "pause", "mode": "cron", "cron": "0 22 * * *"}


def post(client: APIClient, path: str, **body: Any) -> Any:
    """This will post JSON."""
    return client.post(path, body, format="json")


def test_schedule_is_made_rests_comes_again_and_goes(client_of: ClientOf, estate: Estate) -> None:
    client = client_of("operator")

    made = post(client, PATH, **WISH, connectors=[estate.connectors[0].pk], zone="Europe/Berlin")

    assert made.status_code == 201
    body = made.json()
    assert (len(body["coming"]), body["acts_for"], body["is_on"]) == (5, "operator", True)
    assert body["coming"][0]["local"][11:16] == "22:00"
    one = f"{PATH}{body['id']}/"
    assert post(client, f"{one}pause/").json()["is_on"] is False
    assert post(client, f"{one}pause/").status_code == 409
    assert post(client, f"{one}resume/").json()["is_on"] is True
    assert client.get(f"{one}runs/").json()["count"] == 0
    assert client.delete(one).status_code == 204


def test_filter_is_checked_and_kept(client_of: ClientOf, estate: Estate) -> None:
    client = client_of("operator")

    assert post(client, PATH, **WISH, filter={"state": "odd"}).status_code == 400
    assert post(client, PATH, **WISH, filter={"state": ["failed"]}).status_code == 201
    assert Schedule.objects.get().selection == "state:failed"


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("stranger", 404), ("auditor", 403), ("lead", 201)])
def test_who_may(client_of: ClientOf, estate: Estate, name: str, status: int) -> None:
    assert post(client_of(name), PATH, **WISH, connectors=[estate.connectors[0].pk]).status_code == status


@pytest.mark.parametrize("fields", [{"mode": "often"}, {"missed": "maybe"}, {"kind": "explode"}, {"days": [9]}])
def test_words_nobody_knows_are_refused(client_of: ClientOf, estate: Estate, fields: dict[str, Any]) -> None:
    answer = post(client_of("operator"), PATH, **(WISH | {"connectors": [estate.connectors[0].pk]} | fields))

    assert answer.status_code == 400
