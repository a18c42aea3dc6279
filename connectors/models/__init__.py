"""Facts and the constraints that keep them true."""

from connectors.models.accounts import VendorAccount
from connectors.models.alerts import Alert, AlertMessage, AlertRule
from connectors.models.audit import (
    AuditChain,
    AuditCheckpoint,
    AuditEvent,
    AuditPending,
    AuditSeal,
    AuditSearch,
    AuditSink,
)
from connectors.models.batches import Batch, BatchItem, Hold
from connectors.models.connectors import Connector, Pipeline
from connectors.models.counts import CountChange
from connectors.models.exports import AuditExport, AuditExportPart
from connectors.models.guards import Approval, ApprovalTarget, BreakGlass, FreezeWindow, Loosening, Protection
from connectors.models.healing import HealPolicy, HealState
from connectors.models.notes import Note
from connectors.models.operations import Operation, StateChange, UsualTime
from connectors.models.people import (
    AccessRequest,
    ApiToken,
    BreakGlassLink,
    FirstAdminLink,
    Invitation,
    Membership,
    SiteMembership,
    Team,
)
from connectors.models.reviews import ReviewEvent, ReviewItem, ReviewNote, ReviewRule
from connectors.models.rules import OwnershipClaim, OwnershipRule
from connectors.models.samples import Sample
from connectors.models.schedules import Schedule, ScheduleRun
from connectors.models.views import BoardColumns, SavedView

__all__ = [
    "AccessRequest",
    "Alert",
    "AlertMessage",
    "AlertRule",
    "ApiToken",
    "Approval",
    "ApprovalTarget",
    "AuditChain",
    "AuditCheckpoint",
    "AuditEvent",
    "AuditExport",
    "AuditExportPart",
    "AuditPending",
    "AuditSeal",
    "AuditSearch",
    "AuditSink",
    "Batch",
    "BatchItem",
    "BoardColumns",
    "BreakGlass",
    "BreakGlassLink",
    "Connector",
    "CountChange",
    "FirstAdminLink",
    "FreezeWindow",
    "HealPolicy",
    "HealState",
    "Hold",
    "Invitation",
    "Loosening",
    "Membership",
    "Note",
    "Operation",
    "OwnershipClaim",
    "OwnershipRule",
    "Pipeline",
    "Protection",
    "ReviewEvent",
    "ReviewItem",
    "ReviewNote",
    "ReviewRule",
    "Sample",
    "SavedView",
    "Schedule",
    "ScheduleRun",
    "SiteMembership",
    "StateChange",
    "Team",
    "UsualTime",
    "VendorAccount",
]
