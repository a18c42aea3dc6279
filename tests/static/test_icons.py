"""Every shape that a template or a tag names is in the sprite."""

import re
from pathlib import Path

from connectors.templatetags.looks import ACTIVITIES, STAGES, STATES

ROOT = Path(__file__).resolve().parents[2]


def test_sprite_holds_every_shape_that_is_used() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static" / "icons.svg").read_text()))
    named = {look.glyph for look in (*STATES.values(), *ACTIVITIES.values())}
    named |= {stage.glyph for stage in STAGES.values() if stage.glyph}
    for template in (ROOT / "templates").rglob("*.html"):
        named |= set(re.findall(r'{% icon "([^"]+)"', template.read_text()))

    assert named - sprite == set()
