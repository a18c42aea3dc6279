"""The estate for pages and API."""

import pytest
from django.utils import timezone

from tests import cast


@pytest.fixture
def estate(db: None, tiny: str) -> cast.Estate:
    """This will make the fixed cast and their estate."""
    return cast.estate(tiny, timezone.now())
