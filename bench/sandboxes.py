"""
The vendors' sandboxes, a world for each account, on one port: `python -m bench.sandboxes CONNECTORS ACCOUNTS FILE`.

What they answer can be recorded as a *take* and played again, so that the same bytes can be read many times and the
making of them costs next to nothing while a client is measured: a vendor spends its time on machines of its own.

    POST /_bench/record {"take"}      from now on every answer to a read is kept
    POST /_bench/vary {"take", "as"}  the same answers in other bytes: each object's keys in reverse order
    POST /_bench/nudge {"every", "change"}  every so-manyth connector is changed, as at the vendor's own console
    POST /_bench/play {"takes"}       reads are answered from takes, at each address by turns; none: live again
    POST /_bench/limit {"place", "a_second"}  a world takes so many requests a second, whatever they ask; 0: any number
    GET  /_bench/due?place=           when the last appointment of a world falls due, kept or not
    GET  /_bench/take?name=           what was asked: `{path and query: bytes of the answer}`
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bench.estate import plan
from connectors.vendors.sandbox import Bench, Clock, World, find, listening


class Answer(NamedTuple):
    """What was said to one request."""

    start: Message
    body: bytes
    written: bytes
    """All of it, as it goes over the wire."""


def answer(start: Message, body: bytes) -> Answer:
    """This will write one out."""
    status = HTTPStatus(start["status"])
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    lines += [b"%b: %b" % header for header in start["headers"] if header[0].lower() != b"content-length"]
    return Answer(start, body, b"\r\n".join([*lines, b"content-length: %d" % len(body), b"", body]))


class Stopwatch(Clock):
    """Real time; it stands still while a take is recorded, so that only what was changed on purpose differs."""

    def __init__(self) -> None:
        self.stopped_at: float | None = None

    def now(self) -> float:
        return self.stopped_at or time.time()


class Limit:
    """So many requests in each second of the clock; what is beyond is told when the next begins."""

    def __init__(self, a_second: int) -> None:
        self.a_second = a_second
        self.second = 0
        self.taken = 0

    def take(self) -> tuple[bool, dict[str, str]]:
        """This will count a request: whether it is let in, and what the answer says of the limit."""
        now = time.time()
        if int(now) != self.second:
            self.second, self.taken = int(now), 0
        self.taken += 1
        rest = f"{self.second + 1 - now:.3f}"
        left = max(0, self.a_second - self.taken)
        said = {"X-RateLimit-Limit": str(self.a_second), "X-RateLimit-Remaining": str(left), "X-RateLimit-Reset": rest}
        is_in = self.taken <= self.a_second
        return is_in, said if is_in else {**said, "Retry-After": rest}


@dataclass
class Worlds:
    """All worlds behind one address, told apart by the first two parts of the path. An ASGI app, served by `Player`."""

    benches: dict[str, Bench]
    clock: Stopwatch
    takes: dict[str, dict[str, Answer]] = field(default_factory=dict)
    recording: str = ""
    playing: Sequence[str] = ()
    turns: Counter[str] = field(default_factory=Counter)
    limits: dict[str, Limit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        routes = [
            Route(f"/{verb.__name__}", verb, methods=["POST"])
            for verb in (self.record, self.vary, self.play, self.nudge, self.limit)
        ]
        routes += [Route("/take", self.take), Route("/due", self.due)]
        self.control = Starlette(routes=[Mount("/_bench", routes=routes)])
        self.dues: dict[str, float] = {}
        for place, bench in self.benches.items():
            self._watch(place, bench.world)

    def _watch(self, place: str, world: World) -> None:
        """Appointments are kept when somebody looks; what counts is when they were for."""
        arrange = world.later

        def later(seconds: float, act: Callable[[], None]) -> None:
            self.dues[place] = max(self.dues.get(place, 0.0), world.clock.now() + seconds * world.tempo + world.drag)
            arrange(seconds, act)

        world.later = later  # type: ignore[method-assign]  # this one world's

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """This will let the world behind the path make an answer."""
        if scope["type"] != "http" or scope["path"].startswith("/_bench/"):
            await self.control(scope, receive, send)
            return
        key = b"?".join(part for part in (scope["raw_path"], scope["query_string"]) if part).decode()
        _, vendor, number, rest = scope["path"].split("/", 3)
        inner = {**scope, "path": f"/{rest}", "raw_path": scope["raw_path"].split(b"/", 3)[3].join((b"/", b""))}
        keep = self.takes[self.recording] if self.recording and scope["method"] == "GET" else None
        await self._live(f"/{vendor}/{number}", inner, receive, send, keep, key)

    def played(self, url: bytes) -> Answer | None:
        """This will give the answer whose turn it is at an address, if it is to be played."""
        if not self.playing:
            return None
        key = url.decode()
        turn = self.turns[key]
        self.turns[key] += 1
        return self.takes[self.playing[turn % len(self.playing)]].get(key)

    async def _live(
        self, place: str, scope: Scope, receive: Receive, send: Send, keep: dict[str, Answer] | None, key: str
    ) -> None:
        messages: list[Message] = []
        is_in, said = self.limits[place].take() if place in self.limits else (True, {})
        if not is_in:
            await Response(status_code=429, headers=said)(scope, receive, send)
            return

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *((k.lower().encode(), v.encode()) for k, v in said.items())]
            messages.append(message)
            await send(message)

        await self.benches[place](scope, receive, noted)
        if keep is not None:
            keep[key] = answer(messages[0], b"".join(message.get("body", b"") for message in messages[1:]))

    async def record(self, request: Request) -> Response:
        """This will begin a take, or with an empty name end it."""
        self.recording = (await request.json())["take"]
        if self.recording:
            self.takes[self.recording] = {}
            self.clock.stopped_at = self.clock.stopped_at or time.time()
        self.playing = ()
        return Response(status_code=204)

    async def play(self, request: Request) -> Response:
        """This will answer from takes from now on, or live again."""
        self.playing = (await request.json())["takes"]
        self.turns.clear()
        self.recording = ""
        if not self.playing:
            self.clock.stopped_at = None
        return Response(status_code=204)

    async def vary(self, request: Request) -> Response:
        """This will make a take with the same content in other bytes."""
        wish = await request.json()
        self.takes[wish["as"]] = {key: _varied(kept) for key, kept in self.takes[wish["take"]].items()}
        return Response(status_code=204)

    async def limit(self, request: Request) -> Response:
        """This will let a world take so many requests a second."""
        wish = await request.json()
        self.limits.pop(wish["place"], None)
        if wish["a_second"]:
            self.limits[wish["place"]] = Limit(wish["a_second"])
        return Response(status_code=204)

    async def nudge(self, request: Request) -> Response:
        """This will change the first connector of every so many, in each world."""
        wish = await request.json()
        for bench in self.benches.values():
            bench.world.settle()
            found = [truth.external_id for truth in bench.world.truth() if truth.target == "connector"]
            for external_id in found[:: wish["every"]]:
                bench.world.nudge(external_id, wish["change"])
        return Response(status_code=204)

    async def due(self, request: Request) -> Response:
        """This will say when a world's last change was to happen."""
        return JSONResponse(self.dues.get(request.query_params["place"], 0.0))

    async def take(self, request: Request) -> Response:
        """This will say what a take holds."""
        return JSONResponse({key: len(kept.body) for key, kept in self.takes[request.query_params["name"]].items()})


class Player(HttpToolsProtocol):
    """Uvicorn's own; what is to be played is written as it stands, and no request is made of it."""

    def on_headers_complete(self) -> None:
        """This will play an answer, or hand the request on."""
        worlds: Worlds = self.config.app  # type: ignore[assignment]  # `serve` says so
        kept = worlds.played(self.url) if self.parser.get_method() == b"GET" else None
        if kept is None:
            super().on_headers_complete()
            return
        self.transport.write(kept.written)
        if not self.parser.should_keep_alive():
            self.transport.close()

    def on_message_complete(self) -> None:
        """This will end a request; one that was played was none."""
        if self.cycle is not None:
            super().on_message_complete()


def _varied(kept: Answer) -> Answer:
    return answer(kept.start, json.dumps(_reversed(json.loads(kept.body))).encode())


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def worlds(connectors: int, accounts: int) -> Worlds:
    """This will build a world for each account of the plan."""
    clock = Stopwatch()
    benches = {}
    for planned in plan(connectors, accounts):
        sandbox = find(planned.vendor)
        world = sandbox.world(seed=planned.number, clock=clock)
        world.populate(planned.connectors)
        benches[planned.path] = Bench(sandbox, world)
    return Worlds(benches, clock)


async def serve(app: Worlds, ready: Path) -> None:
    """This will serve until it is ended, and say where."""
    with listening() as listener:
        options: dict[str, Any] = {"log_level": "warning", "access_log": False, "lifespan": "off", "date_header": False}
        ready.write_text(f"http://127.0.0.1:{listener.getsockname()[1]}")
        await uvicorn.Server(uvicorn.Config(app, http=Player, **options)).serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(serve(worlds(int(sys.argv[1]), int(sys.argv[2])), Path(sys.argv[3])))
