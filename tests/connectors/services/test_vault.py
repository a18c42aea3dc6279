"""Secrets at rest: keys change under load and nothing is lost; what was planted turns up nowhere in clear."""

import io
import logging
import threading
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from connectors.models import AuditEvent, Team, VendorAccount
from connectors.services import vault
from tests.cast import SECRET, Estate
from tests.connectors.conftest import estate

__all__ = ["estate"]
ACCOUNTS, WRITES = 20, 6


def account(number: int, team: Team) -> VendorAccount:
    return VendorAccount.objects.create(
        vendor="tiny", name=f"box-{number}", team=team, base_url="http://127.0.0.1:9", created_at=timezone.now(),
        sealed_credentials=vault.seal({"key": f"secret-{number}-0"}),
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_keys_change_under_load_and_nothing_is_lost(tiny: str, settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.CREDENTIAL_KEYS = [old]
    team = Team.objects.create(slug="payments", name="Payments")
    ids = [account(number, team).pk for number in range(ACCOUNTS)]
    user = User.objects.create_user("admin")
    Authenticator.objects.create(user=user, type="totp", data={"secret": vault.seal_text("otp-secret")})
    settings.CREDENTIAL_KEYS = [new, old]
    written = dict.fromkeys(ids, 0)

    def write() -> None:
        """Somebody changes credentials all the while."""
        for turn in range(1, WRITES + 1):
            for place, pk in enumerate(ids):
                sealed = vault.seal({"key": f"secret-{place}-{turn}"})
                VendorAccount.objects.filter(pk=pk).update(sealed_credentials=sealed)
                written[pk] = turn
        connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    out = io.StringIO()
    while writer.is_alive():
        call_command("rotate_keys", stdout=out)
    writer.join()
    call_command("rotate_keys", stdout=out)

    settings.CREDENTIAL_KEYS = [new]
    kept = {found.pk: vault.unseal(found)["key"] for found in VendorAccount.objects.all()}
    assert kept == {pk: f"secret-{place}-{WRITES}" for place, pk in enumerate(ids)}
    assert vault.unseal_text(Authenticator.objects.get().data["secret"]) == "otp-secret"
    assert f"{ACCOUNTS + 1} sealed anew" in out.getvalue()


def test_a_key_that_is_missing_is_told_and_nothing_is_broken(estate: Estate, settings: Any) -> None:
    before = bytes(estate.account.sealed_credentials)
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(CommandError, match="CREDENTIAL_KEYS lacks their key"):
        call_command("rotate_keys")

    assert bytes(VendorAccount.objects.get().sealed_credentials) == before


def rows_in_clear() -> str:
    """This will read every table as a dump would."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT coalesce(string_agg(t::text, chr(10)), %s) FROM "{table}" t', [""])
            found.append(cursor.fetchone()[0])
    return "\n".join(found)


def test_a_planted_credential_turns_up_nowhere(estate: Estate, caplog: pytest.LogCaptureFixture) -> None:
    """The account is tried out, changed wrongly and rightly, and every page and address about it is asked."""
    caplog.set_level(logging.DEBUG)
    clients = []
    for name in ("admin", "lead", "auditor"):
        clients.append(Client())
        clients[-1].force_login(estate.people[name])
    number, orders = estate.account.pk, estate.connectors[0].pk
    pages = [
        "/", f"/accounts/{number}/", f"/accounts/{number}/change/", "/teams/payments/", f"/connectors/{orders}/",
        f"/pipelines/{estate.pipeline.pk}/", "/audit/", "/audit/export.csv", "/api/v1/accounts/",
        f"/api/v1/accounts/{number}/", f"/api/v1/connectors/{orders}/", "/api/v1/audit-events/",
    ]  # fmt: skip
    typed = {"name": "box-prod", "team": "payments", "base_url": "http://127.0.0.1:9", "vendor_key": SECRET + "-anew"}

    seen = ""
    for client in clients:
        client.post(f"/accounts/{number}/change/", {**typed, "test": "1"})
        seen += client.post(f"/accounts/{number}/change/", {**typed, "base_url": "ftp://wrong"}).content.decode()
        client.post(f"/accounts/{number}/change/", typed)
        client.post(f"/api/v1/accounts/{number}/test/")
        answers = [client.get(page) for page in pages]
        seen += "".join(answer.content.decode() for answer in answers if not answer.streaming)

    assert vault.unseal(VendorAccount.objects.get())["key"] == SECRET + "-anew"
    assert AuditEvent.objects.filter(target="box-prod").exists()
    assert "box-prod" in seen
    for place, text in {"pages and API": seen, "logs": caplog.text, "database": rows_in_clear()}.items():
        assert text.count(SECRET) == 0, place


def test_the_search_for_it_would_find_it(estate: Estate) -> None:
    """What the test above reads is read indeed: a secret that leaked into a table would turn up."""
    VendorAccount.objects.filter(pk=estate.account.pk).update(failure=f"refused: {SECRET}")

    assert rows_in_clear().count(SECRET) == 1
