"""The vendors that are installed, for pages."""

from connectors.vendors import registry
from connectors.vendors.base import Vendor


def vendor(slug: str) -> Vendor:
    """This will find a vendor by its slug."""
    return registry.get(slug)
