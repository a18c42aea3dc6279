"""The board's head in pieces, so that open pages are sent those that changed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.streams import lines

AGE = re.compile(r">[^<]*</time>")
PIECE = re.compile(r'<(?P<tag>\w+)\b[^>]*? id="(?P<name>[\w-]+)"[^>]*>.*?</(?P=tag)>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Head:
    """One rendering."""

    whole: bytes
    frame: str
    """All of it but its pieces and ages: with another frame, the head is sent as a whole."""
    pieces: Mapping[str, tuple[str, bytes]]
    """By id: the piece but for its ages, which pages count on by themselves, and what is sent of it."""

    def news(self, shown: "Head | None") -> bytes:
        """This will give what pages that show another head are to be sent."""
        if shown is None or shown.frame != self.frame or shown.pieces.keys() != self.pieces.keys():
            return self.whole
        return b"".join(
            sent for name, (said, sent) in self.pieces.items() if said != shown.pieces[name][0]
        )  # fmt: skip


def head_of(html: str) -> Head:
    """This will take a rendered head apart: every element with an id, but for its root, is a piece."""
    _, _, inner = html.partition(">")
    pieces = {found["name"]: found[0] for found in PIECE.finditer(inner) if _is_alone(found)}
    frame = PIECE.sub(lambda found: found["name"] if _is_alone(found) else found[0], inner)
    return Head(
        whole=lines(partial("board-summary", html)),
        frame=without_ages(frame),
        pieces={name: (without_ages(piece), lines(partial(name, piece))) for name, piece in pieces.items()},
    )


def partial(target: str, html: str) -> str:
    """This will wrap what is to take the place of an element, for htmx."""
    return f'<hx-partial hx-target="#{target}" hx-swap="outerMorph">{html}</hx-partial>'


def without_ages(html: str) -> str:
    """This will leave out ages, which pages count on by themselves: with nothing else new, there is no news."""
    return AGE.sub("", html)


def _is_alone(found: re.Match[str]) -> bool:
    """An element that holds another of its kind would be cut short."""
    return found[0].count(f"<{found['tag']}") == 1
