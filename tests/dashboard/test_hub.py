"""The hub: notices become changes, pages never hold each other up, and a lost connection means: look again."""

import asyncio
from typing import Any

import psycopg
import pytest
from django.db import connection

from connectors.services import notices
from dashboard.hub import CHANNEL, Changes, Hub, Subscription, parse


def test_parse_reads_ids_of_each_kind() -> None:
    assert parse('{"c":[1,2]}') == Changes(connectors={1, 2})
    assert parse('{"p":[3]}') == Changes(pipelines={3})


@pytest.mark.parametrize("payload", ["", "no JSON", "[1]", "7"])
def test_parse_takes_what_it_cannot_read_as_look_again(payload: str) -> None:
    assert parse(payload).is_resync


async def test_take_merges_what_came_in_meanwhile() -> None:
    page = Subscription()
    page.put(Changes(connectors={1}))
    page.put(Changes(connectors={2}, accounts={9}))

    taken = await page.take(1)

    assert taken == Changes(connectors={1, 2}, accounts={9})
    assert await page.take(0) is None


def test_channel_is_the_one_the_services_notify() -> None:
    assert CHANNEL == notices.CHANNEL


@pytest.mark.django_db(transaction=True)
async def test_hub_hears_what_was_committed(settings: Any) -> None:
    settings.LISTEN_DATABASE_URL = address_of_database()
    hub = Hub()
    async with hub.subscribe() as page:
        first = await page.take(5)
        async with await psycopg.AsyncConnection.connect(settings.LISTEN_DATABASE_URL, autocommit=True) as other:
            await other.execute("SELECT pg_notify(%s, %s)", [CHANNEL, '{"c":[7]}'])
        heard = await page.take(5)
    hub.close()
    await asyncio.sleep(0)

    assert first is not None
    assert first.is_resync
    assert heard == Changes(connectors={7})
    assert len(hub) == 0


@pytest.mark.django_db(transaction=True)
async def test_hub_tells_pages_to_look_again_after_a_lost_connection(settings: Any) -> None:
    settings.LISTEN_DATABASE_URL = address_of_database()
    hub = Hub()
    async with hub.subscribe() as page:
        await page.take(5)
        async with await psycopg.AsyncConnection.connect(settings.LISTEN_DATABASE_URL, autocommit=True) as other:
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query = %s AND datname = current_database()",
                [f"LISTEN {CHANNEL}"],
            )
        again = await page.take(5)
    hub.close()
    await asyncio.sleep(0)

    assert again is not None
    assert again.is_resync


async def test_close_ends_every_page() -> None:
    hub = Hub()
    page = Subscription()
    hub._pages.add(page)

    hub.close()

    assert page.is_closed


def address_of_database() -> str:
    """This will give the address of this worker's test database."""
    given = connection.settings_dict
    return f"postgresql:///{given['NAME']}?host={given['HOST']}&user={given['USER']}"
