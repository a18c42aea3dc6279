"""Every pair of text and ground that the style sheets use can be read, in both themes."""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[2] / "static" / "css"
TEXT, MARK = 4.5, 3.0
PAIRS = [
    *(("ink", ground, TEXT) for ground in ("surface", "ground", "sunken", "hold")),
    *(("ink-2", ground, TEXT) for ground in ("surface", "ground")),
    *(("ink-3", ground, TEXT) for ground in ("surface", "ground", "sunken", "accent-wash")),
    *(("accent", ground, TEXT) for ground in ("surface", "ground", "accent-wash")),
    ("accent-ink", "accent", TEXT),
    *(("go", ground, MARK) for ground in ("surface", "accent-wash")),
    *(("warn", ground, TEXT) for ground in ("surface", "warn-wash", "accent-wash")),
    *(("fail", ground, TEXT) for ground in ("surface", "fail-wash", "accent-wash")),
    ("fail-ink", "fail-fill", TEXT),
    ("fail-fill", "surface", MARK),
    *(("change", ground, TEXT) for ground in ("surface", "change-wash", "accent-wash")),
    *(("line-strong", ground, MARK) for ground in ("surface", "ground")),
]


def tokens(theme: int) -> dict[str, str]:
    found: dict[str, str] = {}
    text = (CSS / "tokens.css").read_text()
    for name, value in re.findall(r"--([\w-]+):\s*(light-dark\([^)]*\)|#[0-9a-f]{6})", text):
        colors = re.findall(r"#[0-9a-f]{6}", value)
        if colors:
            found[name] = colors[theme if len(colors) > 1 else 0]
    return found


def luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("theme", "name"), [(0, "light"), (1, "dark")])
@pytest.mark.parametrize(("front", "ground", "least"), PAIRS)
def test_contrast_is_enough_to_read(theme: int, name: str, front: str, ground: str, least: float) -> None:
    colors = tokens(theme)

    ratio = contrast(colors[front], colors[ground])

    assert ratio >= least, f"{front} on {ground} in {name}: {ratio:.2f}"


def test_colors_stand_in_tokens_only() -> None:
    sheets = [path for path in CSS.rglob("*.css") if path.name != "tokens.css"]

    strays = {
        path.name: found
        for path in sheets
        if (
            found := set(re.findall(r"#[0-9a-f]{3,8}\b", path.read_text()))
            - {"#0000", "#0008", "#000", "#fff", "#0006"}
        )
    }

    assert strays == {}


def test_base_loads_every_style_sheet() -> None:
    markup = (CSS.parents[1] / "templates" / "components" / "_styles.html").read_text()

    linked = set(re.findall(r"static 'css/([^']+)'", markup))

    assert linked == {str(path.relative_to(CSS)) for path in CSS.rglob("*.css")}
