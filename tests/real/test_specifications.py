"""The sandboxes' answers, each held against the vendor's own OpenAPI file."""

import re
from pathlib import Path

import pytest

from tests.real.specification import Exchange, Specification
from tests.real.walk import walk

FILES = {
    "feldera": [["feldera-openapi-0.337.0.json"]],
    "elastic": [["elastic-connectors.openapi.json"]],
    "confluent": [
        ["confluent-connect-v1.openapi.yaml", "confluent-connect-v1.additions.yaml"],
        ["confluent-cmk-v2.openapi.yaml"],
        ["confluent-org-v2.openapi.yaml"],
    ],
}
OPEN = {"confluent": "'RESTARTING' is not one of"}
"""The vendor's pages know this state, its document does not yet; it has to be read as open."""
HIDDEN = re.compile(r"/v0/pipelines/[^/]+/views/[^/]+/connectors/[^/]+/(start|pause)")
"""Feldera's own client calls it, and its document leaves it out."""
LEAST = 20
"""Exchanges below which a walk has not gone anywhere."""


@pytest.mark.real
@pytest.mark.parametrize("slug", FILES)
async def test_answers_of_the_sandbox_have_the_shape_the_vendor_gives_them(slug: str, specifications: Path) -> None:
    judges = [Specification(*(specifications / name for name in names)) for names in FILES[slug]]

    exchanges = await walk(slug)

    judged = [e for e in exchanges if any(judge.knows(e) for judge in judges)]
    complaints = {complaint for e in judged for judge in judges if judge.knows(e) for complaint in judge.complaints(e)}
    assert sorted(c for c in complaints if slug not in OPEN or OPEN[slug] not in c) == []
    assert len(judged) >= LEAST
    assert _unknown(exchanges, judges) == set()


def _unknown(exchanges: list[Exchange], judges: list[Specification]) -> set[str]:
    """What went over the line and stands in no document."""
    return {
        f"{e.method} {e.path}"
        for e in exchanges
        if not any(judge.knows(e) for judge in judges) and not HIDDEN.fullmatch(e.path)
    }
