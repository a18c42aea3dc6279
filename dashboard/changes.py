"""What the database tells: ids of rows that changed. Hints, never the data."""

import json
from dataclasses import dataclass, field


@dataclass(slots=True)
class Changes:
    """Ids of rows that changed. `is_resync`: something may have been missed, look at everything."""

    connectors: set[int] = field(default_factory=set)
    pipelines: set[int] = field(default_factory=set)
    accounts: set[int] = field(default_factory=set)
    is_resync: bool = False

    def add(self, other: "Changes") -> None:
        """This will take another notice in."""
        self.connectors |= other.connectors
        self.pipelines |= other.pipelines
        self.accounts |= other.accounts
        self.is_resync |= other.is_resync


def parse(payload: str) -> Changes:
    """This will read a notice; one that cannot be read counts as: look at everything."""
    try:
        notice = json.loads(payload)
        return Changes(set(notice.get("c", ())), set(notice.get("p", ())), set(notice.get("a", ())))
    except (ValueError, AttributeError, TypeError):
        return Changes(is_resync=True)
