"""What is peculiar to Yandex EventRouter, each detail on its own."""

from collections.abc import AsyncIterator, Iterator

import httpx
import jwt
import pytest

from connectors.states import State, Verb
from connectors.vendors.errors import (
    NotAllowed,
    NotFound,
    RateLimited,
    Refused,
    ServerFault,
    SignInRefused,
    VendorError,
)
from connectors.vendors.sandbox import Fault
from connectors.vendors.yandex import tokens
from connectors.vendors.yandex.client import explain
from connectors.vendors.yandex.sandbox.estate import FOLDER
from connectors.vendors.yandex.sandbox.key import KEY_ID, SERVICE_ACCOUNT
from tests.connectors.vendors.desk import ADDRESS, Desk, open_desk

RUNNING = "orders-queue"


@pytest.fixture(autouse=True)
def no_token_is_kept() -> Iterator[None]:
    """This will begin without a token."""
    tokens._kept.clear()
    yield
    tokens._kept.clear()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """This will give each test a cloud of its own."""
    async with open_desk("yandex") as opened:
        yield opened


def asked_for_tokens(desk: Desk) -> int:
    """This will count the requests for a token."""
    return len([line for line in desk.wire.lines("POST") if line.endswith("/iam/v1/tokens")])


async def test_sign_in_is_a_ps256_token_of_the_key_and_is_asked_for_once(desk: Desk) -> None:
    await desk.observe()
    await desk.observe()

    sent = next(r for r in desk.wire.requests if r.url.path == "/iam/v1/tokens")
    token = httpx.Response(200, content=sent.content).json()["jwt"]
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    assert (header["alg"], header["kid"], claims["iss"]) == ("PS256", KEY_ID, SERVICE_ACCOUNT)
    assert 0 < claims["exp"] - claims["iat"] <= 3600
    assert asked_for_tokens(desk) == 1


async def test_a_token_is_renewed_when_it_is_old(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.observe()
    place, (token, at) = next(iter(tokens._kept.items()))
    tokens._kept[place] = (token, at - tokens.RENEWED_AFTER - 1)

    await desk.observe()

    assert asked_for_tokens(desk) == 2
    assert tokens.RENEWED_AFTER <= 3600


async def test_a_token_that_is_refused_is_renewed_once_and_the_call_made_again(desk: Desk) -> None:
    await desk.observe()
    desk.app.faults.append(Fault("unauthorized", path="/buses"))

    seen = await desk.observe()

    assert len(seen.connectors) == 7
    assert asked_for_tokens(desk) == 2


async def test_a_key_that_is_no_key_is_refused_in_words() -> None:
    async with open_desk("yandex", key='{"id": "x"}') as desk:
        with pytest.raises(SignInRefused, match="authorized key in JSON"):
            await desk.observe()


async def test_operations_are_polled_at_their_own_host() -> None:
    async with open_desk("yandex", settings={"operation_url": "http://operation.test"}) as desk:
        receipt = await desk.send(Verb.STOP, RUNNING)
        await desk.observe(operations=[receipt.operation_id])

    polled = [r for r in desk.wire.requests if r.url.path.startswith("/operations/")]
    assert {str(r.url) for r in polled} == {f"http://operation.test/operations/{receipt.operation_id}"}
    assert ADDRESS != "http://operation.test"


async def test_an_operation_that_ended_is_checked_by_reading_again(desk: Desk) -> None:
    receipt = await desk.send(Verb.STOP, RUNNING)
    external_id = (await desk.connector(RUNNING)).external_id
    watch = {"operations": [receipt.operation_id], "pending": {external_id: Verb.STOP}}

    before = await desk.observe(**watch)
    desk.clock.advance(10)
    after = await desk.observe(**watch)

    assert not before.operations[receipt.operation_id].is_done
    assert after.operations[receipt.operation_id].is_done
    states = [next(c.state for c in seen.connectors if c.name == RUNNING) for seen in (before, after)]
    assert states == [State.STOPPING, State.STOPPED]


async def test_somebody_elses_operation_does_not_make_ours_look_under_way(desk: Desk) -> None:
    receipt = await desk.send(Verb.STOP, RUNNING)
    other = (await desk.connector("gate-events")).external_id

    seen = await desk.observe(operations=[receipt.operation_id], pending={other: Verb.STOP})

    assert next(c.state for c in seen.connectors if c.name == "gate-events") is State.RUNNING


async def test_the_same_key_gives_the_same_operation(desk: Desk) -> None:
    first, second = await desk.send(Verb.STOP, RUNNING), await desk.send(Verb.STOP, RUNNING)

    keys = {r.headers["Idempotency-Key"] for r in desk.wire.requests if r.url.path.endswith(":stop")}
    assert first.operation_id == second.operation_id
    assert len(keys) == 1
    assert len(desk.world.acts) == 1


async def test_lists_are_by_folder_and_paged(desk: Desk) -> None:
    desk.world.populate(2500)

    seen = await desk.observe()

    lines = [line for line in desk.wire.lines("GET") if "/connectors" in line]
    assert len(seen.connectors) == 2500
    assert len(lines) == 3
    assert all(f"folderId={FOLDER}" in line for line in lines)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (3, 400, Refused), (5, 404, NotFound), (7, 403, NotAllowed), (8, 429, RateLimited), (9, 400, Refused),
        (13, 500, ServerFault), (16, 401, SignInRefused), (16, 400, SignInRefused), (5, 400, NotFound),
    ],
)  # fmt: skip
def test_the_code_decides_and_not_the_status(code: int, status: int, kind: type[VendorError]) -> None:
    with pytest.raises(kind, match="no"):
        explain(httpx.Response(status, json={"code": code, "message": "no", "details": []}))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("RESOURCE_NOT_FOUND", "its source does not exist"),
        ("PERMISSION_DENIED", "its service account may not read the source"),
        ("SUBJECT_NOT_FOUND", "its service account does not exist"),
    ],
)
async def test_each_error_status_says_what_to_do_and_whose_it_is(desk: Desk, status: str, words: str) -> None:
    connector = next(c for c in desk.world.connectors.values() if c["name"] == RUNNING)
    connector["status"] = status

    seen = await desk.connector(RUNNING)

    assert (seen.state, seen.whose, seen.vendor_state) == (State.FAILED, "yours", status)
    assert words in seen.error


async def test_an_operation_that_was_forgotten_leaves_it_to_the_state(desk: Desk) -> None:
    seen = await desk.observe(operations=["f66opforgotten"])

    assert seen.operations["f66opforgotten"].is_done
    assert seen.operations["f66opforgotten"].error == ""
