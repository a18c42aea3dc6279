"""The estate in which the matrix is walked."""

from tests.connectors.conftest import estate

__all__ = ["estate"]
