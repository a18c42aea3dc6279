"""Driving every account by one, two and four workers; and from a click to its confirmation."""

import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from statistics import median

from bench.figures import Figure, quantile
from bench.lab import Lab, Place
from bench.observing import record
from dashboard.stack.processes import Child
from dashboard.stack.run import GIVES_WAY, WORKERS

ROW = "workers"
THREADS = 16
"""Of each worker, with a connection to the database each."""
LEAST = 100
"""Accounts: more than all workers have threads, or they would wait for each other's."""
WARM = 10
"""Drives for each of those before a measurement: PostgreSQL keeps a plan once it has made five."""
LEAD, LASTS, TURNS = 1, 4, 2
"""Seconds until whoever rested has come back, those of a measurement, and how many of each there are in a round."""
CLICKS, CLICK_ROUNDS = 40, 3
CELERY = ("-m", "celery", "-q", "-A", "dashboard.celery")
WORKER = (*CELERY, "worker", "--without-gossip", "--without-mingle", "-l", "WARNING")


def figures(lab: Lab) -> Iterator[Figure]:
    """This will compare the drives a second of more workers with those of one, in turn; all stay, and some rest."""
    place = lab.place()
    if len(place.estate) < LEAST:
        place = lab.place(accounts=LEAST)
    record(place)
    cores = os.cpu_count() or 1
    rates: dict[int, list[float]] = {1: [], 2: [], 4: []}
    place.sandboxes.tell("play", takes=["varied", "same"])
    with _crew(lab, place, max(rates)):
        for _ in range(lab.rounds * TURNS):
            for number, found in rates.items():
                done = place.reader.do("keep", str(number), str(LEAD), str(LASTS))
                found.append(float(done["read"]) / float(done["seconds"]))
    place.sandboxes.tell("play", takes=[])
    for number in (2, 4):
        gains = sorted(more / one for one, more in zip(rates[1], rates[number], strict=True))
        share = median(gains) / min(number, cores)
        detail = (
            f"{quantile(rates[number], 0.5):.0f} drives a second against {quantile(rates[1], 0.5):.0f}; {cores} cores"
        )
        yield Figure(ROW, f"{number} workers, gain for each core that exists", share, limit=0.8, is_least=True,
                     spread=(gains[0] / min(number, cores), gains[-1] / min(number, cores)), detail=detail)  # fmt: skip


@contextlib.contextmanager
def _crew(lab: Lab, place: Place, number: int) -> Iterator[None]:
    """Workers that have made their plans; each drive finds the same as the one before, in other bytes."""
    env = {**place.env, "WORKER_THREADS": str(THREADS)}
    names = [f"worker-{time.monotonic_ns()}" for _ in range(number)]
    workers = [lab.stack.start(name, *WORKER, "-n", f"{name}@%h", env=env) for name in names]
    try:
        place.reader.do("gather", str(number))
        left = number * THREADS * WARM
        while left > 0:
            left -= int(place.reader.do("keep", str(number), "0", "2")["read"])
        yield
    finally:
        _end(workers)


def _end(parts: list[Child]) -> None:
    for part in parts:
        part.end()


def click_figures(lab: Lab) -> Iterator[Figure]:
    """This will press pause and resume, idle and while every account is read again and again."""
    place = lab.place()
    place.sandboxes.tell("play", takes=[])
    place.drive()
    cases = {"idle": False, f"while {place.connectors} are observed": True}
    found: dict[str, list[list[float]]] = {words: [] for words in cases}
    numbers = itertools.count(1)
    with running(lab, place):
        for _ in range(min(CLICK_ROUNDS, lab.rounds)):
            for words, keep_busy in cases.items():
                some = itertools.islice(numbers, CLICKS)
                found[words].append([_wait(place, number, keep_busy=keep_busy) * 1000 for number in some])
    for words, rounds in found.items():
        waits = [wait for waited in rounds for wait in waited]
        slowest = [quantile(waited, 0.95) for waited in rounds]
        yield Figure("clicks", f"click to confirmed beyond the vendor's own time, {words}, p95",
                     quantile(waits, 0.95), "ms", 300, spread=(min(slowest), max(slowest)),
                     detail=f"p50 {quantile(waits, 0.5):.0f} ms, {len(waits)} clicks")  # fmt: skip


@contextlib.contextmanager
def running(lab: Lab, place: Place) -> Iterator[None]:
    """This will let workers and beat run as `bin/run` does, warm."""
    beat = (*CELERY, "beat", "--pidfile=", "-l", "WARNING")
    parts = [lab.stack.start(f"beat-{time.monotonic_ns()}", *beat, env=place.env)]
    for name, queue in WORKERS.items():
        command = (f"{name}-{time.monotonic_ns()}", *WORKER, "-Q", queue)
        parts.append(lab.stack.start(*command, env=place.env, gives_way=GIVES_WAY.get(name, 0)))
    try:
        place.reader.do("click", "kafka-connect", "0")  # until the worker has imported everything
        yield
    finally:
        _end(parts)


def _wait(place: Place, number: int, *, keep_busy: bool) -> float:
    """Seconds from when the vendor was done to when we said so."""
    if keep_busy:
        place.sql("UPDATE connectors_vendoraccount SET due_at = NULL")
    done = place.reader.do("click", "kafka-connect", str(number))
    return float(done["finished_at"]) - max(place.sandboxes.due(done["account"]), float(done["requested_at"]))
