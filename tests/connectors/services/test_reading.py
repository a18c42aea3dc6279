"""Whoever reads a configuration is on record before it is shown; once an hour, not with each look."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from connectors.actor import Actor
from connectors.models import AuditEvent, Connector
from connectors.services import reading
from tests.cast import Estate

pytestmark = pytest.mark.django_db
SHOWN = "topics-of-orders"
FULL = """
CREATE FUNCTION refuse_readings() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;
CREATE TRIGGER unwritable BEFORE INSERT ON connectors_auditevent
    FOR EACH ROW WHEN (NEW.action LIKE '%.read') EXECUTE FUNCTION refuse_readings();
"""


@pytest.fixture
def orders(estate: Estate) -> Connector:
    """This will make a connector with a configuration."""
    return estate.add("with configuration", config={"topics": SHOWN})


def look(estate: Estate, name: str, orders: Connector) -> str:
    """This will open the connector's page as one of the cast."""
    client = Client()
    client.force_login(estate.people[name])
    return client.get(f"/connectors/{orders.pk}/").content.decode()


def ask(estate: Estate, name: str, orders: Connector) -> Any:
    """This will ask the API for it with a token of one of the cast."""
    client = APIClient(headers={"Authorization": f"Token {estate.token(name)}"})
    return client.get(f"/api/v1/connectors/{orders.pk}/")


def reads() -> list[str]:
    """This will name who read a configuration, in order."""
    return list(AuditEvent.objects.filter(action=reading.READ).order_by("pk").values_list("actor", flat=True))


def test_page_shows_it_and_says_so_on_record_once(estate: Estate, orders: Connector) -> None:
    pages = [look(estate, name, orders) for name in ("operator", "operator", "lead")]

    assert all(SHOWN in page for page in pages)
    assert reads() == ["operator", "lead"]
    event = AuditEvent.objects.filter(action=reading.READ).first()
    assert event is not None
    assert (event.target, event.team, event.result, event.after) == ("with configuration", "payments", "done", None)


def test_page_without_it_is_no_reading(estate: Estate, orders: Connector) -> None:
    hidden = look(estate, "viewer", orders)
    look(estate, "operator", estate.add("without configuration"))

    assert SHOWN not in hidden
    assert reads() == []


def test_api_shows_it_and_says_so_on_record(estate: Estate, orders: Connector) -> None:
    answers = [ask(estate, name, orders).json() for name in ("operator", "viewer")]

    assert [answer["configuration"] for answer in answers] == [{"topics": SHOWN}, None]
    assert reads() == ["operator/test"]


def test_after_an_hour_it_is_on_record_anew(orders: Connector) -> None:
    actor, now = Actor("person", "operator", user_id=1), timezone.now()
    moments = [now, now + timedelta(minutes=59), now + timedelta(minutes=61)]

    written = [reading.configuration(connector=orders, actor=actor, now=moment) for moment in moments]

    assert written == [True, False, True]


def test_what_cannot_be_put_on_record_is_not_shown(estate: Estate, orders: Connector) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FULL)

    page = look(estate, "operator", orders)
    answer = ask(estate, "operator", orders)

    assert SHOWN not in page
    assert "as long as the record takes down who reads it" in page
    assert answer.status_code == 503
    assert SHOWN not in answer.content.decode()


def test_admin_who_looks_as_somebody_else_reads_under_their_own_name(estate: Estate, orders: Connector) -> None:
    client = Client()
    client.force_login(estate.people["admin"])
    session: Any = client.session
    session["simulates"] = estate.people["operator"].pk
    session.save()

    page = client.get(f"/connectors/{orders.pk}/").content.decode()

    assert SHOWN in page
    assert reads() == ["admin"]
