"""The table on the terminal, and the same as JSON and as a picture."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from bench.figures import Figure

WIDTH, BAR, LINE = 1040, 300, 22
NAME_AT, BAR_AT, VALUE_AT = 16, 530, 850


def line(figure: Figure) -> str:
    """This will write one figure as a line of the table."""
    spread = "–".join(_number(end) for end in figure.spread or ())
    verdict = "" if figure.limit is None else "met" if figure.is_met else "MISSED"
    name = f"{figure.row}: {figure.name}"
    return f"{name:74} {value(figure):>14} {spread:>15}  {figure.must_be:12} {verdict:7} {figure.detail}".rstrip()


def value(figure: Figure) -> str:
    """This will write the value with its unit."""
    return f"{_number(figure.value)} {figure.unit}"


def _number(of: float) -> str:
    return f"{of:,.0f}" if of >= 1000 or of == int(of) else f"{of:.2f}"


def where(machine: dict[str, Any]) -> str:
    """This will say in words what was measured, and on what."""
    return (
        f"revision {machine['revision']} on {machine['cores']} cores of {machine['processor']}, "
        f"{machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}"
    )


def write(figures: Sequence[Figure], folder: Path, *, connectors: int, rounds: int) -> None:
    """
    This will keep the figures as JSON and draw them.

    Rows that were not measured this time stay as they were; each says when and on what it was measured.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "figures.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    here = {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%MZ}",
        "machine": machine(),
        "connectors": connectors,
        "rounds": rounds,
    }
    for row in dict.fromkeys(figure.row for figure in figures):
        found = [asdict(f) | {"is_met": f.is_met, "must_be": f.must_be} for f in figures if f.row == row]
        kept[row] = {**here, "figures": found}
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    places = dict.fromkeys(f"{row['at'][:10]}: {where(row['machine'])}" for row in kept.values())
    figures = [Figure(**_fields(f)) for row in kept.values() for f in row["figures"]]
    picture = "\n".join(_picture(figures, list(places)))
    (folder / "figures.svg").write_text(picture + "\n")


def _fields(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in kept.items() if name not in {"is_met", "must_be"}}


def machine() -> dict[str, Any]:
    """This will say what it was measured on."""
    model = "unknown"
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        lines = [text for text in cpus.read_text().splitlines() if text.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607  # the one on the PATH
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[2], 2),
        "revision": revision.stdout.strip(),
    }


def _picture(figures: Sequence[Figure], places: Sequence[str]) -> Iterator[str]:
    """A bar for each figure that has a limit, with its spread; the line in the middle is the limit."""
    drawn = [figure for figure in figures if figure.limit]
    top = 50 + LINE * len(places)
    height = top + LINE * len(drawn) + 10
    box = f"0 0 {WIDTH} {height}"
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="12">'
    yield f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    yield f'<text x="{NAME_AT}" y="24" font-size="15" font-weight="bold">Measured, as a share of what it must be</text>'
    for number, words in enumerate(places):
        yield f'<text x="{NAME_AT}" y="{24 + LINE * (number + 1)}" fill="#555">{escape(words)}</text>'
    limit_at = BAR_AT + BAR // 2
    yield f'<path d="M{limit_at} {top - 14}V{height - 16}" stroke="#444" stroke-dasharray="3 3"/>'
    for number, figure in enumerate(drawn):
        yield from _bar(figure, top + number * LINE)
    yield "</svg>"


def _bar(figure: Figure, y: int) -> Iterator[str]:
    tone = "#2a7d4f" if figure.is_met else "#b3261e"
    words = f"{figure.row}: {figure.name}"
    yield f'<text x="{NAME_AT}" y="{y + 4}">{escape(words)}</text>'
    width = _length(figure, figure.value)
    yield f'<rect x="{BAR_AT}" y="{y - 7}" width="{width:.1f}" height="13" fill="{tone}"/>'
    if figure.spread:
        least, most = sorted(BAR_AT + _length(figure, end) for end in figure.spread)
        yield f'<path d="M{least:.1f} {y}H{most:.1f}" stroke="#e8a33d" stroke-width="3"/>'
    verdict = "" if figure.is_met else " missed"
    yield f'<text x="{VALUE_AT}" y="{y + 4}">{escape(value(figure))} ({escape(figure.must_be)}){verdict}</text>'


def _length(figure: Figure, of: float) -> float:
    """Half of the room is the limit; what is twice as much or more takes all of it."""
    limit = figure.limit or 1.0
    share = limit / max(of, 1e-9) if figure.is_least else of / limit
    return min(share, 2.0) * BAR / 2
