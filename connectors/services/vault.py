"""Credentials at rest. Nothing else in the product sees them in clear but the driver and the live test."""

import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from connectors.models import VendorAccount
from connectors.vendors.base import AccountConfig


class Locked(RuntimeError):
    """The credentials cannot be opened with the keys this process has."""


def seal(credentials: Mapping[str, str]) -> bytes:
    """This will encrypt credentials with the first of the site's keys."""
    return _box().encrypt(json.dumps(dict(credentials)).encode())


def unseal(account: VendorAccount) -> dict[str, str]:
    """
    This will decrypt the credentials of an account.

    :raises Locked: none of the site's keys fits
    """
    if not account.sealed_credentials:
        return {}
    try:
        opened: dict[str, str] = json.loads(_box().decrypt(bytes(account.sealed_credentials)))
    except InvalidToken:
        raise Locked(f"the credentials of {account.name} cannot be opened: CREDENTIAL_KEYS lacks their key") from None
    return opened


def seal_text(text: str) -> str:
    """This will encrypt any other secret that has to be kept, such as that of a second factor."""
    return _box().encrypt(text.encode()).decode()


def unseal_text(sealed: str) -> str:
    """
    This will decrypt it.

    :raises Locked: none of the site's keys fits
    """
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Locked("a secret cannot be opened: CREDENTIAL_KEYS lacks its key") from None


def config_of(account: VendorAccount) -> AccountConfig:
    """
    This will put together what the account's adapter needs, credentials in clear included.

    :raises Locked: see `unseal`
    """
    return AccountConfig(base_url=account.base_url, settings=account.settings, credentials=unseal(account))


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.CREDENTIAL_KEYS])
