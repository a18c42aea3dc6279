"""One object for each kind that an address can name, and a body for each address that takes one."""

import json
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth.models import User
from django.utils import timezone
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

from connectors import permissions
from connectors.models import (
    AccessRequest,
    AlertRule,
    AuditEvent,
    AuditSearch,
    Batch,
    BreakGlass,
    HealPolicy,
    HealState,
    Hold,
    Membership,
    Note,
    Operation,
    OwnershipClaim,
    OwnershipRule,
    Pipeline,
    ReviewItem,
    ReviewRule,
    SavedView,
    Schedule,
    Team,
    VendorAccount,
)
from connectors.services import actors, approvals, break_glass, exporting, protections, teams, tokens, vault
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
    outsider = User.objects.create_user("outsider")
    waiting = AccessRequest.objects.create(user=outsider, team=estate.team, role=Role.OPERATOR, minutes=60,
                                           reason="on call", asked_at=now, lapses_at=now + HOUR)  # fmt: skip
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
        "access": waiting.pk,
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
        "soon": (now + 2 * HOUR).isoformat(),
    }  # fmt: skip
    ids |= _of_the_viewer(cast["viewer"]) | _asked(estate) | _exports(estate) | _hanging(estate) | _drifted(estate)
    ids |= _batches(estate) | _spare(estate)
    return World(ids | {"ownership-rules": ids["rules"], "ownership-claims": ids["claims"],
                        "access-requests": ids["access"], "audit-events": ids["audit"]}, _tokens(estate))  # fmt: skip


def _of_the_viewer(viewer: User) -> dict[str, Any]:
    """A password, an app for codes, a key and recovery codes, of one person alone."""
    viewer.set_password(PASSWORD)
    viewer.save()
    TOTP.activate(viewer, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(viewer)
    key = Authenticator.objects.create(user=viewer, type=Authenticator.Type.WEBAUTHN, data=_key())
    return {"mfa_edit_webauthn": key.pk, "mfa_remove_webauthn": key.pk, "keys": key.pk}


def _key() -> dict[str, Any]:
    """What is kept of a key: as a browser sends it when the key is made."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    made = AttestedCredentialData.create(Aaguid.NONE, b"laptop", ES256.from_cryptography_key(public))  # type: ignore[no-untyped-call]
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT
    seen = AuthenticatorData.create(sha256(b"testserver").digest(), flags, 0, made)
    told = {"type": "webauthn.create", "challenge": "AA", "origin": "https://testserver"}
    answer = {"clientDataJSON": websafe_encode(json.dumps(told).encode()),
              "attestationObject": websafe_encode(bytes(AttestationObject.create("none", seen, {})))}  # fmt: skip
    name = websafe_encode(b"laptop")
    credential = {"id": name, "rawId": name, "type": "public-key", "response": answer,
                  "clientExtensionResults": {"credProps": {"rk": True}}}  # fmt: skip
    return {"name": "Laptop", "credential": credential}


def _asked(estate: Estate) -> dict[str, Any]:
    """The operator is asked about what they did; and one item waits for whoever reviews."""
    now, operator = timezone.now(), estate.people["operator"]
    items = [
        ReviewItem.objects.create(
            key=f"event:{number}", event_id=number, said="paused orders", actor="operator", people=[operator.pk],
            rules=["Protected"], weight=80, at=now, **fields,
        )
        for number, fields in ((1, {"status": "questioned", "asked": operator}), (2, {}))
    ]  # fmt: skip
    return {"questions": items[0].pk, "reviews": items[0].pk, "item": items[1].pk}


def _exports(estate: Estate) -> dict[str, Any]:
    """Two of the auditor's: one is ready, one is not."""
    actor, viewer = guarding.who(estate, "auditor")
    ready, begun = (exporting.request(query="", form=form, actor=actor, viewer=viewer) for form in ("csv", "jsonl"))
    while exporting.advance(ready.pk):
        pass
    return {"audit/exports": ready.pk, "api/audit-exports": ready.pk, "audit-exports": ready.pk,
            "audit-export-cancel": begun.pk}  # fmt: skip


def _hanging(estate: Estate) -> dict[str, Any]:
    """What was sent and hangs, what failed, and what somebody holds healed no more."""
    now, user = timezone.now(), estate.people["operator"]
    more = {"account": estate.account, "kind": Verb.PAUSE, "actor": "operator", "user": user, "requested_at": now,
            "deadline_at": now + HOUR, "state_before": State.RUNNING}  # fmt: skip
    sent = Operation.objects.create(connector=estate.add("hangs"), status="accepted", sent_at=now, **more)
    failed = Operation.objects.create(connector=estate.add("failed"), status="failed", finished_at=now, **more)
    given_up = estate.add("given up", State.FAILED)
    HealState.objects.create(connector=given_up, opened_at=now, why="3 tries did not help")
    return {
        "operation-resending": sent.pk, "api-operation-resending": sent.pk, "operation-retry": failed.pk,
        "api-operation-retry": failed.pk, "heal-close": given_up.pk, "api-connector-heal-again": given_up.pk,
    }  # fmt: skip


def _drifted(estate: Estate) -> dict[str, Any]:
    """A connector and a pipeline that rest elsewhere than somebody wants, and one of a vendor whose pipelines act."""
    now = timezone.now()
    elsewhere = {"desired_state": State.RUNNING, "drift_since": now, "desired_by": "operator"}
    thing = estate.add("drifted", State.PAUSED, **elsewhere)
    account = VendorAccount.objects.create(
        vendor="feldera", name="feldera-prod", team=estate.team, base_url="http://127.0.0.1:9", created_at=now,
        sealed_credentials=vault.seal({}), observed_at=now, budget=60.0,
    )  # fmt: skip
    running, drifted = (
        Pipeline.objects.create(account=account, external_id=name, name=name, state=state, vendor_state=state,
                                state_since=now, **more)
        for name, state, more in (("one", State.RUNNING, {}), ("two", State.PAUSED, elsewhere))
    )  # fmt: skip
    return {"connector-drift": thing.pk, "api-connector-drift": thing.pk, "pipeline-drift": drifted.pk,
            "api-pipeline-drift": drifted.pk, "pipeline-operation-new": running.pk,
            "pipeline-operations": running.pk}  # fmt: skip


def _batches(estate: Estate) -> dict[str, Any]:
    """One that has ended, with what failed and what it changed."""
    now, lead = timezone.now(), estate.people["operator"]
    ended = Batch.objects.create(kind=Verb.PAUSE, status="done", actor="operator", user=lead, requested_at=now,
                                 finished_at=now)  # fmt: skip
    for place, (name, status, state) in enumerate(
        (("again", "failed", State.RUNNING), ("back", "confirmed", State.PAUSED))
    ):
        thing = estate.add(name, state, desired_state=state, desired_at=now)
        operation = Operation.objects.create(
            account=estate.account, connector=thing, kind=Verb.PAUSE, actor="operator", user=lead, status=status,
            requested_at=now, deadline_at=now + HOUR, finished_at=now, state_before=State.RUNNING, batch_id=ended.pk,
        )  # fmt: skip
        ended.items.create(connector=thing, place=place, status=status, state_before=State.RUNNING, operation=operation)
    names = ("batch-retry", "batch-restoration", "api-batch-retry", "api-batch-restore")
    return dict.fromkeys(names, ended.pk)


def _spare(estate: Estate) -> dict[str, Any]:
    """What can be taken away, moved, ended or claimed; for claims the lead leads another team as well."""
    now, lead = timezone.now(), estate.people["lead"]
    account = VendorAccount.objects.create(
        vendor=estate.account.vendor, name="spare", team=estate.team, base_url="http://127.0.0.1:9", created_at=now,
        sealed_credentials=vault.seal({"key": "x"}),
    )  # fmt: skip
    second = OwnershipRule.objects.create(team=estate.team, account=estate.account, name="x*", position=200,
                                          made_by="lead", made_at=now)  # fmt: skip
    rests = Schedule.objects.create(team=estate.team, name="rests", kind=Verb.PAUSE, mode="cron", cron="0 22 * * *",
                                    selection="x", filters={}, user=lead, created_by="lead", created_at=now,
                                    is_on=False)  # fmt: skip
    third = Team.objects.create(slug="third", name="Third")
    Membership.objects.create(user=lead, team=third, role=Role.LEAD)
    orphan = estate.add("stray")
    granted = AccessRequest.objects.create(
        user=User.objects.create_user("guest"), team=estate.team, role=Role.OPERATOR, minutes=60, reason="x",
        asked_at=now, lapses_at=now + HOUR, decided_at=now, decided_by="lead", is_granted=True, ends_at=now + HOUR,
    )  # fmt: skip
    return {
        "connector-claims": orphan.pk, "orphan": orphan.pk, "account-remove": account.pk, "api-account": account.pk,
        "rule-move": second.pk, "api-rule-move": second.pk, "api-schedule-resume": rests.pk, "access-end": granted.pk,
        "api-access-end": granted.pk,
    }  # fmt: skip


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


PASSWORD, ANOTHER = "right-horse-9", "quite-another-1"
REASON = {"reason": "INC-2101"}
ALERT = {
    "name": "On call",
    "team": "payments",
    "conditions": ["failed"],
    "minutes": "2",
    "repeat_minutes": "0",
    "target": "https://hook.example/x",
    "is_on": "on",
}
HEAL = {
    "team": "payments",
    "is_on": "on",
    "states": ["failed"],
    "first_wait": "60",
    "longest_wait": "1800",
    "budget": "5",
    "reset_after": "1800",
}
REVIEW_RULE = {
    "name": "New",
    "query": "result:refused",
    "condition": "always",
    "number": "0",
    "zone": "UTC",
    "weight": "50",
    "is_on": "on",
}
VERB = {"kind": "pause", **REASON}
DECISION = {"choice": "grant", "said": "go on"}
QUERIES = {
    "batch-new": {"kind": "pause", "team": "payments"},
    "connector-operation-new": {"kind": "pause"},
    "pipeline-operation-new": {"kind": "pause"},
}
"""What an address wants to be asked with."""
SELECTIONS = {"batches": "all=yes&team=payments"}
"""What an address that is posted to is narrowed by."""
BODIES: dict[str, dict[str, Any]] = {
    "account_change_password": {"oldpassword": PASSWORD, "password1": ANOTHER, "password2": ANOTHER},
    "account_login": {"username": "viewer", "password": PASSWORD},
    "account_reauthenticate": {"password": PASSWORD},
    "account-remove": {"name": "spare"},
    "alert-rule": ALERT,
    "alert-rule-new": ALERT,
    "api-alert-rule": ALERT | {"minutes": 2, "repeat_minutes": 0, "is_on": True},
    "api-alert-rules": ALERT | {"minutes": 2, "repeat_minutes": 0, "is_on": True},
    "api-approvals": {"kind": "pause", "connectors": ["@connector-protection"], **REASON},
    "api-heal-policies": {"team": "payments", "budget": 3},
    "api-review-answer": {"text": "because"},
    "api-review-decisions": {"items": ["@item"], "decision": "approved", "comment": ""},
    "api-review-rule": {"name": "New", "query": "result:refused"},
    "api-review-rules": {"name": "New", "query": "result:refused"},
    "api-schedules": {"name": "Night", "team": "payments", "kind": "pause", "connectors": ["@connectors"],
                      "mode": "cron", "cron": "0 22 * * *"},
    "audit-exports": {"q": "", "format": "csv"},
    "audit-keep": {"name": "Refused", "q": "result:refused"},
    "connector-protection": {"verbs": ["stop"], "approver": "operator"},
    "freezes": {"name": "Year end", "team": "payments", "mode": "open", "zone": "UTC", **REASON},
    "heal-policy": HEAL,
    "heal-policy-new": HEAL,
    "invitation": {"username": "newcomer", "password1": ANOTHER, "password2": ANOTHER},
    "mfa_edit_webauthn": {"name": "Phone"},
    "question-answer": {"text": "because"},
    "review-decisions": {"kind": "approved", "item": ["@item"]},
    "review-rule": REVIEW_RULE,
    "review-rules": REVIEW_RULE,
    "schedule-new": {"name": "Night", "team": "payments", "kind": "pause", "search": "orders", "mode": "cron",
                     "cron": "0 22 * * *", "zone": "UTC", "missed": "skip"},
    "sign-in": {"username": "viewer", "password": PASSWORD},
    "view-change": {"name": "Yours", "query": ""},
    "account-new": {"name": "more", "team": "payments", "base_url": "http://127.0.0.1:9", "vendor_key": "k"},
    "account-change": {"name": "box-prod", "team": "payments", "base_url": "http://127.0.0.1:9"},
    "access": {"team": "payments", "role": "operator", "minutes": "60", **REASON},
    "access-decision": DECISION,
    "approval-decision": {"choice": "approve", "said": "go on"},
    "claim-decision": DECISION,
    "connector-claims": {"team": "third", **REASON},
    "connector-drift": {"choice": "accept"},
    "connector-notes": {"text": "seen"},
    "connector-operations": VERB,
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
    "api-access-requests": {"team": "payments", "role": "operator", "minutes": 60, **REASON},
    "api-account": {"name": "renamed"},
    "api-accounts": {"vendor": "tiny", "name": "more", "base_url": "http://127.0.0.1:9", "team": "payments",
                     "credentials": {"key": "k"}},
    "api-hold-extension": {"until": "@soon"},
    "api-note": {"text": "call them"},
    "api-notes": {"connector": "@connectors", "text": "seen"},
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
    "api-claims": {"connector": "@orphan", "team": "third", **REASON},
    "api-connector-drift": {"choice": "accept"},
    "api-connector-protection": {"verbs": ["stop"]},
    "api-freeze-glass": {"minutes": 15, **REASON},
    "api-freezes": {"name": "Year end", "team": "payments", "mode": "open", **REASON},
    "api-invitations": {"address": "a@example.org", "role": "viewer"},
    "api-member": {"role": "operator"},
    "api-operations": {"connector": "@connectors", **VERB},
    "api-pipeline-drift": {"choice": "accept"},
    "api-rule-move": {"to": "up"},
    "api-rule-preview": {"team": "payments", "account": "box-prod", "name": "led*"},
    "api-rules": {"team": "payments", "account": "box-prod", "name": "led*"},
    "api-teams": {"slug": "risk", "name": "Risk"},
    "api-view": {"name": "renamed"},
    "api-views": {"name": "Broken", "query": "state=failed", "team": "payments"},
    "api-tokens": {"name": "ci", "permissions": [], "days": 30},
}  # fmt: skip
"""By the address's name; `@…` stands for an id of the world. What is missing here is sent empty."""
