"""The web process ends its event streams before the server waits for them."""

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from dashboard import asgi, hub


@pytest.fixture
def handlers() -> Iterator[list[int]]:
    """This will stand in for the server's signal handlers, and put back what was there; the signals they got."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    heard: list[int] = []
    for number in numbers:
        signal.signal(number, lambda received, frame: heard.append(received))
    yield heard
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


async def test_a_signal_ends_the_streams_and_then_reaches_the_server(
    handlers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(hub, "close_all", lambda: ended.append(len(handlers)))
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: asyncio.Queue[Any] = asyncio.Queue()

    await messages.put({"type": "lifespan.startup"})
    living = asyncio.create_task(asgi.application({"type": "lifespan"}, messages.get, sent.put))
    assert await sent.get() == {"type": "lifespan.startup.complete"}

    signal.raise_signal(signal.SIGTERM)

    assert ended == [0]  # before the server had heard of it
    assert handlers == [signal.SIGTERM]
    await messages.put({"type": "lifespan.shutdown"})
    await living
    assert await sent.get() == {"type": "lifespan.shutdown.complete"}
    assert ended == [0, 1]


async def test_only_so_many_requests_are_worked_on_at_once_and_none_waits_for_a_slow_reader(settings: Any) -> None:
    settings.REQUESTS_AT_ONCE = 3
    at_work = most = answered = 0
    is_read, are_answered = asyncio.Event(), asyncio.Event()

    async def django(scope: Any, receive: Any, send: Any) -> None:
        nonlocal at_work, most, answered
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.01)
        at_work -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        answered += 1
        if answered == 12:
            are_answered.set()
        await send({"type": "http.response.body", "body": b"x"})

    async def read(message: Any) -> None:
        if message["type"] == "http.response.body":
            await is_read.wait()

    def ask(method: str, times: int) -> list[asyncio.Future[None]]:
        scope = {"type": "http", "method": method}
        return [asyncio.ensure_future(asgi.answer(django, scope, asyncio.Event().wait, read)) for _ in range(times)]  # type: ignore[arg-type]

    asked = ask("GET", 12)
    await asyncio.wait_for(are_answered.wait(), 20)  # though nobody has read to the end
    assert most == 3

    asked += ask("POST", 6)  # a body that comes slowly must keep nobody waiting
    is_read.set()
    await asyncio.gather(*asked)
    assert most == 6
