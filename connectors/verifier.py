#!/usr/bin/env python3
"""
Check an export of the audit record, away from the server that made it.

    python3 verify_audit.py audit.jsonl [--checkpoints FILE-OR-FOLDER ...] [--key FINGERPRINT ...]

Needs Python 3.11 and the package `cryptography`. Says *whole*, or names the first event that was edited, inserted,
deleted, moved or cut off.

What a chain can and cannot show. Each event is hashed together with the one before it, and now and then a checkpoint
signs how far the chain has come and what its last hash was. So nothing that a checkpoint covers can be changed without
being seen, provided that the checkpoint was kept where the server cannot reach it and that its key is the one you know.
Events after the newest checkpoint are chained but not signed: whether some were cut off from the end of those, nobody
can tell. An event that was edited and given a fresh hash looks the same as an edit of the next one; both are named
then. And where everything from an event on was written anew, only the two checkpoints around it can be named.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SIGNED = b"switchyard-audit-checkpoint/1\n"
BEGINNING = b"switchyard-audit-chain/1\n"


def genesis(chain: str) -> bytes:
    """This will give what the first event of a chain is linked to; every chain has its own."""
    return hashlib.sha256(BEGINNING + chain.encode()).digest()


def digest(text: str) -> bytes:
    """This will hash the stored text of one event."""
    return hashlib.sha256(text.encode()).digest()


def link(previous: bytes, position: int, digest: bytes) -> bytes:
    """This will give the hash of an event: of the hash before it, its position and its text."""
    return hashlib.sha256(previous + position.to_bytes(8, "big") + digest).digest()


def fingerprint(key: str) -> str:
    """This will shorten a public key to what a person can compare."""
    return hashlib.sha256(bytes.fromhex(key)).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Link:
    """One event as the chain sees it."""

    position: int
    hash: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One signed statement: the text as it was signed, and the signature in hex."""

    body: str
    signature: str

    @property
    def said(self) -> dict[str, Any]:
        """What it states."""
        found = json.loads(self.body)
        if not isinstance(found, dict):
            raise TypeError("a checkpoint is an object")
        return found

    @property
    def mark(self) -> str:
        """What the next checkpoint names it by."""
        return hashlib.sha256(f"{self.body}\n{self.signature}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What is wrong first.

    :param position: the event it is about; for a forged checkpoint the position that it states
    :param earliest: where the change begins at the earliest, if that cannot be told exactly
    """

    kind: str
    position: int
    words: str
    earliest: int = 0


@dataclass(slots=True)
class Report:
    """What was checked, and the first thing that is wrong."""

    finding: Finding | None = None
    events: int = 0
    first: int = 0
    last: int = 0
    signed_to: int = 0
    pruned_to: int = 0
    keys: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Is nothing wrong?"""
        return self.finding is None


def check_checkpoints(
    checkpoints: Sequence[Checkpoint], chain: str, trusted: Iterable[str] = ()
) -> tuple[list[dict[str, Any]], Finding | None]:
    """
    This will check signatures, keys and the order of checkpoints.

    :param trusted: fingerprints of keys known from elsewhere; without any, the first checkpoint's key is believed
    """
    stated: list[dict[str, Any]] = []
    known = set(trusted)
    before: Checkpoint | None = None
    for checkpoint in checkpoints:
        try:
            said = checkpoint.said
            number, position, key = int(said["number"]), int(said["position"]), str(said["key"])
            bytes.fromhex(str(said["head"]))
            mark = fingerprint(key)
        except (KeyError, TypeError, ValueError):
            return stated, Finding("forged", 0, f"the checkpoint after number {len(stated)} cannot be read")
        name = f"checkpoint {number}, at position {position},"
        if not known and before is None:
            known.add(mark)
        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
            public.verify(bytes.fromhex(checkpoint.signature), SIGNED + checkpoint.body.encode())
        except (InvalidSignature, ValueError):
            return stated, Finding("forged", position, f"{name} does not bear a valid signature")
        if mark not in known:
            return stated, Finding("forged", position, f"{name} is signed by an unknown key {mark}")
        if said["chain"] != chain:
            return stated, Finding("forged", position, f"{name} belongs to another chain")
        if before is not None and (said.get("previous") != before.mark or number != stated[-1]["number"] + 1):
            return stated, Finding("forged", position, f"{name} does not follow from the checkpoint before it")
        if any(one["position"] == position and one["head"] != said["head"] for one in stated):
            return stated, Finding("forged", position, f"{name} contradicts an earlier one")
        if said.get("kind") == "rotation":
            known.add(fingerprint(str(said["next_key"])))
        stated.append(said)
        before = checkpoint
    return stated, None


def check(
    links: Sequence[Link],
    checkpoints: Sequence[Checkpoint],
    chain: str,
    *,
    trusted: Iterable[str] = (),
    jumps: Mapping[int, int] | None = None,
    is_excerpt: bool = False,
) -> Report:
    """
    This will check a chain held in memory.

    :param jumps: for an excerpt: index of a link → the position of the signed checkpoint that it goes on from
    """
    report = Report()
    stated, finding = check_checkpoints(checkpoints, chain, trusted)
    if finding is not None:
        report.finding = finding
        return report
    report.keys = sorted({fingerprint(said["key"]) for said in stated})
    report.signed_to = max((said["position"] for said in stated), default=0)
    report.pruned_to = max((said["position"] for said in stated if said.get("kind") == "tombstone"), default=0)
    heads = {said["position"]: bytes.fromhex(said["head"]) for said in stated}
    start = report.pruned_to
    if links and not is_excerpt and links[0].position <= report.pruned_to:  # an older export holds more: all the better
        start = max((p for p in (0, *heads) if p < links[0].position), default=0)
    walk = Walk(links, heads, genesis(chain))
    report.finding = walk.through(start, jumps or {})
    report.events, report.first = len(links), links[0].position if links else 0
    report.last = links[-1].position if links else start
    if report.finding is None and report.last < report.signed_to and not (is_excerpt and report.last in walk.heads):
        words = f"the record ends after event {report.last}, but a checkpoint signs event {report.signed_to}"
        report.finding = Finding("cut off", report.last + 1, words)
    return report


class Walk:
    """One walk along a chain, from link to link."""

    def __init__(self, links: Sequence[Link], heads: Mapping[int, bytes], beginning: bytes) -> None:
        self.links = links
        self.heads = {**heads, 0: beginning}

    def through(self, start: int, jumps: Mapping[int, int]) -> Finding | None:
        """This will walk until something is wrong."""
        before, hash_before, signed = start, self.heads[start], start
        heads = self.heads
        for index, here in enumerate(self.links):
            if index in jumps:
                if before not in heads:  # else what was forged before the jump would meet no signature
                    words = f"the events after {before} are missing up to the checkpoint that signs them"
                    return Finding("cut off", before + 1, words)
                if jumps[index] not in heads:
                    return Finding("forged", here.position, f"nothing signs the jump to position {jumps[index]}")
                before, hash_before, signed = jumps[index], heads[jumps[index]], jumps[index]
            if here.position != before + 1 or link(hash_before, before + 1, here.digest) != here.hash:
                return self.explain(index, before, hash_before)
            before, hash_before = here.position, here.hash
            if before in heads:
                if heads[before] != hash_before:
                    return self._contradicted(index, signed)
                signed = before
        return None

    def explain(self, index: int, before: int, hash_before: bytes) -> Finding:
        """This will tell what happened where the chain breaks, from what still follows from what."""
        here, expected = self.links[index], before + 1
        after = self.links[index + 1] if index + 1 < len(self.links) else None
        if here.position > expected:
            if any(other.position == expected for other in self.links[index + 1 :]):
                words = f"event {expected} is not in its place: event {here.position} stands there"
                return Finding("reordered", expected, words)
            return Finding("deleted", expected, f"event {expected} is missing")
        if here.position < expected:
            return Finding("inserted", here.position, f"event {here.position} is there twice: one was inserted")
        if after is not None:
            if link(hash_before, expected, after.digest) == after.hash:
                if link(after.hash, expected + 1, here.digest) == here.hash:
                    return Finding("reordered", expected, f"event {expected} and the next one changed places")
                return Finding("inserted", expected, f"event {expected} was inserted")
            if link(here.hash, after.position + 1, after.digest) == after.hash:
                return Finding("deleted", expected, f"event {expected} is missing, and those after it were renumbered")
        if index and self._follows(index - 2, here, expected - 1):
            return Finding("inserted", expected - 1, f"event {expected - 1} was inserted")
        if self._belongs_elsewhere(index):
            return Finding("reordered", expected, f"event {expected} holds the text of another event")
        words = f"event {expected} was edited (or event {before} was, and was given a new hash)"
        return Finding("edited", expected, words, earliest=before)

    def _contradicted(self, index: int, signed: int) -> Finding:
        position = self.links[index].position
        if any(other.hash == self.heads[position] for other in self.links[index + 1 : index + 2]):
            return Finding("inserted", position, f"event {position} was inserted: the next one is the signed one")
        words = f"events were written anew after the checkpoint at {signed}, up to the one at {position}"
        return Finding("rewritten", position, words, earliest=signed + 1)

    def _follows(self, index: int, here: Link, position: int) -> bool:
        previous = self.links[index].hash if index >= 0 else self.heads.get(position - 1)
        return previous is not None and link(previous, position, here.digest) == here.hash

    def _belongs_elsewhere(self, index: int) -> bool:
        here = self.links[index]
        return any(
            link(one.hash, other.position, here.digest) in (other.hash, here.hash)
            for one, other in zip(self.links, self.links[1:], strict=False)
            if other is not here
        )


@dataclass(slots=True)
class Export:
    """An export as it was read."""

    chain: str
    is_excerpt: bool
    links: list[Link] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    jumps: dict[int, int] = field(default_factory=dict)
    texts: int = 0


class Unreadable(ValueError):
    """The file is not an export, or a line of it is broken."""


def read(lines: Iterable[str]) -> Export:
    """
    This will read an export line by line.

    :raises Unreadable: with the number of the line
    """
    numbered = enumerate(lines, start=1)
    _, first = next(numbered, (0, ""))
    head = _object(1, first)
    if head.get("switchyard") != "audit-export/1":
        raise Unreadable("line 1: this is not an export of the audit record")
    export = Export(str(head.get("chain")), bool(head.get("excerpt")))
    for number, line in numbered:
        _take(export, number, _object(number, line))
    return export


def read_checkpoints(lines: Iterable[str]) -> Iterator[Checkpoint]:
    """
    This will read checkpoints that were sent outside, one a line.

    :raises Unreadable: with the number of the line
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _checkpoint(number, _object(number, line))


def merge(*groups: Iterable[Checkpoint]) -> list[Checkpoint]:
    """
    This will put checkpoints of several places together; the same one twice counts once.

    Two that differ under one number stay both, and then the second does not follow from the first.
    """
    every = {(one.body, one.signature): one for group in groups for one in group}
    return sorted(every.values(), key=_number)


def _number(checkpoint: Checkpoint) -> int:
    try:
        return int(checkpoint.said["number"])
    except (KeyError, TypeError, ValueError):
        return 0


def _take(export: Export, number: int, said: dict[str, Any]) -> None:
    try:
        if "checkpoint" in said:
            export.checkpoints.append(_checkpoint(number, said))
        elif "jump" in said:
            export.jumps[len(export.links)] = int(said["jump"])
        else:
            hashed = digest(said["event"]) if "event" in said else bytes.fromhex(said["digest"])
            export.links.append(Link(int(said["position"]), bytes.fromhex(said["hash"]), hashed))
            export.texts += "event" in said
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"line {number}: {error}") from None


def _checkpoint(number: int, said: dict[str, Any]) -> Checkpoint:
    try:
        return Checkpoint(str(said["checkpoint"]), str(said["signature"]))
    except KeyError as error:
        raise Unreadable(f"line {number}: {error} is missing") from None


def _object(number: int, line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        raise Unreadable(f"line {number}: not JSON") from None
    if not isinstance(said, dict):
        raise Unreadable(f"line {number}: not an object")
    return said


def tell(report: Report, *, is_excerpt: bool, is_key_known: bool) -> Iterator[str]:
    """This will say in words what was found, and what that does not show."""
    if report.finding is not None:
        yield f"NOT WHOLE: {report.finding.kind}: {report.finding.words}"
        return
    yield f"WHOLE: {report.events} events, position {report.first} to {report.last}"
    if report.pruned_to:
        yield f"Events up to {report.pruned_to} were pruned; a signed tombstone stands for them."
    if is_excerpt:
        yield "This is an excerpt: it proves the events it holds, not that no other event fits the filter."
    yield f"Signed up to position {report.signed_to}."
    if report.last > report.signed_to:
        unsigned = report.last - report.signed_to
        yield f"{unsigned} events after that are chained, not signed: a tail cut off there cannot be seen."
    if report.keys and not is_key_known:
        marks = ", ".join(report.keys)
        yield f"The key was taken from the checkpoints themselves; compare it with the one you know: {marks}"
    if not report.signed_to:
        yield "There is no checkpoint: whoever could write the whole file anew cannot be seen."


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """A folder stands for the files in it that hold checkpoints."""
    for path in paths:
        if path.is_dir():
            yield from sorted(path.glob("checkpoint-*.json"))
        else:
            yield path


def main(arguments: Sequence[str] | None = None) -> int:
    """This will check the files named on the command line: 0 whole, 1 not whole, 2 unreadable."""
    parser = argparse.ArgumentParser(description="Check an export of the audit record.")
    parser.add_argument("export", type=Path)
    parser.add_argument(
        "--checkpoints",
        type=Path,
        action="append",
        default=[],
        help="those that were sent outside: a file, or a folder of them",
    )
    parser.add_argument("--key", action="append", default=[], help="fingerprint of a key you know")
    options = parser.parse_args(arguments)
    try:
        with options.export.open(encoding="utf-8", newline="\n") as file:
            export = read(file)
        kept = [list(read_checkpoints(path.read_text().splitlines())) for path in _files(options.checkpoints)]
    except (OSError, Unreadable) as error:
        sys.stdout.write(f"UNREADABLE: {error}\n")
        return 2
    checkpoints = merge(export.checkpoints, *kept)
    report = check(
        export.links,
        checkpoints,
        export.chain,
        trusted=options.key,
        jumps=export.jumps,
        is_excerpt=export.is_excerpt,
    )
    for line in tell(report, is_excerpt=export.is_excerpt, is_key_known=bool(options.key)):
        sys.stdout.write(f"{line}\n")
    return 0 if report.is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
