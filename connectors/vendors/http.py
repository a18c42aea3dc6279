"""The one way out: time-outs, TLS, address rules, retries, and the vendor's answers as our errors."""

import asyncio
import hashlib
import json
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import msgspec

from connectors.vendors import secrets
from connectors.vendors.addresses import AddressRules, GuardedTransport
from connectors.vendors.base import AccountConfig, Field
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

USER_AGENT = "Switchyard/0.1 (control room for data connectors)"
HEADERS = {"user-agent": USER_AGENT, "accept": "application/json", "accept-encoding": "gzip, deflate"}
TIMEOUT = httpx.Timeout(10.0, connect=5.0)
TRIES = 3
PATIENCE = 3.0
"""Seconds that a read waits in place when the vendor asks to be left alone; for longer, the driver comes back later."""
REDIRECTS = 3

SELF_HOSTED_FIELDS = (
    Field("ca_bundle", "CA certificates", "PEM, if the server's certificate is not publicly trusted.",
          is_required=False, kind="textarea"),
    Field("client_certificate", "Client certificate", "PEM, for mutual TLS.",
          is_secret=True, is_required=False, kind="textarea"),
    Field("client_key", "Client key", "PEM, without a passphrase.",
          is_secret=True, is_required=False, kind="textarea"),
    Field("extra_headers", "Extra headers", "One `Name: value` a line, for a proxy in front.",
          is_secret=True, is_required=False, kind="textarea"),
)  # fmt: skip
"""Fields of the account form for vendors that people host themselves; `Http` knows what to do with them."""


Params = Mapping[str, Any] | list[tuple[str, str]] | None


class NothingNew(Exception):
    """Every answer of a reading is byte for byte what it was at the last one. Not an error: a reading that is over."""


@dataclass(slots=True)
class Pace:
    """What the vendor last said about its limits. Times are in seconds from `at` (monotonic)."""

    limit: int | None = None
    remaining: int | None = None
    reset_after: float | None = None
    at: float = 0.0


class Http:
    """
    HTTP to one vendor account, for the length of one slice of work.

    :param explain: takes the vendor's words out of an error answer; may raise a more exact `VendorError`
    """

    def __init__(
        self,
        vendor: str,
        config: AccountConfig,
        *,
        rules: AddressRules | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.vendor = vendor
        self.base_url = config.base_url.rstrip("/")
        self.pace = Pace()
        self._closed_until = 0.0
        self.requests = 0
        """How many requests went out."""
        extra = _extra_headers(config)
        self._secrets = [value for value in (*config.credentials.values(), *extra.values()) if value]
        self.explain: Callable[[httpx.Response], str] = _first_words
        self._known = ""
        self._heard: list[bytes] = []
        self._is_whole = False
        self._headers = {**HEADERS, **{name.lower(): value for name, value in extra.items()}}
        self._transport = transport or GuardedTransport(rules or AddressRules(), _tls(config))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._transport.aclose()

    def clean(self, text: str) -> str:
        """This will strip secrets, this account's own credentials first, from a text that leaves the vendor layer."""
        return secrets.strip(text, self._secrets)

    def keep_secret(self, value: str) -> None:
        """This will make `clean` strip a value that was made on the way, such as an access token."""
        self._secrets.append(value)

    def begin_reading(self, circumstances: str, known: str = "") -> None:
        """
        This will begin to take a digest of all that is read from now on.

        :param circumstances: what else decides what is made of the answers
        :param known: the digest of the last reading
        """
        self._known, self._heard, self._is_whole = known, [circumstances.encode()], True

    @property
    def heard(self) -> str:
        """The digest of this reading, whatever order its answers came in; empty when one of them was an error."""
        return hashlib.blake2b(b"".join(sorted(self._heard)), digest_size=20).hexdigest() if self._is_whole else ""

    def end_reading(self) -> None:
        """
        This will end a reading early if nothing at all is new; for adapters whose words do not depend on the time.

        :raises NothingNew: each answer, and what is known beside, is as it was
        """
        if self._known and self.heard == self._known:
            raise NothingNew

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """This will read, trying up to three times when that can help; it waits where the vendor asks for little."""
        for attempt in range(1, TRIES):
            try:
                return await self.send("GET", path, **options)
            except (Unreachable, ServerFault):
                await asyncio.sleep(0.1 * 2**attempt)
            except RateLimited as error:
                if error.retry_after > PATIENCE:
                    raise
                await asyncio.sleep(error.retry_after)
        return await self.send("GET", path, **options)

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Params = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # handed to httpx, which keeps it
    ) -> httpx.Response:
        """
        This will make one request, once, and give the answer if it is a 2xx.

        :param path: below the account's address, or a whole address
        :param timeout: seconds for the answer, instead of the usual 10
        :raises VendorError: every other answer, and none
        """
        url = path if "://" in path else self.base_url + path
        limit = httpx.Timeout(timeout, connect=5.0) if timeout else TIMEOUT
        try:
            response = await self._follow(method, url, limit, params=params, json=json, data=data, headers=headers)
            self._learn(response)
            if not response.is_success:
                raise self._error(response)
        except VendorError:
            self._is_whole = False
            raise
        if method == "GET":
            asked = hashlib.blake2b(str(response.request.url).encode(), digest_size=20)
            asked.update(response.content)
            self._heard.append(asked.digest())
        return response

    async def _follow(self, method: str, url: str, limit: httpx.Timeout, **options: Any) -> httpx.Response:
        """Redirects only for reads, and only on the same host."""
        for _ in range(REDIRECTS):
            response = await self._once(method, url, limit, **options)
            if not response.has_redirect_location:
                return response
            onward = httpx.URL(url).join(response.headers["location"])
            here = httpx.URL(url)
            if method != "GET" or (onward.scheme, onward.host, onward.port) != (
                here.scheme,
                here.host,
                here.port,
            ):
                raise self._dress(
                    AddressForbidden(f"answered with a redirect to {onward.host}: not followed"), response
                )
            url, options["params"] = str(onward), None
        raise self._dress(NotUnderstood("redirects in a circle"), response)

    async def _once(
        self,
        method: str,
        url: str,
        limit: httpx.Timeout,
        *,
        params: Params,
        headers: Mapping[str, str] | None,
        **content: Any,
    ) -> httpx.Response:
        """Straight to the transport: redirects and retries are ours, and the rest of httpx's client is not used."""
        what = f"{method} {urlsplit(url).path}"
        self._stay_away(what)
        self.requests += 1
        try:
            request = httpx.Request(
                method, _whole_url(url, tuple(params.items() if isinstance(params, Mapping) else params or ())),
                headers=self._with(headers), extensions={"timeout": limit.as_dict()}, **content,
            )  # fmt: skip
            response = await self._transport.handle_async_request(request)
            response.request = request
            try:
                await response.aread()
            finally:
                await response.aclose()
            return response
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unreachable(self.clean(_connection_words(error)), self.vendor, what) from error
        except httpx.TimeoutException as error:
            raise LostReply(f"no answer within {limit.read:g} s", self.vendor, what) from error
        except (httpx.LocalProtocolError, UnicodeEncodeError):  # whose own words quote it, and it may be secret
            words = "a header holds a character that cannot be sent: check the credentials and extra headers"
            raise VendorError(words, self.vendor, what) from None
        except httpx.InvalidURL as error:
            raise AddressForbidden("this is not an address", self.vendor, what) from error
        except httpx.RequestError as error:
            raise LostReply(f"the connection broke before the answer was whole: {type(error).__name__}",
                            self.vendor, what) from error  # fmt: skip
        except VendorError as error:
            error.vendor, error.request = self.vendor, what
            raise

    def _with(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        """Names in small letters, so that none stands there twice."""
        return {**self._headers, **{name.lower(): value for name, value in (headers or {}).items()}}

    def _stay_away(self, what: str) -> None:
        """
        Once the vendor has said "too many", nothing goes out until its time is over, not even the next page.

        :raises RateLimited: kept back, not sent
        """
        if rest := self.closed_for:
            raise RateLimited("it asked to be left alone", self.vendor, what, retry_after=rest, was_sent=False)

    @property
    def closed_for(self) -> float:
        """Seconds for which the vendor still wants to be left alone; 0 when it does not."""
        return max(0.0, self._closed_until - time.monotonic())

    def _learn(self, response: httpx.Response) -> None:
        """What the answer says of the vendor's limits."""
        headers = response.headers
        wait = _asked_to_wait(response)
        if "x-ratelimit-remaining" in headers or "retry-after" in headers:
            self.pace = Pace(
                limit=_whole(headers.get("x-ratelimit-limit")),
                remaining=_whole(headers.get("x-ratelimit-remaining")),
                reset_after=wait,
                at=time.monotonic(),
            )
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self._close_for(wait or 1.0)
        elif headers.get("x-ratelimit-remaining") == "0":
            self._close_for(wait or 0.0)

    def _close_for(self, seconds: float) -> None:
        self._closed_until = max(self._closed_until, time.monotonic() + seconds)

    def _error(self, response: httpx.Response) -> VendorError:
        """By status only; a vendor whose body says more raises it from `explain`."""
        try:
            words = self.clean(self.explain(response)) or response.reason_phrase
        except VendorError as error:
            error.message = self.clean(error.message)
            if isinstance(error, RateLimited):
                error.retry_after = _asked_to_wait(response) or error.retry_after
            return self._dress(error, response)
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = _asked_to_wait(response) or 1.0
            return self._dress(RateLimited(words or "too many requests", retry_after=wait), response)
        kinds: dict[int, type[VendorError]] = {
            401: SignInRefused,
            403: NotAllowed,
            404: NotFound,
            408: LostReply,
        }
        kind = kinds.get(status, ServerFault if status >= 500 else Refused)
        return self._dress(kind(words), response)

    def _dress(self, error: VendorError, response: httpx.Response) -> VendorError:
        error.vendor = self.vendor
        error.request = f"{response.request.method} {response.request.url.path}"
        error.status = response.status_code
        error.request_id = response.headers.get("x-request-id", "")
        return error

    def json(self, response: httpx.Response) -> Any:
        """
        This will decode an answer.

        :raises NotUnderstood: it is HTML, cut off, or not JSON at all
        """
        try:
            return _decoded(response.content)
        except ValueError as error:
            kind = response.headers.get("content-type", "nothing named").split(";")[0]
            words = (
                "a web page" if "html" in kind or response.content.lstrip()[:1] == b"<" else f"something else ({kind})"
            )
            raise self._dress(
                NotUnderstood(f"answered with {words} where JSON was expected: check the address"), response
            ) from error


@lru_cache(maxsize=4096)
def _whole_url(url: str, params: tuple[tuple[str, Any], ...]) -> httpx.URL:
    """The same addresses are read again and again, and putting one together takes longer than sending it."""
    return httpx.URL(url).copy_merge_params(params) if params else httpx.URL(url)


def _decoded(content: bytes) -> Any:
    """Fast, and where that is too strict (a torn character, NaN), as forgiving as the standard library."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, ValueError):
        return json.loads(content)


def _first_words(response: httpx.Response) -> str:
    text = response.text.strip()
    return "" if text.startswith("<") else text[:300]


def _connection_words(error: httpx.RequestError) -> str:
    if isinstance(error.__cause__, ssl.SSLError) or "SSL" in str(error) or "CERTIFICATE" in str(error):
        return f"the TLS connection failed: {error}"
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection within 5 s"
    return "the connection was refused or is not possible"


def _extra_headers(config: AccountConfig) -> dict[str, str]:
    lines = (config.credentials.get("extra_headers") or "").splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


_contexts: dict[bytes, ssl.SSLContext] = {}
"""By a hash of what is special about them: reading the system's certificates takes longer than reading an account."""
MOST_CONTEXTS = 500


def _tls(config: AccountConfig) -> ssl.SSLContext:
    """
    Verification is always on.

    :raises AddressForbidden: a certificate that was given cannot be read
    """
    bundle = str(config.settings.get("ca_bundle") or "")
    certificate, key = (config.credentials.get(name) or "" for name in ("client_certificate", "client_key"))
    place = hashlib.sha256(f"{bundle}\n{certificate}\n{key}".encode()).digest()
    if place not in _contexts:
        if len(_contexts) >= MOST_CONTEXTS:
            _contexts.clear()
        _contexts[place] = _context(bundle, certificate, key)
    return _contexts[place]


def _context(bundle: str, certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if bundle:
            context.load_verify_locations(cadata=bundle)
        if certificate:
            _load_client_certificate(context, certificate, key)
    except (ssl.SSLError, ValueError) as error:
        raise AddressForbidden("the CA or client certificate cannot be read: it must be PEM") from error
    return context


def _load_client_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """The standard library reads these from a file only; it is ours alone and gone at once."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "client.pem"
        file.touch(mode=0o600)
        file.write_text(f"{certificate}\n{key}\n")
        context.load_cert_chain(file)


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdigit() else None


def _asked_to_wait(response: httpx.Response) -> float | None:
    return _seconds(response.headers.get("retry-after") or response.headers.get("x-ratelimit-reset"))


def _seconds(text: str | None) -> float | None:
    """Seconds from now; the date form of Retry-After is read as one second."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        return 1.0
