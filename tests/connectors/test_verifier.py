"""The verifier finds every way of changing a record, and names the event."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors import verifier

LENGTH, EVERY = 60, 20
ROUNDS = 120
"""For each kind of mutation: eight kinds make 960."""
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

Line = dict[str, Any]


def links(texts: list[str], chain: str, start: int = 0, head: bytes | None = None) -> list[Line]:
    """This will chain some texts, as the product or as a forger would."""
    previous, made = head or verifier.genesis(chain), []
    for position, text in enumerate(texts, start=start + 1):
        previous = verifier.link(previous, position, verifier.digest(text))
        made.append({"position": position, "hash": previous.hex(), "event": text})
    return made


def signed(events: list[Line], chain: str, key: Ed25519PrivateKey = KEY) -> list[Line]:
    """This will sign every twentieth position, and the last."""
    before, made = "", []
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    for number, event in enumerate(events[EVERY - 1 :: EVERY], start=1):
        said = {
            "kind": "checkpoint", "chain": chain, "number": number, "position": event["position"],
            "head": event["hash"], "at": "2026-11-21T12:00:00+00:00", "key": public, "previous": before,
        }  # fmt: skip
        body = json.dumps(said)
        signature = key.sign(verifier.SIGNED + body.encode()).hex()
        before = verifier.Checkpoint(body, signature).mark
        made.append({"checkpoint": body, "signature": signature})
    return made


def texts(chain: str, chance: random.Random) -> list[str]:
    """This will make up the stored texts of a chain."""
    return [json.dumps({"uid": f"{chain}-{number}", "at": chance.random()}) for number in range(LENGTH)]


def report(chain: str, events: list[Line], checkpoints: list[Line]) -> verifier.Report:
    """This will read and check a file of these lines."""
    lines = [json.dumps(line) for line in ({"switchyard": "audit-export/1", "chain": chain}, *events, *checkpoints)]
    export = verifier.read(lines)
    return verifier.check(export.links, export.checkpoints, export.chain, jumps=export.jumps)


def renumber(events: list[Line]) -> None:
    """This will hide a gap or a double from whoever only looks at the positions."""
    for position, event in enumerate(events, start=1):
        event["position"] = position


def edit(events: list[Line], checkpoints: list[Line], chance: random.Random) -> tuple[int, int]:
    at = chance.randrange(LENGTH)
    text = events[at]["event"]
    place = chance.randrange(len(text))
    events[at]["event"] = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
    return at + 1, at + 1


def edit_with_new_hash(events: list[Line], checkpoints: list[Line], chance: random.Random) -> tuple[int, int]:
    at = chance.randrange(LENGTH - 1)
    events[at]["event"] += " "
    before = bytes.fromhex(events[at - 1]["hash"]) if at else verifier.genesis("a")
    events[at]["hash"] = verifier.link(before, at + 1, verifier.digest(events[at]["event"])).hex()
    return at + 1, at + 1


def rewrite_the_rest(events: list[Line], checkpoints: list[Line], chance: random.Random) -> tuple[int, int]:
    at = chance.randrange(LENGTH)
    head = bytes.fromhex(events[at - 1]["hash"]) if at else None
    rest = ["edited", *[event["event"] for event in events[at + 1 :]]]
    events[at:] = links(rest, "a", at, head)
    return at + 1, at + 1


def insert(events: list[Line], checkpoints: list[Line], chance: random.Random) -> tuple[int, int]:
    at = chance.randrange(LENGTH)
    before = bytes.fromhex(events[at - 1]["hash"]) if at else verifier.genesis("a")
    fits = verifier.link(before, at + 1, verifier.digest("forged")).hex()
    forged = {"position": at + 1, "event": "forged", "hash": chance.choice([fits, "00" * 32])}
    events.insert(at, forged)
    if chance.random() < 0.5:
        renumber(events)
    return at + 1, at + 1


def delete(events: list[Line], checkpoints: list[Line], chance: random.Random) -> tuple[int, int]:
    at = chance.randrange(LENGTH - 2)
    del events[at]
    if chance.random() < 0.5:
        renumber(events)
    return at + 1, at + 1


def reorder(events: list[Line], checkpoints: list[Line], chance: random.Random) -> tuple[int, int]:
    one, two = sorted(chance.sample(range(LENGTH), 2))
    events[one], events[two] = events[two], events[one]
    if chance.random() < 0.5:
        renumber(events)
    return one + 1, one + 1


def cut_off(events: list[Line], checkpoints: list[Line], chance: random.Random) -> tuple[int, int]:
    at = chance.randrange(LENGTH)
    del events[at:]
    return at + 1, at + 1


def swap_chains(events: list[Line], checkpoints: list[Line], chance: random.Random) -> tuple[int, int]:
    at = chance.randrange(LENGTH)
    events[at:] = links(texts("b", chance), "b")[at:]
    return at + 1, at + 1


def forge_a_signature(events: list[Line], checkpoints: list[Line], chance: random.Random) -> tuple[int, int]:
    at = chance.randrange(len(checkpoints))
    said = json.loads(checkpoints[at]["checkpoint"])
    way = chance.randrange(3)
    if way == 0:
        place = chance.randrange(128)
        signature = checkpoints[at]["signature"]
        digit = "0" if signature[place] != "0" else "1"
        checkpoints[at]["signature"] = signature[:place] + digit + signature[place + 1 :]
    elif way == 1:
        checkpoints[at]["checkpoint"] = json.dumps({**said, "at": "2026-11-21T12:00:01+00:00"})
    elif at == 0:
        checkpoints[at]["checkpoint"] = json.dumps({**said, "head": "00" * 32})
    else:
        other = Ed25519PrivateKey.generate()
        body = json.dumps({**said, "key": other.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()})
        checkpoints[at] = {"checkpoint": body, "signature": other.sign(verifier.SIGNED + body.encode()).hex()}
    return said["position"], said["position"]


KINDS: dict[str, tuple[Callable[..., tuple[int, int]], set[str]]] = {
    "edit": (edit, {"edited"}),
    "edit with new hash": (edit_with_new_hash, {"edited", "rewritten"}),
    "rewrite the rest": (rewrite_the_rest, {"rewritten"}),
    "insert": (insert, {"inserted"}),
    "delete": (delete, {"deleted"}),
    "reorder": (reorder, {"reordered"}),
    "cut off": (cut_off, {"cut off"}),
    "swap chains": (swap_chains, {"edited"}),
    "forge a signature": (forge_a_signature, {"forged"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_check_finds_every_mutation_and_names_the_event(kind: str) -> None:
    mutate, kinds = KINDS[kind]
    chance = random.Random(kind)
    for _ in range(ROUNDS):
        events = links(texts("a", chance), "a")
        checkpoints = signed(events, "a")
        first, last = mutate(events, checkpoints, chance)

        found = report("a", events, checkpoints).finding

        assert found is not None, first
        assert found.kind in kinds, (first, found)
        if kind in ("edit with new hash", "rewrite the rest"):
            assert found.earliest <= first <= last <= found.position, (first, found)
        else:
            assert found.position == first, (first, found)


def test_check_calls_a_whole_record_whole() -> None:
    events = links(texts("a", random.Random(1)), "a")

    found = report("a", events, signed(events, "a"))

    assert found.is_whole
    assert (found.events, found.first, found.last, found.signed_to) == (LENGTH, 1, LENGTH, LENGTH)


def test_check_says_that_an_unsigned_tail_can_be_cut_unseen() -> None:
    events = links(texts("a", random.Random(1)), "a")
    checkpoints = signed(events, "a")[:2]

    found = report("a", events[:50], checkpoints)

    assert found.is_whole
    assert "10 events after that are chained, not signed: a tail cut off there cannot be seen." in list(
        verifier.tell(found, is_excerpt=False, is_key_known=True)
    )


def test_check_wants_the_chain_of_its_checkpoints() -> None:
    events = links(texts("b", random.Random(1)), "b")

    found = report("b", events, signed(links(texts("a", random.Random(1)), "a"), "a")).finding

    assert found is not None
    assert (found.kind, found.position) == ("forged", EVERY)


def test_key_from_elsewhere_is_not_replaced_by_the_one_in_the_file() -> None:
    events = links(texts("a", random.Random(1)), "a")
    checkpoints = [verifier.Checkpoint(c["checkpoint"], c["signature"]) for c in signed(events, "a")]

    _, found = verifier.check_checkpoints(checkpoints, "a", ["another fingerprint"])

    assert found is not None
    assert found.kind == "forged"


def run(file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """This will run the verifier as an auditor does, with nothing of the product on the path."""
    script = file.parent / "verify_audit.py"
    script.write_text(Path(verifier.__file__).read_text())
    return subprocess.run(
        [sys.executable, "-I", str(script), str(file), *more], capture_output=True, text=True, check=False
    )


def test_file_runs_on_its_own(tmp_path: Path) -> None:
    events = links(texts("a", random.Random(1)), "a")
    lines = [json.dumps(line) for line in ({"switchyard": "audit-export/1", "chain": "a"}, *events)]
    file, kept = tmp_path / "audit.jsonl", tmp_path / "kept.jsonl"
    kept.write_text("\n".join(json.dumps(c) for c in signed(events, "a")))
    file.write_text("\n".join(lines))
    whole = run(file, "--checkpoints", str(kept))

    del lines[31]
    file.write_text("\n".join(lines))
    broken = run(file, "--checkpoints", str(kept))
    file.write_text("not an export")
    unreadable = run(file)

    assert (whole.returncode, whole.stdout.splitlines()[0]) == (0, "WHOLE: 60 events, position 1 to 60")
    assert (broken.returncode, broken.stdout) == (1, "NOT WHOLE: deleted: event 31 is missing\n")
    assert (unreadable.returncode, unreadable.stdout) == (2, "UNREADABLE: line 1: not JSON\n")
