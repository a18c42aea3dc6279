"""The query language: what is read, and troubles that point at their word."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.queries import audit_language as language

NOW = datetime(2026, 11, 21, 13, 30, tzinfo=UTC)


def conditions(text: str) -> list[tuple[str, str, bool, bool]]:
    """This will read a query without troubles."""
    query = language.read(text, NOW)
    assert query.troubles == []
    return [(term.key, term.value, term.is_negated, term.is_part) for term in query.terms]


def test_query_of_every_kind_is_read() -> None:
    text = (
        'actor:operator action:connector.pause.* target:"orders sink" team:payments result:refused '
        'reason:~"price feed" ip:10.20.0.0/16 -vendor:elastic -system incident "price feed"'
    )

    assert conditions(text) == [
        ("actor", "operator", False, False),
        ("action", "connector.pause.*", False, False),
        ("target", "orders sink", False, False),
        ("team", "payments", False, False),
        ("result", "refused", False, False),
        ("reason", "price feed", False, True),
        ("ip", "10.20.0.0/16", False, False),
        ("vendor", "elastic", True, False),
        ("kind", "system", True, False),
        ("", "incident", False, True),
        ("", "price feed", False, False),
    ]


@pytest.mark.parametrize(
    ("word", "moment"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T14:30", datetime(2026, 11, 1, 14, 30, tzinfo=UTC)),
        ("2026-11-01T14:30+02:00", datetime(2026, 11, 1, 12, 30, tzinfo=UTC)),
        ("today", datetime(2026, 11, 21, tzinfo=UTC)),
        ("yesterday", datetime(2026, 11, 20, tzinfo=UTC)),
        ("7d", datetime(2026, 11, 14, 13, 30, tzinfo=UTC)),
        ("90min", datetime(2026, 11, 21, 12, 0, tzinfo=UTC)),
    ],
)
def test_moment_is_a_day_a_time_or_how_long_ago(word: str, moment: datetime) -> None:
    (term,) = language.read(f"after:{word}", NOW).terms

    assert term.moment == moment


@pytest.mark.parametrize(
    ("text", "column", "word", "better"),
    [
        ("after:2026-11-21 -sytem", 17, "-sytem", "-system"),
        ("actr:operator", 0, "actr:operator", "actor:operator"),
        ("team:x result:refusd", 7, "result:refusd", "result:refused"),
        ("after:soon", 0, "after:soon", ""),
        ("ip:10.20.300.1 x", 0, "ip:10.20.300.1", ""),
        ("batch:12", 0, "batch:12", ""),
        ("actor:", 0, "actor:", ""),
        ("x !!!", 2, "!!!", ""),
        ("result:~refused", 0, "result:~refused", "result:refused"),
    ],
)
def test_trouble_points_at_its_word_and_the_rest_is_searched(text: str, column: int, word: str, better: str) -> None:
    query = language.read(text, NOW)

    (trouble,) = query.troubles
    assert (trouble.start, trouble.word, trouble.better) == (column, word, better)
    assert text[trouble.start : trouble.end] == word
    assert len(query.terms) == len(text.split()) - 1
    if better:
        assert language.read(query.better(trouble), NOW).troubles == []


def test_quotation_mark_that_is_not_closed_reads_to_the_end_and_says_so() -> None:
    query = language.read('reason:~"price fe', NOW)

    assert [(term.value, term.is_part) for term in query.terms] == [("price fe", True)]
    assert (query.troubles[0].better, query.troubles[0].is_left_out) == ('reason:~"price fe"', False)


@given(st.text(max_size=60))
def test_reading_never_fails(text: str) -> None:
    for trouble in language.read(text, NOW).troubles:
        assert text[trouble.start : trouble.end] == trouble.word


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.strip("\x00") and "\x00" not in text))
def test_quoted_value_is_read_as_it_was(value: str) -> None:
    (term,) = language.of_parts({"reason": value}, NOW).terms

    assert (term.key, term.value, term.is_part) == ("reason", value, False)
