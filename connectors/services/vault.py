"""Credentials at rest. Nothing else in the product sees them in clear but the driver and the live test."""

import json
from collections.abc import Mapping

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction

from connectors.models import AlertRule, VendorAccount
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


def rotate() -> int:
    """
    This will seal every secret anew with the first of the keys, and tell how many there were.

    Each row is locked while it is read and written, so what somebody changes meanwhile is neither lost nor overwritten.

    :raises Locked: one of them cannot be opened; those before it are sealed anew already
    """
    accounts = list(VendorAccount.objects.order_by("pk").values_list("pk", flat=True))
    factors = list(Authenticator.objects.order_by("pk").values_list("pk", flat=True))
    alerts = list(AlertRule.objects.order_by("pk").values_list("pk", flat=True))
    numbers = [*map(_rotate_account, accounts), *map(_rotate_factor, factors), *map(_rotate_alert, alerts)]
    return sum(numbers)


@transaction.atomic
def _rotate_account(pk: int) -> int:
    account = VendorAccount.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if account is None or not account.sealed_credentials:
        return 0
    try:
        sealed = _box().rotate(bytes(account.sealed_credentials))
    except InvalidToken:
        raise Locked(f"the credentials of {account.name} cannot be opened: CREDENTIAL_KEYS lacks their key") from None
    VendorAccount.objects.filter(pk=pk).update(sealed_credentials=sealed)
    return 1


@transaction.atomic
def _rotate_factor(pk: int) -> int:
    """The secret of an app, or the seed of recovery codes; a passkey has none that is ours."""
    factor = Authenticator.objects.select_for_update().filter(pk=pk).first()
    sealed = [name for name in ("secret", "seed") if factor and factor.data.get(name)]
    if factor is None or not sealed:
        return 0
    try:
        anew = {name: _box().rotate(factor.data[name].encode()).decode() for name in sealed}
    except InvalidToken:
        raise Locked(
            f"a second factor cannot be opened: CREDENTIAL_KEYS lacks the key of user {factor.user_id}'s"
        ) from None
    Authenticator.objects.filter(pk=pk).update(data={**factor.data, **anew})
    return 1


@transaction.atomic
def _rotate_alert(pk: int) -> int:
    """Where an alert goes often holds a password."""
    rule = AlertRule.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if rule is None or not rule.sealed_target:
        return 0
    try:
        sealed = _box().rotate(rule.sealed_target.encode()).decode()
    except InvalidToken:
        raise Locked(f"the target of alert {rule.name} cannot be opened: CREDENTIAL_KEYS lacks its key") from None
    AlertRule.objects.filter(pk=pk).update(sealed_target=sealed)
    return 1
