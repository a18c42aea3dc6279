"""`python -m tests.chaos [OPERATIONS]`: the real stack, under faults, held against the sandboxes' own record."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import django
import httpx

from tests.chaos.stack import Stack

if TYPE_CHECKING:
    from tests.chaos.figures import Figure
    from tests.chaos.load import Load

LONGEST = 240.0
"""Seconds after the last request until everything must have ended: the longest time-out, and the sweeper's share."""
DRILLS = 3
"""Drivers killed in the middle of a reading once all is quiet, so that some take-over is seen in every run."""


def main() -> int:
    """This will run the suite, print its table, and fail when a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operations", type=int, nargs="?", default=1000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=16, help="people who ask at the same time")
    parser.add_argument("--tempo", type=float, default=0.4, help="of the sandboxes; 1 is as slow as vendors are")
    parser.add_argument("--deadliness", type=float, default=0.006, help="chance that a worker dies at a stage")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    wish = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    with Stack(workers=wish.workers, tempo=wish.tempo, deadliness=wish.deadliness, is_kept=wish.keep) as stack:
        os.environ["DB_POOL_MAX"] = "0"  # of this process: its threads come and go
        django.setup()
        return _suite(stack, wish)


def _suite(stack: Stack, wish: argparse.Namespace) -> int:
    from tests.chaos import unwritable
    from tests.chaos.figures import Evidence, table
    from tests.chaos.load import Load
    from tests.chaos.watch import Watch

    began = time.monotonic()
    _say(f"seed {wish.seed}; waiting for the first readings")
    _wait_for_readings(stack)
    for vendor in stack.sandboxes:
        stack.control(vendor, "journal", {})
    load = Load(stack, wish.seed)
    with Watch(stack, load) as watch:
        load.run(wish.operations, at_once=wish.at_once, say=Progress())
        _wait_for_outcomes()
        load.drill(DRILLS)
    evidence = Evidence({vendor: stack.control(vendor, "record") for vendor in stack.sandboxes})
    figures = table(evidence, load, watch)
    if wish.keep:
        (stack.home / "evidence.json").write_text(
            json.dumps({"asked": load.asked, "operations": _operations(), **evidence.records})
        )
    figures += unwritable.figures(stack)
    deaths = Counter(line.split()[2] for line in stack.deaths.read_text().splitlines())
    _print(figures, load, deaths, time.monotonic() - began, watch.looks)
    return 0 if all(figure.is_met for figure in figures) and not load.trouble else 1


def _operations() -> list[dict[str, str]]:
    from connectors.models import Operation

    rows = Operation.objects.order_by("requested_at").values(
        "id", "account__vendor", "connector__name", "kind", "status", "state_before", "attempts", "error",
        "requested_at",
        "sent_at", "accepted_at", "converging_at", "finished_at", "vendor_reply",
    )  # fmt: skip
    return [{name: str(value) for name, value in row.items()} for row in rows]


def _wait_for_readings(stack: Stack) -> None:
    headers = {"Authorization": f"Token {stack.token}"}
    for _ in range(120):
        accounts = httpx.get(f"{stack.address}/api/v1/accounts/", headers=headers, timeout=20).json()["results"]
        if all(account["observed_at"] for account in accounts):
            return
        time.sleep(0.5)
    raise SystemExit("not every account could be read: " + stack.last_words("worker-0"))


def _wait_for_outcomes() -> None:
    from django.db import Error, connection

    from connectors.models import Operation
    from connectors.states import OPEN

    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        try:
            left = Operation.objects.filter(status__in=OPEN).count()
        except Error:
            connection.close()
            left = -1
        if left == 0:
            return
        time.sleep(1)


class Progress:
    """One line every ten seconds."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, words: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 10
            _say(words)


def _say(words: str) -> None:
    print(f"chaos | {words}", flush=True)  # noqa: T201  # the command's answer


def _print(figures: Sequence[Figure], load: Load, deaths: Counter[str], seconds: float, looks: int) -> None:
    for line in _lines(figures, load, deaths, seconds, looks):
        print(line, flush=True)  # noqa: T201  # the command's answer


def _lines(figures: Sequence[Figure], load: Load, deaths: Counter[str], seconds: float, looks: int) -> Iterator[str]:
    from connectors.models import Operation

    yield f"\n{len(load.asked)} operations in {seconds:.0f} s; the board was looked at {looks} times."
    yield "asked under: " + ", ".join(f"{n} {name}" for name, n in Counter(load.asked.values()).most_common())
    yield "workers that died by themselves: " + (", ".join(f"{n} {s}" for s, n in deaths.most_common()) or "none")
    outcomes = Counter(Operation.objects.values_list("status", flat=True))
    yield "ended: " + ", ".join(f"{n} {name}" for name, n in outcomes.most_common())
    asked = load.asked
    by_fault = Counter(
        (asked.get(str(o.pk)) or asked.get(str(o.idempotency_key)) or "(unwritable)", o.status)
        for o in Operation.objects.all()
    )
    for fault in sorted({fault for fault, _ in by_fault}):
        ends = ", ".join(f"{n} {status}" for (name, status), n in sorted(by_fault.items()) if name == fault)
        yield f"    {fault:15} {ends}"
    yield f"refused at the door: {dict(load.refused)}"
    yield f"trouble of the suite itself: {load.trouble or 'none'}\n"
    width = max(len(f.name) for f in figures)
    yield f"{'figure':{width}}  {'is':>22}  must be"
    for figure in figures:
        yield f"{figure.name:{width}}  {figure.value:>22}  {figure.must_be:8} {'' if figure.is_met else 'MISSED'}"
        for finding in figure.findings[:5]:
            yield f"    {finding}"


if __name__ == "__main__":
    sys.exit(main())
