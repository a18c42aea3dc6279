"""A batch under a vendor's limit: how near it comes to the fastest that the vendor lets anybody be."""

from collections.abc import Iterator

from bench.figures import Figure
from bench.lab import Lab
from bench.workers import running

ROW = "batch"
LIMIT = 50
"""Requests a second that the vendor takes, readings among them."""
VENDOR = "kafka-connect"
VENDORS = 5


def figures(lab: Lab) -> Iterator[Figure]:
    """This will pause everything that runs at one large account, whose world takes fifty requests a second."""
    wanted = min(1000, lab.connectors)
    place = lab.place(wanted * VENDORS, accounts=VENDORS)
    account = next(planned.name for planned in place.estate if planned.vendor == VENDOR)
    place.sandboxes.tell("play", takes=[])
    place.drive()
    place.sandboxes.limit(account, LIMIT)
    with running(lab, place):
        done = place.reader.do("batch", account)
    place.sandboxes.limit(account, 0)
    number = sum(done["ends"].values())
    least = number / LIMIT
    ends = ", ".join(f"{n} {status}" for status, n in sorted(done["ends"].items()))
    yield Figure(ROW, f"a batch of {number} at {LIMIT} requests a second, against {least:.1f} s",
                 done["seconds"] / least, limit=1.1, detail=f"{done['seconds']:.1f} s: {ends}")  # fmt: skip
