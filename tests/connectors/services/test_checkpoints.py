"""Signed statements: made when due, by a key that nothing shows, and verifiable after the key was changed."""

import base64
import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from connectors import verifier
from connectors.actor import SET_UP
from connectors.models import AuditCheckpoint, AuditEvent
from connectors.services import audit, checkpoints, sealing

pytestmark = pytest.mark.django_db
KEYS = [base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in (1, 2)]


def add(number: int = 1) -> None:
    """This will record and seal some events."""
    with transaction.atomic():
        for _ in range(number):
            audit.record("site.test.done", actor=SET_UP, result="done")
    sealing.seal()


def findings(trusted: str = "") -> verifier.Finding | None:
    """This will check the stored checkpoints."""
    return verifier.check_checkpoints(checkpoints.stored(), sealing.chain(), [trusted] if trusted else [])[1]


def test_checkpoint_signs_position_head_and_time() -> None:
    add(3)

    made = checkpoints.make()

    said = json.loads(made.body)
    assert (said["position"], said["head"]) == (3, sealing.head()[1].hex())
    assert said["at"] == made.at.isoformat()
    assert findings() is None


def test_checkpoint_is_due_after_so_many_events_or_so_much_time(settings: Any) -> None:
    settings.AUDIT_CHECKPOINT_EVENTS, settings.AUDIT_CHECKPOINT_SECONDS = 3, 60
    now = timezone.now()
    add()

    assert checkpoints.make_due(now) is not None
    assert checkpoints.make_due(now + timedelta(hours=1)) is None  # nothing new
    add()
    assert checkpoints.make_due(now + timedelta(seconds=59)) is None
    assert checkpoints.make_due(now + timedelta(seconds=60)) is not None
    add(3)
    assert checkpoints.make_due(now + timedelta(seconds=61)) is not None


def test_key_in_the_state_folder_is_for_its_owner_only(settings: Any) -> None:
    add()

    checkpoints.make()

    file = Path(settings.STATE_DIR) / "audit-signing-keys"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().strip() not in json.dumps(list(AuditCheckpoint.objects.values("body", "signature")))


def test_rotation_keeps_old_checkpoints_verifiable(settings: Any) -> None:
    add()
    first = checkpoints.make()
    old = checkpoints.fingerprint()

    new = checkpoints.rotate(actor=SET_UP)
    add()
    checkpoints.make()

    assert new != old
    assert new == checkpoints.fingerprint()
    assert list(AuditCheckpoint.objects.values_list("kind", flat=True)) == [
        "checkpoint", "rotation", "checkpoint", "checkpoint",
    ]  # fmt: skip
    assert findings(trusted=old) is None
    assert json.loads(AuditCheckpoint.objects.get(number=2).body)["key"] == json.loads(first.body)["key"]
    assert AuditEvent.objects.get(action="site.signing_key.rotated").after == {"fingerprint": new}


def test_key_from_the_environment_is_vouched_for_by_the_one_after_it(settings: Any) -> None:
    settings.AUDIT_SIGNING_KEYS = KEYS[:1]
    add()
    checkpoints.make()
    old = checkpoints.fingerprint()

    settings.AUDIT_SIGNING_KEYS = KEYS[::-1]
    add()
    checkpoints.make()

    assert findings(trusted=old) is None


def test_key_that_nobody_vouches_for_is_found(settings: Any) -> None:
    settings.AUDIT_SIGNING_KEYS = KEYS[:1]
    add()
    checkpoints.make()

    settings.AUDIT_SIGNING_KEYS = KEYS[1:]
    add()
    checkpoints.make()

    found = findings()
    assert found is not None
    assert (found.kind, found.position) == ("forged", 2)


def test_rotation_is_left_to_the_environment(settings: Any) -> None:
    settings.AUDIT_SIGNING_KEYS = KEYS

    with pytest.raises(checkpoints.FromElsewhere):
        checkpoints.rotate(actor=SET_UP)


def test_malformed_key_is_not_shown(settings: Any) -> None:
    settings.AUDIT_SIGNING_KEYS = ["not-a-key-but-secret"]
    add()

    with pytest.raises(checkpoints.NoKey) as error:
        checkpoints.make()

    assert "not-a-key" not in str(error.value)
