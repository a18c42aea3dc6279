"""Signed statements of how far the chain has come. The keys are read here, used here, and shown nowhere."""

import base64
import binascii
import contextlib
import json
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from connectors import verifier
from connectors.actor import Actor
from connectors.models import AuditCheckpoint
from connectors.services import audit, sealing

SEED_BYTES = 32
Kind = AuditCheckpoint.Kind


class NoKey(RuntimeError):
    """There is no key to sign with, or what is there is none; the message never shows it."""


class FromElsewhere(NoKey):
    """The keys are in the environment, so they are changed there."""


def is_due(now: datetime) -> bool:
    """This will tell whether so many events, or so much time, have passed that a checkpoint is wanted."""
    position, _ = sealing.head()
    newest = AuditCheckpoint.objects.last()
    if newest is None or position <= newest.position:
        return newest is None and position > 0
    is_old = now - newest.at >= timedelta(seconds=settings.AUDIT_CHECKPOINT_SECONDS)
    return is_old or position - newest.position >= settings.AUDIT_CHECKPOINT_EVENTS


@transaction.atomic
def make_due(now: datetime | None = None) -> AuditCheckpoint | None:
    """
    This will sign a checkpoint if one is due and nobody else is at it.

    :raises NoKey: see `make`
    """
    now = now or timezone.now()
    return make(now) if sealing.is_ours() and is_due(now) else None


@transaction.atomic
def make(now: datetime | None = None, kind: str = Kind.CHECKPOINT, **stated: Any) -> AuditCheckpoint:
    """
    This will sign the head of the chain, after a rotation if the key is another than last time.

    :param stated: what a tombstone says beyond that; its `position` and `head` take the place of the chain's
    :raises NoKey: there is no key, or it is malformed
    """
    now = now or timezone.now()
    keys = _keys()
    sealing.hold()
    newest = AuditCheckpoint.objects.last()
    if newest is not None:
        named = json.loads(newest.body)
        used = named["next_key"] if newest.kind == Kind.ROTATION else named["key"]
        old = next((key for key in keys if public(key) == used), None)
        if used != public(keys[0]) and old is not None:
            newest = _sign(old, newest, Kind.ROTATION, now, {"next_key": public(keys[0])})
    return _sign(keys[0], newest, kind, now, stated)


@transaction.atomic
def rotate(*, actor: Actor, now: datetime | None = None) -> str:
    """
    This will make a new key in the state folder and have the old one vouch for it; the new fingerprint.

    :raises FromElsewhere: the keys come from the environment: put the new one before the old one there
    """
    if settings.AUDIT_SIGNING_KEYS:
        raise FromElsewhere("the keys are in AUDIT_SIGNING_KEYS: put a new one before the old one there")
    old = [_text(key) for key in _keys()]
    _write([_text(Ed25519PrivateKey.generate()), *old])
    made = make(now)
    mark = verifier.fingerprint(json.loads(made.body)["key"])
    audit.record("site.signing_key.rotated", actor=actor, result="done", after={"fingerprint": mark})
    return mark


def fingerprint() -> str:
    """
    This will give the fingerprint of the key in use.

    :raises NoKey: there is none
    """
    return verifier.fingerprint(public(_keys()[0]))


def public(key: Ed25519PrivateKey) -> str:
    """This will give the half of a key that anybody may know."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def stored() -> list[verifier.Checkpoint]:
    """This will give every checkpoint, for the verifier."""
    return [verifier.Checkpoint(c.body, c.signature) for c in AuditCheckpoint.objects.order_by("number")]


def line(checkpoint: AuditCheckpoint) -> str:
    """This will write a checkpoint as the verifier reads it."""
    return json.dumps({"checkpoint": checkpoint.body, "signature": checkpoint.signature})


def _sign(
    key: Ed25519PrivateKey, before: AuditCheckpoint | None, kind: str, now: datetime, stated: dict[str, Any]
) -> AuditCheckpoint:
    position, head = sealing.head()
    said = {
        "kind": str(kind),
        "chain": sealing.chain(),
        "number": before.number + 1 if before else 1,
        "position": position,
        "head": head.hex(),
        "at": now.isoformat(),
        "key": public(key),
        "previous": verifier.Checkpoint(before.body, before.signature).mark if before else "",
        **stated,
    }
    body = json.dumps(said, sort_keys=True, separators=(",", ":"))
    signature = key.sign(verifier.SIGNED + body.encode()).hex()
    return AuditCheckpoint.objects.create(
        number=said["number"], kind=kind, position=said["position"], at=now, body=body, signature=signature
    )


def _keys() -> list[Ed25519PrivateKey]:
    """The keys, the one in use first: from the environment, else from a file that is made when it is not there."""
    texts: Sequence[str] = settings.AUDIT_SIGNING_KEYS or _read()
    return [_key(text) for text in texts]


def _read() -> list[str]:
    file = _file()
    if not file.exists():
        with contextlib.suppress(FileExistsError):  # another process was first
            _write([_text(Ed25519PrivateKey.generate())], is_new=True)
    try:
        return file.read_text().split()
    except OSError as error:
        raise NoKey(f"{file.name} cannot be read: {type(error).__name__}") from None


def _write(texts: Sequence[str], *, is_new: bool = False) -> None:
    """The file appears whole or not at all, and for its owner only."""
    file = _file()
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write("\n".join(texts) + "\n")
            out.flush()
            os.fsync(out.fileno())
        if is_new:
            os.link(draft, file)
            draft.unlink()
        else:
            draft.replace(file)
    except FileExistsError:
        draft.unlink(missing_ok=True)
        raise
    except OSError as error:
        raise NoKey(f"{file.name} cannot be written: {type(error).__name__}") from None


def _file() -> Path:
    return Path(settings.STATE_DIR) / "audit-signing-keys"


def _key(text: str) -> Ed25519PrivateKey:
    try:
        seed = base64.urlsafe_b64decode(text)
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) != SEED_BYTES:
        raise NoKey("a signing key is not 32 bytes in URL-safe base64; docs/audit.md says how to make one")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _text(key: Ed25519PrivateKey) -> str:
    return base64.urlsafe_b64encode(key.private_bytes_raw()).decode()
