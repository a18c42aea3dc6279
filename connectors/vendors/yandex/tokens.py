"""From an authorized key to an IAM token: a PS256 signature, once an hour, kept in this process."""

import asyncio
import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

import jwt

from connectors.vendors.errors import SignInRefused, VendorError
from connectors.vendors.http import Http

RENEWED_AFTER = 3600.0
"""Seconds; a token lives up to 12 h, and the vendor advises to ask hourly."""
SIGNATURE_LIVES = 3600


@dataclass(frozen=True, slots=True)
class AuthorizedKey:
    """What a service account signs with."""

    id: str
    service_account: str
    private_key: str

    @classmethod
    def read(cls, text: str) -> "AuthorizedKey":
        """
        This will read the key file; the warning line some carry before the PEM is left out.

        :raises SignInRefused: it is no such file
        """
        try:
            given = json.loads(text)
            pem = given["private_key"]
            return cls(given["id"], given["service_account_id"], pem[pem.index("-----BEGIN") :])
        except (ValueError, KeyError, TypeError) as error:
            raise SignInRefused(
                "the key is not an authorized key in JSON, with id, service_account_id and private_key"
            ) from error

    def sign(self, audience: str) -> str:
        """
        This will make the token that is exchanged for an IAM token.

        :raises SignInRefused: the private key cannot be read
        """
        now = int(time.time())
        claims = {"iss": self.service_account, "aud": audience, "iat": now, "exp": now + SIGNATURE_LIVES}
        try:
            return jwt.encode(claims, self.private_key, algorithm="PS256", headers={"kid": self.id})
        except (ValueError, jwt.PyJWTError) as error:
            raise SignInRefused("the private key in the authorized key cannot be read") from error


_kept: dict[str, tuple[str, float]] = {}
"""By a hash of address and key: the token, and when it was asked for (monotonic)."""


class Tokens:
    """The IAM token of one account; asked for once by however many calls wait for it."""

    def __init__(self, http: Http, key_text: str, iam_url: str, audience: str) -> None:
        self.http = http
        self.key_text = key_text
        self.iam_url = iam_url.rstrip("/")
        self.audience = audience
        self._place = hashlib.sha256(f"{iam_url}\n{audience}\n{key_text}".encode()).hexdigest()
        self._lock = asyncio.Lock()

    async def get(self) -> str:
        """
        This will give a token that is young enough.

        :raises VendorError: sign-in was refused or did not answer
        """
        async with self._lock:
            token, at = _kept.get(self._place, ("", 0.0))
            if not token or time.monotonic() - at > RENEWED_AFTER:
                token = await self._ask()
                _kept[self._place] = (token, time.monotonic())
        self.http.keep_secret(token)
        return token

    def drop(self) -> None:
        """This will forget the token: it was refused."""
        _kept.pop(self._place, None)

    async def _ask(self) -> str:
        key = AuthorizedKey.read(self.key_text)
        self.http.keep_secret(key.private_key)
        signed = key.sign(self.audience)
        self.http.keep_secret(signed)
        try:
            answer = await self.http.send("POST", f"{self.iam_url}/iam/v1/tokens", json={"jwt": signed})
        except VendorError as error:
            if error.status in {400, 401, 404}:
                words = f"the sign-in service refused the key: {error}"
                raise SignInRefused(words, error.vendor, error.request, error.status) from error
            raise
        found: dict[str, Any] = self.http.json(answer)
        return str(found["iamToken"])
