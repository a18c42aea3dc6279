"""Moments out of the database are read by psycopg's own loader, which is compiled; Django's is a Python function."""

from datetime import UTC
from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.signals import connection_created
from psycopg.pq import Format

TIMESTAMPTZ = psycopg.adapters.types["timestamptz"].oid
COMPILED: Any = psycopg.adapters.get_loader(TIMESTAMPTZ, Format.TEXT)


class Loader(COMPILED):  # type: ignore[misc]  # one of two classes, as psycopg is installed
    """As it is: connections speak UTC, so what it gives does too. Django asks a loader for its zone."""

    timezone = UTC


def read_by_loader(connection: Any, **_: object) -> None:
    """This will tell a connection that was just opened."""
    connection.connection.adapters.register_loader(TIMESTAMPTZ, Loader)


def connect() -> None:
    """This will listen for connections, where all of them speak UTC."""
    if settings.TIME_ZONE == "UTC":
        connection_created.connect(read_by_loader, dispatch_uid="moments")
