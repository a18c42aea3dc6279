"""The ways out: a file that grows, a folder of files, a webhook, a syslog receiver. Each takes lines in order."""

import asyncio
import hashlib
import hmac
import ipaddress
import json
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from django.conf import settings
from django.utils import timezone

from connectors.services import sealing
from connectors.vendors.addresses import AddressRules, GuardedTransport
from connectors.vendors.errors import VendorError

PATIENCE = 10.0
"""Seconds."""
LOG_AUDIT_INFO = 13 * 8 + 6
"""Facility and severity, as syslog counts them."""
TAIL = 1 << 20
"""Bytes at the end of a file in which its last line is looked for."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event or checkpoint, as the verifier reads it."""

    position: int
    text: str
    at: datetime


class Untold(Exception):
    """It did not arrive. The message holds no part of an address: those may carry a key."""


def append(where: str, lines: Sequence[Line]) -> None:
    """
    This will add lines to a file that is an export in itself, after what a crash left half written was taken off.

    :raises Untold: the file takes nothing
    """
    try:
        with Path(where).open("a+b") as file:
            last = _mend(file.fileno())
            head = {"switchyard": "audit-export/1", "chain": sealing.chain(), "excerpt": False}
            new = [line.text for line in lines if line.position > last]
            texts = [json.dumps(head), *new] if last < 0 else new
            file.write("".join(f"{text}\n" for text in texts).encode())
            file.flush()
            os.fsync(file.fileno())
    except (OSError, ValueError) as error:
        raise Untold(f"the file takes nothing: {_name(error)}") from None


def _mend(file: int) -> int:
    """The position of the last whole line; 0 after the head alone, -1 in an empty file."""
    size = os.fstat(file).st_size
    start = max(0, size - TAIL)
    tail = os.pread(file, TAIL, start)
    whole = tail[: tail.rfind(b"\n") + 1]
    if len(whole) < len(tail):
        os.ftruncate(file, start + len(whole))
    if not whole:
        return -1
    return int(json.loads(whole.splitlines()[-1]).get("position", 0))


def keep_apart(where: str, lines: Sequence[Line]) -> None:
    """
    This will put each line into a file of its own that is never opened for writing again: the folder may be write-once.

    :raises Untold: the folder takes nothing, or holds something else under that number
    """
    for line in lines:
        file = Path(where) / f"checkpoint-{line.position:09}.json"
        text = f"{line.text}\n".encode()
        try:
            _create(file, text)
        except FileExistsError:
            if file.read_bytes() != text:
                raise Untold(f"{file.name} is there already and says something else") from None
        except OSError as error:
            raise Untold(f"the folder takes nothing: {_name(error)}") from None


def _create(file: Path, text: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.write(descriptor, text)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def post(where: str, lines: Sequence[Line]) -> None:
    """
    This will POST lines to a webhook, signed if there is a secret to sign with; only a 2xx counts as told.

    :raises Untold: it did not answer that
    """
    body = "".join(f"{line.text}\n" for line in lines).encode()
    headers = {
        "Content-Type": "application/x-ndjson",
        "X-Switchyard-First": str(lines[0].position),
        "X-Switchyard-Last": str(lines[-1].position),
        **_signature(body),
    }
    try:
        status = asyncio.run(_post(where, body, headers))
    except (httpx.HTTPError, httpx.InvalidURL, VendorError, OSError) as error:
        raise Untold(f"the webhook does not answer: {_name(error)}") from None
    if not 200 <= status < 300:  # what HTTP calls success
        raise Untold(f"the webhook answered {status}")


async def _post(where: str, body: bytes, headers: dict[str, str]) -> int:
    transport = GuardedTransport(_rules(), ssl.create_default_context())
    async with httpx.AsyncClient(transport=transport, timeout=PATIENCE, follow_redirects=False) as client:
        return (await client.post(where, content=body, headers=headers)).status_code


def _signature(body: bytes) -> dict[str, str]:
    if not settings.AUDIT_WEBHOOK_SECRET:
        return {}
    at = str(int(timezone.now().timestamp()))
    key = settings.AUDIT_WEBHOOK_SECRET.encode()
    mark = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Switchyard-Signature": f"t={at},v1={mark}"}


def syslog(where: str, lines: Sequence[Line]) -> None:
    """
    This will send lines to `host:port` over TCP (RFC 5424, counted as in RFC 6587), and wait until the other end
    has read to the end and closed.

    :raises Untold: it did not
    """
    host, _, port = where.rpartition(":")
    try:
        with socket.create_connection((_checked(host, int(port)), int(port)), timeout=PATIENCE) as connection:
            connection.sendall(b"".join(_message(line) for line in lines))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass  # a receiver has nothing to say; its end of file says that it took all
    except (OSError, ValueError, VendorError) as error:
        raise Untold(f"the syslog receiver does not take it: {_name(error)}") from None


def _message(line: Line) -> bytes:
    at = line.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = f"<{LOG_AUDIT_INFO}>1 {at} {socket.gethostname()} switchyard - audit - {line.text}".encode()
    return f"{len(text)} ".encode() + text


def _checked(host: str, port: int) -> str:
    found = {str(entry[4][0]).split("%")[0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    for address in found:
        _rules().check(ipaddress.ip_address(address), host)
    return sorted(found, key=lambda address: ":" in address)[0]


def _rules() -> AddressRules:
    return AddressRules(is_private_allowed=settings.VENDOR_PRIVATE_ADDRESSES)


def _name(error: Exception) -> str:
    """Kind of error alone: its words may quote the address."""
    said = error.strerror if isinstance(error, OSError) else ""
    return f"{type(error).__name__}, {said}" if said else type(error).__name__
