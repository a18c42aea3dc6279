"""A thousand open boards and what changes reach them, against a bare event stream that sends as many bytes as often."""

import asyncio
import json
import re
import resource
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg

from bench.figures import Figure, quantile
from bench.lab import Lab, Place

ROW = "streams"
PAGES = 1_000
TIMED = 20
"""Every so-manyth page is read closely; the others are only drained."""
ROUNDS = 3
SECONDS = 12.0
LATE = 20
"""Looks, half a second apart, at whether the last changes have come, until one counts as lost."""
SHOWN = 50
NAMED = re.compile(rb"#connector-(\d+)")


class Page(asyncio.Protocol):
    """One open page."""

    def __init__(self, path: str, session: str, sent: dict[int, list[float]] | None) -> None:
        self.head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sessionid={session}\r\n\r\n".encode()
        self.bytes = self.messages = 0
        self.sent = sent
        self.waits: list[float] = []
        self.told_until: dict[int, float] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self.head)  # type: ignore[attr-defined]  # of TCP

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        self.messages += data.count(b"\n\n")
        if self.sent is not None:
            self._note(data, time.time())

    def _note(self, data: bytes, now: float) -> None:
        for found in NAMED.findall(data):
            pk = int(found)
            since = [at for at in self.sent.get(pk, ()) if at > self.told_until.get(pk, 0.0)] if self.sent else []
            if since:
                self.waits.append(now - since[0])
            self.told_until[pk] = now

    @property
    def lacks(self) -> int:
        """Rows whose last change has not come."""
        return sum(self.told_until.get(pk, 0.0) < times[-1] for pk, times in (self.sent or {}).items())


@dataclass(slots=True)
class Load:
    """What one stretch of time cost and brought."""

    processor: float
    messages: float
    bytes_a_message: float
    memory: int
    lost: int
    waits: list[float] = field(default_factory=list)


def figures(lab: Lab) -> Iterator[Figure]:
    """This will measure one change a second and a hundred."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    place = lab.place()
    rows = [pk for (pk,) in place.sql("SELECT id FROM connectors_connector ORDER BY urgency, name, id LIMIT %s", SHOWN)]
    before = _memory(place)
    path = f"/events/?summary=1&board={quote('')}&rows={','.join(map(str, rows))}"
    for rate in (1, 100):
        rounds = [_round(place, path, rows, rate) for _ in range(min(ROUNDS, lab.rounds))]
        ours = [load for load, _ in rounds]
        words = f"{PAGES} pages, {rate} changes a second"
        late = [quantile(load.waits, 0.99) for load in ours]
        p50 = statistics.median(wait for load in ours for wait in load.waits)
        detail = f"p50 {p50 * 1000:.0f} ms, {sum(len(load.waits) for load in ours)} timed"
        yield Figure(ROW, f"{words}: change to page, p99", statistics.median(late), "s", 1.0,
                     spread=(min(late), max(late)), detail=detail)  # fmt: skip
        lost = sum(load.lost for load in ours)
        yield Figure(ROW, f"{words}: rows whose last change never came", lost, "rows", 0)
        shares = [load.processor / max(floor.processor, 1e-6) for load, floor in rounds]
        taken = (statistics.median(load.processor for load in part) for part in zip(*rounds, strict=True))
        detail = ("{:.0%} of a core against {:.0%}; ".format(*taken) +
                  f"{statistics.median(load.messages for load in ours) / PAGES:.1f} messages a page and second, "
                  f"{statistics.median(load.bytes_a_message for load in ours) / 1024:.1f} kB each")  # fmt: skip
        yield Figure(ROW, f"{words}: processor time", statistics.median(shares), limit=1.5,
                     spread=(min(shares), max(shares)), detail=detail)  # fmt: skip
        if rate == 1:
            size = (ours[0].memory - before) / PAGES / 1024  # later ones hold what bare streams left, too
            yield Figure(ROW, "memory of an open page", size, "kB", 100)


def _round(place: Place, path: str, rows: list[int], rate: int) -> tuple[Load, Load]:
    """The product's pages, then as many that are sent as much as often by the bare stream."""
    ours = asyncio.run(_measured(place, path, rows, rate))
    bare = f"/bare-events/?bytes={int(ours.bytes_a_message)}&rate={ours.messages / PAGES:.3f}"
    return ours, asyncio.run(_measured(place, bare, rows, 0))


async def _measured(place: Place, path: str, rows: list[int], rate: int) -> Load:
    sent: dict[int, list[float]] = {}
    where = urlsplit(place.web.address)
    loop = asyncio.get_running_loop()
    pages = [Page(path, place.sessions[n % len(place.sessions)], None if n % TIMED else sent) for n in range(PAGES)]
    host, port = str(where.hostname), int(where.port or 80)
    open_pages = [(await loop.create_connection(partial(_itself, page), host, port))[0] for page in pages]
    await _settled(pages)
    memory = _memory(place)
    cpu, messages, size = _processor(place), sum(p.messages for p in pages), sum(p.bytes for p in pages)
    await asyncio.to_thread(_change, place, rows, rate, sent)
    await asyncio.sleep(1)
    spent, came = _processor(place) - cpu, sum(p.messages for p in pages) - messages
    a_message = (sum(p.bytes for p in pages) - size) / max(came, 1)
    lost = await _lost(pages)
    load = Load(spent / (SECONDS + 1), came / (SECONDS + 1), a_message, memory, lost,
                [wait for page in pages for wait in page.waits])  # fmt: skip
    for transport in open_pages:
        transport.close()
    await asyncio.sleep(2)
    return load


def _itself(page: Page) -> Page:
    return page


async def _settled(pages: list[Page]) -> None:
    """Until every page has got what it begins with."""
    for _ in range(120):
        await asyncio.sleep(0.5)
        if all(page.messages > 1 for page in pages):
            break
    else:
        raise RuntimeError(f"only {sum(page.messages > 1 for page in pages)} pages got what they begin with")
    await asyncio.sleep(3)


async def _lost(pages: list[Page]) -> int:
    """Over the pages that are read closely, the rows whose last change does not come."""
    for _ in range(LATE):
        if not (lost := sum(page.lacks for page in pages)):
            break
        await asyncio.sleep(0.5)
    return lost


def _change(place: Place, rows: list[int], rate: int, sent: dict[int, list[float]]) -> None:
    """So many changes a second, one row after the other, each written and told as the product does."""
    began = time.time()
    with psycopg.connect(place.env["DATABASE_URL"], autocommit=True) as connection:
        for number in range(int(SECONDS * rate)):
            pk = rows[number % len(rows)]
            sent.setdefault(pk, []).append(time.time())
            connection.execute("UPDATE connectors_connector SET error = %s WHERE id = %s", [f"change {number}", pk])
            connection.execute("SELECT pg_notify('switchyard_rows', %s)", [json.dumps({"c": [pk]})])
            time.sleep(max(0.0, began + (number + 1) / rate - time.time()))
    time.sleep(max(0.0, began + SECONDS - time.time()))


def _processor(place: Place) -> float:
    """Seconds of processor time that the web process has used."""
    used = Path(f"/proc/{place.web.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(used[11]) + int(used[12])) / 100


def _memory(place: Place) -> int:
    """Bytes of memory that are the web process's own share."""
    for line in Path(f"/proc/{place.web.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the system does not tell what a process needs of memory")
