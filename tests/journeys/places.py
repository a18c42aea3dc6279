"""
Every page of the product, with an example of what it shows.

A page that is added must be added here; `test_places.py` misses it otherwise. The accessibility suite visits them
all, and `bin/screenshots` takes their pictures.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from tests.journeys.conftest import Running, wait_for


@dataclass
class World:
    """The running demo, and one example of each thing that a page can be about; made when first asked for."""

    stack: Running
    made: dict[str, Any] = field(default_factory=dict)

    def connector(self, **wanted: str) -> int:
        """This will find a connector by vendor, state or search."""
        query = "&".join(f"{name}={value}" for name, value in wanted.items())

        def fetch() -> Any:
            return self.stack.api(f"connectors/?{query}")["results"]

        return int(wait_for(f"a connector with {query}", fetch)[0]["id"])

    @cached_property
    def failed(self) -> int:
        """A failed connector with tasks and a trace, with a note and a runbook."""
        pk = self.connector(vendor="kafka-connect", search="orders-jdbc-source")
        note = "Over 30 min behind: tell team retail before restarting, the catch-up loads their sinks."
        self.stack.api("notes/", connector=pk, text=note)
        runbook = "Free connections at the database, or lower tasks.max. Then restart the failed tasks."
        self.stack.api("notes/", connector=pk, text=runbook, runbook=True)
        return pk

    @cached_property
    def flowing(self) -> int:
        """A connector that tells what it moves."""
        return self.connector(vendor="feldera", search="orders.from_kafka")

    @cached_property
    def pipeline(self) -> int:
        """A pipeline with verbs of its own."""
        return int(self.stack.api(f"connectors/{self.flowing}/")["pipeline"]["id"])

    @cached_property
    def account(self) -> int:
        """An account with several pipelines."""
        return int(self.stack.api("accounts/", "admin")["results"][0]["id"])

    @cached_property
    def batch(self) -> str:
        """A batch with an end, of which some are skipped."""
        until = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
        wish = {"vendor": ["kafka-connect"], "search": "debezium"}
        made = self.stack.api(
            "batches/", kind="pause", filter=wish, reason="Release 4.2", ticket="CHG-118", until=until
        )
        return str(made["id"])

    @cached_property
    def hold(self) -> int:
        """A pause that ends by itself."""
        made = self.batch
        return int(wait_for("a timed pause", lambda: made and self.stack.api("holds/")["results"])[0]["id"])

    @cached_property
    def freeze(self) -> int:
        """A freeze that begins tomorrow, so that nothing here is in its way."""
        begin = datetime.now(UTC) + timedelta(days=1)
        wish = {"name": "Quarter end", "team": "search", "reason": "books are closed", "mode": "once",
                "starts_at": begin.isoformat(), "ends_at": (begin + timedelta(hours=8)).isoformat()}  # fmt: skip
        return int(self.stack.api("freezes/", "admin", **wish)["id"])

    @cached_property
    def protected(self) -> int:
        """A connector that takes a second person."""
        pk = self.connector(vendor="confluent", state="running")
        self.stack.api(f"connectors/{pk}/protection/", "admin", "PUT", verbs=["pause"], reason="card payments")
        return pk

    @cached_property
    def approval(self) -> str:
        """An approval that waits."""
        made = self.stack.api("approvals/", kind="pause", connectors=[self.protected], reason="Release 4.2")
        return str(made["id"])

    @cached_property
    def schedule(self) -> int:
        """A schedule that pauses every night."""
        wish = {"name": "Night", "team": "retail", "kind": "pause", "connectors": [self.flowing], "mode": "cron",
                "cron": "0 22 * * *", "reason": "nobody reads it at night"}  # fmt: skip
        return int(self.stack.api("schedules/", "admin", None, **wish)["id"])

    @cached_property
    def healing(self) -> int:
        """A policy that heals."""
        return int(self.stack.api("heal-policies/", "admin", None, team="search", budget=3)["id"])

    @cached_property
    def alert(self) -> int:
        """A rule that tells when something has failed."""
        wish = {"name": "On call", "team": "search", "conditions": ["failed"], "target": "https://alerts.example/hook"}
        return int(self.stack.api("alert-rules/", "admin", None, **wish)["id"])

    @cached_property
    def review_rule(self) -> int:
        """The first rule of the review."""
        return int(self.stack.api("review-rules/", "admin")["results"][0]["id"])

    @cached_property
    def invitation(self) -> str:
        """The secret of a link into a team."""
        made = self.stack.api("teams/search/invitations/", "admin", address="eve@example.com", role="viewer")
        return str(made["link"]).rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class Place:
    """One page: who looks at it, and where it is."""

    who: str
    path: Callable[[World], str]
    shot: str = ""
    """The name of its picture; empty for the many that look like another."""
    status: int = 200


def at(path: str) -> Callable[[World], str]:
    """This will give a page that is about nothing in particular."""
    return lambda world: path


PLACES: Mapping[str, Place] = {
    "sign-in": Place("", at("sign-in/"), "sign-in"),
    "board": Place("operator", at(""), "board"),
    "views": Place("operator", at("views/")),
    "view-new": Place("operator", at("views/new/?state=failed")),
    "connector": Place("operator", lambda w: f"connectors/{w.failed}/", "connector"),
    "connector-operation-new": Place(
        "operator", lambda w: f"connectors/{w.flowing}/operations/new/?kind=pause&until=1h", "timed-pause"
    ),
    "connector-timeline": Place("operator", lambda w: f"connectors/{w.failed}/timeline/", "timeline"),
    "pipeline": Place("operator", lambda w: f"pipelines/{w.pipeline}/", "pipeline"),
    "pipeline-operation-new": Place(
        "operator", lambda w: f"pipelines/{w.pipeline}/operations/new/?kind=force_stop", "force-stop"
    ),
    "pipeline-timeline": Place("operator", lambda w: f"pipelines/{w.pipeline}/timeline/"),
    "batches": Place("operator", lambda w: f"batches/?{w.batch and ''}"),
    "batch-new": Place("operator", at("batches/new/?kind=pause&all=yes&vendor=kafka-connect"), "batch-preview"),
    "batch": Place("operator", lambda w: f"batches/{w.batch}/", "batch"),
    "holds": Place("operator", lambda w: f"holds/?{w.hold and ''}", "timed-pauses"),
    "account": Place("admin", lambda w: f"accounts/{w.account}/", "account"),
    "account-choose": Place("admin", at("accounts/new/")),
    "account-new": Place("admin", at("accounts/new/kafka-connect/"), "account-new"),
    "account-change": Place("admin", lambda w: f"accounts/{w.account}/change/"),
    "accounts": Place("admin", at("accounts/"), "accounts"),
    "teams": Place("admin", at("teams/")),
    "team-new": Place("admin", at("teams/new/")),
    "team": Place("lead", at("teams/payments/"), "team"),
    "team-invite": Place("lead", at("teams/payments/invitations/new/")),
    "team-token-new": Place("lead", at("teams/payments/tokens/new/")),
    "invitation": Place("", lambda w: f"invitations/{w.invitation}/", "invitation"),
    "rules": Place("admin", at("rules/"), "rules"),
    "rule-new": Place("admin", at("rules/new/")),
    "access": Place("viewer", at("access/")),
    "freezes": Place("lead", lambda w: f"freezes/?{w.freeze and ''}", "freezes"),
    "freeze-new": Place("lead", at("freezes/new/")),
    "freeze": Place("admin", lambda w: f"freezes/{w.freeze}/"),
    "freeze-change": Place("admin", lambda w: f"freezes/{w.freeze}/change/"),
    "approvals": Place("lead", lambda w: f"approvals/?{w.approval and ''}"),
    "approval": Place("admin", lambda w: f"approvals/{w.approval}/", "approval"),
    "protections": Place("lead", lambda w: f"protections/?{w.protected and ''}"),
    "connector-protection": Place("admin", lambda w: f"connectors/{w.protected}/protection/"),
    "schedules": Place("admin", lambda w: f"schedules/?{w.schedule and ''}", "schedules"),
    "schedule-new": Place("admin", at("schedules/new/")),
    "schedule": Place("admin", lambda w: f"schedules/{w.schedule}/"),
    "schedule-edit": Place("admin", lambda w: f"schedules/{w.schedule}/edit/"),
    "heal-policies": Place("admin", lambda w: f"healing/?{w.healing and ''}", "healing"),
    "heal-policy-new": Place("admin", at("healing/new/")),
    "heal-policy": Place("admin", lambda w: f"healing/{w.healing}/"),
    "alerts": Place("admin", lambda w: f"alerts/?{w.alert and ''}", "alerts"),
    "alert-rule-new": Place("admin", at("alerts/new/")),
    "alert-rule": Place("admin", lambda w: f"alerts/{w.alert}/"),
    "palette": Place("operator", at("palette/")),
    "connector-explanation": Place("viewer", lambda w: f"connectors/{w.failed}/explanation/", "explanation"),
    "simulation": Place("admin", at("simulation/")),
    "audit": Place("auditor", at("audit/"), "audit"),
    "audit-event": Place("auditor", at("audit/1/")),
    "audit-verification": Place("auditor", at("audit/verification/"), "verification"),
    "audit-exports": Place("auditor", at("audit/exports/")),
    "review": Place("auditor", at("review/"), "review"),
    "review-rules": Place("admin", at("review/rules/")),
    "review-rule": Place("admin", lambda w: f"review/rules/{w.review_rule}/"),
    "review-report": Place("auditor", at("review/report/")),
    "questions": Place("operator", at("questions/")),
    "self": Place("operator", at("account/"), "self"),
    "self-token-new": Place("operator", at("account/tokens/new/")),
    "account_change_password": Place("operator", at("account/password/")),
    "account_reauthenticate": Place("operator", at("account/confirmation/")),
    "mfa_index": Place("operator", at("account/second-factor/")),
    "account_inactive": Place("", at("account/closed/")),
    "socialaccount_login_cancelled": Place("", at("sign-in/cancelled/")),
    "socialaccount_login_error": Place("", at("sign-in/failed/"), status=401),
}
"""By the name of their address; the first ones first in the pictures."""

MORE: Mapping[str, Place] = {
    "board, narrowed to nothing": Place("operator", at("?search=no-such-connector"), "no-match"),
    "connector with charts": Place("operator", lambda w: f"connectors/{w.flowing}/", "flow"),
    "connector, as a viewer": Place("viewer", lambda w: f"connectors/{w.failed}/"),
    "not found": Place("operator", at("connectors/999999999/"), status=404),
    "not allowed": Place("operator", at("audit/"), status=403),
}
"""Other faces of the same pages."""

NOT_PAGES: Mapping[str, str] = {
    "first-admin": "exists only while there is no admin: test_axe.py starts an empty product for it",
    "break-glass": "exists only for whoever holds a link that a command prints",
    "view-change": "made by the person: test_axe.py keeps a view first",
    "connector-flow": "a part of the connector's page",
    "board-filter": "a part of the board",
    "audit-facets": "a part of the audit", "audit-completions": "a part of the audit",
    "audit-export": "a file", "audit-export-content": "a file", "audit-download": "a file", "audit-raw": "a file",
    "healthz": "for machines", "readyz": "for machines", "metrics": "for machines", "events": "for machines",
    "account_login": "the same as sign-in",
    "openid_connect_login": "leads to the company's own page", "openid_connect_callback": "comes back from there",
    "second-factor-needed": "shown only to whoever must have one and has none",
    "mfa_activate_totp": "after the password: test_axe.py gives it",
    "mfa_add_webauthn": "after the password: test_axe.py gives it",
    "mfa_list_webauthn": "after the password: test_axe.py gives it",
    "mfa_generate_recovery_codes": "only with a second factor", "mfa_view_recovery_codes": "only with a second factor",
    "mfa_download_recovery_codes": "a file", "mfa_deactivate_totp": "only with a second factor",
    "mfa_authenticate": "only with a second factor", "mfa_reauthenticate": "only with a second factor",
    "mfa_reauthenticate_webauthn": "only with a second factor", "mfa_login_webauthn": "for scripts",
    "mfa_remove_webauthn": "only with a passkey", "mfa_edit_webauthn": "only with a passkey",
}  # fmt: skip
"""What answers GET and yet needs no place above, and why. What answers only POST is left out without a word."""
