"""
Sending one message to one place outside: a webhook through our own guarded way out, everything else by `apprise`.

Nothing here logs or raises the address: it holds secrets.
"""

import asyncio
import ipaddress
import logging
import socket
from urllib.parse import urlsplit

import apprise
import httpx
from django.conf import settings

from connectors.vendors.addresses import AddressRules, GuardedTransport
from connectors.vendors.errors import VendorError

TIMEOUT = httpx.Timeout(10.0, connect=5.0)
WEBHOOKS = frozenset({"http", "https"})
FIXED = frozenset({"slack", "discord", "tgram", "pagerduty", "opsgenie"})
"""Services at addresses that the package knows; the person's address holds keys alone."""
NAMED = {"mailto": "smtp_host", "mailtos": "smtp_host", "workflows": "host"}
"""Services at a host that the person names, and where the package keeps it: checked before each message."""
ACCEPTED = range(200, 300)

logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it names addresses


class NotSent(RuntimeError):
    """The place did not take the message; the words say why, without its address."""


def kind_of(target: str) -> str:
    """
    This will tell what kind of address it is, and refuse what is never called.

    :raises NotSent: it is none, or leads where it must not
    """
    kind = target.partition("://")[0].lower()
    if kind in WEBHOOKS:
        try:
            _rules().check_url(target)
        except VendorError as error:
            raise NotSent(str(error)) from None
        return kind
    if kind not in FIXED | set(NAMED):
        known = ", ".join(sorted(f"{name}://" for name in WEBHOOKS | FIXED | set(NAMED)))
        raise NotSent(f"No such kind of address. Known are: {known}.")
    if _plugin(target) is None:
        raise NotSent(f"This {kind}:// address cannot be read; look at how {kind} writes it.")
    return kind


def send(target: str, title: str, body: str) -> None:
    """
    This will send one message.

    :raises NotSent: it was not taken
    """
    kind = kind_of(target)
    if kind in WEBHOOKS:
        asyncio.run(_post(target, {"title": title, "body": body}))
        return
    plugin = _plugin(target)
    if plugin is None:
        raise NotSent("The address cannot be read.")
    if kind in NAMED:
        _check_host(str(getattr(plugin, NAMED[kind], "") or ""))
    if not plugin.notify(title=title, body=body):
        raise NotSent(f"{kind} did not take it: look whether its key still holds.")


async def _post(target: str, message: dict[str, str]) -> None:
    parts = urlsplit(target)
    async with httpx.AsyncClient(
        transport=GuardedTransport(_rules()), timeout=TIMEOUT, follow_redirects=False
    ) as client:
        try:
            answer = await client.post(target, json=message)
        except VendorError as error:
            raise NotSent(str(error)) from None
        except httpx.HTTPError as error:
            raise NotSent(f"{parts.hostname} could not be reached: {type(error).__name__}.") from None
    if answer.status_code not in ACCEPTED:
        raise NotSent(f"{parts.hostname} answered {answer.status_code}.")


def _plugin(target: str) -> apprise.NotifyBase | None:
    found = apprise.Apprise.instantiate(target, suppress_exceptions=True)
    return found if isinstance(found, apprise.NotifyBase) else None


def _check_host(host: str) -> None:
    rules = _rules()
    try:
        rules.check_url(f"https://{host}/")
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        for entry in found:
            rules.check(ipaddress.ip_address(str(entry[4][0]).split("%")[0]), host)
    except OSError:
        raise NotSent(f"The host name {host} was not found.") from None
    except VendorError as error:
        raise NotSent(str(error)) from None


def _rules() -> AddressRules:
    return AddressRules(is_private_allowed=settings.VENDOR_PRIVATE_ADDRESSES)
