"""Pages against the bare signed-in view on the same server."""

import http.client
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from bench.figures import Figure, quantile, ratio
from bench.lab import Lab, Place

ROW = "pages"
BARE = "/bare/"
ALONE, TURNS = 10, 4
"""Requests one after the other, and how often in a round; enough that one in twenty of all is not just the slowest."""
GROWN = 3
"""Rounds of the growth for each of the others: it is nearest to its limit."""
AT_ONCE = 8
EACH = 15
"""Requests of each of those; with few of them, most of what is measured is how they come and go."""
Visit = Callable[[], list[float]]
"""Some requests, and the seconds that each of them waited."""


class Visitor:
    """One signed-in browser: it keeps its cookies, and its connection stays open."""

    def __init__(self, place: Place, number: int) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(place.web.address).netloc, timeout=60)
        self.cookies = {"sessionid": place.sessions[number]}

    def come_anew(self) -> None:
        """This will let go of a connection that the server may have closed meanwhile."""
        self.connection.close()

    def get(self, path: str) -> tuple[float, int]:
        """This will fetch a page: seconds, and bytes of its body."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        began = time.perf_counter()
        self.connection.request("GET", path, headers={"Cookie": cookies, "Accept-Encoding": "gzip"})
        answer = self.connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - began
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        for given in answer.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: cookie.value for name, cookie in SimpleCookie(given).items()}
        return seconds, len(body)


class Crowd:
    """Visitors of one place, and what they wait."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.visitors = [Visitor(place, number) for number in range(AT_ONCE)]
        self.pool = ThreadPoolExecutor(AT_ONCE)

    def alone(self, path: str) -> list[float]:
        """This will give what one visitor waits, one request after the other."""
        self.visitors[0].come_anew()
        return [self.visitors[0].get(path)[0] for _ in range(ALONE)]

    def together(self, path: str) -> list[float]:
        """This will give what eight wait who come at once."""
        for visitor in self.visitors:
            visitor.come_anew()
        each = self.pool.map(lambda visitor: [visitor.get(path)[0] for _ in range(EACH)], self.visitors)
        return [seconds for waits in each for seconds in waits]


def sizes(lab: Lab) -> list[int]:
    """This will give the sizes at which pages are measured."""
    return sorted({60, lab.connectors // 10, lab.connectors})


def pages(place: Place) -> dict[str, str]:
    """This will name the pages that are measured: at every size a filter fills one, and a search finds one row."""
    ((pk, name, account),) = place.sql(
        "SELECT c.id, c.name, a.name FROM connectors_connector c JOIN connectors_vendoraccount a ON a.id = c.account_id"
        " ORDER BY length(c.name) DESC, c.id DESC LIMIT 1"
    )
    return {
        "first page": "/",
        "filtered": "/?state=running",
        "search": f"/?{urlencode({'search': f'{name} {account}'})}",
        "detail": f"/connectors/{pk}/",
    }


def figures(lab: Lab) -> Iterator[Figure]:
    """This will measure every page at every size, alone and eight at once."""
    crowds = {size: Crowd(lab.place(size)) for size in sizes(lab)}
    for crowd in crowds.values():
        crowd.place.sql("UPDATE connectors_vendoraccount SET budget = 86400")  # nobody reads them while this lasts
    for size, crowd in crowds.items():
        for name, path in pages(crowd.place).items():
            crowd.alone(path), crowd.together(path)  # what is made once is made before
            for word, visit, turns in (("alone", crowd.alone, TURNS), ("8 at once", crowd.together, 1)):
                rounds = [_beside(partial(visit, BARE), partial(visit, path), turns) for _ in range(lab.rounds)]
                for share, letters in ((0.5, "p50"), (0.95, "p95")):
                    bare = [quantile(before, share) for before, _ in rounds]
                    ours = [quantile(after, share) for _, after in rounds]
                    yield ratio(ROW, f"{name}, {size}, {word}, {letters}", ours, bare, 2.0)
    yield from _growth(lab, crowds)


def _beside(first: Visit, second: Visit, turns: int) -> tuple[list[float], list[float]]:
    """What both wait, taking turns: a machine that is slower for half a second is so for both."""
    waited: tuple[list[float], list[float]] = [], []
    for _ in range(turns):
        waited[0].extend(first())
        waited[1].extend(second())
    return waited


def _growth(lab: Lab, crowds: dict[int, Crowd]) -> Iterator[Figure]:
    """All pages in each round: what slows one size down for some seconds does so for a round, not for a page."""
    small, large = (crowds[size] for size in sizes(lab)[-2:])
    fewer, more = pages(small.place), pages(large.place)
    both = {name: (partial(small.alone, fewer[name]), partial(large.alone, more[name])) for name in fewer}
    for crowd, paths in ((small, fewer), (large, more)):
        for path in paths.values():
            crowd.together(path)  # a process keeps its connections for a minute: both as many, not only the last one
    rounds = [{name: _beside(*visits, TURNS) for name, visits in both.items()} for _ in range(lab.rounds * GROWN)]
    for name in both:
        before, after = ([statistics.median(waited[name][which]) for waited in rounds] for which in (0, 1))
        words = f"{name}, growth {small.place.connectors} → {large.place.connectors}"
        yield ratio(ROW, words, after, before, 1.2)
