"""Searching the record: what fits is found, nothing else is, in the order of time."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from connectors.models import AuditEvent
from connectors.queries import audit as queries
from connectors.queries import audit_language as language
from connectors.services import audit

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BATCH = "5f0c2a1e-8b1d-4c53-9a77-0e2d7b8a3c11"


def add(name: str, **values: Any) -> AuditEvent:
    """This will store an event under a name that its target bears."""
    said = {
        "at": NOON, "action": "connector.pause.requested", "result": "requested", "actor_kind": "person",
        "actor": "operator", "target": name, **values,
    }  # fmt: skip
    event = AuditEvent(**said)
    event.canonical = audit.canonical(event)
    event.save(force_insert=True)
    return event


def found(text: str) -> list[str]:
    """This will search and give the names of what was found."""
    query = language.read(text, NOON)
    assert query.troubles == []
    return [event.target for event in queries.page(query).events]


@pytest.fixture
def record() -> None:
    """This will store one event of each kind, the newest last."""
    rows: list[dict[str, Any]] = [
        {"name": "orders-12-sink", "reason": "price feed wrong", "ticket": "INC-4711", "team": "payments"},
        {"name": "orders-123", "reason": "pricefeed", "address": "10.20.4.31", "vendor": "elastic"},
        {"name": "ledger", "action": "connector.stop.refused", "result": "refused", "error": "frozen: “month end”"},
        {"name": "by token", "actor_kind": "token", "actor": "operator/ci", "on_behalf_of": "operator"},
        {"name": "by system", "actor_kind": "system", "actor": "system:driver", "result": "done", "batch_id": BATCH},
        {"name": "outside", "actor_kind": "system", "actor": "system:driver", "result": "observed",
         "action": "connector.state.changed_outside", "request_id": "req_1", "account": "box_prod"},
    ]  # fmt: skip
    for number, row in enumerate(rows):
        add(at=NOON + timedelta(minutes=number), **row)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("actor:operator", ["ledger", "orders-123", "orders-12-sink"]),
        ("actor:operator*", ["by token", "ledger", "orders-123", "orders-12-sink"]),
        ("-actor:operator -system", ["by token"]),
        ("behalf:operator", ["by token"]),
        ("action:connector.stop.*", ["ledger"]),
        ("action:*.changed_outside", ["outside"]),
        ("-action:connector.*", []),
        ("target:orders-12-sink", ["orders-12-sink"]),
        ("target:orders-12*", ["orders-123", "orders-12-sink"]),
        ("target:orders-1*", ["orders-123", "orders-12-sink"]),
        ("target:*-12-*", ["orders-12-sink"]),
        ("target:~12", ["orders-123", "orders-12-sink"]),
        ("team:payments", ["orders-12-sink"]),
        ("vendor:elastic", ["orders-123"]),
        ("account:box_prod", ["outside"]),
        ("account:box%prod", []),
        ("result:refused", ["ledger"]),
        ('reason:~"price feed"', ["orders-12-sink"]),
        ("reason:~pri", ["orders-123", "orders-12-sink"]),
        ("reason:~pr", ["orders-123", "orders-12-sink"]),
        ('reason:"price feed wrong"', ["orders-12-sink"]),
        ('-reason:~"price feed" vendor:elastic', ["orders-123"]),
        ("ticket:INC-4711", ["orders-12-sink"]),
        ("error:~month", ["ledger"]),
        ("ip:10.20.4.31", ["orders-123"]),
        ("ip:10.20.0.0/16", ["orders-123"]),
        ("ip:10.21.0.0/16", []),
        ("-ip:10.20.0.0/16 result:refused", ["ledger"]),
        ("after:2026-11-21T12:04", ["outside", "by system"]),
        ("before:2026-11-21T12:01", ["orders-12-sink"]),
        (f"batch:{BATCH}", ["by system"]),
        ("request:req_1", ["outside"]),
        ("-system", ["by token", "ledger", "orders-123", "orders-12-sink"]),
        ("-outside kind:system", ["by system"]),
        ("kind:token", ["by token"]),
        ("4711", ["orders-12-sink"]),
        ("inc-4711", ["orders-12-sink"]),
        ("price wron", ["orders-12-sink"]),
        ("pric wrong", []),  # what goes on being typed is the last word
        ("orders-12-si", []),  # so short a beginning would narrow nothing
        ("orders-12-sin", ["orders-12-sink"]),
        ("orders-123", ["orders-123"]),
        ("orders-12", ["orders-12-sink"]),
        ("pric before:2026-11-21T12:01", []),
        ("before:2026-11-21T12:01 pric", ["orders-12-sink"]),
        ('"feed wrong"', ["orders-12-sink"]),
        ('"price wrong"', []),
        ('-"price" result:requested -kind:token', ["orders-123"]),
        ("MONTH", ["ledger"]),
        ("'x; DROP TABLE y", []),
    ],
)
def test_search_finds_what_fits(record: None, text: str, names: list[str]) -> None:
    assert found(text) == names


def test_name_that_takes_too_long_to_look_for_is_taken_as_it_stands(record: None, monkeypatch: Any) -> None:
    def slow(_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(2)")

    monkeypatch.setattr(QuerySet, "exists", slow)

    assert found("orders-12-sin") == []
    assert found("orders-12-sink") == ["orders-12-sink"]


def test_limit_of_time_ends_with_the_look_at_the_last_word(record: None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        assert queries.search(language.read("orders-12-sink")).count() == 1
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_rare_word_is_found_behind_any_number_of_newer_events(monkeypatch: Any) -> None:
    monkeypatch.setattr(queries, "LOOKED_THROUGH", 10)
    for number in range(3):
        add(f"needle {number}", at=NOON - timedelta(days=1), reason="needle")
    for number in range(30):
        add(f"hay {number}", at=NOON + timedelta(seconds=number))

    assert found("needle") == ["needle 2", "needle 1", "needle 0"]
    assert found("needle before:2026-11-21") == ["needle 2", "needle 1", "needle 0"]


def test_pages_follow_each_other_without_gap_or_double_while_events_come_in() -> None:
    for number in range(12):
        add(str(number), at=NOON + timedelta(seconds=number // 3))  # three at the same moment
    query = language.read("")

    seen, cursor = [], None
    while page := queries.page(query, cursor, size=5):
        seen += [event.target for event in page.events]
        add("new", at=NOON + timedelta(minutes=1))
        cursor = queries.cursor_of(str(page.older)) if page.older else None
        if cursor is None:
            break

    assert seen == [str(number) for number in reversed(range(12))]


@pytest.mark.parametrize(
    "text", ["", "x", "_1", "2026-11-21_1", "2026-11-21T00:00:00+00:00_x", f"{NOON.isoformat()}_{'9' * 30}"]
)
def test_cursor_that_is_none_is_the_first_page(text: str) -> None:
    assert queries.cursor_of(text) is None


def test_search_that_reads_too_much_gives_up(record: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(queries, "PATIENCE", 1)
    monkeypatch.setattr(queries, "_first", lambda *_: connection.cursor().execute("SELECT pg_sleep(2)"))

    with pytest.raises(queries.TooSlow):
        queries.page(language.read(""))


def test_facets_count_what_matches(record: None) -> None:
    facets = queries.facets(language.read("-system"))

    values = {facet.name: dict(facet.values) for facet in facets.facets}
    assert (facets.total, facets.is_exact) == (4, True)
    assert values["actor"] == {"operator": 3, "operator/ci": 1}
    assert values["result"] == {"requested": 3, "refused": 1}
    assert values["vendor"] == {"elastic": 1}


def test_facets_count_the_newest_where_there_are_too_many(record: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(queries, "COUNTED", 2)

    facets = queries.facets(language.read(""))

    assert (facets.total, facets.is_exact) == (2, False)


def test_facets_look_at_the_newest_events_where_counting_takes_too_long(record: None, monkeypatch: Any) -> None:
    plain = queries._counted
    calls: list[int] = []

    def slow(matching: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            connection.cursor().execute("SELECT pg_sleep(5)")
        return plain(matching)

    monkeypatch.setattr(queries, "_counted", slow)
    monkeypatch.setattr(queries, "LOOKED_THROUGH", 2)

    facets = queries.facets(language.read(""))

    assert (facets.is_exact, facets.among, facets.total) == (False, 2, 3)


def test_completion_offers_keys_values_and_kinds(record: None) -> None:
    assert [word for word, _ in queries.complete("te", 2)] == ["team:"]
    assert [word for word, _ in queries.complete("x actor:op", 10)] == ["actor:operator", "actor:operator/ci"]
    assert [word for word, _ in queries.complete("-s", 2)] == ["-system"]
    assert [word for word, _ in queries.complete("result:re x", 9)] == ["result:requested", "result:refused"]
    assert [word for word, _ in queries.complete("action:connector.s", 18)] == [
        "action:connector.state.changed_outside", "action:connector.stop.refused",
    ]  # fmt: skip
    assert queries.complete("nonsense:x", 10) == []
    assert queries.complete("", 0) == []


def test_words_column_is_parted_as_the_search_parts_words() -> None:
    """What the migration says and what the code says must be the same."""
    event = add("a.b,c;d:e-f_g/h@i(j)k[l]m{n}o<p>q=r\"s't+u&v“w”x–y…z")

    with connection.cursor() as cursor:
        cursor.execute("SELECT words FROM connectors_auditevent WHERE id = %s", [event.pk])
        lexemes = set(re.findall(r"'([^']+)'", cursor.fetchone()[0]))

    assert set("abcdefghijklmnopqrstuvwxyz") <= lexemes
    assert set(queries._lexemes(event.target)) <= lexemes


def crowd(cursor: CursorWrapper) -> None:
    """Of three events every index looks as good as the next: the planner gets some thousands, and counts them."""
    fields = [f'"{field.column}"' for field in AuditEvent._meta.concrete_fields if field.column != "id"]
    other = {
        '"actor"': "'person-' || n",
        '"action"': "'connector.start.confirmed-' || n",
        '"result"': "'confirmed'",
        '"team"': "'team-' || n",
        '"target"': "'orders-' || n",
        '"at"': "at - make_interval(mins => n)",
        '"address"': "('192.0.2.' || n % 250)::inet",
    }
    cursor.execute(
        f"INSERT INTO connectors_auditevent ({', '.join(fields)}) "
        f"SELECT {', '.join(other.get(name, name) for name in fields)} "
        "FROM connectors_auditevent CROSS JOIN generate_series(1, 1000) n"
    )
    cursor.execute("ANALYZE connectors_auditevent")


def test_index_serves_each_search(record: None) -> None:
    plans = {
        "actor:operator": "audit_of_actor", "action:connector.stop.refused": "audit_of_action",
        "result:failed": "audit_trouble", "ip:10.20.0.0/16": "audit_from", "before:today": "audit_at",
        "team:x": "audit_of_team", "needle": "audit_words", "target:ledger": "audit_of_name",
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        crowd(cursor)
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        for text, index in plans.items():
            rows = queries.search(language.read(text, NOON))
            rows = rows.order_by(*queries.COLLECTED) if index in ("audit_words", "audit_from") else rows
            assert index in rows.explain(), text


VERBS = ("pause", "resume", "stop", "start", "restart")


def listed(text: str, size: int = 7) -> list[int]:
    """This will page through a search to its end and give the ids as they come."""
    query, cursor, seen = language.read(text, NOON), None, []
    while True:
        page = queries.page(query, cursor, size)
        seen += [event.pk for event in page.events]
        if page.older is None:
            return seen
        cursor = page.older


@pytest.mark.parametrize(
    "text",
    [
        "action:connector.pause.*",
        "action:connector.*.requested",
        "action:connector.*",
        "action:*",
        "action:nothing.*",
        "action:connector.stop.refused*",
        "action:connector.stop.* after:2026-11-21T11:57",
        "action:connector.stop.* before:2026-11-21T11:57 after:2026-11-21T11:50",
        "action:connector.stop.* actor:person-1",
        "action:connector.stop.* action:*.refused",
        "-action:connector.stop.*",
    ],
)
def test_a_pattern_of_actions_finds_the_same_in_the_same_order_however_it_is_read(text: str) -> None:
    ends = ("requested", "confirmed", "refused")
    for number in range(60):
        action = f"connector.{VERBS[number % 5]}.{ends[number % 3]}"
        add(f"{number}", action=action, actor=f"person-{number % 4}", at=NOON - timedelta(minutes=number // 6))

    query = language.read(text, NOON)

    assert listed(text) == list(queries.search(query).values_list("pk", flat=True))


def test_a_pattern_of_actions_reads_no_more_than_it_shows() -> None:
    """What is newer than all that fits is not looked through."""
    add("old", action="connector.pause.requested", at=NOON - timedelta(days=2))
    add("older", action="connector.pause.confirmed", at=NOON - timedelta(days=3))
    AuditEvent.objects.bulk_create(
        AuditEvent(at=NOON, action="connector.stop.requested", result="requested", actor_kind="person", canonical="{}")
        for _ in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE connectors_auditevent")
    plans: list[str] = []

    def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "UNION ALL" in sql and "connectors_auditseal" in sql:
            with connection.cursor() as other:
                other.cursor.execute(f"EXPLAIN ANALYZE {sql}", params)
                plans.append("\n".join(row[0] for row in other.cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        assert found("action:connector.pause.*") == ["old", "older"]

    assert "audit_of_action" in plans[0]
    assert "Rows Removed by Filter" not in plans[0]
