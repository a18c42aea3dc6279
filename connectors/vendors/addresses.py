"""Which addresses a vendor account may lead to, checked when the account is made and at each connection."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from connectors.vendors.errors import AddressForbidden, Unreachable
from connectors.vendors.wire import Wire

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",  # link-local; most clouds keep their metadata service there
        "fe80::/10",
        "fd00:ec2::254/128",  # metadata over IPv6
        "100.100.100.200/32",  # metadata
        "168.63.129.16/32",  # platform service of the virtual machine's host
        "0.0.0.0/8",
        "::/128",
        "224.0.0.0/4",
        "ff00::/8",
        "255.255.255.255/32",
    )
)
METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What an address may be. Metadata and link-local are refused whatever these say."""

    is_private_allowed: bool = True
    """Loopback and private ranges: needed wherever vendors are self-hosted."""

    def check(self, address: Address, host: str) -> None:
        """
        This will refuse an address we never call.

        :raises AddressForbidden: with the rule that decided
        """
        plain = getattr(address, "ipv4_mapped", None) or address
        if any(plain in network for network in NEVER if network.version == plain.version):
            raise AddressForbidden(
                f"{host} leads to {plain}, a metadata, link-local or multicast address: never called"
            )
        if not plain.is_global and not self.is_private_allowed:
            raise AddressForbidden(f"{host} leads to {plain}, a private address, and this site does not allow those")

    def check_url(self, url: str) -> None:
        """
        This will refuse what can be refused without looking a name up.

        :raises AddressForbidden: scheme, missing host, user in the address, or a literal address we never call
        """
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").lower()
        if parts.scheme not in {"http", "https"} or not host:
            raise AddressForbidden("an address starts with https:// or http:// and names a host")
        if parts.username or parts.password:
            raise AddressForbidden("an address holds no user name or password: put them into their own fields")
        if host in METADATA_NAMES:
            raise AddressForbidden(f"{host} is a metadata service: never called")
        try:
            literal = ipaddress.ip_address(_as_written(host))
        except ValueError:
            return
        self.check(literal, host)


def _as_written(host: str) -> str:
    """Old spellings of an IPv4 address (decimal, hex, short) as the system's resolver reads them."""
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return host.split("%", maxsplit=1)[0]


class GuardedTransport(httpx.AsyncBaseTransport):
    """
    Looks each host up itself, checks every address found, and connects to the one it checked.

    A name that changes its address between check and connection (DNS rebinding) therefore gains nothing. What was
    found holds for as long as this transport lives: one slice of work.
    """

    def __init__(self, rules: AddressRules, tls: ssl.SSLContext | None = None) -> None:
        self.rules = rules
        self._tls = tls
        self._wires: dict[tuple[str, str, int | None], Wire] = {}
        """By scheme, host and port: a connection checked for one name is not used for another."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        origin = (url.scheme, url.host, url.port)
        if url.userinfo or origin not in self._wires:
            self.rules.check_url(str(url))
            wire = await self._wire(url)
            self._wires.setdefault(origin, wire)  # others may have looked the name up meanwhile: one wire for all
        return await self._wires[origin].handle_async_request(request)

    async def _wire(self, url: httpx.URL) -> Wire:
        is_secure = url.scheme == "https"
        port = url.port or (443 if is_secure else 80)
        address = await self._resolve(url.host, port)
        tls = (self._tls or ssl.create_default_context()) if is_secure else None
        return Wire(str(address), port, name=url.host, tls=tls)

    async def _resolve(self, host: str, port: int) -> Address:
        with contextlib.suppress(ValueError):  # an address needs no looking up
            literal = ipaddress.ip_address(host)
            self.rules.check(literal, host)
            return literal
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unreachable(f"the host name {host} was not found: check the address") from error
        addresses = [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
        for address in addresses:
            self.rules.check(address, host)
        return next((a for a in addresses if a.version == 4), addresses[0])

    async def aclose(self) -> None:
        for wire in self._wires.values():
            await wire.aclose()
