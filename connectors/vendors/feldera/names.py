"""How Feldera names connectors, and how they are put into an address."""

import re
from urllib.parse import quote

EPHEMERAL = re.compile(r"api-(\w+-)?[0-9a-f]{8}")
"""What the interface calls an endpoint it opens itself; somebody's own `api-orders` is none."""


def canonical(relation: str) -> str:
    """This will give a relation's name as it stands in an endpoint's: quoted ones keep their case, others lose it."""
    if len(relation) > 1 and relation.startswith('"') and relation.endswith('"'):
        return relation[1:-1]
    return relation.lower()


def connector_part(endpoint: str, relation: str) -> str:
    """This will take the connector's own name out of an endpoint's; a quoted relation may hold dots itself."""
    return endpoint[len(canonical(relation)) + 1 :]


def is_ephemeral(endpoint: str, relation: str) -> bool:
    """This will tell the endpoints nobody configured: the clock, and what the interface itself opens."""
    return "." not in endpoint or EPHEMERAL.match(connector_part(endpoint, relation)) is not None


def segment(text: str) -> str:
    """This will make one path segment of a text."""
    return quote(text, safe="")
