"""With the audit table unwritable nothing goes out, the page says why, and the product says it is not ready."""

import time

import httpx
from django.db import connection

from connectors.services.driver import CLAIM_STANDS
from tests.chaos.figures import Figure
from tests.chaos.stack import Stack

LOCK = """
CREATE FUNCTION refuse_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;
CREATE TRIGGER unwritable BEFORE INSERT ON connectors_auditevent EXECUTE FUNCTION refuse_events();
"""
UNLOCK = "DROP TRIGGER unwritable ON connectors_auditevent; DROP FUNCTION refuse_events()"
QUIET = 5.0
"""Seconds in which something could have gone out."""
ON_ITS_WAY = CLAIM_STANDS + 1
"""Seconds in which what was claimed before goes out, or not at all."""


def figures(stack: Stack) -> list[Figure]:
    """This will make the table unwritable for some seconds and look at what happens."""
    for vendor in stack.sandboxes:
        stack.calm(vendor)  # what was laid for others must not hold up what is sent here
    headers = {"Authorization": f"Token {stack.token}"}
    with httpx.Client(base_url=stack.address, headers=headers, timeout=20) as web:
        askable = [
            (row["id"], verb["kind"])
            for row in web.get("/api/v1/connectors/", params={"page_size": 500}).json()["results"]
            for verb in row["verbs"][:1]
            if verb["possible"]
        ]
        for target, verb in askable[:3]:  # these are under way when it happens
            web.post("/api/v1/operations/", json={"connector": target, "kind": verb})
        _execute(LOCK)
        try:
            time.sleep(ON_ITS_WAY)
            began = time.time()
            answers = [
                web.post("/api/v1/operations/", json={"connector": target, "kind": verb})
                for target, verb in askable[3:8]
            ]
            time.sleep(QUIET)
            sent = _writes(stack, began)
            ready = web.get("/readyz")
        finally:
            _execute(UNLOCK)
    refused = sum(a.status_code == 503 and "audit record cannot be written" in a.text for a in answers)
    is_red = ready.status_code == 503 and not ready.json()["checks"]["audit"]["ok"]
    return [
        Figure("audit unwritable: vendor calls that went out", str(sent), "0", sent == 0),
        Figure("audit unwritable: requests refused in words", f"{refused} of {len(answers)}", "all",
               bool(answers) and refused == len(answers)),
        Figure("audit unwritable: /readyz", "red" if is_red else "green", "red", is_red),
    ]  # fmt: skip


def _execute(statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statements)


def _writes(stack: Stack, since: float) -> int:
    """What has reached the sandboxes since and changes something; what hung there from before is not new."""
    acts = [act for vendor in stack.sandboxes for act in stack.control(vendor, "record")["acts"]]
    return sum((act["asked_at"] or act["at"]) > since for act in acts)
