"""An open page from end to end: the server's side of one event stream, over the real application and database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection, connections
from django.test import AsyncClient
from django.utils import timezone

from connectors.models import Membership
from connectors.services import notices
from dashboard import asgi
from dashboard.hub import Hub
from dashboard.views import events
from tests import cast


class Page:
    """What a browser does: asks once, and reads until it goes away."""

    def __init__(self, path: str, cookie: str) -> None:
        where, _, query = path.partition("?")
        self.scope: dict[str, Any] = {
            "type": "http", "method": "GET", "path": where, "query_string": query.encode(), "http_version": "1.1",
            "headers": [(b"host", b"testserver"), (b"cookie", f"sessionid={cookie}".encode())],
            "server": ("testserver", 80), "client": ("127.0.0.1", 1), "scheme": "http",
        }  # fmt: skip
        self.asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.asked.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.read = b""

    async def until(self, words: bytes) -> bytes:
        """This will read until the words come; all that was read since it did so last."""
        async with asyncio.timeout(10):
            while words not in self.read:
                told = await self.sent.get()
                self.read += told.get("body", b"")
                if told["type"] == "http.response.body" and not told.get("more_body"):
                    self.read += b"[over]"
        found, self.read = self.read, b""
        return found


@pytest.fixture
def own_hub(transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """This will make a hub that hears this test's database."""
    given = connection.settings_dict
    settings.LISTEN_DATABASE_URL = f"postgresql:///{given['NAME']}?host={given['HOST']}&user={given['USER']}"
    hub = Hub()
    monkeypatch.setattr(events, "HUB", hub)
    return hub


@asynccontextmanager
async def opened(user: User, path: str, hub: Hub) -> AsyncIterator[Page]:
    """This will open a page's stream as somebody who is signed in, and go away at the end."""
    client = AsyncClient()
    await client.aforce_login(user)
    page = Page(path, client.cookies["sessionid"].value)
    serving = asyncio.create_task(asgi.application(page.scope, page.asked.get, page.sent.put))
    yield page
    await page.asked.put({"type": "http.disconnect"})
    await serving
    hub.close()
    await sync_to_async(connections.close_all)()


async def test_a_page_is_told_all_it_shows_and_then_what_changed(own_hub: Hub, tiny: str) -> None:
    estate = await sync_to_async(cast.estate)(tiny, timezone.now())
    first, second, third = (c.pk for c in estate.connectors)

    async with opened(estate.people["viewer"], f"/events/?summary=1&rows={first},{second}", own_hub) as page:
        begun = await page.until(b"board-summary")
        await sync_to_async(notices.rows)(connectors=[second, third])
        told = await page.until(b"connector-")

    assert begun.startswith(b": open")
    assert f"connector-{first}".encode() in begun
    assert b'#connector-%d"' % second in told
    assert b"#connector-%d" % first not in told
    assert b"#connector-%d" % third not in told
    assert len(own_hub) == own_hub.audiences == 0


async def test_a_stranger_is_sent_no_row(own_hub: Hub, tiny: str) -> None:
    estate = await sync_to_async(cast.estate)(tiny, timezone.now())
    rows = ",".join(str(c.pk) for c in estate.connectors)

    async with opened(estate.people["stranger"], f"/events/?summary=1&rows={rows}", own_hub) as page:
        begun = await page.until(b"board-summary")

    assert b"#connector-" not in begun
    assert estate.connectors[0].name.encode() not in begun


@pytest.mark.parametrize("what", ["signed out", "taken out of the team"])
async def test_who_is_signed_out_or_taken_out_is_told_nothing_more(own_hub: Hub, tiny: str, what: str) -> None:
    estate = await sync_to_async(cast.estate)(tiny, timezone.now())
    viewer = estate.people["viewer"]

    async with opened(viewer, f"/events/?rows={estate.connectors[0].pk}", own_hub) as page:
        await page.until(b"connector-")
        if what == "signed out":
            await Session.objects.all().adelete()
        else:
            await Membership.objects.filter(user=viewer).adelete()
        await own_hub.end_what_no_longer_stands()
        told = await page.until(b"[over]")

    assert (b"signed out" in told) == (what == "signed out")
    assert (b"may see something else now" in told) == (what != "signed out")
