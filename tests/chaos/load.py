"""Asking for operations while things go wrong: each request under one fault, drawn at random."""

import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
from django.db import Error, connection
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from tests.chaos.stack import Stack

OPPOSITE = {"pause": "resume", "resume": "pause", "start": "stop", "stop": "start"}
AT_VENDOR = (
    "hang", "error_but_done", "swallow", "drop", "conflict", "rate_limited", "unauthorized", "late", "outside",
)  # fmt: skip
"""Faults of the vendor, by the sandbox's words; `late` and `outside` are set up here."""
AT_HOME = {"kill": 3.0, "stall": 15.0, "broker": 20.0, "postgres": 25.0, "beat": 10.0, "race": 0.0}
"""Faults of our own parts, and the seconds between two of a kind: what is being raised cannot be felled."""
BY_PAGE = 0.25
"""The share of requests that are made on a page."""
WAITS = "waits for a second person"
"""What a page says of a protected connector: the press became an approval, and no operation is to be expected yet."""
STALL = 13.0
"""Seconds: longer than a lease."""
SLOW_READING = 3.0
LONGEST_REST = 30.0
"""Seconds within which some account is read again, however quiet all is."""


@dataclass
class Load:
    """
    Many people asking at once.

    One request in four is made on a page, the others through the API.

    :param asked: what was accepted, to the fault it was asked under: an operation's id, or the key of a press on a page
    """

    stack: Stack
    seed: int
    asked: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    felled: Counter[str] = field(default_factory=Counter)
    kills: list[tuple[float, int]] = field(default_factory=list)
    """Time and process id of each worker killed from here."""
    outages: list[tuple[float, float]] = field(default_factory=list)
    """From when to when database or broker were away."""
    trouble: list[str] = field(default_factory=list)
    """What went wrong with the suite itself; it must stay empty."""
    _busy: set[int] = field(default_factory=set)
    _last: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._web = httpx.Client(
            base_url=f"{self.stack.address}/api/v1/", headers={"Authorization": f"Token {self.stack.token}"}, timeout=20
        )

        self._page = self._sign_in()

    def run(self, operations: int, *, at_once: int, say: Callable[[str], None]) -> None:
        """This will ask until so many operations were accepted, and wait for each to end."""
        with ThreadPoolExecutor(at_once) as people:
            while len(self.asked) < operations:
                for row in self._askable():
                    if len(self.asked) >= operations:
                        break
                    people.submit(self._ask, row).add_done_callback(self._note_trouble)
                    time.sleep(0.02)
                time.sleep(0.5)
                say(f"{len(self.asked)} of {operations} asked")

    def _note_trouble(self, done: Future[None]) -> None:
        if error := done.exception():
            self.trouble.append(repr(error))

    def _askable(self) -> list[dict[str, Any]]:
        try:
            rows = self._web.get("connectors/", params={"page_size": 500}).raise_for_status().json()["results"]
        except httpx.HTTPError:
            return []
        free = [r for r in rows if not r["open_operation"] and any(v["possible"] for v in r["verbs"])]
        with self._lock:
            free = [r for r in free if r["id"] not in self._busy]
            self._random.shuffle(free)
            self._busy.update(r["id"] for r in free)
        return free

    def _ask(self, row: dict[str, Any]) -> None:
        try:
            with self._lock:
                verb = self._random.choice([v["kind"] for v in row["verbs"] if v["possible"]])
                fault = self._random.choice([*AT_VENDOR, *AT_HOME, "none"])
                dice = self._random.random()
            if fault in AT_HOME and not self._is_time_for(fault):
                fault = AT_VENDOR[int(dice * len(AT_VENDOR))]
            self._prepare(fault, row, verb)
            made = self._press(row, verb) if dice < BY_PAGE else self._post(row, verb)
            if made is None:
                return
            with self._lock:
                self.asked[made] = fault
            self._fell(fault, row, verb)
        finally:
            with self._lock:
                self._busy.discard(row["id"])

    def _is_time_for(self, fault: str) -> bool:
        with self._lock:
            if time.monotonic() - self._last.get(fault, -1e9) < AT_HOME[fault]:
                return False
            self._last[fault] = time.monotonic()
            return True

    def _press(self, row: dict[str, Any], verb: str) -> str | None:
        """As a browser does; a press that fails may be pressed again: on the same screen it is the same request."""
        after = uuid.uuid4().hex
        form = {"kind": verb, "after": after, "reason": "chaos", "csrfmiddlewaretoken": self._page.cookies["csrftoken"]}
        for _ in range(60):
            try:
                answer = self._page.post(
                    f"/connectors/{row['id']}/operations/", data=form, headers={"HX-Request": "true"}
                )
            except httpx.HTTPError:
                time.sleep(0.5)
                continue
            if answer.status_code == 202 and WAITS in answer.text:
                with self._lock:
                    self.refused["page: waits for a second person"] += 1
                return None
            if answer.status_code == 202:
                return f"page:Connector:{row['id']}:{verb}:{after}"
            if answer.status_code < 500:
                with self._lock:
                    self.refused[f"page: {answer.status_code}"] += 1
                return None
            time.sleep(0.5)
        return None

    def _sign_in(self) -> httpx.Client:
        page = httpx.Client(base_url=self.stack.address, timeout=20, headers={"Referer": self.stack.address})
        page.get("/sign-in/").raise_for_status()
        login = {"username": "operator", "password": "demo", "csrfmiddlewaretoken": page.cookies["csrftoken"]}
        answer = page.post("/sign-in/", data=login)
        if answer.status_code != 302:
            raise RuntimeError(f"signing in was answered {answer.status_code}")
        return page

    def _post(self, row: dict[str, Any], verb: str) -> str | None:
        """As a good client does: the same key again until there is an answer."""
        body, key = {"connector": row["id"], "kind": verb, "reason": "chaos"}, uuid.uuid4().hex
        for _ in range(60):
            try:
                answer = self._web.post("operations/", json=body, headers={"Idempotency-Key": key})
            except httpx.HTTPError:
                time.sleep(0.5)
                continue
            if answer.status_code == 202:
                return str(answer.json()["id"])
            if answer.status_code < 500:
                with self._lock:
                    self.refused[str(answer.json().get("type", answer.status_code)).rsplit(":", 1)[-1]] += 1
                return None
            time.sleep(0.5)
        with self._lock:
            self.refused["no answer"] += 1
        return None

    # Faults

    def _prepare(self, fault: str, row: dict[str, Any], verb: str) -> None:
        """The vendor's faults are laid before the request goes out: on writes that name this connector."""
        if fault not in AT_VENDOR or fault in {"late", "outside"}:
            return
        wish = {"kind": fault, "path": _path(row), "method": _method(row["vendor"], verb), "seconds": 2.0}
        self.stack.control(row["vendor"], "faults", wish | {"times": 3 if fault == "conflict" else 1})

    def _fell(self, fault: str, row: dict[str, Any], verb: str) -> None:
        self.felled[fault] += 1
        if fault == "kill":
            self._kill()
        elif fault == "stall":
            self.stack.stall_worker(self._draw(), STALL)
        elif fault in {"broker", "postgres", "beat"}:
            began = time.time()
            {"broker": self.stack.wipe_broker, "postgres": self.stack.restart_postgres, "beat": self.stack.kill_beat}[
                fault
            ]()
            if fault != "beat":
                self.outages.append((began, time.time()))
        elif fault == "race":
            self._race(row["account"])
        elif fault == "late":
            self.stack.control(row["vendor"], "tempo", {"drag": 3.0})
            time.sleep(1)
            self.stack.control(row["vendor"], "tempo", {"drag": 0.0})
        elif fault == "outside" and verb in OPPOSITE:
            time.sleep(0.3)
            self._meddle(row, OPPOSITE[verb])

    def _kill(self) -> None:
        """Best in the middle of a drive: a worker that has a lease now, else any."""
        number, busy = self._draw(), self._driving()
        chosen = next((n for n in range(self.stack.workers) if self.stack.pid_of(n) in busy), number)
        now = time.time()
        self.kills.append((now, self.stack.kill_worker(chosen)))

    def drill(self, times: int) -> None:
        """Drivers are killed on purpose in the middle of a slow reading, while nothing else goes wrong."""
        for _ in range(times):
            for vendor in self.stack.sandboxes:
                self.stack.control(
                    vendor, "faults", {"kind": "delay", "method": "GET", "seconds": SLOW_READING, "times": 2}
                )
            end = time.monotonic() + LONGEST_REST
            while not self._driving() and time.monotonic() < end:
                time.sleep(0.05)
            self._kill()
            time.sleep(STALL)

    def _driving(self) -> set[int]:
        from connectors.models import VendorAccount

        try:
            owners = VendorAccount.objects.filter(leased_until__gt=Now()).values_list("lease_owner", flat=True)
            return {int(owner.split(":")[1]) for owner in owners}
        except Error:
            return set()
        finally:
            connection.close()

    def _draw(self) -> int:
        with self._lock:
            return self._random.randrange(100)

    def _race(self, account: str) -> None:
        """Several wake-ups for one account at the same moment."""
        from connectors import tasks
        from connectors.models import VendorAccount

        try:
            pk = VendorAccount.objects.values_list("pk", flat=True).get(name=account)
            for _ in range(6):
                tasks.wake(pk)
        except (Error, OperationalError):  # database or broker are away at the moment; that is another fault's turn
            return
        finally:
            connection.close()

    def _meddle(self, row: dict[str, Any], change: str) -> None:
        from connectors.models import Connector

        try:
            external_id = Connector.objects.values_list("external_id", flat=True).get(pk=row["id"])
        except Error:
            return
        finally:
            connection.close()
        self.stack.control(row["vendor"], "nudge", {"external_id": external_id, "change": change})


def _path(row: dict[str, Any]) -> str:
    """What the path of a write on this connector holds; any write will do where paths name no connector we know."""
    if row["vendor"] in {"kafka-connect", "confluent"}:
        return re.escape(f"/{row['name']}/")
    if row["vendor"] == "feldera":
        return ".*".join(re.escape(part) for part in row["name"].split(".", 1))
    return ""


def _method(vendor: str, verb: str) -> str:
    if vendor in {"kafka-connect", "confluent", "elastic"} and verb not in {"restart", "restart_failed", "sync_now"}:
        return "PUT"
    return "POST"
