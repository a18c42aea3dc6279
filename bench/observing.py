"""Observing and reconciling the whole estate, against fetching and decoding the same bytes."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from statistics import fmean, median

from bench.figures import Figure, ratio
from bench.lab import Lab, Place

ROW = "observing"
LIMITS = {"byte-identical": 1.5, "unchanged": 1.5, "1 % changed": 1.7, "all changed": 3.0}
STEPS = (
    ("same", "byte-identical"), ("varied", "unchanged"), ("same", "unchanged"), ("some", "1 % changed"),
    ("same", "1 % changed"), ("all", "all changed"), ("same", "all changed"), ("same", ""),
)  # fmt: skip
"""Which take is read next, and what that reading is a case of; the last one makes the answers known again."""
Samples = dict[str, list[tuple[float, float]]]
"""Of each kind, what a round took on average, and the floor that ran before each of its readings."""


def record(place: Place) -> None:
    """This will record what the sandboxes say as they are, with every hundredth and with each connector failed."""
    tell = place.sandboxes.tell
    tell("record", take="same")
    place.drive()
    tell("vary", **{"take": "same", "as": "varied"})
    tell("nudge", every=100, change="fail")
    tell("record", take="some")
    place.drive()
    tell("nudge", every=1, change="fail")
    tell("record", take="all")
    place.drive()
    tell("nudge", every=1, change="recover")  # what comes after this row finds connectors that run
    tell("play", takes=["same"])
    place.drive()
    place.rest()
    place.drive()
    place.drive()


def figures(lab: Lab) -> Iterator[Figure]:
    """This will measure each kind of reading at two sizes, with its floor beside it."""
    sizes = (lab.connectors // 10, lab.connectors)
    for size in sizes:
        record(lab.place(size))
    found: dict[int, tuple[Samples, Samples]] = {size: (defaultdict(list), defaultdict(list)) for size in sizes}
    for _ in range(lab.rounds):
        for size, samples in found.items():
            _sample(lab.place(size), samples, passes=sizes[-1] // size)
    walls, cpus = ({size: kinds[n] for size, kinds in found.items()} for n in (0, 1))
    large = sizes[-1]
    for kind, limit in LIMITS.items():
        for clock, words in ((walls, ""), (cpus, ", processor time of the worker")):
            ours, floor = ([both[place] for both in clock[large][kind]] for place in (0, 1))
            yield ratio(ROW, f"{kind}, {large}{words}", ours, floor, limit)
    for kind in LIMITS:
        yield _growth(kind, walls, sizes)
    yield from _memory(lab, sizes)


def _sample(place: Place, samples: tuple[Samples, Samples], passes: int) -> None:
    """One round, by the wall clock and by the processor's; several passes make a small estate last as long."""
    seen: dict[str, list[tuple[dict[str, float], dict[str, float]]]] = defaultdict(list)
    place.drive()  # what came due while the other estate was read, such as a sample
    for _ in range(passes):
        for take, kind in STEPS:
            floor = place.reader.do("floor", place.sandboxes.address, "same")
            place.sandboxes.tell("play", takes=[take])
            seen[kind].append((place.drive(), floor))
    for kind in LIMITS:
        for kinds, clock in zip(samples, ("wall", "cpu"), strict=True):
            ours, floors = ([one[clock] for one in part] for part in zip(*seen[kind], strict=True))
            kinds[kind].append((fmean(ours), fmean(floors)))


def _growth(kind: str, walls: dict[int, Samples], sizes: tuple[int, int]) -> Figure:
    small, large = ([ours / floor for ours, floor in walls[size][kind]] for size in sizes)
    ratios = [after / before for before, after in zip(small, large, strict=True)]
    return Figure(ROW, f"{kind}, growth {sizes[0]} → {sizes[1]} against that of the floor", median(ratios), limit=1.1,
                  spread=(min(ratios), max(ratios)))  # fmt: skip


def _memory(lab: Lab, sizes: tuple[int, int]) -> Iterator[Figure]:
    """The largest the worker ever was, at both sizes: what an account more costs it."""
    small, large = (lab.place(size) for size in sizes)
    before, after = (place.drive()["rss"] for place in (small, large))
    accounts = len(large.estate) - len(small.estate)
    yield Figure(ROW, "memory of the worker for an account more", (after - before) / accounts / 1024, "kB", 500,
                 detail=f"{before / 2**20:.0f} MB and {after / 2**20:.0f} MB")  # fmt: skip


def request_figures(lab: Lab) -> Iterator[Figure]:
    """This will count the requests of one observation at each vendor, against the fewest that it takes."""
    place = lab.place()
    place.sandboxes.tell("record", take="counted")
    place.drive()
    place.sandboxes.tell("play", takes=[])
    asked = place.sandboxes.take("counted")
    for vendor in sorted({planned.vendor for planned in place.estate}):
        accounts = [planned for planned in place.estate if planned.vendor == vendor]
        found = sum(path.startswith(f"/{vendor}/") for path in asked)
        least = sum(FEWEST[vendor](planned.connectors) for planned in accounts)
        yield Figure("requests", f"{vendor}, against the fewest", found / least, limit=1.0,
                     detail=f"{found / len(accounts):g} requests an observation")  # fmt: skip


def _pages(rows: int, size: int) -> int:
    return max(1, -(-rows // size))


FEWEST: dict[str, Callable[[int], int]] = {
    "confluent": lambda n: 1 + 2 + 3,  # the environments, a list of clusters for each, a list for each cluster
    "elastic": lambda n: _pages(n, 1000) + 4,  # and the jobs in each of the four states that are not the end
    "feldera": lambda n: 2 + _pages(n, 20),  # the server, the pipelines, the figures of each that is up
    "kafka-connect": lambda n: 3,  # version, names, and all with status and configuration
    "yandex": lambda n: 1 + _pages(n, 1000),  # the buses and the connectors
}
"""Requests an observation takes at least, by the number of connectors, as the sandboxes' estates are made up."""
