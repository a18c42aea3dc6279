"""Watching from outside while it happens: rows that vanish, cells that are green too long, leases that pass on."""

import contextlib
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from django.db import Error, connection

from tests.chaos.load import Load
from tests.chaos.stack import Stack

LOOK_EVERY = 0.2
"""Seconds between two looks at the leases."""
ROUNDING = 1.0
"""Seconds that may pass between the answer of the API and our look at the clock."""


@dataclass
class Watch:
    """What was seen."""

    stack: Stack
    load: Load
    rows: int = 0
    fewest: int = 0
    looks: int = 0
    too_green: list[str] = field(default_factory=list)
    takeovers: list[float] = field(default_factory=list)
    """Seconds from a driver's death to the next lease."""
    takeovers_in_outages: list[float] = field(default_factory=list)
    """The same where database or broker were away meanwhile: nobody can take over then."""
    _is_over: bool = False

    def __enter__(self) -> "Watch":
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._board, self._leases)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        for thread in self._threads:
            thread.join()

    def _board(self) -> None:
        headers = {"Authorization": f"Token {self.stack.token}"}
        with httpx.Client(base_url=f"{self.stack.address}/api/v1/", headers=headers, timeout=20) as web:
            budgets = {a["name"]: a["budget"] for a in web.get("accounts/").json()["results"]}
            self.rows = self.fewest = web.get("connectors/").json()["count"]
            while not self._is_over:
                with contextlib.suppress(httpx.HTTPError):
                    self._look(web.get("connectors/", params={"page_size": 500}).raise_for_status().json(), budgets)
                time.sleep(1)

    def _look(self, page: dict[str, Any], budgets: dict[str, float]) -> None:
        now = datetime.now(UTC)
        self.looks += 1
        self.fewest = min(self.fewest, page["count"])
        for row in page["results"]:
            if row["activity"]["active"] not in {"yes", "warning"}:
                continue
            age = (now - datetime.fromisoformat(row["observed_at"])).total_seconds()
            if age > budgets[row["account"]] + ROUNDING:
                self.too_green.append(f"{row['name']}: {age:.1f} s")

    def _leases(self) -> None:
        """By what the database says: until somebody takes over, a lease bears the name of the dead."""
        orphans: dict[int, tuple[int, float]] = {}
        known: set[tuple[float, int]] = set()
        while not self._is_over:
            try:
                rows = self._read()
            except Error:
                connection.close()
                time.sleep(LOOK_EVERY)
                continue
            deaths = self._deaths()
            for account, owner, number, is_wanted in rows:
                for at, pid in deaths - known:
                    if f":{pid}:" in owner:
                        orphans[account] = (number, at)
                if account in orphans and number > orphans[account][0]:
                    _, at = orphans.pop(account)
                    kept = self.takeovers_in_outages if self._was_away(at) else self.takeovers
                    kept.append(time.time() - at)
                elif account in orphans and not is_wanted:
                    del orphans[account]  # nothing was to be done for it, so nobody had to take over
            known = deaths
            time.sleep(LOOK_EVERY)

    def _read(self) -> list[tuple[int, str, int, bool]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, lease_owner, lease_number, failures = 0 AND coalesce(not_before, now()) <= now() "
                "AND leased_until IS NOT NULL FROM connectors_vendoraccount"
            )
            return list(cursor.fetchall())

    def _deaths(self) -> set[tuple[float, int]]:
        words = (line.split() for line in self.stack.deaths.read_text().splitlines(keepends=True) if line[-1] == "\n")
        return {(float(at), int(pid)) for at, pid, _ in words} | set(self.load.kills)

    def _was_away(self, at: float) -> bool:
        return any(began - 1 <= at <= ended + 15 or at <= began <= at + 15 for began, ended in self.load.outages)
