"""Telling open pages which rows changed: ids only, sent when the transaction commits."""

import json
from collections.abc import Iterable, Iterator

from django.db import connection

CHANNEL = "switchyard_rows"
IDS_A_NOTICE = 500
"""PostgreSQL takes just under 8 000 bytes a notice."""


def rows(*, connectors: Iterable[int] = (), pipelines: Iterable[int] = (), accounts: Iterable[int] = ()) -> None:
    """This will notify `{"c": [ids], "p": [ids], "a": [ids]}` on the channel, once the transaction commits."""
    wanted = {"c": sorted(set(connectors)), "p": sorted(set(pipelines)), "a": sorted(set(accounts))}
    with connection.cursor() as cursor:
        for payload in _payloads(wanted):
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])


def _payloads(wanted: dict[str, list[int]]) -> Iterator[str]:
    for kind, ids in wanted.items():
        for start in range(0, len(ids), IDS_A_NOTICE):
            yield json.dumps({kind: ids[start : start + IDS_A_NOTICE]}, separators=(",", ":"))
