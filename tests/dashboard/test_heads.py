"""The board's head in pieces: what is new is sent, and no more."""

import pytest
from django.utils import timezone

from connectors import permissions
from dashboard.heads import head_of, without_ages
from dashboard.telling import head
from tests import cast

HEAD = (
    '<div id="board-summary"><ul><li>2 failed</li></ul><table>'
    '<tr id="plate-1"><td><time datetime="2026-11-21T08:00:00Z">3 s</time></td></tr>'
    '<tr id="plate-2"><td>every 15 s</td></tr></table></div>'
)


def test_only_ages_that_went_on_are_no_news() -> None:
    assert head_of(HEAD.replace("3 s", "4 s")).news(head_of(HEAD)) == b""
    assert without_ages("<time>3 s</time>") == without_ages("<time>4 s</time>")


def test_one_account_is_sent_alone() -> None:
    news = head_of(HEAD.replace("08:00", "08:01")).news(head_of(HEAD))

    assert news.startswith(b'data: <hx-partial hx-target="#plate-1" hx-swap="outerMorph"><tr id="plate-1">')
    assert news.count(b"hx-target") == 1
    assert b"plate-2" not in news


@pytest.mark.parametrize(
    "now",
    [
        HEAD.replace("2 failed", "3 failed"),
        HEAD.replace('id="plate-2"', 'id="plate-3"'),
        HEAD.replace("<table>", "<table><tr><td>a line without an id</td></tr>"),
    ],
)
def test_anything_else_sends_the_whole(now: str) -> None:
    assert head_of(now).news(head_of(HEAD)) == head_of(now).whole
    assert head_of(now).news(None) == head_of(now).whole


def test_what_holds_another_element_of_its_kind_is_no_piece() -> None:
    nested = '<div id="board-summary"><div id="outer"><div>a</div>b</div></div>'

    assert head_of(nested).pieces == {}
    assert head_of(nested.replace("b", "c")).news(head_of(nested)) != b""


def test_the_boards_own_head_comes_apart(db: None, tiny: str) -> None:
    estate = cast.estate(tiny, timezone.now())

    taken = head_of(head(permissions.viewer_of(estate.people["viewer"])))

    assert set(taken.pieces) == {"counts", "matrix", f"plate-{estate.account.pk}", "accounts-seen"}
    assert all(piece.count("<tr") == piece.count("</tr>") for piece, _ in taken.pieces.values())
