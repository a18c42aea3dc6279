"""The demo's connectors, and made-up ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LOGIN_FAILED = (
    "connectors.source.ConfigurableFieldValueError: login failed for user “svc_search”\n"
    "Traceback (most recent call last):\n"
    '  File "/app/connectors_service/sync_job_runner.py", line 247, in execute\n'
    "    await self.data_provider.ping()\n"
    '  File "/app/connectors_service/sources/mssql.py", line 388, in ping\n'
    "    await anext(self.mssql_client.ping())"
)


SET_UP = {"created_at": "2026-05-01T08:00:00Z", "updated_at": "2026-05-01T08:00:00Z"}
RULE = {"id": "DEFAULT", "field": "_", "order": 0, "policy": "include", "rule": "regex", "value": ".*", **SET_UP}
RULES = {
    "advanced_snippet": {"value": {}, **SET_UP},
    "rules": [RULE],
    "validation": {"errors": [], "state": "valid"},
}
FILTERING = {"domain": "DEFAULT", "active": RULES, "draft": RULES}
MAY_BE_NULL = {"error", "index_name"}


@dataclass(frozen=True)
class Planned:
    """One connector of the plan."""

    id: str
    name: str
    type: str | None
    status: str = "connected"
    error: str | None = None
    is_on: bool = True
    is_silent: bool = False
    is_syncing: bool = False

    def document(self) -> dict[str, Any]:
        """This will make its document, secrets in clear as Elasticsearch has them; what it does not know is absent."""
        password = {"label": "Password", "type": "str", "sensitive": True, "value": f"pw-of-{self.id}"}
        document = {
            "id": self.id,
            "name": self.name,
            "description": "",
            "configuration": {"password": password} if self.type else {},
            "custom_scheduling": {},
            "filtering": [FILTERING],
            "error": self.error,
            "index_name": f"search-{self.id}" if self.type else None,
            "is_native": False,
            "language": "en",
            "last_sync_status": "completed" if self.status == "connected" else None,
            "last_indexed_document_count": 1240,
            "scheduling": {
                "full": {"enabled": self.is_on, "interval": "0 0 */2 * * ?"},
                "incremental": {"enabled": False, "interval": "0 0 0 * * ?"},
                "access_control": {"enabled": False, "interval": "0 0 0 * * ?"},
            },
            "service_type": self.type,
            "status": self.status,
            "sync_now": False,
            "deleted": False,
        }
        return {key: value for key, value in document.items() if value is not None or key in MAY_BE_NULL}


DEMO: Sequence[Planned] = (
    Planned("crm-accounts-mssql", "CRM accounts", "mssql", "error", LOGIN_FAILED),
    Planned("wiki-confluence", "Wiki", "confluence"),
    Planned("tickets-jira", "Tickets", "jira"),
    Planned("policies-sharepoint", "Policies", "sharepoint_online", is_silent=True),
    Planned("handbook-gdrive", "Handbook", "google_drive", is_syncing=True),
    Planned("products-mysql", "Products", "mysql"),
    Planned("manuals-s3", "Manuals", "s3", is_on=False),
    Planned("code-github", "Code", "github"),
    Planned("mail-archive", "Mail archive", None, "created", is_on=False),
)


def made_up(number: int) -> list[Planned]:
    """This will plan so many connectors: most run, some are off, a few have failed."""
    planned = []
    for n in range(number):
        status, error = ("error", "login failed") if n % 40 == 3 else ("connected", None)
        planned.append(Planned(f"connector-{n:05}", f"connector-{n:05}", "mysql", status, error, is_on=n % 20 != 7))
    return planned
