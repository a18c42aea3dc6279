"""No secret reaches a log."""

import pytest

from dashboard import logs

MASK = "••••••"


@pytest.mark.parametrize(
    "name", ["password", "api_key", "client_secret", "Authorization", "private_key", "credentials"]
)
def test_redact_masks_values_by_name(name: str) -> None:
    assert logs.redact(None, "info", {name: "planted", "n": 3}) == {name: MASK, "n": 3}


def test_redact_looks_inside_and_into_texts() -> None:
    event = {"headers": {"Authorization": "Basic cGxhbnRlZA=="}, "event": "went to https://me:planted@host/"}

    found = logs.redact(None, "info", event)

    assert found == {"headers": {"Authorization": MASK}, "event": f"went to https://{MASK}@host/"}
