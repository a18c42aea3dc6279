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
