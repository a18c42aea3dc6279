"""What open pages share is rendered once for each kind of viewer, and never outlives a change."""

import asyncio
from collections.abc import Collection, Hashable

import pytest

from connectors.permissions import Viewer
from connectors.states import Role, SiteRole
from dashboard import renderings
from dashboard.renderings import Renderings, kind_of


class Kitchen:
    """Counts what is rendered."""

    def __init__(self) -> None:
        self.orders: list[list[Hashable]] = []

    def render(self, keys: Collection[Hashable]) -> dict[Hashable, bytes]:
        """This will render each key but 404."""
        self.orders.append(list(keys))
        return {key: f"<{key}>".encode() for key in keys if key != 404}


def test_who_it_is_makes_no_kind_and_what_they_may_does() -> None:
    one = Viewer(user_id=1, name="one", roles={1: Role.VIEWER})

    assert kind_of(one) == kind_of(Viewer(user_id=2, name="two", roles={1: Role.VIEWER}))
    assert kind_of(one) != kind_of(Viewer(user_id=1, name="one", roles={1: Role.OPERATOR}))
    assert kind_of(one) != kind_of(Viewer(user_id=1, name="one", roles={2: Role.VIEWER}))
    assert kind_of(one) != kind_of(Viewer(user_id=1, name="one", roles={1: Role.VIEWER}, site_role=SiteRole.ADMIN))


async def test_a_thousand_pages_are_rendered_once() -> None:
    kitchen, shared = Kitchen(), Renderings(b"")

    pages = await asyncio.gather(*(shared.of("viewer", [1, 2], kitchen.render) for _ in range(1000)))

    assert pages == [[b"<1>", b"<2>"]] * 1000
    assert kitchen.orders == [[1, 2]]


async def test_another_kind_of_viewer_gets_its_own() -> None:
    kitchen, shared = Kitchen(), Renderings(b"")

    await shared.of("viewer", [1], kitchen.render)
    await shared.of("operator", [1], kitchen.render)

    assert kitchen.orders == [[1], [1]]


async def test_what_changed_is_rendered_again_and_the_rest_is_not() -> None:
    kitchen, shared = Kitchen(), Renderings(b"")
    await shared.of("viewer", [1, 2], kitchen.render)

    shared.forget([2])
    await shared.of("viewer", [1, 2], kitchen.render)

    assert kitchen.orders == [[1, 2], [2]]


async def test_nothing_is_kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderings, "GOOD_FOR", 0.01)
    kitchen, shared = Kitchen(), Renderings(b"")

    await shared.of("viewer", [1], kitchen.render)
    await asyncio.sleep(0.02)
    await shared.of("viewer", [1], kitchen.render)

    assert kitchen.orders == [[1], [1]]


async def test_a_page_that_goes_away_keeps_nobody_waiting() -> None:
    kitchen, shared = Kitchen(), Renderings(b"")
    first = asyncio.create_task(shared.of("viewer", [1], kitchen.render))
    await asyncio.sleep(0)

    first.cancel()
    second = await asyncio.wait_for(shared.of("viewer", [1], kitchen.render), 5)

    assert second == [b"<1>"]


async def test_what_cannot_be_rendered_is_tried_again() -> None:
    kitchen, shared = Kitchen(), Renderings(b"")

    def broken(keys: Collection[Hashable]) -> dict[Hashable, bytes]:
        raise ValueError("no database")

    with pytest.raises(ValueError, match="no database"):
        await shared.of("viewer", [1], broken)

    assert await shared.of("viewer", [1], kitchen.render) == [b"<1>"]


async def test_what_the_viewer_may_not_see_is_empty() -> None:
    assert await Renderings(b"").of("viewer", [404], Kitchen().render) == [b""]
