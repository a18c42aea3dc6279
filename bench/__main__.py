"""`bin/bench [ROW …]`: measure, print the table, and keep it as JSON and as a picture in docs/benchmarks."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import batch, counts, observing, pages, record, report, starting, streams, workers
from bench.figures import Figure
from bench.lab import Lab, say
from bench.stack import Stack
from dashboard.stack.folders import ROOT

ROWS: dict[str, Callable[[Lab], Iterator[Figure]]] = {
    "pages": pages.figures,
    "observing": observing.figures,
    "requests": observing.request_figures,
    "counts": counts.figures,
    "streams": streams.figures,
    "clicks": workers.click_figures,
    "batch": batch.figures,
    "workers": workers.figures,
    "audit": record.figures,
    "starting": starting.figures,
}
SHORT = ("counts", "requests")
"""What is the same on every machine."""


def main() -> int:
    """This will measure the rows that were asked for; 1 when a figure is missed."""
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of: {', '.join(ROWS)}; normally all")
    parser.add_argument("--connectors", type=int, default=10_000)
    parser.add_argument("--accounts", type=int, help="normally one for a hundred connectors")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="a small estate, only what can be counted; writes nothing")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks")
    wish = parser.parse_args()
    if unknown := set(wish.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    if wish.short:
        wish.rows, wish.connectors = wish.rows or SHORT, 600
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # out as by Ctrl+C: what was started ends, too
    print(report.where(report.machine()), flush=True)
    found: list[Figure] = []
    with Stack() as stack:
        lab = Lab(stack, connectors=wish.connectors, accounts=wish.accounts, rounds=wish.rounds)
        try:
            for name in wish.rows or ROWS:
                began = time.monotonic()
                rows = []
                for figure in ROWS[name](lab):
                    print(report.line(figure), flush=True)
                    rows.append(figure)
                found += rows
                if not wish.short:
                    report.write(rows, wish.out, connectors=wish.connectors, rounds=wish.rounds)
                say(f"{name} took {time.monotonic() - began:.0f} s")
        finally:
            lab.end()
    missed = [figure for figure in found if not figure.is_met]
    print(f"\n{len(found)} figures, {len(missed)} missed" + "".join(f"\n    {f.row}: {f.name}" for f in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
