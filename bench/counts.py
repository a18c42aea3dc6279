"""What can be counted: queries, statements and bytes. They are the same on every machine, however busy it is."""

from collections.abc import Iterator

from bench.figures import Figure
from bench.lab import Lab
from bench.pages import pages, sizes

ROW = "counts"
LARGEST = 25_000
"""Bytes, compressed, of the board's first page."""
SAME, UNCHANGED = 5, 13
"""Statements of a drive at most, with the same answers and with other answers that change nothing."""


def figures(lab: Lab) -> Iterator[Figure]:
    """This will count at every size."""
    yield from _queries(lab)
    yield from _statements(lab)


def _queries(lab: Lab) -> Iterator[Figure]:
    for name in ("first page", "filtered", "search", "detail"):
        found = {}
        for size in sizes(lab):
            place = lab.place(size)
            found[size] = place.reader.do("count", place.sessions[0], pages(place)[name])
        queries = {size: answer["queries"] for size, answer in found.items()}
        detail = ", ".join(f"{number} at {size}" for size, number in queries.items())
        more = max(queries.values()) - min(queries.values())
        yield Figure(ROW, f"{name}, queries more where more is shown", more, "queries", 0, detail=detail)
        if name == "first page":
            yield Figure(ROW, f"{name}, compressed", found[lab.connectors]["bytes"], "bytes", LARGEST)


def _statements(lab: Lab) -> Iterator[Figure]:
    place = lab.place()
    tell = place.sandboxes.tell
    tell("record", take="counted-a")
    place.drive()
    tell("vary", **{"take": "counted-a", "as": "counted-b"})
    tell("play", takes=["counted-a"])
    place.drive()
    place.drive()
    same = place.reader.do("statements", "kafka-connect")["statements"]
    tell("play", takes=["counted-b"])
    other = place.reader.do("statements", "kafka-connect")["statements"]
    tell("play", takes=[])
    yield Figure(ROW, "statements of a drive, the same answers", same, "statements", SAME)
    yield Figure(ROW, "statements of a drive, nothing changed", other, "statements", UNCHANGED)
