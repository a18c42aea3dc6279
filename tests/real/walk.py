"""Everything an adapter does, done to its sandbox, with what went over the line."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import httpx

from connectors.vendors import registry
from connectors.vendors.base import AccountConfig, AccountSnapshot, Adapter, Known, Order, Watch
from connectors.vendors.errors import VendorError
from connectors.vendors.http import Http
from connectors.vendors.sandbox import ManualClock, bench, find
from tests.real.specification import Exchange, Recorder

ADDRESS = "http://vendor.test"


async def walk(slug: str) -> list[Exchange]:
    """This will read the account, send each verb wherever it makes sense and to what does not exist, and read again."""
    clock = ManualClock()
    app = bench(slug, clock=clock)
    recorder = Recorder(httpx.ASGITransport(app=app))
    account = find(slug).accounts[0]
    settings = {key: _filled(value) for key, value in account.settings.items()}
    config = AccountConfig(ADDRESS + account.path, settings, account.credentials)
    async with Http(slug, config, transport=recorder) as http:
        adapter = registry.get(slug).adapter(config, http)
        await adapter.test()
        await _press_everything(slug, adapter, clock)
    wrong = replace(config, credentials=dict.fromkeys(account.credentials, "wrong"))
    async with Http(slug, wrong, transport=recorder) as http:
        await _tried(registry.get(slug).adapter(wrong, http).observe(Watch()))
    return recorder.exchanges


def _filled(value: Any) -> Any:
    return value.replace("{url}", ADDRESS) if isinstance(value, str) else value


async def _press_everything(slug: str, adapter: Adapter, clock: ManualClock) -> None:
    for capability in registry.get(slug).capabilities:
        seen = await adapter.observe(Watch())
        for known in _targets(seen, capability.target):
            for name in (known, replace(known, external_id=known.external_id + "x", name=known.name + "x")):
                receipt = await _tried(adapter.send(Order(capability.verb, name, f"{capability.verb}-{name.name}")))
                operations = [receipt.operation_id] if receipt and receipt.operation_id else []
                for _ in range(3):
                    clock.advance(1.5)
                    await _tried(adapter.observe(Watch(operations, pending={known.external_id: capability.verb})))


def _targets(seen: AccountSnapshot, target: str) -> Iterator[Known]:
    """One of each state, whether the verb fits it or not: refusals are answers, too."""
    rows: Sequence[Any] = seen.connectors if target == "connector" else seen.pipelines
    by_state = {row.state: row for row in reversed(rows)}
    for row in by_state.values():
        pipeline = row.pipeline if target == "connector" else row.external_id
        yield Known(
            target="connector" if target == "connector" else "pipeline",
            external_id=row.external_id, pipeline=pipeline, name=row.name, state=row.state,
            vendor_state=row.vendor_state, generation=row.generation, facts=row.facts,
        )  # fmt: skip


async def _tried(work: Any) -> Any:
    try:
        return await work
    except VendorError:
        return None
