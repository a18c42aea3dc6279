"""One object for each kind that an address can name, and a body for each address that takes one."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.utils import timezone

from connectors import permissions
from connectors.models import (
    AccessRequest,
    AlertRule,
    AuditEvent,
    AuditSearch,
    Batch,
    BreakGlass,
    HealPolicy,
    Hold,
    Membership,
    Note,
    Operation,
    OwnershipClaim,
    OwnershipRule,
    ReviewRule,
    SavedView,
    Schedule,
)
from connectors.services import actors, approvals, break_glass, protections, teams, tokens, vault
from connectors.states import Permission, Role, State, Verb
from tests.cast import Estate
from tests.connectors.services import guarding

NOWHERE = 999_999
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class World:
    """Ids by what stands before them in an address: `{"connectors": 1}` for `connectors/<int:pk>/`."""

    ids: dict[str, Any]
    tokens: dict[str, str]
    """In clear, by the column of the table."""


def build(estate: Estate) -> World:
    """This will make all of it around the estate of team payments."""
    now = timezone.now()
    orders, invoices, ledger = estate.connectors
    cast = estate.people
    actor, viewer = guarding.who(estate, "lead")
    _, invitation = teams.invite(team=estate.team, address="new@example.org", role=Role.VIEWER, actor=actor,
                                 viewer=viewer)  # fmt: skip
    operation = Operation.objects.create(
        account=estate.account, connector=invoices, kind=Verb.RESUME, actor="operator", user=cast["operator"],
        requested_at=now, deadline_at=now + HOUR, state_before=State.PAUSED,
    )  # fmt: skip
    ended = Operation.objects.create(
        account=estate.account, connector=ledger, kind=Verb.PAUSE, actor="operator", status="confirmed",
        requested_at=now, deadline_at=now + HOUR, finished_at=now, state_before=State.RUNNING,
    )  # fmt: skip
    batch = Batch.objects.create(kind=Verb.PAUSE, status="running", actor="lead", user=cast["lead"], requested_at=now)
    batch.items.create(connector=orders, place=0, status="waiting", state_before=State.RUNNING)
    window = guarding.freeze(estate, team=estate.team, spared=["*"])
    glass = BreakGlass.objects.create(freeze=window, user=cast["lead"], actor="lead", reason="x", at=now,
                                      until=now + HOUR)  # fmt: skip
    thing = estate.add("guarded")
    guarding.protect(estate, thing)
    operator, seen_by_operator = guarding.who(estate, "operator")
    approval = approvals.ask(targets=[thing], verb=Verb.PAUSE, reason="release", actor=operator,
                             viewer=seen_by_operator)  # fmt: skip
    colleague = User.objects.create_user("colleague")
    Membership.objects.create(user=colleague, team=estate.team, role=Role.LEAD)
    asked = {name: _loosening(estate, user) for name, user in (("theirs", colleague), ("own", cast["lead"]))}
    schedule = Schedule.objects.create(team=estate.team, name="night", kind=Verb.PAUSE, mode="cron", cron="0 22 * * *",
                                       selection="x", filters={"search": "orders"}, user=cast["lead"],
                                       created_by="lead", created_at=now, next_at=now + HOUR)  # fmt: skip
    policy = HealPolicy.objects.create(team=estate.team, set_by="lead", set_at=now).pk
    ids = {
        "connectors": orders.pk,
        "pipelines": estate.pipeline.pk,
        "accounts": estate.account.pk,
        "operations": operation.pk,
        "batches": batch.pk,
        "teams": estate.team.slug,
        "members": "viewer",
        "tokens": tokens.issue(user=cast["lead"], name="ci", expires_at=None, actor=actor, team=estate.team)[0].pk,
        "account/tokens": tokens.issue(user=cast["viewer"], name="own", expires_at=None, actor=actor)[0].pk,
        "account/sessions": UserSession.objects.create(user=cast["viewer"], ip="127.0.0.1", session_key="of-viewer",
                                                       user_agent="x").pk,
        "teams/invitations": estate.team.invitations.get().pk,
        "api/invitations": estate.team.invitations.get().pk,
        "api-connector-protection": thing.pk,
        "connector-protection": thing.pk,
        "invitations": invitation,
        "rules": _rule(estate).pk,
        "claims": OwnershipClaim.objects.create(connector=ledger, team=estate.team, reason="x", user=cast["lead"],
                                                asked_at=now).pk,
        "access": AccessRequest.objects.create(user=cast["stranger"], team=estate.team, role=Role.OPERATOR, minutes=60,
                                               reason="on call", asked_at=now, lapses_at=now + HOUR).pk,
        "freezes": window.pk,
        "glass": glass.pk,
        "approvals": approval.pk,
        "loosenings": asked["theirs"],
        "api/loosenings": asked["theirs"],
        "api-loosening": asked["own"],
        "protections/loosenings": asked["theirs"],
        "schedules": schedule.pk,
        "holds": Hold.objects.create(connector=ledger, operation=ended, actor="operator", until=now + HOUR).pk,
        "notes": Note.objects.create(team=estate.team, connector=orders, text="call us", author="lead",
                                     user=cast["lead"], written_at=now).pk,
        "beside": "connector",
        "views": SavedView.objects.create(owner=cast["viewer"], name="mine", query="", changed_at=now).pk,
        "api-view": SavedView.objects.create(owner=cast["operator"], team=estate.team, name="ours", query="",
                                             changed_at=now).pk,
        "audit": AuditEvent.objects.filter(team=estate.team.slug).latest("id").pk,
        "searches": AuditSearch.objects.create(user=cast["auditor"], name="mine", query="").pk,
        "alert-rules": _alert(estate).pk,
        "alerts": _alert(estate, "second").pk,
        "heal-policies": policy,
        "healing": policy,
        "review-rules": ReviewRule.objects.create(name="mine").pk,
        "review/rules": ReviewRule.objects.create(name="second").pk,
        "filters": "state",
        "new": "tiny",
        "break-glass": break_glass.make_link(login="night-shift", reason="INC-7", lasts=HOUR),
        "verification": "verify_audit.py",
    }  # fmt: skip
    return World(ids | {"ownership-rules": ids["rules"], "ownership-claims": ids["claims"],
                        "access-requests": ids["access"], "audit-events": ids["audit"]}, _tokens(estate))  # fmt: skip


def _loosening(estate: Estate, user: User) -> int:
    thing = estate.add(f"to be freed, {user.username}")
    guarding.protect(estate, thing)
    made = protections.lift(connector=thing, actor=actors.behind(user, None), viewer=permissions.viewer_of(user))
    return made.pk


def _rule(estate: Estate) -> OwnershipRule:
    return OwnershipRule.objects.create(team=estate.team, account=estate.account, name="o*", made_by="lead",
                                        made_at=timezone.now())  # fmt: skip


def _alert(estate: Estate, name: str = "mine") -> AlertRule:
    return AlertRule.objects.create(team=estate.team, name=name, sealed_target=vault.seal_text("https://hook.example"),
                                    target_kind="webhook", set_by="lead", set_at=timezone.now())  # fmt: skip


SCOPES = {
    "t:see": ("lead", [Permission.SEE]),
    "t:config": ("lead", [Permission.SEE_CONFIGURATION]),
    "t:operate": ("lead", [Permission.OPERATE]),
    "t:protect": ("lead", [Permission.PROTECT]),
    "t:team": ("lead", [Permission.MANAGE_TEAM]),
    "t:accounts": ("lead", [Permission.MANAGE_ACCOUNTS]),
    "t:review": ("admin", [Permission.REVIEW]),
    "t:admin": ("admin", [Permission.ADMINISTER]),
}
"""By column: whose token, and what it holds. A lead's reaches team payments alone, an admin's the whole site."""


def _tokens(estate: Estate) -> dict[str, str]:
    actor, _ = guarding.who(estate, "admin")
    made = {
        column: tokens.issue(user=estate.people[owner], name=column, expires_at=None, actor=actor,
                             team=estate.team if owner == "lead" else None, permissions=held)[1]
        for column, (owner, held) in SCOPES.items()
    }  # fmt: skip
    ended = timezone.now() - HOUR
    made["t:expired"] = tokens.issue(user=estate.people["admin"], name="old", expires_at=ended, actor=actor)[1]
    assert permissions.viewer_of(estate.people["admin"]).is_admin
    return made


REASON = {"reason": "INC-2101"}
VERB = {"kind": "pause", **REASON}
DECISION = {"choice": "grant", "said": "go on"}
QUERIES = {
    "batch-new": {"kind": "pause", "team": "payments"},
    "connector-operation-new": {"kind": "pause"},
    "pipeline-operation-new": {"kind": "pause"},
}
"""What an address wants to be asked with."""
BODIES: dict[str, dict[str, Any]] = {
    "account-remove": {"name": "box-prod"},
    "account-new": {"name": "more", "team": "payments", "base_url": "http://127.0.0.1:9", "vendor_key": "k"},
    "account-change": {"name": "box-prod", "team": "payments", "base_url": "http://127.0.0.1:9"},
    "access": {"team": "payments", "role": "viewer", "minutes": "60", **REASON},
    "access-decision": DECISION,
    "approval-decision": {"choice": "approve", "said": "go on"},
    "claim-decision": DECISION,
    "connector-claims": {"team": "payments", **REASON},
    "connector-drift": {"choice": "accept"},
    "connector-notes": {"text": "seen"},
    "connector-operations": VERB,
    "freeze-new": {"name": "Year end", "team": "payments", "mode": "open", **REASON},
    "freeze-change": {"name": "Year end", "team": "payments", "mode": "open", **REASON},
    "schedule-edit": {"name": "Later", "team": "payments", "kind": "pause", "mode": "cron", "cron": "0 22 * * *",
                      "zone": "UTC", "missed": "skip"},
    "freeze-glass": {"minutes": "15", **REASON},
    "pipeline-drift": {"choice": "accept"},
    "pipeline-notes": {"text": "seen"},
    "pipeline-operations": VERB,
    "rule-move": {"to": "up"},
    "rule-new": {"team": "payments", "account": "box-prod", "name": "led*", "save": "1"},
    "self-token-new": {"name": "own", "permissions": [], "days": "30"},
    "simulation": {"login": "viewer"},
    "team-invite": {"address": "a@example.org", "role": "viewer"},
    "team-members": {"login": "viewer", "role": "operator"},
    "team-new": {"name": "Risk", "slug": "risk"},
    "team-token-new": {"name": "ci", "permissions": [], "days": "30"},
    "api-access-decision": DECISION,
    "api-access-requests": {"team": "payments", "role": "viewer", "minutes": 60, **REASON},
    "api-account": {"name": "renamed"},
    "api-accounts": {"vendor": "tiny", "name": "more", "base_url": "http://127.0.0.1:9", "team": "payments",
                     "credentials": {"key": "k"}},
    "api-hold-extension": {"minutes": 60},
    "api-note": {"text": "call them"},
    "api-notes": {"connector": 0, "text": "seen"},
    "note-change": {"text": "call them"},
    "hold-extension": {"until": "1h"},
    "batches": {"kind": "pause", "team": "payments", **REASON},
    "view-new": {"name": "Mine", "query": ""},
    "api-approval-approve": {"said": "go on"},
    "loosening-decision": {"choice": "approve", "said": "go on"},
    "api-loosening-decision": {"choice": "approve", "said": "go on"},
    "api-approval-decline": {"said": "no"},
    "api-batch-preview": {"kind": "pause", "filter": {}},
    "api-batches": {"kind": "pause", "filter": {"team": ["payments"]}, **REASON},
    "api-claim-decision": DECISION,
    "api-claims": {"connector": 0, "team": "payments", **REASON},
    "api-connector-drift": {"choice": "accept"},
    "api-connector-protection": {"verbs": ["stop"]},
    "api-freeze-glass": {"minutes": 15, **REASON},
    "api-freezes": {"name": "Year end", "team": "payments", "mode": "open", **REASON},
    "api-invitations": {"address": "a@example.org", "role": "viewer"},
    "api-member": {"role": "operator"},
    "api-operations": {"connector": 0, **VERB},
    "api-pipeline-drift": {"choice": "accept"},
    "api-rule-move": {"to": "up"},
    "api-rule-preview": {"team": "payments", "account": "box-prod", "name": "led*"},
    "api-rules": {"team": "payments", "account": "box-prod", "name": "led*"},
    "api-teams": {"slug": "risk", "name": "Risk"},
    "api-view": {"name": "renamed"},
    "api-views": {"name": "Broken", "query": "state=failed", "team": "payments"},
    "api-tokens": {"name": "ci", "permissions": [], "days": 30},
}  # fmt: skip
"""By the address's name; `connector: 0` stands for the first one. What is missing here is sent empty."""
