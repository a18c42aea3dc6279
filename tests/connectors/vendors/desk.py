"""An adapter in front of its vendor's sandbox, with a note of every request that went over the wire."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from connectors.states import Verb
from connectors.vendors import registry
from connectors.vendors.base import (
    AccountConfig,
    AccountSnapshot,
    Adapter,
    ConnectorSnapshot,
    Known,
    Order,
    PipelineSnapshot,
    Receipt,
    Watch,
)
from connectors.vendors.http import Http
from connectors.vendors.sandbox import Bench, ManualClock, bench, find
from tests.connectors.vendors.wire import Wire

ADDRESS = "http://vendor.test"


@dataclass
class Desk:
    """What a test has in hand; `clock` moves only when the test moves it."""

    adapter: Adapter
    app: Bench
    world: Any
    wire: Wire
    clock: ManualClock

    async def observe(self, **watch: Any) -> AccountSnapshot:
        """This will read the account."""
        return await self.adapter.observe(Watch(**watch))

    async def connector(self, name: str, **watch: Any) -> ConnectorSnapshot:
        """This will read one connector, by reading all."""
        return next(c for c in (await self.observe(**watch)).connectors if c.name == name)

    async def pipeline(self, name: str, **watch: Any) -> PipelineSnapshot:
        """This will read one pipeline, by reading all."""
        return next(p for p in (await self.observe(**watch)).pipelines if p.name == name)

    async def send(self, verb: Verb, name: str, key: str = "5f2b1d0e-0000-4000-8000-000000000001") -> Receipt:
        """This will send a verb to a connector."""
        c = await self.connector(name)
        known = Known("connector", c.external_id, c.pipeline, c.name, c.state, c.vendor_state, c.generation, c.facts)
        return await self.adapter.send(Order(verb, known, key))

    async def send_to_pipeline(self, verb: Verb, name: str) -> Receipt:
        """This will send a verb to a pipeline."""
        p = await self.pipeline(name)
        known = Known("pipeline", p.external_id, p.external_id, p.name, p.state, p.vendor_state, p.generation, p.facts)
        return await self.adapter.send(Order(verb, known, "key"))


@asynccontextmanager
async def open_desk(slug: str, *, settings: dict[str, Any] | None = None, **credentials: str) -> AsyncIterator[Desk]:
    """This will open the first account of the demo, with other settings or credentials where given."""
    clock = ManualClock(time.time())
    app = bench(slug, clock=clock)
    demo = find(slug).accounts[0]
    known = {k: v.replace("{url}", ADDRESS) if isinstance(v, str) else v for k, v in demo.settings.items()}
    config = AccountConfig(ADDRESS + demo.path, {**known, **(settings or {})}, {**demo.credentials, **credentials})
    wire = Wire(httpx.ASGITransport(app=app, raise_app_exceptions=False))
    async with Http(slug, config, transport=wire) as http:
        yield Desk(registry.get(slug).adapter(config, http), app, app.world, wire, clock)
