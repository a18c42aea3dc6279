"""Secrets planted wherever somebody could: nothing of them in the record, its exports, its streams or the logs."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from starlette.responses import JSONResponse

from connectors import permissions
from connectors.actor import SET_UP, Actor
from connectors.models import AuditEvent, Connector, Operation, SiteMembership, Team, VendorAccount
from connectors.services import accounts, audit, driver, exporting, operations, sealing, sinks, tokens, vault
from connectors.states import SiteRole, Verb
from connectors.vendors.sandbox import Bench, Fault, find
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


def exported(actor: Actor, viewer: permissions.Viewer) -> str:
    """This will export all of the record in both forms."""
    texts = []
    for form in ("jsonl", "csv"):
        export = exporting.request(query="", form=form, actor=actor, viewer=viewer)
        while exporting.advance(export.pk):
            pass
        export.refresh_from_db()
        texts += [b"".join(exporting.read(export=export, actor=actor)).decode()]
    return "".join(texts)


def leaks(places: dict[str, str], secrets: list[str]) -> list[tuple[str, str]]:
    """This will name each place with each secret that it gives away."""
    return [(place, secret) for place, text in places.items() for secret in secrets if secret in text]


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
    files = exported(actor, viewer)
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
    assert leaks(places, [*SECRETS, clear]) == []


LOOSE = {
    "connection.url": f"jdbc:postgresql://app:{URL}@db.example:5432/orders", "connection.password": PASSWORD,
    "sasl.jaas.config": f'PlainLoginModule required username="app" password="{JAAS}";',
    "header.converter.authorization": f"Bearer {AUTHORIZATION}", "aws.secret.access.key": KEY, "topics": "orders",
}  # fmt: skip
TRACE = (
    f"org.postgresql.util.PSQLException: refused for jdbc:postgresql://app:{URL}@db.example:5432/orders\n"
    f"\tat Worker.run(Worker.java:1)\n"
    f"Caused by: LoginException: password={PASSWORD}, sent Authorization: Bearer {BEARER}"
)
REFUSAL = {
    "error_code": 403,
    "message": f"api_key={KEY} may not, token: {TOKEN}; see https://x:{BASIC}@vendor.example/",
}


@pytest.fixture
def loose(admin: User, serve: Callable[..., tuple[Bench, str]]) -> tuple[VendorAccount, Bench]:
    """This will make an account at a vendor that hides nothing: not in settings, not in traces, not in refusals."""
    app, url = serve("kafka-connect")
    demo = find("kafka-connect").accounts[0]
    app.sandbox = replace(app.sandbox, refusals={"forbidden": lambda _: JSONResponse(REFUSAL, 403)})
    for connectors in app.world.clusters.values():  # type: ignore[attr-defined]  # this vendor's world has them
        for connector in connectors.values():
            connector.config.update(LOOSE)
            for task in connector.tasks:
                task.state, task.trace = "FAILED", TRACE
    account = VendorAccount.objects.create(
        vendor="kafka-connect", name="loose", team=Team.objects.create(slug="loose", name="Loose"),
        base_url=f"{url}{demo.path}", settings=dict(demo.settings),
        sealed_credentials=vault.seal(dict(demo.credentials)), created_at=timezone.now(), interval=5.0, budget=20.0,
    )  # fmt: skip
    return account, app


def test_what_a_careless_vendor_says_is_found_nowhere(
    loose: tuple[VendorAccount, Bench], admin: User, caplog: Any, capsys: Any
) -> None:
    account, app = loose
    actor, viewer = Actor("person", "admin", user_id=admin.pk), permissions.viewer_of(admin)
    driver.drive(account.pk)
    target = Connector.objects.filter(account=account).exclude(config={}).first()
    assert target is not None
    app.faults.append(Fault("forbidden", "/restart"))
    operations.request(target=target, verb=Verb.RESTART, actor=actor, viewer=viewer, reason=f"password={PASSWORD}")
    VendorAccount.objects.filter(pk=account.pk).update(due_at=None)
    driver.drive(account.pk)
    sealing.seal()

    browser = Client()
    browser.force_login(admin)
    events = (f"/audit/{pk}/" for pk in AuditEvent.objects.values_list("pk", flat=True))
    pages = [browser.get(place).content.decode() for place in ("/", f"/connectors/{target.pk}/", "/audit/", *events)]
    answers = [browser.get(f"/api/v1/{name}/").content.decode() for name in (f"connectors/{target.pk}", "operations")]
    captured = capsys.readouterr()

    target.refresh_from_db()
    assert set(LOOSE) <= set(target.config)
    assert "PSQLException" in target.error_trace
    assert "may not" in Operation.objects.get(connector=target).error
    assert all("••••••" in text for text in (pages[1], answers[0]))
    places = {
        "database": everywhere(), "exports": exported(actor, viewer), "pages": "".join(pages), "API": "".join(answers),
        "logs": caplog.text + captured.out + captured.err,
    }  # fmt: skip
    assert leaks(places, SECRETS) == []
