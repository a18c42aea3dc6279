"""The hub: notices become changes, pages never hold each other up, and a lost connection means: look again."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

import psycopg
import pytest
from django.db import connection

from connectors.services import notices
from dashboard.changes import Changes, parse
from dashboard.hub import CHANNEL, Hub
from dashboard.streams import Stream


class Heard:
    """A teller that only notes what it is to tell."""

    has_summary = False

    def __init__(self) -> None:
        self._told: asyncio.Queue[Changes] = asyncio.Queue()

    async def take(self) -> Changes:
        """This will wait for what is to be told next."""
        async with asyncio.timeout(5):
            return await self._told.get()

    async def first(self, tags: Collection[str]) -> Mapping[str, bytes]:
        """This will tell nothing."""
        return dict.fromkeys(tags, b"")

    async def news(self, changes: Changes) -> bytes:
        """This will note it."""
        await self._told.put(changes)
        return b""

    async def summary(self) -> bytes:
        """This will tell nothing."""
        return b""


def test_parse_reads_ids_of_each_kind() -> None:
    assert parse('{"c":[1,2]}') == Changes(connectors={1, 2})
    assert parse('{"p":[3]}') == Changes(pipelines={3})


@pytest.mark.parametrize("payload", ["", "no JSON", "[1]", "7"])
def test_parse_takes_what_it_cannot_read_as_look_again(payload: str) -> None:
    assert parse(payload).is_resync


def test_channel_is_the_one_the_services_notify() -> None:
    assert CHANNEL == notices.CHANNEL


@pytest.mark.django_db(transaction=True)
async def test_hub_hears_what_was_committed(settings: Any) -> None:
    settings.LISTEN_DATABASE_URL = address_of_database()
    hub = Hub()
    teller = Heard()
    async with hub.joined(Stream(), "kind", lambda: teller):
        async with await psycopg.AsyncConnection.connect(settings.LISTEN_DATABASE_URL, autocommit=True) as other:
            await other.execute("SELECT pg_notify(%s, %s)", [CHANNEL, '{"c":[7]}'])
        heard = await teller.take()
    hub.close()
    await asyncio.sleep(0)

    assert heard == Changes(connectors={7})
    assert hub.audiences == 0
    assert len(hub) == 0


@pytest.mark.django_db(transaction=True)
async def test_hub_listens_before_a_page_joins_and_tells_it_nothing_twice(settings: Any) -> None:
    settings.LISTEN_DATABASE_URL = address_of_database()
    hub = Hub()
    teller = Heard()
    async with hub.joined(Stream(), "kind", lambda: teller):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await teller.take()
    hub.close()
    await asyncio.sleep(0)


async def test_hub_without_a_database_lets_pages_in_all_the_same(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LISTEN_DATABASE_URL = "postgresql://127.0.0.1:9/nowhere"
    monkeypatch.setattr("dashboard.hub.EARS_WITHIN", 0.2)
    hub = Hub()
    async with asyncio.timeout(5), hub.joined(Stream(), "kind", Heard):
        assert len(hub) == 1
    hub.close()
    await asyncio.sleep(0)


@pytest.mark.django_db(transaction=True)
async def test_hub_tells_pages_to_look_again_after_a_lost_connection(settings: Any) -> None:
    settings.LISTEN_DATABASE_URL = address_of_database()
    hub = Hub()
    teller = Heard()
    async with hub.joined(Stream(), "kind", lambda: teller):
        async with await psycopg.AsyncConnection.connect(settings.LISTEN_DATABASE_URL, autocommit=True) as other:
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query = %s AND datname = current_database()",
                [f"LISTEN {CHANNEL}"],
            )
        again = await teller.take()
    hub.close()
    await asyncio.sleep(0)

    assert again.is_resync


async def test_close_ends_every_page() -> None:
    hub = Hub()
    page = Stream()
    hub._pages.add(page)

    hub.close()

    assert page.why_ended == "closing"


def address_of_database() -> str:
    """This will give the address of this worker's test database."""
    given = connection.settings_dict
    return f"postgresql:///{given['NAME']}?host={given['HOST']}&user={given['USER']}"
