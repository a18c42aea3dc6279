"""The demo's buses and connectors, and made-up ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FOLDER = "b1gdemo0000000000fld"
MID_OPERATION = "returns-stream"
STAYS_BROKEN = {"supplier-invoices": "PERMISSION_DENIED"}
"""What a start leads back to, until somebody mends the cause outside."""


@dataclass(frozen=True)
class Planned:
    """One connector of the plan."""

    name: str
    source: str
    status: str = "RUNNING"

    def document(self) -> dict[str, Any]:
        """This will make its document; what is at its default is left out, as the vendor does."""
        sources: dict[str, dict[str, Any]] = {
            "messageQueue": {
                "queueArn": f"yrn:yc:ymq:ru-central1:{FOLDER}:{self.name}",
                "serviceAccountId": "ajedemo0000000000sa1",
                "batchSize": "10",
                "pollingTimeout": "10s",
            },
            "dataStream": {
                "database": "/ru-central1/b1gdemo/etn01",
                "streamName": self.name,
                "consumer": "eventrouter",
                "serviceAccountId": "ajedemo0000000000sa1",
            },
            "timer": {"cronExpression": "0 45 16 ? * *", "timeZone": "Europe/Moscow"},
            "auditTrails": {},
        }
        return {
            "name": self.name,
            "createdAt": "2026-02-23T14:01:46.256658Z",
            "labels": {"env": "prod"},
            "source": {self.source: sources[self.source]},
            "status": self.status,
        }


DEMO: dict[str, Sequence[Planned]] = {
    "main-bus": (
        Planned("orders-queue", "messageQueue"),
        Planned("parcels-stream", "dataStream"),
        Planned("supplier-invoices", "messageQueue", "PERMISSION_DENIED"),
    ),
    "returns-bus": (Planned(MID_OPERATION, "dataStream"), Planned("refund-timer", "timer", "STOPPED")),
    "audit-bus": (Planned("audit-trails-to-bus", "auditTrails"), Planned("gate-events", "messageQueue")),
}


def made_up(number: int) -> list[Planned]:
    """This will plan so many connectors: most run, some are stopped, a few have failed."""
    planned = []
    for n in range(number):
        status = {3: "RESOURCE_NOT_FOUND", 7: "STOPPED"}.get(n % 40, "RUNNING")
        planned.append(Planned(f"connector-{n:05}", ("messageQueue", "dataStream")[n % 2], status))
    return planned
