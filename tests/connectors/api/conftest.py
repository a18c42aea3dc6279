"""A client for each of the cast."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from tests.cast import Estate


@pytest.fixture
def client_of(estate: Estate) -> Callable[[str], APIClient]:
    """This will give a function that makes a client with somebody's token."""

    def make(name: str) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {estate.token(name)}")
        return client

    return make
