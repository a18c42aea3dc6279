"""Finds the vendor folders. Adding a vendor is adding a folder beside this file."""

import importlib
import pkgutil
from functools import cache

import connectors.vendors
from connectors.vendors.base import Vendor


class UnknownVendor(LookupError):
    """No vendor folder has this slug."""


@cache
def vendors() -> dict[str, Vendor]:
    """This will import each vendor folder once and give its `VENDOR` by slug, in order of name."""
    found = [
        importlib.import_module(f"connectors.vendors.{module.name}").VENDOR
        for module in pkgutil.iter_modules(connectors.vendors.__path__)
        if module.ispkg
    ]
    return {vendor.slug: vendor for vendor in sorted(found, key=lambda vendor: vendor.name)}


def get(slug: str) -> Vendor:
    """
    This will give one vendor.

    :raises UnknownVendor: no folder has this slug
    """
    try:
        return vendors()[slug]
    except KeyError:
        raise UnknownVendor(f"there is no vendor {slug!r}; known are: {', '.join(vendors())}") from None
