"""Facts and the constraints that keep them true."""

from connectors.models.accounts import VendorAccount
from connectors.models.audit import AuditEvent
from connectors.models.batches import Batch, BatchItem, Hold
from connectors.models.connectors import Connector, Pipeline
from connectors.models.operations import Operation, StateChange, UsualTime
from connectors.models.people import ApiToken, FirstAdminLink, Membership, SiteMembership, Team

__all__ = [
    "ApiToken",
    "AuditEvent",
    "Batch",
    "BatchItem",
    "Connector",
    "FirstAdminLink",
    "Hold",
    "Membership",
    "Operation",
    "Pipeline",
    "SiteMembership",
    "StateChange",
    "Team",
    "UsualTime",
    "VendorAccount",
]
