"""Notes by program."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from connectors.models import Note
from tests.cast import Estate

ClientOf = Callable[[str], APIClient]


def test_note_is_written_read_changed_and_removed(client_of: ClientOf, estate: Estate) -> None:
    client, pk = client_of("operator"), estate.connectors[0].pk

    made = client.post("/api/v1/notes/", {"connector": pk, "text": "mind the gap"}, format="json")
    url = f"/api/v1/notes/{made.json()['id']}/"
    changed = client.patch(url, {"text": "mind the step"}, format="json")
    listed = client.get(f"/api/v1/notes/?connector={pk}").json()
    gone = client.delete(url)

    assert (made.status_code, changed.json()["text"], gone.status_code) == (201, "mind the step", 204)
    assert [note["text"] for note in listed["results"]] == ["mind the step"]
    assert not Note.objects.exists()


def test_runbook_is_found_by_the_error(client_of: ClientOf, estate: Estate) -> None:
    failed = estate.connectors[2]

    client_of("lead").post("/api/v1/notes/", {"connector": failed.pk, "text": "wait", "runbook": True}, format="json")

    (note,) = client_of("viewer").get(f"/api/v1/notes/?connector={failed.pk}").json()["results"]
    assert (note["connector"], note["error"], len(note["fingerprint"])) == (None, failed.error, 8)


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("stranger", 404)])
def test_note_is_for_operators(client_of: ClientOf, estate: Estate, name: str, status: int) -> None:
    body = {"connector": estate.connectors[0].pk, "text": "x"}

    assert client_of(name).post("/api/v1/notes/", body, format="json").status_code == status


@pytest.mark.parametrize("body", [{"text": "x"}, {"connector": 1, "pipeline": 1, "text": "x"}, {"connector": 1}])
def test_note_names_one_target_and_says_something(client_of: ClientOf, estate: Estate, body: dict[str, object]) -> None:
    assert client_of("operator").post("/api/v1/notes/", body, format="json").status_code == 400
