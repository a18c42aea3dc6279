"""The small marks: a word and a shape for every state, and green for one thing only."""

from itertools import product

import pytest

from connectors.matrix import Activity, judge
from connectors.states import OperationStatus, State
from connectors.templatetags import switchyard
from connectors.templatetags.looks import ACTIVITIES, STAGES, STATES


def test_every_word_has_a_look() -> None:
    assert set(STATES) == set(State)
    assert set(ACTIVITIES) == set(Activity)
    assert set(STAGES) == set(OperationStatus)


@pytest.mark.parametrize(("pipeline", "connector"), list(product(State, State)))
def test_pair_is_joined_only_where_data_can_flow(pipeline: State, connector: State) -> None:
    verdict = judge(pipeline, connector)

    html = switchyard.pair(pipeline, connector, active=verdict.active)

    assert ("is-active" in html) == (verdict.active in {"yes", "warning"})


def test_stale_pair_is_never_joined_and_says_what_it_was() -> None:
    html = switchyard.pair(State.RUNNING, State.RUNNING, active="yes", is_stale=True)

    assert "is-active" not in html
    assert html.count("was running") == 2


def test_unknown_state_shows_the_vendors_word() -> None:
    html = switchyard.state(State.UNKNOWN, raw="suspended_<by>_ilm")

    assert '<span class="raw">suspended_&lt;by&gt;_ilm</span>' in html


def test_wanted_state_is_shown_where_it_differs() -> None:
    assert "wanted: paused" in switchyard.state(State.RUNNING, wanted=State.PAUSED)
    assert "wanted" not in switchyard.state(State.RUNNING, wanted=State.RUNNING)


@pytest.mark.parametrize(("sentence", "cause", "html"), [
    ("It failed: <no slots>.", "<no slots>", "It failed: <b>&lt;no slots&gt;</b>."),
    ("It failed: no slots.", "no slots.", "It failed: <b>no slots</b>."),
    ("It rests.", "", "It rests."),
    ("It rests.", "elsewhere", "It rests."),
])  # fmt: skip
def test_why_sets_the_vendors_words_in_bold(sentence: str, cause: str, html: str) -> None:
    assert switchyard.why(sentence, cause) == html
