"""The vendors that are installed, for pages."""

from connectors.vendors import registry
from connectors.vendors.base import Vendor


def vendor(slug: str) -> Vendor:
    """This will find a vendor by its slug."""
    return registry.get(slug)


def find(slug: str) -> Vendor | None:
    """This will find a vendor by a slug that may be none."""
    return registry.vendors().get(slug)


def vendors() -> list[Vendor]:
    """This will list all of them, in order of name."""
    return list(registry.vendors().values())
