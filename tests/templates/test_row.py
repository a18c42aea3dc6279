"""A row that is kept is never an old one."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.template import Context, Template, TemplateSyntaxError, engines
from django.template.loader import render_to_string
from django.utils import timezone

from connectors import permissions
from connectors.matrix import Activity
from connectors.models import AuditEvent, Connector, Operation
from connectors.permissions import Viewer
from connectors.queries import connectors as queries
from connectors.queries.overview import Summary
from connectors.queries.upcoming import Upcoming
from connectors.states import Role, State
from connectors.templatetags.board import ages
from connectors.templatetags.kept import HOLE, AnewNode, fingerprint
from tests.templates.conftest import Estate

FIELDS: list[dict[str, Any]] = [
    {"name": "other"}, {"type": "other"}, {"state": "failed"}, {"vendor_state": "OTHER"}, {"desired_state": "paused"},
    {"tasks_total": 3}, {"tasks_failed": 2, "tasks_total": 2}, {"metrics": {"records_per_s": 7}}, {"flow": [1, 2, 3]},
    {"error": "no slots", "state": "failed"}, {"drift_since": timezone.now(), "desired_state": "paused"},
]  # fmt: skip


def row(connector: Connector, viewer: Viewer) -> queries.Row:
    (made,) = queries.rows([queries.visible_to(viewer).get(pk=connector.pk)], viewer)
    return made


def html(made: queries.Row) -> str:
    return render_to_string("connectors/board/_rows.html", {"rows": [made]})


@pytest.fixture
def viewer(estate: Estate) -> Viewer:
    """An operator of the team."""
    return Viewer(user_id=1, name="operator", roles={estate.team.pk: Role.OPERATOR})


@pytest.mark.parametrize("fields", FIELDS, ids=lambda fields: "+".join(fields))
def test_row_is_rendered_anew_when_a_field_changes(estate: Estate, viewer: Viewer, fields: dict[str, Any]) -> None:
    connector = estate.connector()
    before = html(row(connector, viewer))

    Connector.objects.filter(pk=connector.pk).update(**fields)

    assert html(row(connector, viewer)) != before


def others(estate: Estate) -> list[Callable[[], object]]:
    now = timezone.now()
    return [
        lambda: type(estate.pipeline).objects.update(state="paused"),
        lambda: type(estate.pipeline).objects.update(name="other"),
        lambda: type(estate.account).objects.update(name="other"),
        lambda: type(estate.account).objects.update(budget=-1),
        lambda: Operation.objects.create(account=estate.account, connector=estate.made[0], kind="pause", actor="x",
                                         state_before="running", requested_at=now, deadline_at=now),
    ]  # fmt: skip


@pytest.mark.parametrize("which", range(5))
def test_row_is_rendered_anew_when_what_it_belongs_to_changes(estate: Estate, viewer: Viewer, which: int) -> None:
    connector = estate.connector()
    before = fingerprint(row(connector, viewer))

    others(estate)[which]()

    assert fingerprint(row(connector, viewer)) != before


def test_row_of_an_operator_is_not_shown_to_a_viewer(estate: Estate, viewer: Viewer) -> None:
    connector = estate.connector(State.RUNNING)
    html(row(connector, viewer))

    shown = html(row(connector, permissions.Viewer(user_id=2, name="viewer", roles={estate.team.pk: Role.VIEWER})))

    assert "hx-post" not in shown


def test_refusal_is_shown_once_and_not_kept(estate: Estate, viewer: Viewer) -> None:
    made = row(estate.connector(), viewer)

    refused = render_to_string("connectors/board/_rows.html", {"rows": [made], "refusal": "not now"})

    assert "not now" in refused
    assert "not now" not in html(made)


def test_what_is_kept_keeps_no_age(estate: Estate, viewer: Viewer) -> None:
    connector = estate.connector()
    html(row(connector, viewer))

    Connector.objects.filter(pk=connector.pk).update(state_since=timezone.now() - timedelta(days=3))
    type(estate.account).objects.update(observed_at=timezone.now() - timedelta(seconds=41))

    shown = html(row(connector, viewer))
    assert "3\u2009d</time>" in unescape(shown)
    assert "seen <time" in shown
    assert re.search(r">4[12]\u2009s</time>", unescape(shown))
    assert HOLE not in shown


def test_a_row_with_something_to_come_says_so_beside_one_that_is_kept(estate: Estate, viewer: Viewer) -> None:
    made = row(estate.connector(), viewer)
    html(made)

    coming = replace(made, upcoming=Upcoming("clock", "Resumes", timezone.now() + timedelta(hours=2), "held by lead"))

    assert "Resumes" in html(coming)
    assert "Resumes" not in html(made)


def test_what_people_wrote_stands_in_the_row_as_text(estate: Estate, viewer: Viewer) -> None:
    connector = estate.connector(State.PAUSED, desired_state="paused")
    now = timezone.now()
    Operation.objects.create(
        account=estate.account, connector=connector, kind="pause", actor="<i>me</i>", reason='"><script>',
        error="<b>no</b>", status="failed", state_before="running", requested_at=now, deadline_at=now, finished_at=now,
    )  # fmt: skip
    made = replace(row(connector, viewer), upcoming=Upcoming("clock", "Resumes", now, "held by <u>", "<s>late</s>"))

    shown = html(made)

    for tag in ("<i>", "<script>", "<b>no", "<u>", "<s>"):
        assert tag not in shown
    assert "&lt;i&gt;me&lt;/i&gt;: &quot;&gt;&lt;script&gt;" in shown
    assert "held by &lt;u&gt;" in shown


AROUND = (
    "{% load kept %}{% kept parts around query %}<{% for p in parts %}{{ p }}?{{ query }};{% endfor %}>{% endkept %}"
)


def test_a_word_that_is_left_open_is_filled_in_each_time() -> None:
    template = engines["django"].from_string(AROUND)

    shown = [template.render({"parts": ("a", "b"), "query": query}) for query in ("x=1", 'x=2&y="', "")]
    others = template.render({"parts": ("c",), "query": "x=1"})

    assert shown == ["<a?x=1;b?x=1;>", "<a?x=2&amp;y=&quot;;b?x=2&amp;y=&quot;;>", "<a?;b?;>"]
    assert others == "<c?x=1;>"


EACH = (
    "{% load kept %}{% kept part in parts %}<{{ part.0 }}{% anew %}{{ moment }}{{ part.1 }}{% endanew %}>{% endkept %}"
)


def test_each_of_several_is_kept_by_itself() -> None:
    template = engines["django"].from_string(EACH + "{{ part }}")

    shown = [
        template.render({"parts": parts, "moment": moment, "part": "outside"})
        for parts, moment in (([("a", 1), ("<b>", 2)], 7), ([("<b>", 2)], 8), ([], 9), (None, 9))
    ]

    assert shown == ["<a71><&lt;b&gt;72>outside", "<&lt;b&gt;82>outside", "outside", "outside"]


@pytest.mark.parametrize("tag", ["kept", "kept a b", "kept a around", "kept a in", "kept a with b"])
def test_a_tag_that_says_too_little_is_refused(tag: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="kept takes"):
        engines["django"].from_string(f"{{% load kept %}}{{% {tag} %}}{{% endkept %}}")


def test_a_moment_is_escaped_as_any_tag_is() -> None:
    library = "{% load kept board %}{% kept row %}a{% anew %}{% ages row %}{% endanew %}b{% endkept %}"
    (node,) = Template(library).nodelist.get_nodes_by_type(AnewNode)

    assert isinstance(node, AnewNode)
    assert node.says is ages
    node.says = lambda _: "<i>"
    assert node.moment(None, Context()) == "&lt;i&gt;"


@pytest.mark.parametrize("part", ["counts", "cells", "not_reached", "total"])
def test_numbers_of_the_head_are_rendered_anew_when_one_changes(part: str) -> None:
    one = Summary(2, {Activity.ACTIVE: 2}, {(State.RUNNING, State.RUNNING): 2}, {State.FAILED: 0})
    changed: dict[str, Any] = {
        "counts": {Activity.ACTIVE: 1, Activity.FAILED: 1}, "cells": {(State.RUNNING, State.FAILED): 2},
        "not_reached": {State.FAILED: 1}, "total": 3,
    }  # fmt: skip

    other = replace(one, **{part: changed[part]})

    shown = [render_to_string("connectors/board/_summary.html", {"summary": summary}) for summary in (one, other, one)]
    assert fingerprint(one) != fingerprint(other)
    assert shown[0] == shown[2] != shown[1]


def test_an_account_that_is_kept_shows_what_changed(estate: Estate) -> None:
    def line() -> str:
        return render_to_string("connectors/account/_lines.html", {"accounts": type(estate.account).objects.all()})

    shown = [line()]
    for change in ({"rows_seen": 7}, {"rows_expected": 9}, {"unread": [{"pipeline": None, "reason": "x"}]},
                   {"failing_since": timezone.now()}, {"failures": 3, "due_at": timezone.now() + timedelta(hours=1)},
                   {"name": "other"}, {"failing_since": None, "failures": 0, "interval": 2}):  # fmt: skip
        type(estate.account).objects.update(**change)
        shown.append(line())

    assert len(set(shown)) == len(shown)


def test_events_that_differ_in_anything_are_shown_as_they_are() -> None:
    base: dict[str, Any] = {"at": timezone.now(), "action": "connector.pause.requested", "result": "done",
                            "actor_kind": "person", "actor": "ann", "target_kind": "connector", "target_id": "7",
                            "target": "orders", "canonical": "{}"}  # fmt: skip
    changes: list[dict[str, Any]] = [
        {}, {"at": timezone.now() - timedelta(days=2)}, {"action": "connector.resume.requested"},
        {"result": "refused"}, {"actor": "ben"}, {"target": "payments"}, {"account": "prod"}, {"reason": "why"},
        {"on_behalf_of": "cleo"}, {"ticket": "T-1"}, {"error": "no"}, {"before": {"a": 1}}, {"before": {"a": 2}},
        {"after": {"a": 1}}, {"vendor_request": "PUT /"}, {"vendor_request": "PUT /", "vendor_reply": "204"},
        {"before": {"a": 1}, "address": "192.0.2.7"}, {"before": {"a": 1}, "request_id": "r-1"},
    ]  # fmt: skip
    events = [AuditEvent(pk=7, **base | change) for change in changes]

    shown = [render_to_string("connectors/audit/_events.html", {"events": [event]}) for event in events]

    assert len(set(shown)) == len(changes)


def test_connectors_that_are_alike_share_their_buttons_and_others_do_not(estate: Estate, viewer: Viewer) -> None:
    one, two = estate.connector(), estate.connector()
    other, off = estate.connector(State.FAILED), estate.connector(verbs_off={"pause": "not now"})

    made = {r.connector.pk: r for r in queries.rows(list(queries.visible_to(viewer)), viewer)}

    assert made[one.pk].buttons is made[two.pk].buttons
    assert made[one.pk].buttons != made[other.pk].buttons
    assert [b.why_not for b in made[off.pk].buttons if b.verb == "pause"] == ["not now"]
