"""The one way out: how answers, and the lack of them, become our errors."""

import contextlib
from collections.abc import Callable

import httpx
import pytest

from connectors.vendors.base import AccountConfig
from connectors.vendors.errors import (
    AddressForbidden,
    LostReply,
    NotAllowed,
    NotFound,
    NotUnderstood,
    RateLimited,
    Refused,
    ServerFault,
    SignInRefused,
    Unreachable,
    VendorError,
)
from connectors.vendors.http import Http, NothingNew

CONFIG = AccountConfig("https://vendor.example/base/", credentials={"key": "topsecret"})


def http(answer: Callable[[httpx.Request], httpx.Response]) -> Http:
    """This will build the client over a function that answers."""
    return Http("tiny", CONFIG, transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Refused), (401, SignInRefused), (403, NotAllowed), (404, NotFound), (500, ServerFault), (503, ServerFault)],
)
async def test_send_tells_refusals_apart(status: int, kind: type[VendorError]) -> None:
    with pytest.raises(kind) as caught:
        await http(lambda _: httpx.Response(status, text="no: topsecret")).send("PUT", "/x/pause")

    error = caught.value
    assert (error.vendor, error.request, error.status) == ("tiny", "PUT /base/x/pause", status)
    assert "topsecret" not in str(error)


async def test_send_reads_how_long_to_stay_away() -> None:
    with pytest.raises(RateLimited) as caught:
        await http(lambda _: httpx.Response(429, headers={"X-RateLimit-Reset": "7"})).send("GET", "/x")

    assert caught.value.retry_after == 7


@pytest.mark.parametrize(
    ("broken", "kind", "may_have_acted"),
    [
        (httpx.ConnectError("refused"), Unreachable, False),
        (httpx.ConnectTimeout("slow"), Unreachable, False),
        (httpx.ReadTimeout("slow"), LostReply, True),
        (httpx.RemoteProtocolError("cut"), LostReply, True),
    ],
)
async def test_send_knows_whether_the_vendor_may_have_acted(
    broken: Exception, kind: type[VendorError], may_have_acted: bool
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise broken

    with pytest.raises(kind) as caught:
        await http(answer).send("PUT", "/x")

    assert caught.value.may_have_acted is may_have_acted


async def test_get_tries_again_and_send_does_not() -> None:
    calls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request.method)
        return httpx.Response(503 if len(calls) < 3 else 200)

    await http(answer).get("/x")
    assert calls == ["GET"] * 3

    calls.clear()
    with pytest.raises(ServerFault):
        await http(answer).send("POST", "/x")
    assert calls == ["POST"]


async def test_redirects_stay_on_their_host() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/base/here":
            return httpx.Response(302, headers={"location": "/base/there"})
        if request.url.path == "/base/away":
            return httpx.Response(302, headers={"location": "http://169.254.169.254/"})
        return httpx.Response(200, text="arrived")

    assert (await http(answer).get("/here")).text == "arrived"
    with pytest.raises(AddressForbidden):
        await http(answer).get("/away")


async def test_json_says_what_it_got_instead() -> None:
    client = http(lambda _: httpx.Response(200, html="<h1>Console</h1>"))

    with pytest.raises(NotUnderstood, match="a web page where JSON was expected"):
        client.json(await client.get("/"))


async def test_every_request_names_the_product() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["user-agent"])
        return httpx.Response(200)

    await http(answer).get("/")

    assert seen[0].startswith("Switchyard/")


async def test_extra_headers_are_sent_and_kept_secret() -> None:
    config = AccountConfig("https://v.example", credentials={"extra_headers": "X-Proxy: abc123def"})
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["x-proxy"])
        return httpx.Response(400, text="bad header: abc123def")

    with pytest.raises(Refused) as caught:
        await Http("tiny", config, transport=httpx.MockTransport(answer)).send("GET", "/")

    assert seen == ["abc123def"]
    assert "abc123def" not in str(caught.value)


def test_config_never_shows_its_credentials() -> None:
    assert "topsecret" not in repr(CONFIG)


async def test_nothing_goes_out_while_the_vendor_wants_to_be_left_alone() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(429, headers={"Retry-After": "30"})

    client = http(answer)
    with pytest.raises(RateLimited) as first:
        await client.send("PUT", "/x/pause")
    with pytest.raises(RateLimited) as second:
        await client.get("/x")

    assert asked == ["/base/x/pause"]
    assert (first.value.was_sent, second.value.was_sent) == (True, False)
    assert 29 < client.closed_for <= 30


async def test_a_spent_budget_closes_before_the_vendor_has_to_say_no() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "20"}
    client = http(lambda _: httpx.Response(200, headers=headers, json=[]))

    await client.send("PUT", "/x/pause")

    with pytest.raises(RateLimited):
        await client.send("PUT", "/y/pause")


async def test_a_read_waits_in_place_when_the_vendor_asks_for_little() -> None:
    answers = [httpx.Response(429, headers={"Retry-After": "0.05"}), httpx.Response(200, json=[])]
    client = http(lambda _: answers.pop(0))

    assert (await client.get("/x")).status_code == 200


async def heard(*paths: str, status: int = 200, circumstances: str = "") -> str:
    """This will read paths and give the digest of what came."""
    client = http(lambda request: httpx.Response(status, text=request.url.path))
    client.begin_reading(circumstances)
    for path in paths:
        with contextlib.suppress(VendorError):
            await client.send("GET", path)
    return client.heard


async def test_a_reading_is_known_again_whatever_the_order_of_its_answers() -> None:
    assert await heard("/a", "/b") == await heard("/b", "/a") != ""
    assert await heard("/a", "/b") != await heard("/a")
    assert await heard("/a") != await heard("/a", circumstances="another account")


async def test_a_reading_with_an_error_in_it_is_not_known() -> None:
    assert await heard("/a", status=500) == ""


async def test_a_known_reading_ends_early() -> None:
    client = http(lambda _: httpx.Response(200, text="the same"))
    client.begin_reading("")
    await client.get("/a")
    known = client.heard

    client.begin_reading("", known)
    await client.get("/a")

    with pytest.raises(NothingNew):
        client.end_reading()


async def test_json_that_a_strict_decoder_refuses_is_read_all_the_same() -> None:
    client = http(lambda _: httpx.Response(200, content=b'{"torn": "\\ud800", "none": NaN}'))

    found = client.json(await client.get("/a"))

    assert found["torn"] == "\ud800"
