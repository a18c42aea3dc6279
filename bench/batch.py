"""A batch under a vendor's limit: how near it comes to the fastest that the vendor lets anybody be."""

import statistics
from collections import Counter
from collections.abc import Iterator
from itertools import cycle, islice

from bench.figures import Figure
from bench.lab import Lab
from bench.workers import running

ROW = "batch"
LIMIT = 50
"""Requests a second that the vendor takes, readings among them."""
VENDOR = "kafka-connect"
VENDORS = 5
VERBS = ("pause", "resume")


def figures(lab: Lab) -> Iterator[Figure]:
    """This will pause and resume, in turn, all of one large account, whose world takes fifty requests a second."""
    wanted = min(1000, lab.connectors)
    place = lab.place(wanted * VENDORS, accounts=VENDORS)
    account = next(planned.name for planned in place.estate if planned.vendor == VENDOR)
    place.sandboxes.tell("play", takes=[])
    place.drive()
    place.sandboxes.limit(account, LIMIT)
    with running(lab, place):
        rounds = [place.reader.do("batch", account, verb) for verb in islice(cycle(VERBS), lab.rounds)]
    place.sandboxes.limit(account, 0)
    numbers = [sum(done["ends"].values()) for done in rounds]
    ratios = [done["seconds"] * LIMIT / number for done, number in zip(rounds, numbers, strict=True)]
    ends = Counter[str]()
    for done in rounds:
        ends.update(done["ends"])
    ended = ", ".join(f"{number} {status}" for status, number in sorted(ends.items()))
    seconds = statistics.median(done["seconds"] for done in rounds)
    yield Figure(ROW, f"a batch of {numbers[0]} at {LIMIT} requests a second, against {numbers[0] / LIMIT:.1f} s",
                 statistics.median(ratios), limit=1.1, spread=(min(ratios), max(ratios)),
                 detail=f"{seconds:.1f} s; {ended}")  # fmt: skip
