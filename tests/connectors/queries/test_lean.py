"""What is read without Django's own instances is what Django would have read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import DataError, connection, models, transaction
from django.db.models import BigIntegerField, Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from psycopg._pipeline_base import BasePipeline
from psycopg.abc import PQGen

from connectors.models import Connector, FreezeWindow, Pipeline, Team, VendorAccount
from connectors.permissions import viewer_of
from connectors.queries import board, lean, overview
from connectors.queries.connectors import Filters
from connectors.states import State
from tests import cast

WHOLE = lean.Layout(Connector, pipeline=lean.Layout(Pipeline), team=lean.Layout(Team))


def columns(model: models.Model) -> dict[str, object]:
    """This will give what is held of an instance."""
    return {name: value for name, value in vars(model).items() if name != "_state"}


def test_rows_hold_what_django_reads(estate: cast.Estate) -> None:
    estate.add("rich", labels={"tier": "gold"}, metrics={"records_per_s": 1.5}, flow=[1.0, None], tasks_total=3)

    found = WHOLE.read(Connector.objects.all())
    expected = list(Connector.objects.select_related("pipeline", "team"))

    assert [columns(row) for row in found] == [columns(row) for row in expected]
    assert [columns(row.pipeline) for row in found] == [columns(row.pipeline) for row in expected]
    assert [columns(row.team) for row in found] == [columns(row.team) for row in expected]
    assert found == expected


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 21, 22, 15, 7, 123456, UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),  # an hour that some zones skip
        datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
)
def test_moments_come_back_as_they_were_stored(estate: cast.Estate, moment: datetime) -> None:
    pk = estate.add("timed").pk
    Connector.objects.filter(pk=pk).update(state_since=moment)

    (row,) = WHOLE.read(Connector.objects.filter(pk=pk))

    assert row.state_since == moment
    assert row.state_since.utcoffset() == timedelta(0)
    assert f"{row.state_since:%Z}" == "UTC"


def test_rows_are_read_with_one_query_and_can_be_changed(estate: cast.Estate) -> None:
    with CaptureQueriesContext(connection) as asked:
        row = WHOLE.read(Connector.objects.order_by("pk"))[0]
        assert row.pipeline.name, row.team.slug
    row.name = "renamed"
    row.save()

    assert len(asked) == 1
    assert Connector.objects.get(pk=row.pk).name == "renamed"


def test_what_is_left_out_is_read_when_it_is_needed(estate: cast.Estate) -> None:
    connector = estate.add("configured", config={"topic": "a"})

    (row,) = lean.Layout(Connector, without={"config"}).read(Connector.objects.filter(pk=connector.pk))

    assert "config" not in vars(row)
    assert row.get_deferred_fields() == {"config"}
    assert row.config == {"topic": "a"}


MOVING = lean.Layout(Connector, moving={"flow", "seen_at"}, pipeline=lean.Layout(Pipeline), team=lean.Layout(Team))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "renamed"}, {"labels": {"env": "prod"}}, {"tasks": [{"id": "0"}]}, {"error": "gone"},
        {"state_since": timezone.now() - timedelta(days=9)}, {"flow": [1.0, None]}, {"seen_at": timezone.now()},
        {"desired_state": "paused"}, {"tasks_total": 3}, {},
    ],
    ids=lambda change: ", ".join(change) or "nothing",
)  # fmt: skip
def test_what_is_kept_of_a_row_is_what_is_read_now(estate: cast.Estate, change: dict[str, Any]) -> None:
    connector = estate.add("one", labels={"env": "test"})
    rows = Connector.objects.filter(pk=connector.pk)
    (before,) = MOVING.read(rows)

    rows.update(**change)
    (after,), (plain,) = MOVING.read(rows), WHOLE.read(rows)

    assert columns(after) == columns(plain) | {"read_as": after.read_as}
    assert (before.read_as == after.read_as) is (change.keys() <= {"flow", "seen_at"})


def test_what_is_kept_of_a_row_follows_what_it_belongs_to(estate: cast.Estate) -> None:
    rows = Connector.objects.filter(pk=estate.add("one").pk)
    (before,) = MOVING.read(rows)

    Pipeline.objects.update(name="other")
    (after,) = MOVING.read(rows)

    assert (before.pipeline.name, after.pipeline.name) == (estate.pipeline.name, "other")
    assert before.read_as != after.read_as


def test_an_instance_that_is_changed_changes_no_other(estate: cast.Estate) -> None:
    rows = Connector.objects.filter(pk=estate.add("one").pk)
    (first,) = MOVING.read(rows)

    first.name, first.flow = "renamed", [3.0]
    (second,) = MOVING.read(rows)

    assert (second.name, second.flow) == ("one", [])


def test_only_so_many_rows_are_kept(estate: cast.Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean, "MOST", 2)
    estate.add("one"), estate.add("two")
    rows = Connector.objects.order_by("pk")

    assert [columns(row) for row in lean.Layout(Connector).read(rows)] == [
        {name: value for name, value in columns(row).items() if name != "read_as"} for row in MOVING.read(rows)
    ]
    assert len(MOVING._kept) <= 2


def test_rows_of_one_answer_share_what_they_belong_to(estate: cast.Estate) -> None:
    one, two, *_ = WHOLE.read(Connector.objects.order_by("pk"))
    (again,) = WHOLE.read(Connector.objects.filter(pk=one.pk))

    assert one.pipeline is two.pipeline
    assert one.team is two.team
    assert again.pipeline is not one.pipeline  # what somebody has done to it is theirs


def test_what_a_row_belongs_to_is_made_when_it_is_asked_for(
    estate: cast.Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[type[models.Model]] = []
    make: Any = lean.Layout._instance

    def noted(layout: lean.Layout[Any], *rest: Any) -> Any:
        made.append(layout.model)
        return make(layout, *rest)

    monkeypatch.setattr(lean.Layout, "_instance", noted)
    rows = WHOLE.read(Connector.objects.all())
    before = list(made)
    for row in rows:
        assert row.pipeline is row.pipeline

    assert before == [Connector] * 3
    assert made[3:] == [Pipeline]


def test_what_a_row_belongs_to_can_be_read_anew_and_replaced(estate: cast.Estate) -> None:
    first, second, third = WHOLE.read(Connector.objects.order_by("pk"))
    Pipeline.objects.update(name="renamed")

    first.refresh_from_db()
    second.pipeline = Pipeline.objects.get()
    third.refresh_from_db(fields=["pipeline"])

    assert [row.pipeline.name for row in (first, second, third)] == ["renamed"] * 3
    assert third.team.slug == "payments"
    assert all(Connector.team.is_cached(row) for row in (second, third))


APART = lean.Layout(Connector, moving={"flow"}, account=lean.Layout(VendorAccount, moving={"observed_at"}))


def test_what_moves_of_what_a_row_belongs_to_leaves_what_is_kept(estate: cast.Estate) -> None:
    rows, now = Connector.objects.filter(name="orders"), timezone.now()
    (before,) = APART.read(rows)

    rows.update(flow=[1.0])
    VendorAccount.objects.update(observed_at=now)
    (after,) = APART.read(rows)
    VendorAccount.objects.update(failure="gone")
    (failed,) = APART.read(rows)

    assert before.read_as is after.read_as is failed.read_as is not None
    assert before.account.read_as is after.account.read_as is not failed.account.read_as
    assert (after.flow, after.account.observed_at, failed.account.failure) == ([1.0], now, "gone")
    assert columns(after) == columns(WHOLE.read(rows)[0]) | {"read_as": after.read_as}


def test_a_foreign_key_may_be_empty(estate: cast.Estate) -> None:
    now = timezone.now()
    for name, team in (("site", None), ("team", estate.team)):
        FreezeWindow.objects.create(name=name, team=team, starts_at=now, created_at=now, reason="because")

    found = lean.Layout(FreezeWindow, team=lean.Layout(Team)).read(FreezeWindow.objects.order_by("name"))

    with CaptureQueriesContext(connection) as asked:
        assert [freeze.team for freeze in found] == [None, estate.team]
    assert not asked.captured_queries


def test_a_text_is_made_once_and_its_answer_every_time(estate: cast.Estate) -> None:
    made: list[object] = []

    @lean.statement(lean.Layout(Connector))
    def of(pipeline: int) -> models.QuerySet[Connector]:
        made.append(pipeline)
        return Connector.objects.filter(lean.any_of("id", "ids"), pipeline=pipeline).order_by("pk")

    pk = estate.pipeline.pk
    first = estate.add("first")
    assert of.read(pk, ids=[first.pk]) == [first]
    second = estate.add("second")

    assert of.read(pk, ids=[first.pk, second.pk]) == [first, second]
    assert of.read(pk, ids=[]) == []
    assert of.read(pk + 1, ids=[first.pk]) == []
    assert made == [pk, pk + 1]


def test_a_value_may_be_given_within_any_condition(estate: cast.Estate) -> None:
    @lean.statement(lean.Layout(Connector))
    def either() -> models.QuerySet[Connector]:
        given = lean.Given("total", BigIntegerField())
        return Connector.objects.filter(Q(tasks_total__gt=given) | Q(tasks_failed=given)).order_by("pk")

    many, failed = estate.add("many", tasks_total=9), estate.add("failed", tasks_total=1, tasks_failed=5)

    assert either.read(total=8) == [many]
    assert either.read(total=5) == [many, failed]


@lean.statement(WHOLE)
def _by_ids() -> models.QuerySet[Connector]:
    return Connector.objects.filter(lean.any_of("id", "ids")).order_by("pk")


@lean.statement(WHOLE)
def _none_of(ids: tuple[int, ...]) -> models.QuerySet[Connector]:
    return Connector.objects.filter(pk__in=ids)


_names = lean.Written("SELECT name, %(word)s::text FROM connectors_connector WHERE name LIKE 'in%%' ORDER BY name")


def test_questions_are_sent_together_and_answered_where_they_are_asked(estate: cast.Estate) -> None:
    first, second, _ = estate.connectors
    with CaptureQueriesContext(connection) as asked:
        both = _by_ids.asked(ids=[first.pk, second.pk]), _by_ids.asked(ids=[second.pk])
        with lean.ahead(*both, _names.asked(word="a"), _none_of.asked(())):
            sent = len(asked)
            answers = [_by_ids.read(ids=[second.pk]), _by_ids.read(ids=[first.pk, second.pk])]
            names, nothing = _names.read(word="a"), _none_of.read(())

    assert answers == [[second], [first, second]]
    assert names == [("invoices", "a")]
    assert nothing == []
    assert sent == len(asked) == 3


def test_nobody_looks_for_answers_before_all_is_sent(estate: cast.Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[BasePipeline] = []
    look = BasePipeline._communicate_gen

    def counted(pipeline: BasePipeline) -> PQGen[None]:
        looked.append(pipeline)
        return look(pipeline)

    monkeypatch.setattr(BasePipeline, "_communicate_gen", counted)
    words = [str(number) for number in range(5)]

    with lean.ahead(*(_names.asked(word=word) for word in words)):
        assert len(looked) == 1
        assert [_names.read(word=word) for word in words] == [[("invoices", word)] for word in words]


def test_questions_that_are_larger_than_what_a_connection_takes_at_once_are_answered(estate: cast.Estate) -> None:
    pk = estate.connectors[0].pk
    many = [[pk, *range(10**12, 10**12 + 300_000 + number)] for number in range(3)]

    with CaptureQueriesContext(connection) as asked, lean.ahead(*(_by_ids.asked(ids=ids) for ids in many)):
        assert [_by_ids.read(ids=ids) for ids in many] == [[estate.connectors[0]]] * 3
        assert len(asked) == 3


def test_an_answer_is_given_once_and_not_beyond_its_block(estate: cast.Estate) -> None:
    pk = estate.connectors[0].pk
    one, other = _by_ids.asked(ids=[pk]), _names.asked(word="b")
    with lean.ahead(one, other):
        (before,) = _by_ids.read(ids=[pk])
        Connector.objects.filter(pk=pk).update(name="renamed")
        (anew,) = _by_ids.read(ids=[pk])
    with lean.ahead(one, other):
        Connector.objects.filter(pk=pk).update(name="once more")
    (beyond,) = _by_ids.read(ids=[pk])

    assert (before.name, anew.name, beyond.name) == ("orders", "renamed", "once more")


def test_blocks_within_each_other_ask_nothing_twice(estate: cast.Estate) -> None:
    pk = estate.connectors[0].pk
    one, other, more = _by_ids.asked(ids=[pk]), _names.asked(word="b"), _by_ids.asked(ids=[])
    with CaptureQueriesContext(connection) as asked, lean.ahead(one, other):
        with lean.ahead(one, more, _names.asked(word="c")):
            assert _by_ids.read(ids=[pk]) == [estate.connectors[0]]
            assert len(asked) == 4
        assert _names.read(word="b") == [("invoices", "b")]
        assert len(asked) == 4
        _by_ids.read(ids=[pk])
        assert len(asked) == 5


def test_a_question_that_fails_says_so_and_leaves_no_answer(estate: cast.Estate) -> None:
    wrong = lean.Written("SELECT 1 / (%(number)s - %(number)s)")
    with pytest.raises(DataError), transaction.atomic(), lean.ahead(_names.asked(word="a"), wrong.asked(number=4)):
        raise AssertionError("nothing is to be done within")

    with CaptureQueriesContext(connection) as asked:
        assert _names.read(word="a") == [("invoices", "a")]
    assert len(asked) == 1


def test_one_question_alone_is_asked_where_it_is_read(estate: cast.Estate) -> None:
    with CaptureQueriesContext(connection) as asked, lean.ahead(_names.asked(word="a")):
        assert not asked.captured_queries
        assert _names.read(word="a") == [("invoices", "a")]


def _like(least: int) -> models.QuerySet[Connector]:
    like = models.Q(lean.like("name", "word")) | models.Q(lean.any_of("id", "ids"))
    return Connector.objects.filter(like, tasks_total__gte=least).order_by("pk")


_searching = lean.Statement(WHOLE, _like, is_planned=False)


def test_what_is_planned_anew_is_sent_with_others_too(estate: cast.Estate) -> None:
    first, second, third = estate.connectors
    like_two = {"word": lean.pattern("inv"), "ids": [third.pk, 10**12]}
    with CaptureQueriesContext(connection) as asked:
        with lean.ahead(_names.asked(word="a"), _searching.asked(0, **like_two), _searching.asked(0, word="%", ids=[])):
            sent = len(asked)
            everything, found = _searching.read(0, word="%", ids=[]), _searching.read(0, **like_two)
        alone = _searching.read(0, **like_two)

    assert found == alone == [second, third]
    assert everything == [first, second, third]
    assert sent == len(asked) - 1 == 3


def test_ids_are_one_value(estate: cast.Estate) -> None:
    pks = [c.pk for c in estate.connectors]

    assert [c.pk for c in _by_ids.read(ids=[*pks, -1, 2**62])] == pks
    assert _by_ids.read(ids=[]) == []
    assert _searching.read(0, word="", ids=(pks[0],)) == [estate.connectors[0]]


def test_a_compiled_text_is_written_out_by_the_names_of_what_it_leaves_open(estate: cast.Estate) -> None:
    rows = Connector.objects.filter(lean.equal("id", "pk"), name__contains="or%", tasks_total__gte=0)
    like = Connector.objects.filter(lean.any_of("id", "pks"), name__startswith="or").values_list("name", "id")

    nothing = lean.Written.of(lean.closed(rows.values_list("name").query.sql_with_params())).read(pk=4)
    found = lean.Written.of(lean.closed(like.query.sql_with_params())).read(pks=[c.pk for c in estate.connectors])

    assert nothing == []
    assert found == [("orders", estate.connectors[0].pk)]


def test_what_can_fit_nothing_is_not_asked(estate: cast.Estate) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert WHOLE.read(Connector.objects.filter(pk__in=[])) == []

    assert not asked.captured_queries


def test_a_column_that_is_stored_in_another_form_is_refused() -> None:
    class Odd(models.CharField):  # type: ignore[type-arg]  # generic for the type checker alone
        def from_db_value(self, value: str, *_: object) -> str:
            return value[::-1]

    class Backwards(models.Model):
        word = Odd(max_length=9)

        class Meta:
            app_label = "tests"
            managed = False

        def __str__(self) -> str:
            return "word"

    with pytest.raises(TypeError, match="another form"):
        lean.Layout(Backwards)
    assert lean.Layout(Session).key == 0


def test_a_search_finds_what_has_its_name_since_the_same_search(estate: cast.Estate) -> None:
    viewer = viewer_of(estate.people["admin"])
    estate.add("plain")
    filters = Filters(search="harbour")
    assert board.page(viewer, filters, board.Arrangement(), 1).connectors == []

    Pipeline.objects.filter(pk=estate.pipeline.pk).update(name="harbour")

    assert board.page(viewer, filters, board.Arrangement(), 1).connectors


def test_each_sees_their_own_rows_in_turn(estate: cast.Estate) -> None:
    estate.add("ours", State.FAILED)
    estate.add("theirs", State.FAILED, team=estate.other)

    def seen(who: str) -> set[str]:
        page = board.page(viewer_of(estate.people[who]), Filters(state=(State.FAILED,)), board.Arrangement(), 1)
        return {connector.name for connector in page.connectors}

    assert seen("admin") >= {"ours", "theirs"}
    assert "theirs" not in seen("operator")
    assert "ours" in seen("operator")
    assert seen("admin") >= {"ours", "theirs"}


def test_accounts_of_the_head_carry_what_is_open(estate: cast.Estate) -> None:
    VendorAccount.objects.filter(pk=estate.account.pk).update(unread=[{"pipeline": None, "reason": "no"}])

    (account,) = overview.summary(viewer_of(estate.people["admin"])).plate

    assert account.open_operations == 0  # type: ignore[attr-defined]  # an annotation
    assert account.unread == [{"pipeline": None, "reason": "no"}]
