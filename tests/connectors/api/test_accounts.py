"""Accounts by program: admins only, credentials in and never out."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from connectors.models import AuditEvent, VendorAccount
from connectors.services import vault
from connectors.vendors.sandbox import Bench
from tests.cast import SECRET, Estate

ClientOf = Callable[[str], APIClient]
PATH = "/api/v1/accounts/"
GOOD = {
    "vendor": "tiny",
    "name": "box-2",
    "base_url": "https://box.example",
    "credentials": {"key": "another-secret-4711"},
    "team": "retail",
}


def test_post_adds_an_account_with_sealed_credentials(client_of: ClientOf, estate: Estate) -> None:
    answer = client_of("admin").post(PATH, GOOD, format="json")

    assert answer.status_code == 201
    assert "another-secret-4711" not in answer.content.decode()
    account = VendorAccount.objects.get(name="box-2")
    assert vault.unseal(account) == {"key": "another-secret-4711"}
    assert "another-secret-4711" not in str(list(AuditEvent.objects.values()))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"vendor": "nobody"}, "vendor"),
        ({"team": "nobody"}, "team"),
        ({"credentials": {}}, "credentials"),
        ({"credentials": {"key": "k", "kye": "k"}}, "credentials"),
        ({"settings": {"colour": "red"}}, "settings"),
        ({"name": "box-prod"}, "name"),
        ({"base_url": "ftp://box.example"}, "base_url"),
        ({"base_url": "http://169.254.169.254/"}, "base_url"),
        ({"base_url": "http://[fe80::1]/"}, "base_url"),
        ({"base_url": "https://me:pw@box.example/"}, "base_url"),
    ],
)
def test_post_names_the_field_that_is_wrong(client_of: ClientOf, estate: Estate, change: Any, field: str) -> None:
    answer = client_of("admin").post(PATH, {**GOOD, **change}, format="json")

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert VendorAccount.objects.count() == 1


@pytest.mark.parametrize("who", ["operator", "viewer", "auditor"])
def test_accounts_are_managed_by_leads_and_admins_alone(client_of: ClientOf, estate: Estate, who: str) -> None:
    client, path = client_of(who), f"{PATH}{estate.account.pk}/"

    answers = [
        client.post(PATH, GOOD, format="json"),
        client.patch(path, {"name": "x"}, format="json"),
        client.post(f"{path}test/"),
        client.delete(path),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert VendorAccount.objects.get().name == "box-prod"


def test_patch_replaces_only_what_is_given(client_of: ClientOf, estate: Estate) -> None:
    answer = client_of("admin").patch(f"{PATH}{estate.account.pk}/", {"name": "renamed"}, format="json")

    assert answer.json()["name"] == "renamed"
    assert vault.unseal(VendorAccount.objects.get()) == {"key": SECRET}
    before = AuditEvent.objects.get(action="account.changed").before
    assert before
    assert before["name"] == "box-prod"


def test_delete_removes_the_account_and_keeps_the_record(client_of: ClientOf, estate: Estate) -> None:
    assert client_of("admin").delete(f"{PATH}{estate.account.pk}/").status_code == 204

    assert not VendorAccount.objects.exists()
    assert AuditEvent.objects.get(action="account.deleted").target == "box-prod"


def test_delete_waits_for_what_is_under_way(client_of: ClientOf, estate: Estate) -> None:
    admin = client_of("admin")
    admin.post("/api/v1/operations/", {"connector": estate.connectors[0].pk, "kind": "pause"}, format="json")

    answer = admin.delete(f"{PATH}{estate.account.pk}/")

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:switchyard:problem:in_use")


@pytest.mark.parametrize(("key", "is_ok"), [("tiny-secret-key", True), ("wrong-key", False)])
def test_test_tries_the_account_out(
    client_of: ClientOf, estate: Estate, serve: Callable[..., tuple[Bench, str]], key: str, is_ok: bool
) -> None:
    _, url = serve("tiny")
    VendorAccount.objects.update(base_url=url, sealed_credentials=vault.seal({"key": key}))

    checks = client_of("admin").post(f"{PATH}{estate.account.pk}/test/").json()

    assert checks[0]["is_ok"] is is_ok
    assert key not in str(checks)


def test_audit_is_for_admins_and_auditors(client_of: ClientOf, estate: Estate) -> None:
    statuses = {who: client_of(who).get("/api/v1/audit-events/").status_code for who in estate.people}

    assert statuses == {"lead": 403, "operator": 403, "viewer": 403, "stranger": 403, "auditor": 200, "admin": 200}
