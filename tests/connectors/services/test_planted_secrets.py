"""Secrets planted wherever somebody could: nothing of them in the record, its exports, its streams or the logs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client

from connectors import permissions
from connectors.actor import SET_UP, Actor
from connectors.models import AuditEvent, SiteMembership, VendorAccount
from connectors.services import accounts, audit, driver, exporting, sealing, sinks, tokens
from connectors.states import SiteRole
from tests.connectors.services.conftest import Tiny

SECRETS = [f"planted-{number}-q7Zx9LmT2" for number in range(12)]
AUTHORIZATION, PASSWORD, KEY, URL, TOKEN, JAAS, PEM, BEARER, HEADER, NESTED, BASIC, VENDOR = SECRETS

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(db: None) -> User:
    """This will make an admin."""
    user = User.objects.create_user("admin")
    SiteMembership.objects.create(user=user, role=SiteRole.ADMIN)
    return user


def everywhere() -> str:
    """This will read every text and JSON column of every table of the product, but the sealed credentials."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        texts = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT to_jsonb(t)::text FROM "{table}" t')
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)


def plant(actor: Actor) -> None:
    """This will record what vendors, browsers and people say when they are careless."""
    pem = f"-----BEGIN PRIVATE KEY-----\n{PEM}\n-----END PRIVATE KEY-----"
    config = {
        "connection.password": PASSWORD, "sasl.jaas.config": f'Login required username="x" password="{JAAS}";',
        "nested": [{"headers": [{"Authorization": f"Bearer {AUTHORIZATION}"}], "deep": {"api_key": NESTED}}],
        "url": f"https://user:{URL}@vendor.example/x?token={TOKEN}", "pem": pem, "note": f"Basic {BASIC}",
    }  # fmt: skip
    with transaction.atomic():
        audit.record(
            "account.changed", actor=actor, result="failed", reason=f"password={PASSWORD} and token: {TOKEN}",
            before=config, after={"config": json.loads(json.dumps(config))},
            error=f"401 for https://user:{URL}@vendor.example: Authorization: Bearer {BEARER}; api-key={KEY}; {pem}",
        )  # fmt: skip


def test_planted_secrets_are_found_nowhere(
    box: Tiny,
    admin: User,
    settings: Any,
    tmp_path: Path,
    caplog: Any,
    capsys: Any,
    serve: Callable[..., Any],
) -> None:
    settings.AUDIT_STREAM_FILE = str(tmp_path / "stream.jsonl")
    settings.AUDIT_STREAM_WEBHOOK = f"http://127.0.0.1:9/hook?token={TOKEN}"
    actor = Actor("person", "admin", user_id=admin.pk, user_agent=f"curl -H Authorization: Bearer {HEADER}")
    viewer = permissions.viewer_of(admin)

    # an account with credentials, changed, tested, and used for an operation
    accounts.update(account=box.account, changes={"credentials": {"key": VENDOR}}, actor=actor, viewer=viewer)
    accounts.test(account=VendorAccount.objects.get(pk=box.account.pk), actor=actor, viewer=viewer)
    driver.drive(box.account.pk)
    _, clear = tokens.issue(user=admin, name="ci", expires_at=None, actor=SET_UP)
    plant(actor)
    Client(headers={"Authorization": f"Token {clear}"}).get("/api/v1/audit-events/", {"q": f"password={PASSWORD}:"})
    Client().post("/sign-in/", {"username": "admin", "password": PASSWORD, "login": "admin"})
    sealing.seal()
    sinks.tell_all()
    export = exporting.request(query="", form="jsonl", actor=actor, viewer=viewer)
    sheet = exporting.request(query="", form="csv", actor=actor, viewer=viewer)
    for one in (export, sheet):
        while exporting.advance(one.pk):
            pass
        one.refresh_from_db()
    files = b"".join([*exporting.read(export=export, actor=actor), *exporting.read(export=sheet, actor=actor)]).decode()
    page = Client()
    page.force_login(admin)
    pages = "".join(
        page.get(path).content.decode()
        for path in ("/audit/", *(f"/audit/{pk}/" for pk in AuditEvent.objects.values_list("pk", flat=True)),
                     "/audit/verification/", "/api/v1/audit-events/")
    )  # fmt: skip
    captured = capsys.readouterr()

    places = {
        "database": everywhere(), "exports": files, "stream": (tmp_path / "stream.jsonl").read_text(), "pages": pages,
        "logs": caplog.text + captured.out + captured.err,
    }  # fmt: skip
    assert AuditEvent.objects.filter(action="account.changed").count() == 2
    assert "••••••" in places["exports"]
    found = [(place, secret) for place, text in places.items() for secret in [*SECRETS, clear] if secret in text]
    assert found == []
