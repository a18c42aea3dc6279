"""
The bench on which each vendor's sandbox stands: a world with a clock, a record of what it received, faults, control.

A sandbox is a pretend vendor over real HTTP. Its world comes first: what it knows and how that changes with time.
Its server speaks the vendor's interface over that world. Everything here is shared; the folder
`<vendor>/sandbox/` holds the rest and offers `SANDBOX`.

    python -m connectors.vendors.sandbox [--only SLUG] [--port-base N] [--ready-file FILE]
"""

import argparse
import asyncio
import contextlib
import heapq
import importlib
import inspect
import itertools
import json
import random
import re
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.states import State, Verb
from connectors.vendors import registry


class Clock:
    """Real time; `ManualClock` stands still until it is told to move."""

    def now(self) -> float:
        """This will give seconds since 1970."""
        return time.time()

    def utc(self) -> datetime:
        """This will give the same as a date and time."""
        return datetime.fromtimestamp(self.now(), UTC)


class ManualClock(Clock):
    """For tests: time passes by `advance` only."""

    def __init__(self, start: float = 1_795_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """This will let time pass; what falls due happens at the next request."""
        self._now += seconds


@dataclass(frozen=True, slots=True)
class Act:
    """One verb that reached the world, whether or not its effect was swallowed by a fault."""

    at: float
    verb: str
    external_id: str
    key: str = ""
    is_swallowed: bool = False
    asked_at: float | None = None
    """When its request arrived, where it came by one: a hanging one acts long after."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The world's own word on one connector or pipeline, to hold ours against."""

    target: str
    external_id: str
    name: str
    state: State
    vendor_state: str


ARRIVED: ContextVar[float | None] = ContextVar("arrived", default=None)
"""When the request that is being served arrived."""


class World(ABC):
    """
    What the pretend vendor knows. Changes under way are kept as appointments and kept before each request.

    :param seed: the same seed gives the same world
    :param tempo: 1 is as slow as vendors are; 0.1 is ten times faster
    """

    def __init__(self, *, seed: int = 1, clock: Clock | None = None, tempo: float = 1.0) -> None:
        self.clock = clock or Clock()
        self.random = random.Random(seed)  # a pretend world, not a secret
        self.tempo = tempo
        self.acts: list[Act] = []
        self.is_swallowing = False
        """While true, verbs are taken and answered but have no effect."""
        self.drag = 0.0
        """Seconds by which each change comes late."""
        self.skew = 0.0
        """Seconds by which the vendor's own clock is wrong: shown in its times, never in when things happen."""
        self._appointments: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def utc(self) -> datetime:
        """This will give the time as the vendor's clock shows it."""
        return datetime.fromtimestamp(self.clock.now() + self.skew, UTC)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """This will carry something out when that much time has passed (times the tempo)."""
        due = self.clock.now() + seconds * self.tempo + self.drag
        heapq.heappush(self._appointments, (due, next(self._order), act))

    def settle(self) -> None:
        """This will carry out everything that has fallen due, in order of time."""
        while self._appointments and self._appointments[0][0] <= self.clock.now():
            heapq.heappop(self._appointments)[2]()

    def act(self, verb: Verb | str, external_id: str, effect: Callable[[], None], key: str = "") -> None:
        """This will record a verb that was taken and, unless a fault swallows it, let it have its effect."""
        self.acts.append(Act(self.clock.now(), str(verb), external_id, key, self.is_swallowing, ARRIVED.get()))
        if not self.is_swallowing:
            effect()

    @abstractmethod
    def populate(self, connectors: int) -> None:
        """This will replace the estate by a made-up one with so many connectors."""

    @abstractmethod
    def truth(self) -> Sequence[Truth]:
        """This will give the state of everything, in our words."""

    @abstractmethod
    def nudge(self, external_id: str, change: str) -> None:
        """
        This will change one thing as somebody else would, at the vendor's own console.

        :param change: a verb (`pause` …), or `fail`, `recover`, `vanish`, `puzzle` (a state nobody knows)
        :raises LookupError: no such target
        :raises ValueError: no such change
        """


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One account of the demo at this sandbox."""

    name: str
    team: str
    """`payments`, `retail` or `search`."""
    path: str = ""
    """Added to the sandbox's address."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`{url}` in a value becomes the sandbox's address."""
    credentials: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What `<vendor>/sandbox/__init__.py` offers as `SANDBOX`."""

    world: Callable[..., World]
    """Called as `world(seed=…, clock=…, tempo=…)`; gives the demo estate."""
    app: Callable[[Any], ASGIApp]
    """The vendor's interface over a world."""
    accounts: Sequence[DemoAccount]
    """The demo's accounts; the first one is also the contract suite's."""
    refusals: Mapping[str, Callable[["Fault"], Response]] = field(default_factory=dict)
    """The vendor's own body for the faults `conflict`, `rate_limited`, `unauthorized`, `forbidden`, `error`."""


@dataclass(slots=True)
class Fault:
    """
    Something that goes wrong with matching requests.

    :param kind: before the vendor sees it: `delay hang conflict rate_limited unauthorized forbidden error html`;
        after it acted: `drop` (no reply) `error_but_done` `truncated` `page_missing` (a list comes without its rows);
        instead of acting: `swallow` (taken and answered, and nothing happens)
    :param path: regular expression on the path
    :param method: GET, PUT … or empty for all
    :param times: how many requests it hits; -1 for all
    :param after: how many matching requests pass before it begins
    :param seconds: of delay, or of Retry-After
    """

    kind: str
    path: str = ""
    method: str = ""
    times: int = 1
    after: int = 0
    seconds: float = 1.0
    hits: int = 0

    def takes(self, method: str, path: str) -> bool:
        """This will tell whether a request is hit, and count it."""
        if (self.method and self.method != method) or not re.search(self.path, path):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times == 0:
            return False
        self.times -= 1
        self.hits += 1
        return True


PLAIN_REFUSALS: dict[str, Callable[[Fault], Response]] = {
    "conflict": lambda fault: JSONResponse({"message": "conflict"}, 409),
    "rate_limited": lambda fault: Response(status_code=429, headers={"Retry-After": f"{fault.seconds:g}"}),
    "unauthorized": lambda fault: JSONResponse({"message": "unauthorized"}, 401),
    "forbidden": lambda fault: JSONResponse({"message": "forbidden"}, 403),
    "error": lambda fault: JSONResponse({"message": "internal error"}, 500),
    "html": lambda fault: HTMLResponse("<!doctype html><title>Console</title><h1>Welcome</h1>"),
}


BEFORE = frozenset({"delay", "hang", "swallow", *PLAIN_REFUSALS})
AFTER = frozenset({"drop", "error_but_done", "truncated", "page_missing"})
FAULTS = BEFORE | AFTER


class Bench:
    """A sandbox's app with its record and faults around it. An ASGI app itself."""

    def __init__(self, sandbox: Sandbox, world: World) -> None:
        self.sandbox = sandbox
        self.world = world
        self.faults: list[Fault] = []
        self.requests: list[dict[str, Any]] = []
        self.journal: list[dict[str, Any]] | None = None
        """Once asked for by `POST /_sandbox/journal`: each state that the world could have shown, and from when on."""
        self._shown: dict[tuple[str, str], State] = {}
        self._vendor = sandbox.app(world)
        self._control = Starlette(routes=[Mount("/_sandbox", routes=self._routes())])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """This will serve control paths as they are, and the vendor's with record and faults."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox/"):
            await self._control(scope, receive, send)
            return
        entry: dict[str, Any] = {
            "at": self.world.clock.now(),
            "method": scope["method"],
            "path": scope["path"],
            "status": None,
        }
        self.requests.append(entry)
        ARRIVED.set(entry["at"])
        fault = next((f for f in self.faults if f.takes(scope["method"], scope["path"])), None)
        entry["fault"] = fault.kind if fault else None

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
                entry["answered_at"] = self.world.clock.now()
                date = format_datetime(self.world.utc(), usegmt=True).encode()
                message = {**message, "headers": [*message.get("headers", ()), (b"date", date)]}
                asked_for = dict(message["headers"]).get(b"retry-after")
                entry["retry_after"] = float(asked_for) if asked_for else None
            await send(message)

        await self._serve(fault, scope, receive, noted)

    async def _serve(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        if fault is None:
            await self._act(scope, receive, send)
        elif fault.kind in {"delay", "hang"}:
            await asyncio.sleep(fault.seconds if fault.kind == "delay" else max(fault.seconds, 120))
            await self._act(scope, receive, send)
        elif fault.kind == "swallow":
            self.world.is_swallowing = True
            try:
                await self._act(scope, receive, send)
            finally:
                self.world.is_swallowing = False
        elif fault.kind in AFTER:
            await self._spoil(fault, scope, receive, send)
        else:
            refusals = {**PLAIN_REFUSALS, **self.sandbox.refusals}
            await refusals[fault.kind](fault)(scope, receive, send)

    async def _act(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.world.settle()
        self._note_states()
        await self._vendor(scope, receive, send)
        self._note_states()

    def _note_states(self) -> None:
        if self.journal is None:
            return
        for truth in self.world.truth():
            key = (truth.target, truth.external_id)
            if self._shown.get(key) is not truth.state:
                self._shown[key] = truth.state
                self.journal.append({"at": self.world.clock.now(), "target": truth.target,
                                     "external_id": truth.external_id, "state": truth.state})  # fmt: skip

    async def _spoil(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """The vendor acts, and the answer is lost, wrong, or cut off."""
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        await self._act(scope, receive, keep)
        if fault.kind == "error_but_done":
            await {**PLAIN_REFUSALS, **self.sandbox.refusals}["error"](fault)(scope, receive, send)
            return
        body = b"".join(message.get("body", b"") for message in kept[1:]) or b"{}"
        head = [(name, value) for name, value in kept[0]["headers"] if name != b"content-length"]
        if fault.kind == "page_missing":
            body = _without_rows(body)
            length = (b"content-length", str(len(body)).encode())
            await send({**kept[0], "headers": [*head, length]})
            await send({"type": "http.response.body", "body": body})
            return
        whole = len(body) if fault.kind == "truncated" else len(body) + 1
        await send({**kept[0], "headers": [*head, (b"content-length", str(whole).encode())]})
        if fault.kind == "truncated":
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        # The server closes the connection when an answer stays short of its length.

    def _routes(self) -> list[Route]:
        return [
            Route("/record", self._record),
            Route("/truth", self._truth),
            Route("/journal", self._begin_journal, methods=["POST"]),
            Route("/faults", self._add_fault, methods=["POST"]),
            Route("/faults", self._clear_faults, methods=["DELETE"]),
            Route("/estate", self._estate, methods=["POST"]),
            Route("/nudge", self._nudge, methods=["POST"]),
            Route("/tempo", self._tempo, methods=["POST"]),
        ]

    async def _record(self, request: Request) -> Response:
        acts = [asdict(act) for act in self.world.acts]
        return JSONResponse({"requests": self.requests, "acts": acts, "journal": self.journal})

    async def _begin_journal(self, request: Request) -> Response:
        self.journal, self._shown = [], {}
        self._note_states()
        return Response(status_code=204)

    async def _truth(self, request: Request) -> Response:
        self.world.settle()
        return JSONResponse([asdict(truth) for truth in self.world.truth()])

    async def _add_fault(self, request: Request) -> Response:
        try:
            fault = Fault(**await request.json())
            re.compile(fault.path)
        except (TypeError, re.error) as error:
            return JSONResponse({"message": str(error)}, 400)
        if fault.kind not in FAULTS:
            return JSONResponse({"message": f"no such fault; there are: {', '.join(sorted(FAULTS))}"}, 400)
        self.faults.append(fault)
        return Response(status_code=204)

    async def _clear_faults(self, request: Request) -> Response:
        self.faults.clear()
        self.world.drag = self.world.skew = 0.0
        return Response(status_code=204)

    async def _estate(self, request: Request) -> Response:
        wish = await request.json()
        if "seed" in wish:
            self.world.random.seed(int(wish["seed"]))
        try:
            self.populate(int(wish["connectors"]), wish.get("pipelines"))
        except ValueError as error:
            return JSONResponse({"message": str(error)}, 400)
        return Response(status_code=204)

    def populate(self, connectors: int, pipelines: int | None = None) -> None:
        """
        This will replace the estate by a made-up one.

        :raises ValueError: a number of pipelines was asked for, and an account of this vendor does not have several
        """
        if pipelines in {None, 1}:
            self.world.populate(connectors)
        elif "pipelines" in inspect.signature(self.world.populate).parameters:
            self.world.populate(connectors, pipelines=pipelines)  # type: ignore[call-arg]  # asked for just above
        else:
            raise ValueError("this sandbox does not take a number of pipelines")

    async def _nudge(self, request: Request) -> Response:
        wish = await request.json()
        self.world.settle()
        try:
            self.world.nudge(wish["external_id"], wish["change"])
            self._note_states()
        except (LookupError, ValueError) as error:
            return JSONResponse({"message": str(error)}, 400)
        return Response(status_code=204)

    async def _tempo(self, request: Request) -> Response:
        wish = await request.json()
        self.world.tempo, self.world.drag = (
            wish.get("tempo", self.world.tempo),
            wish.get("drag", self.world.drag),
        )
        self.world.skew = wish.get("skew", self.world.skew)
        return Response(status_code=204)


def _without_rows(body: bytes) -> bytes:
    """A list answer whose rows were lost on the way: what it says of itself stays."""
    try:
        answer = json.loads(body)
    except ValueError:
        return body
    if isinstance(answer, list):
        return b"[]"
    if isinstance(answer, dict):
        answer = {key: [] if isinstance(value, list) else value for key, value in answer.items()}
    return json.dumps(answer).encode()


def find(slug: str) -> Sandbox:
    """
    This will import a vendor's sandbox.

    :raises UnknownVendor: no folder has this slug
    """
    registry.get(slug)
    found: Sandbox = importlib.import_module(f"connectors.vendors.{slug.replace('-', '_')}.sandbox").SANDBOX
    return found


def bench(slug: str, **options: Any) -> Bench:
    """This will build a sandbox with its demo estate; options go to its world."""
    sandbox = find(slug)
    return Bench(sandbox, sandbox.world(**options))


class _Server(uvicorn.Server):
    """Several run in one process; signals are caught once, outside."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def listening(port: int = 0) -> socket.socket:
    """
    This will listen on loopback, for connections on which answers go out at once.

    Asyncio sees to that where it opens the socket itself; otherwise each answer but the first would take 40 ms.

    :param port: 0 takes a free one
    """
    listener = socket.create_server(("127.0.0.1", port))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what it accepts inherits it
    return listener


async def serve_one(app: Bench, *, port: int = 0, certificate: Path | None = None, told: Callable[[str], None]) -> None:
    """
    This will serve one bench on loopback until cancelled.

    :param port: 0 takes a free one
    :param certificate: PEM file with certificate and key; with it the sandbox speaks TLS
    :param told: called with the address as soon as it listens
    """
    listener = listening(port)
    pem = {"ssl_certfile": certificate, "ssl_keyfile": certificate} if certificate else {}
    options: dict[str, Any] = {
        "log_level": "warning",
        "access_log": False,
        "lifespan": "off",
        "date_header": False,
        **pem,
    }
    server = _Server(uvicorn.Config(app, **options))
    run = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not run.done():  # noqa: ASYNC110  # the server offers no event
        await asyncio.sleep(0.02)
    told(f"http{'s' if certificate else ''}://127.0.0.1:{listener.getsockname()[1]}")
    try:
        await run
    finally:
        server.should_exit = True


async def serve(
    slugs: Sequence[str], *, port_base: int = 0, ready_file: Path | None = None, tempo: float = 1.0
) -> None:
    """
    This will serve sandboxes on loopback, each on a port of its own, until cancelled.

    :param port_base: the first port, the others follow; 0 takes free ones
    :param ready_file: gets `{slug: address}` as JSON once all of them listen
    """
    servers, sockets, addresses = [], [], {}
    for index, slug in enumerate(slugs):
        listener = listening(port_base + index if port_base else 0)
        config = uvicorn.Config(bench(slug, tempo=tempo), log_level="warning", access_log=False, lifespan="off",
                                date_header=False)  # fmt: skip
        servers.append(_Server(config))
        sockets.append(listener)
        addresses[slug] = f"http://127.0.0.1:{listener.getsockname()[1]}"
    runs = [asyncio.create_task(s.serve(sockets=[listener])) for s, listener in zip(servers, sockets, strict=True)]
    while not all(server.started for server in servers):  # noqa: ASYNC110  # the server offers no event
        await asyncio.sleep(0.02)
    print(json.dumps(addresses), flush=True)  # noqa: T201  # the command's answer
    if ready_file:
        ready_file.write_text(json.dumps(addresses))  # noqa: ASYNC240  # once, before anything is served
    try:
        await asyncio.gather(*runs)
    finally:
        for server in servers:
            server.should_exit = True


def main() -> None:
    """This will serve from the command line."""
    parser = argparse.ArgumentParser(description="Serve the vendors' sandboxes on loopback.")
    parser.add_argument("--only", action="append", metavar="SLUG", help="this vendor only; may be repeated")
    parser.add_argument("--port-base", type=int, default=0)
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument("--tempo", type=float, default=1.0, help="1 is as slow as vendors are")
    wish = parser.parse_args()
    slugs = wish.only or list(registry.vendors())
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(slugs, port_base=wish.port_base, ready_file=wish.ready_file, tempo=wish.tempo))


if __name__ == "__main__":
    from connectors.vendors import sandbox  # noqa: PLW0406  # else the worlds would know another one than we are

    sandbox.main()
