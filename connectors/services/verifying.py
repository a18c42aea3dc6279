"""Checking the record where it is stored: as the verifier does with an export, and what only the database shows."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from connectors import verifier
from connectors.models import AuditEvent
from connectors.queries import proof
from connectors.services import audit, checkpoints, sealing
from connectors.verifier import Finding, Report

AT_ONCE = 2_000


def verify(trusted: list[str] | None = None, *, stretch: int = proof.STRETCH) -> Report:
    """
    This will check every stored text against its hash, each hash against the one before it, and all checkpoints.

    :param trusted: fingerprints of keys known from elsewhere
    :param stretch: how many events are read at a time
    """
    signed = checkpoints.stored()
    report = verifier.check([], signed, sealing.chain(), trusted=trusted or [], is_excerpt=True)
    if report.finding is not None:
        return report
    if _walk(report, signed, stretch):
        if report.last >= report.signed_to:
            return report
        words = f"the record ends after event {report.last}, but a checkpoint signs event {report.signed_to}"
        report.finding = Finding("cut off", report.last + 1, words)
        return report
    links = list(proof.links())
    for link, text in links:
        if text is None:
            report.finding = Finding("deleted", link.position, f"event {link.position} is missing")
            break
    explained = verifier.check([link for link, _ in links], signed, sealing.chain(), trusted=trusted or [])
    if report.finding is None or (explained.finding and explained.finding.position < report.finding.position):
        report.finding = explained.finding
    return report


def compare_columns() -> Iterator[tuple[int, str]]:
    """This will give `(event id, column)` for each column that says something else than the hashed text."""
    last = 0
    while chunk := list(AuditEvent.objects.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        for event in chunk:
            yield from ((event.pk, name) for name in differing(event))
        last = chunk[-1].pk


def differing(event: AuditEvent) -> list[str]:
    """This will name the columns of an event that say something else than its hashed text."""
    kept, stored = json.loads(event.canonical), json.loads(audit.canonical(event))
    return [name for name in audit.KEPT if _same(kept.get(name)) != _same(stored[name])]


def _same(value: Any) -> Any:
    """One moment can be written in several ways."""
    if isinstance(value, str) and value[10:11] == "T":
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except ValueError:
            return value
    return value


def _walk(report: Report, signed: list[verifier.Checkpoint], length: int) -> bool:
    """The whole chain in one pass, `verifier.link` and `digest` written out; whether nothing is wrong."""
    heads = {said["position"]: bytes.fromhex(said["head"]) for said in (one.said for one in signed)}
    start = end = report.last = report.pruned_to
    head = heads[start] if start else verifier.genesis(sealing.chain())
    for stretch in proof.stretches(length):
        first, end = end + 1, end + len(stretch.texts)
        if (stretch.first, stretch.last) != (first, end):
            return False
        hashes = []
        for position, text in enumerate(stretch.texts, start=first):
            if text is None:
                return False
            head = sha256(head + position.to_bytes(8) + sha256(text).digest()).digest()
            hashes.append(head)
        if b"".join(hashes) != stretch.hashes:
            return False
        if any(hashes[said - first] != heads[said] for said in heads.keys() & range(first, end + 1)):
            return False
    report.events, report.last = end - start, end
    report.first = start + 1 if report.events else 0
    return True
