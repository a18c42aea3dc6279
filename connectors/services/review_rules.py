"""The rules that choose what is looked at again; admins change them, and every change is on record."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from connectors.actor import Actor
from connectors.models import AuditEvent, ReviewRule
from connectors.permissions import Viewer
from connectors.services import audit
from connectors.services.reviewing import NotAllowed

FIELDS = ("name", "query", "condition", "number", "begins", "ends", "zone", "weight", "is_on")


@transaction.atomic
def save(*, rule: ReviewRule | None, values: Mapping[str, Any], actor: Actor, viewer: Viewer) -> ReviewRule:
    """
    This will make a rule, or change one; it holds for events sealed from now on.

    :raises NotAllowed: only admins do
    """
    _refuse_unless_admin(viewer)
    before = _facts(rule) if rule else None
    changed = rule or ReviewRule()
    for name, value in values.items():
        setattr(changed, name, value)
    changed.save()
    what = "changed" if rule else "created"
    audit.record(
        f"review_rule.{what}", actor=actor, result=AuditEvent.Result.DONE, target=_named(changed), before=before,
        after=_facts(changed),
    )  # fmt: skip
    return changed


@transaction.atomic
def remove(*, rule: ReviewRule, actor: Actor, viewer: Viewer) -> None:
    """
    This will remove a rule; what it has found stays.

    :raises NotAllowed: only admins do
    """
    _refuse_unless_admin(viewer)
    audit.record(
        "review_rule.removed", actor=actor, result=AuditEvent.Result.DONE, target=_named(rule), before=_facts(rule)
    )
    rule.delete()


def _refuse_unless_admin(viewer: Viewer) -> None:
    if not viewer.is_admin or viewer.simulated_by:
        raise NotAllowed("Rules of review are changed by admins.")


def _facts(rule: ReviewRule) -> dict[str, Any]:
    facts = {name: getattr(rule, name) for name in FIELDS}
    return {name: value.isoformat("minutes") if hasattr(value, "hour") else value for name, value in facts.items()}


def _named(rule: ReviewRule) -> audit.Named:
    return audit.Named("review_rule", rule.pk or 0, rule.name)
