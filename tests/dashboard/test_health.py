"""Alive, and ready: each check says how it stands, and one that fails makes the answer 503."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from connectors import tasks
from connectors.actor import SET_UP
from connectors.models import AuditPending
from connectors.services import audit
from dashboard.celery import TICK, note_tick
from dashboard.models import Heartbeat

pytestmark = pytest.mark.django_db


def test_healthz_answers_while_the_database_does(client: Client) -> None:
    answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {"database": {"ok": True, "detail": "answers"}}}
    assert "no-store" in answer["Cache-Control"]


def test_readyz_is_ready_when_everything_works(client: Client) -> None:
    Heartbeat.objects.create(name=TICK, at=timezone.now())

    answer = client.get("/readyz")

    checks = answer.json()["checks"]
    assert answer.status_code == 200
    assert {name: check["ok"] for name, check in checks.items()} == dict.fromkeys(
        ("database", "migrations", "audit", "seals", "broker", "ticks"), True
    )
    assert re.fullmatch(r"newest \d+\.\d s ago", checks["ticks"]["detail"])


@pytest.mark.parametrize(
    ("age", "words"),
    [(None, r"none yet: are beat and worker running\?"), (90, r"newest 9\d\.\d s ago: are beat and worker running\?")],
)
def test_readyz_misses_ticks(client: Client, age: int | None, words: str) -> None:
    if age:
        Heartbeat.objects.create(name=TICK, at=timezone.now() - timedelta(seconds=age))

    answer = client.get("/readyz")

    assert answer.status_code == 503
    check = answer.json()["checks"]["ticks"]
    assert check["ok"] is False
    assert re.fullmatch(words, check["detail"])


def test_readyz_misses_the_broker_and_does_not_name_it(client: Client, settings: Any) -> None:
    settings.CELERY_BROKER_URL = "redis://:hidden@127.0.0.1:1/0"

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"]["ok"] is False
    assert "hidden" not in answer.text


def test_health_refuses_post(client: Client) -> None:
    assert client.post("/healthz").status_code == 405


def test_note_tick_keeps_the_newest_and_heeds_no_other_task() -> None:
    before = timezone.now()
    Heartbeat.objects.create(name=TICK, at=before - timedelta(hours=1))

    note_tick(sender=tasks.sweep)
    assert Heartbeat.objects.get().at < before
    note_tick(sender=tasks.tick)

    assert Heartbeat.objects.get().at >= before


def test_readyz_is_red_while_the_audit_takes_no_events(client: Client) -> None:
    Heartbeat.objects.create(name=TICK, at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;"
            "CREATE TRIGGER unwritable BEFORE INSERT ON connectors_auditevent EXECUTE FUNCTION refuse_events();"
        )

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["checks"]["audit"]["ok"]) == (503, False)
    assert "disk full" not in answer.content.decode()


def test_readyz_is_not_ready_when_an_event_stays_unsealed(client: Client) -> None:
    with transaction.atomic():
        audit.record("site.test.done", actor=SET_UP, result="done")
    AuditPending.objects.update(at=timezone.now() - timedelta(minutes=1))

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["seals"] == {
        "ok": False,
        "detail": "1 events wait for their seal for over 30 s: are beat and worker running?",
    }
