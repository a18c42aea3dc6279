"""Vendor accounts: adding, changing, removing, and trying one out."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.conf import settings as site
from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import Operation, Team, VendorAccount
from connectors.permissions import Viewer
from connectors.services import audit, notices, operations, rules, vault
from connectors.states import OPEN, Permission
from connectors.vendors import registry
from connectors.vendors.addresses import AddressRules
from connectors.vendors.base import AccountConfig, Check, Vendor
from connectors.vendors.errors import AddressForbidden
from connectors.vendors.http import Http


class Invalid(Exception):
    """Some fields are not right. `errors` says which and why, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {text}" for field, text in errors.items()))
        self.errors = {field: [text] for field, text in errors.items()}


class InUse(Exception):
    """The account has operations under way."""


@transaction.atomic
def create(
    *,
    vendor: str,
    name: str,
    base_url: str,
    team: str,
    settings: Mapping[str, Any],
    credentials: Mapping[str, str],
    actor: Actor,
    viewer: Viewer,
) -> VendorAccount:
    """
    This will add an account; its connectors appear with the first observation.

    :raises operations.NotAllowed: the actor may not manage accounts of that team
    :raises Invalid: a field is not right; nothing was made
    """
    owner = Team.objects.filter(slug=team).first()
    _refuse_unless_allowed(viewer, owner)
    if vendor not in registry.vendors():
        raise Invalid({"vendor": f"There is no vendor {vendor!r}. Known are: {', '.join(registry.vendors())}."})
    found = registry.get(vendor)
    errors = _field_errors(found, settings, credentials) | _address_error(base_url)
    if owner is None:
        errors["team"] = f"There is no team {team!r}."
    if not name.strip():
        errors["name"] = "An account needs a name."
    if errors or owner is None:
        raise Invalid(errors)
    account = VendorAccount(
        vendor=vendor,
        name=name.strip(),
        team=owner,
        base_url=base_url.rstrip("/"),
        settings=dict(settings),
        sealed_credentials=vault.seal(credentials),
        created_at=timezone.now(),
        interval=found.interval,
        budget=found.budget,
    )
    _save(account)
    audit.record("account.created", actor=actor, result="done", target=account, after=_facts(account, credentials))
    _announce(account)
    return account


@transaction.atomic
def update(*, account: VendorAccount, changes: Mapping[str, Any], actor: Actor, viewer: Viewer) -> VendorAccount:
    """
    This will change an account. Of `settings` and `credentials` only the keys given are replaced.

    :param changes: any of `name base_url team settings credentials is_enabled`
    :raises operations.NotAllowed: the actor may not manage accounts of that team
    :raises Invalid: a field is not right; nothing was changed
    """
    account = VendorAccount.objects.select_for_update(of=("self",)).select_related("team").get(pk=account.pk)
    _refuse_unless_allowed(viewer, account.team)
    before = _facts(account, {})
    has_moved = changes.get("base_url", account.base_url).rstrip("/") != account.base_url
    kept = {} if has_moved else vault.unseal(account)  # secrets that were given for one address go to no other
    credentials = {**kept, **changes.get("credentials", {})}
    account.settings = {**account.settings, **changes.get("settings", {})}
    account.name = changes.get("name", account.name).strip()
    account.base_url = changes.get("base_url", account.base_url).rstrip("/")
    account.is_enabled = changes.get("is_enabled", account.is_enabled)
    errors = _field_errors(registry.get(account.vendor), account.settings, credentials)
    errors |= _address_error(account.base_url)
    if "team" in changes:
        owner = Team.objects.filter(slug=changes["team"]).first()
        if owner is None:
            errors["team"] = f"There is no team {changes['team']!r}."
        else:
            _refuse_unless_allowed(viewer, owner)
            account.team = owner
    if has_moved and "credentials" in errors:
        errors["credentials"] += " The address is another one, so its secrets have to be given again."
    if errors:
        raise Invalid(errors)
    account.sealed_credentials = vault.seal(credentials)
    account.due_at = None
    _save(account)
    if "team" in changes:
        rules.settle(actor=actor, account=account)
    after = _facts(account, changes.get("credentials", {}))
    audit.record("account.changed", actor=actor, result="done", target=account, before=before, after=after)
    _announce(account)
    return account


@transaction.atomic
def delete(*, account: VendorAccount, actor: Actor, viewer: Viewer) -> None:
    """
    This will remove an account with its rows; what was done with them stays on record.

    :raises operations.NotAllowed: the actor may not manage accounts of that team
    :raises InUse: operations are under way
    """
    account = VendorAccount.objects.select_for_update(of=("self",)).select_related("team").get(pk=account.pk)
    _refuse_unless_allowed(viewer, account.team)
    if number := Operation.objects.filter(account=account, status__in=OPEN).count():
        raise InUse(f"{number} operations of {account.name} are under way; wait for their outcome.")
    audit.record("account.deleted", actor=actor, result="done", target=account, before=_facts(account, {}))
    account.delete()


def test(*, account: VendorAccount, actor: Actor, viewer: Viewer) -> Sequence[Check]:
    """
    This will try an account out: reach, sign-in, list, act. Nothing is changed at the vendor.

    :raises operations.NotAllowed: the actor may not manage accounts of that team
    """
    _refuse_unless_allowed(viewer, account.team)
    checks = asyncio.run(_test(registry.get(account.vendor), vault.config_of(account)))
    with transaction.atomic():
        result = "done" if all(check.is_ok is not False for check in checks) else "failed"
        audit.record("account.tested", actor=actor, result=result, target=account)
    return checks


def try_out(
    *,
    vendor: str,
    base_url: str,
    settings: Mapping[str, Any],
    credentials: Mapping[str, str],
    account: VendorAccount | None = None,
    actor: Actor,
    viewer: Viewer,
) -> Sequence[Check]:
    """
    This will test what was typed, before anything is stored.

    :param account: the one to be changed: its secrets stand in for those that were not typed again
    :raises operations.NotAllowed: the actor may not manage accounts of that team
    :raises Invalid: a field is not right; nothing was tried
    """
    _refuse_unless_allowed(viewer, account.team if account else None)
    found = registry.get(vendor)
    if account is not None and base_url.rstrip("/") == account.base_url:  # kept secrets go to no other address
        credentials = {**vault.unseal(account), **credentials}
    if errors := _field_errors(found, settings, credentials) | _address_error(base_url):
        raise Invalid(errors)
    checks = asyncio.run(_test(found, AccountConfig(base_url.rstrip("/"), dict(settings), dict(credentials))))
    with transaction.atomic():
        result = "done" if all(check.is_ok is not False for check in checks) else "failed"
        audit.record("account.tried_out", actor=actor, result=result, target=account, after={"base_url": base_url})
    return checks


async def _test(vendor: Vendor, config: AccountConfig) -> Sequence[Check]:
    rules = AddressRules(is_private_allowed=site.VENDOR_PRIVATE_ADDRESSES)
    async with Http(vendor.slug, config, rules=rules) as http:
        return await vendor.adapter(config, http).test()


def _refuse_unless_allowed(viewer: Viewer, team: Team | None) -> None:
    """Of an account to be, the team may not be known yet; then it takes the right for any."""
    if team is not None and (why := viewer.why_not(Permission.MANAGE_ACCOUNTS, team.pk, team.slug)):
        raise operations.NotAllowed(why)
    if team is None and not viewer.may_add_accounts:
        raise operations.NotAllowed("Managing vendor accounts takes the role lead in a team, or the site role admin.")


def _field_errors(vendor: Vendor, settings: Mapping[str, Any], credentials: Mapping[str, str]) -> dict[str, str]:
    errors = {}
    for given, is_secret, place in ((settings, False, "settings"), (credentials, True, "credentials")):
        known = {field.name: field for field in vendor.fields if field.is_secret is is_secret}
        if unknown := sorted(set(given) - set(known)):
            errors[place] = f"{vendor.name} has no {', '.join(unknown)} here. Known are: {', '.join(known) or 'none'}."
        missing = [f.label for name, f in known.items() if f.is_required and not f.default and not given.get(name)]
        if missing:
            errors[place] = f"{vendor.name} needs: {', '.join(missing)}."
    return errors


def _address_error(url: str) -> dict[str, str]:
    try:
        AddressRules(is_private_allowed=site.VENDOR_PRIVATE_ADDRESSES).check_url(url)
    except AddressForbidden as error:
        return {"base_url": str(error)}
    return {}


def _save(account: VendorAccount) -> None:
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError as error:
        raise Invalid({"name": f"There is an account {account.name!r} already."}) from error


def _facts(account: VendorAccount, credentials: Mapping[str, str]) -> dict[str, Any]:
    """For the record: of credentials only which were given."""
    return {
        "name": account.name,
        "base_url": account.base_url,
        "team": account.team.slug,
        "is_enabled": account.is_enabled,
        "credentials_given": sorted(credentials),
    }


def _announce(account: VendorAccount) -> None:
    from connectors import tasks

    notices.rows(accounts=[account.pk])
    transaction.on_commit(partial(tasks.wake, account.pk))
