"""Facts and the constraints that keep them true."""

from connectors.models.accounts import VendorAccount
from connectors.models.audit import AuditEvent
from connectors.models.connectors import Connector, Pipeline
from connectors.models.operations import Operation, StateChange, UsualTime
from connectors.models.people import ApiToken, FirstAdminLink, Membership, SiteMembership, Team

__all__ = [
    "ApiToken",
    "AuditEvent",
    "Connector",
    "FirstAdminLink",
    "Membership",
    "Operation",
    "Pipeline",
    "SiteMembership",
    "StateChange",
    "Team",
    "UsualTime",
    "VendorAccount",
]
