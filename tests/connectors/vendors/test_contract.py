"""What every vendor must do, each against its own sandbox. A new folder is held to all of this without a word here."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import httpx
import pytest

import connectors.vendors
from connectors.states import CHANGING, GOALS, PART_OF, State, Verb
from connectors.vendors import registry
from connectors.vendors.base import (
    AccountConfig,
    AccountSnapshot,
    Adapter,
    Capability,
    ConnectorSnapshot,
    Known,
    Order,
    PipelineSnapshot,
    Receipt,
    Vendor,
    Watch,
)
from connectors.vendors.errors import (
    LostReply,
    NotReady,
    NotUnderstood,
    RateLimited,
    ServerFault,
    SignInRefused,
    Unreachable,
    VendorError,
)
from connectors.vendors.http import Http
from connectors.vendors.sandbox import Bench, Fault, ManualClock, bench, find
from tests.conftest import PLUGINS

connectors.vendors.__path__.append(str(PLUGINS))
registry.vendors.cache_clear()
VENDORS = list(registry.vendors().values())
connectors.vendors.__path__.remove(str(PLUGINS))
registry.vendors.cache_clear()

ADDRESS = "http://vendor.test"
LEADS_TO = {Verb.RESUME: Verb.PAUSE, Verb.START: Verb.STOP}
CASES = [(vendor, capability) for vendor in VENDORS for capability in vendor.capabilities]


@dataclass
class Desk:
    """A vendor's adapter in front of its sandbox, with a clock that only we move."""

    vendor: Vendor
    bench: Bench
    clock: ManualClock
    http: Http
    adapter: Adapter

    async def observe(self, **watch: Any) -> AccountSnapshot:
        """This will read the account."""
        return await self.adapter.observe(Watch(**watch))


@pytest.fixture(autouse=True)
def with_plugins() -> Iterator[None]:
    """This will make the tiny vendor one of them."""
    connectors.vendors.__path__.append(str(PLUGINS))
    registry.vendors.cache_clear()
    yield
    connectors.vendors.__path__.remove(str(PLUGINS))
    registry.vendors.cache_clear()


@asynccontextmanager
async def desk(vendor: Vendor, **credentials: str) -> AsyncIterator[Desk]:
    """This will set up the contract's account, with other credentials where given."""
    import time

    clock = ManualClock(time.time())
    app = bench(vendor.slug, clock=clock)
    demo = find(vendor.slug).accounts[0]
    settings = {k: v.replace("{url}", ADDRESS) if isinstance(v, str) else v for k, v in demo.settings.items()}
    config = AccountConfig(ADDRESS + demo.path, settings, {**demo.credentials, **credentials})
    async with Http(vendor.slug, config, transport=httpx.ASGITransport(app=app, raise_app_exceptions=False)) as http:
        yield Desk(vendor, app, clock, http, vendor.adapter(config, http))


def known(target: ConnectorSnapshot | PipelineSnapshot) -> Known:
    """This will say what we know of a target."""
    is_connector = isinstance(target, ConnectorSnapshot)
    return Known(
        target="connector" if is_connector else "pipeline",
        external_id=target.external_id,
        pipeline=target.pipeline if isinstance(target, ConnectorSnapshot) else target.external_id,
        name=target.name,
        state=target.state,
        vendor_state=target.vendor_state,
        generation=target.generation,
        facts=target.facts,
    )


def order_for(capability: Capability, target: ConnectorSnapshot | PipelineSnapshot, number: int) -> Order:
    """This will order a verb, of one task where it is for one: of the last that failed."""
    failed = [task.id for task in getattr(target, "tasks", ()) if task.state is State.FAILED]
    task = failed[-1] if capability.verb in PART_OF else ""
    return Order(capability.verb, known(target), f"5f2b1d0e-0000-4000-8000-{number:012}", task=task)


def targets(snapshot: AccountSnapshot, kind: str) -> list[ConnectorSnapshot | PipelineSnapshot]:
    """This will list what a capability is for."""
    return list(snapshot.connectors if kind == "connector" else snapshot.pipelines)


async def ready_for(place: Desk, capability: Capability) -> ConnectorSnapshot | PipelineSnapshot:
    """This will find a target in a state the verb is for, or bring one there by the vendor's own verbs."""
    snapshot = await place.observe()
    fit = [
        t for t in targets(snapshot, capability.target)
        if t.state in capability.states and capability.verb not in t.verbs_off
        and (capability.verb not in PART_OF or State.FAILED in {task.state for task in getattr(t, "tasks", ())})
    ]  # fmt: skip
    healthy = [t for t in fit if t.state is not State.FAILED]
    earlier = (
        place.vendor.capability(LEADS_TO[capability.verb], capability.target) if capability.verb in LEADS_TO else None
    )
    if not fit and earlier:
        return await brought_by(place, earlier)
    if not fit:
        pytest.skip(f"{capability.verb} is off everywhere in this estate")
    return (healthy or fit)[0]


async def brought_by(place: Desk, capability: Capability) -> ConnectorSnapshot | PipelineSnapshot:
    """This will carry another verb out first, and give its target as it is then."""
    target = await ready_for(place, capability)
    order = Order(capability.verb, known(target), "5f2b1d0e-0000-4000-8000-000000000009")
    receipt = await place.adapter.send(order)
    await follow(place, capability, order, receipt)
    memories = {target.external_id: receipt.memory} if receipt.memory else {}
    snapshot = await place.observe(memories=memories)
    return next(t for t in targets(snapshot, capability.target) if t.external_id == target.external_id)


async def follow(place: Desk, capability: Capability, order: Order, receipt: Receipt) -> tuple[State, bool, bool]:
    """This will let time pass and look: the last state, whether it was ever on its way, and whether theirs ended."""
    moved, done = False, False
    state = order.known.state
    memories = {order.known.external_id: receipt.memory} if receipt.memory else {}
    operations = [receipt.operation_id] if receipt.operation_id else []
    for _ in range(40):
        place.clock.advance(0.5)
        pending = {} if done else {order.known.external_id: order.verb}
        snapshot = await place.observe(memories=memories, operations=operations, pending=pending)
        seen = next(t for t in targets(snapshot, capability.target) if t.external_id == order.known.external_id)
        moved = moved or seen.state in CHANGING or (bool(seen.generation) and seen.generation != order.known.generation)
        theirs = snapshot.operations.get(receipt.operation_id)
        done = done or bool(theirs and theirs.is_done)
        state = seen.state
    return state, moved, done


def test_there_are_vendors() -> None:
    assert {"confluent", "elastic", "feldera", "kafka-connect", "yandex", "tiny"} >= {v.slug for v in VENDORS}
    assert "tiny" in {v.slug for v in VENDORS}


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda v: v.slug)
class TestVendor:
    def test_words_are_complete(self, vendor: Vendor) -> None:
        assert len(vendor.mark) == 2
        assert len({field.name for field in vendor.fields}) == len(vendor.fields)
        assert len({(c.verb, c.target) for c in vendor.capabilities}) == len(vendor.capabilities)
        assert vendor.budget >= 2 * vendor.interval

    def test_a_verb_without_a_goal_is_confirmed_by_proof(self, vendor: Vendor) -> None:
        assert all((c.evidence == "proof") == (c.verb not in GOALS) for c in vendor.capabilities)

    async def test_observe_tells_the_truth(self, vendor: Vendor) -> None:
        async with desk(vendor) as place:
            snapshot = await place.observe()
            truth = {t.external_id: t.state for t in place.bench.world.truth() if t.target == "connector"}

        assert snapshot.connectors
        assert snapshot.pipelines
        ours = {c.external_id: c.state for c in snapshot.connectors}
        assert set(ours) <= set(truth)
        assert {k: v for k, v in ours.items() if v not in {State.PAUSED, State.STOPPED}} == {
            k: truth[k] for k, v in ours.items() if v not in {State.PAUSED, State.STOPPED}
        }
        assert {c.pipeline for c in snapshot.connectors} <= {p.external_id for p in snapshot.pipelines}

    async def test_observe_leaves_nothing_out(self, vendor: Vendor) -> None:
        async with desk(vendor) as place:
            place.bench.world.populate(130)
            snapshot = await place.observe()

        assert len(snapshot.connectors) == 130
        assert snapshot.expected in {None, 130}

    async def test_observe_makes_no_request_for_each_connector(self, vendor: Vendor) -> None:
        async with desk(vendor) as place:
            place.bench.world.populate(20)
            await place.observe()
            few = place.http.requests
            place.bench.world.populate(60)
            await place.observe()

        assert place.http.requests - few <= few + 3

    async def test_no_credential_shows_anywhere(self, vendor: Vendor) -> None:
        async with desk(vendor) as place:
            snapshot = await place.observe()
        shown = str(asdict(snapshot))

        assert not [s for s in find(vendor.slug).accounts[0].credentials.values() if len(s) > 12 and s in shown]
        assert "pw-of-" not in shown
        assert "hidden-in-transport" not in shown

    async def test_an_unknown_word_is_kept(self, vendor: Vendor) -> None:
        async with desk(vendor) as place:
            target = next(c for c in (await place.observe()).connectors if c.state is State.RUNNING)
            place.bench.world.nudge(target.external_id, "puzzle")
            snapshot = await place.observe()

        seen = next(c for c in snapshot.connectors if c.external_id == target.external_id)
        assert seen.state is State.UNKNOWN
        assert seen.vendor_state

    async def test_an_outside_change_is_seen(self, vendor: Vendor) -> None:
        hold = "pause" if vendor.capability(Verb.PAUSE, "connector") else "stop"
        async with desk(vendor) as place:
            target = next(c for c in (await place.observe()).connectors if c.state is State.RUNNING)
            place.bench.world.nudge(target.external_id, hold)
            snapshot = await place.observe()

        seen = next(c for c in snapshot.connectors if c.external_id == target.external_id)
        assert seen.state in {State.PAUSED, State.STOPPED}

    async def test_a_failure_is_seen_with_its_cause(self, vendor: Vendor) -> None:
        async with desk(vendor) as place:
            failed = [c for c in (await place.observe()).connectors if c.state is State.FAILED]

        assert all(c.error or vendor.slug == "tiny" for c in failed)

    async def test_what_vanishes_is_not_listed(self, vendor: Vendor) -> None:
        async with desk(vendor) as place:
            target = (await place.observe()).connectors[0]
            place.bench.world.nudge(target.external_id, "vanish")
            snapshot = await place.observe()

        assert target.external_id not in {c.external_id for c in snapshot.connectors}

    async def test_wrong_credentials_are_told(self, vendor: Vendor) -> None:
        wrong = dict.fromkeys(find(vendor.slug).accounts[0].credentials, "wrong")
        async with desk(vendor, **wrong) as place:
            with pytest.raises(SignInRefused):
                await place.observe()
            checks = await place.adapter.test()

        assert [c.is_ok for c in checks if c.name == "sign_in"] in ([False], []) or checks[0].is_ok is False

    async def test_test_says_four_things_and_changes_nothing(self, vendor: Vendor) -> None:
        async with desk(vendor) as place:
            checks = await place.adapter.test()

        assert [c.name for c in checks] == ["reach", "sign_in", "list", "act"]
        assert all(c.is_ok is not False for c in checks)
        assert place.bench.world.acts == []

    @pytest.mark.parametrize(
        ("fault", "kinds"),
        [
            (Fault("html", times=-1), (NotUnderstood, NotReady, SignInRefused)),
            (Fault("unauthorized", times=-1), (SignInRefused,)),
            (Fault("error", times=-1), (ServerFault, SignInRefused)),
            (Fault("rate_limited", times=-1, seconds=1), (RateLimited,)),
        ],
        ids=["html", "unauthorized", "error", "rate_limited"],
    )
    async def test_observe_raises_what_fits(
        self, vendor: Vendor, fault: Fault, kinds: tuple[type[VendorError], ...]
    ) -> None:
        async with desk(vendor) as place:
            await place.observe()
            place.bench.faults.append(replace(fault))
            with pytest.raises(kinds) as caught:
                await place.observe()

        assert caught.value.vendor == vendor.slug
        assert str(caught.value)

    async def test_nobody_there_is_unreachable(self, vendor: Vendor) -> None:
        def refuse(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

        demo = find(vendor.slug).accounts[0]
        config = AccountConfig(
            ADDRESS, {k: v for k, v in demo.settings.items() if "{url}" not in str(v)}, demo.credentials
        )
        async with Http(vendor.slug, config, transport=httpx.MockTransport(refuse)) as http:
            with pytest.raises(Unreachable):
                await vendor.adapter(config, http).observe(Watch())


@pytest.mark.parametrize(("vendor", "capability"), CASES, ids=[f"{v.slug}-{c.target}-{c.verb}" for v, c in CASES])
class TestVerb:
    async def test_send_leads_where_it_should(self, vendor: Vendor, capability: Capability) -> None:
        async with desk(vendor) as place:
            target = await ready_for(place, capability)
            order = order_for(capability, target, 1)
            receipt = await place.adapter.send(order)
            state, moved, done = await follow(place, capability, order, receipt)

        if capability.evidence == "state":
            assert state is GOALS[capability.verb]
        elif capability.verb is Verb.SYNC_NOW:
            assert done
        else:
            assert receipt.proof or moved
            assert state is not State.FAILED
        assert place.bench.world.acts

    async def test_send_twice_does_no_more_than_once(self, vendor: Vendor, capability: Capability) -> None:
        if not capability.is_idempotent:
            pytest.skip("never sent twice")
        async with desk(vendor) as place:
            target = await ready_for(place, capability)
            order = order_for(capability, target, 2)
            receipt = await place.adapter.send(order)
            again = await place.adapter.send(replace(order, memory=receipt.memory or {}))
            state, _, _ = await follow(place, capability, order, again)

        if capability.evidence == "state":
            assert state is GOALS[capability.verb]

    async def test_send_knows_that_it_may_have_been_done(self, vendor: Vendor, capability: Capability) -> None:
        async with desk(vendor) as place:
            target = await ready_for(place, capability)
            place.bench.faults.append(Fault("error_but_done", method="POST", path="/(?!iam)", times=1))
            place.bench.faults.append(Fault("error_but_done", method="PUT", times=1))
            with pytest.raises((ServerFault, LostReply)) as caught:
                await place.adapter.send(order_for(capability, target, 3))

        assert caught.value.may_have_acted

    async def test_send_passes_the_vendors_refusal_on(self, vendor: Vendor, capability: Capability) -> None:
        async with desk(vendor) as place:
            target = await ready_for(place, capability)
            place.bench.faults.append(Fault("forbidden", method="POST", times=-1))
            place.bench.faults.append(Fault("forbidden", method="PUT", times=-1))
            with pytest.raises(VendorError) as caught:
                await place.adapter.send(order_for(capability, target, 4))

        assert caught.value.status == 403
        assert not caught.value.may_have_acted
