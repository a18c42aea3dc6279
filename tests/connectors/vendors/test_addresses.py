"""Which addresses are never called, however they are spelled."""

import asyncio
import contextlib
import ipaddress

import httpx
import pytest

from connectors.vendors.addresses import AddressRules, GuardedTransport
from connectors.vendors.errors import AddressForbidden, Unreachable

OPEN = AddressRules(is_private_allowed=True)
CLOSED = AddressRules(is_private_allowed=False)

METADATA = [
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://[::ffff:169.254.169.254]/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "http://100.100.100.200/",
    "http://metadata.google.internal/",
    "http://metadata.google.internal./",
    "http://0.0.0.0/",
    "http://224.0.0.1/",
]


@pytest.mark.parametrize("url", METADATA)
def test_check_url_always_refuses_metadata_and_link_local(url: str) -> None:
    with pytest.raises(AddressForbidden):
        OPEN.check_url(url)


@pytest.mark.parametrize(
    "url", ["ftp://host/", "file:///etc/passwd", "//host/", "host:9200", "https://", "https://user:pw@host/"]
)
def test_check_url_refuses_what_is_not_a_plain_web_address(url: str) -> None:
    with pytest.raises(AddressForbidden):
        OPEN.check_url(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8083", "http://10.1.2.3/", "https://[::1]:9200/", "http://192.168.1.4"]
)
def test_private_ranges_follow_the_policy(url: str) -> None:
    OPEN.check_url(url)
    with pytest.raises(AddressForbidden):
        CLOSED.check_url(url)


@pytest.mark.parametrize(
    "url", ["https://api.confluent.cloud", "https://8.8.8.8/", "http://connect.example:8083/prefix"]
)
def test_check_url_lets_ordinary_addresses_pass(url: str) -> None:
    CLOSED.check_url(url)


async def test_transport_checks_what_a_name_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = GuardedTransport(OPEN)

    async def rebound(host: str, port: int) -> ipaddress.IPv4Address:
        address = ipaddress.IPv4Address("169.254.169.254")
        OPEN.check(address, host)
        return address

    monkeypatch.setattr(transport, "_resolve", rebound)

    with pytest.raises(AddressForbidden):
        await transport.handle_async_request(httpx.Request("GET", "http://innocent.example/"))


async def test_transport_refuses_a_name_of_this_host_when_private_is_closed() -> None:
    async with httpx.AsyncClient(transport=GuardedTransport(CLOSED)) as client:
        with pytest.raises(AddressForbidden):
            await client.get("http://localhost:1/")


async def test_requests_that_look_a_name_up_at_once_share_connections_that_are_closed_with_it() -> None:
    connections: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())  # type: ignore[arg-type]  # one is running
        with contextlib.suppress(asyncio.IncompleteReadError):  # the other side hung up
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        url = f"http://localhost:{listening.sockets[0].getsockname()[1]}/"
        transport = GuardedTransport(OPEN)
        await asyncio.gather(*(transport.handle_async_request(httpx.Request("GET", url)) for _ in range(5)))
        await transport.aclose()
        ended, still_open = await asyncio.wait(connections, timeout=5)

    assert ended
    assert not still_open


async def test_transport_says_when_a_name_is_not_found() -> None:
    async with httpx.AsyncClient(transport=GuardedTransport(OPEN)) as client:
        with pytest.raises(Unreachable, match="was not found"):
            await client.get("http://nowhere.invalid/")
