"""One cause, one mark."""

import pytest

from connectors.fingerprints import fingerprint


@pytest.mark.parametrize(("one", "other"), [
    ("connection to 10.0.4.17:5432 refused", "connection to 10.0.9.2:5433 refused"),
    ("Value of “amount” is out of range", "value of “tax” is out of range"),
    ("task 7d9f6c1a2b3e4d5f failed", "task 0aa96c1a2b3e4d5f failed"),
    ("lag of 12 s\n  at Sink.poll(Sink.java:62)", "lag of 9 s at Sink.poll(Sink.java:437)"),
    ("no row 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "no row 9b2504e0-1189-11d3-9a0c-0305e82c3377"),
])  # fmt: skip
def test_fingerprint_is_the_same_for_the_same_cause(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other) != ""


@pytest.mark.parametrize(("one", "other"), [
    ("connection refused", "connection reset"), ("No free slots", "No free space"), ("disk full", ""),
])  # fmt: skip
def test_fingerprint_tells_causes_apart(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_fingerprint_of_nothing_is_empty() -> None:
    assert fingerprint(" \n") == ""
