"""
Protecting connectors: which verbs take a second person, and which connectors must always flow.

A protection gets stronger at once, and weaker only once a second person approves: else a lead could lift it, press,
and protect anew.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import AuditEvent, Connector, Loosening, Protection
from connectors.permissions import Viewer
from connectors.queries import loosenings
from connectors.services import audit, notices, operations
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Permission, Verb

LASTS = timedelta(hours=8)
"""Undecided for so long, it lapses."""
Outcome = Loosening.Outcome
Result = AuditEvent.Result


@transaction.atomic
def protect(
    *,
    connector: Connector,
    verbs: Sequence[Verb],
    approver: str,
    is_always_on: bool,
    actor: Actor,
    viewer: Viewer,
    reason: str = "",
    now: datetime | None = None,
) -> Protection | Loosening:
    """
    This will protect a connector, or change how it is protected; what makes it weaker waits for a second person.

    :raises NotAllowed: it takes the role lead in its team
    :raises NotNow: it would protect from nothing
    """
    now = now or timezone.now()
    locked = _locked(connector, viewer)
    if not verbs and not is_always_on:
        raise NotNow("Name verbs that take a second person, or say that it must always flow.")
    wish = _wish(verbs, approver, is_always_on)
    before = Protection.objects.filter(connector=locked).first()
    if before and _is_weaker(before, wish):
        return _ask(locked, before, wish, actor, viewer, reason, now)
    _drop_asked(locked, actor, now)
    return _set(locked, wish | {"reason": reason}, actor, now)


@transaction.atomic
def lift(
    *, connector: Connector, actor: Actor, viewer: Viewer, reason: str = "", now: datetime | None = None
) -> Loosening:
    """
    This will ask a second person to let the protection of a connector be taken away.

    :raises NotAllowed: it takes the role lead in its team
    :raises NotNow: it is not protected
    """
    now = now or timezone.now()
    locked = _locked(connector, viewer)
    found = Protection.objects.filter(connector=locked).first()
    if found is None:
        raise NotNow("It is not protected.")
    return _ask(locked, found, _wish([], found.approver, is_always_on=False), actor, viewer, reason, now)


@transaction.atomic
def approve(
    *, loosening: Loosening, actor: Actor, viewer: Viewer, said: str = "", now: datetime | None = None
) -> Loosening:
    """
    This will weaken or lift the protection, as was asked for.

    :raises NotAllowed: the actor asked for it, or lacks the role lead in its team
    :raises NotNow: it was decided, has lapsed, or the protection was changed since
    """
    now = now or timezone.now()
    loosening, connector = _open(loosening, viewer, now)
    before = Protection.objects.filter(connector=connector).first()
    if before is None or before.set_at != loosening.seen_at:
        raise NotNow("The protection was changed since this was asked for: ask anew.")
    _end(loosening, Outcome.APPROVED, actor, viewer, said, now)
    if loosening.is_lift:
        before.delete()
        _record(
            "lifted", connector, actor, loosening.reason, before=_facts(before), after=_asked_by(loosening), now=now
        )
    else:
        wish = _wish([Verb(verb) for verb in loosening.verbs], loosening.approver, loosening.is_always_on)
        _set(connector, wish | {"reason": loosening.reason or before.reason}, actor, now, _asked_by(loosening))
    return loosening


@transaction.atomic
def decline(
    *, loosening: Loosening, actor: Actor, viewer: Viewer, said: str = "", now: datetime | None = None
) -> Loosening:
    """
    This will leave the protection as it is.

    :raises NotAllowed: as `approve`
    :raises NotNow: it was decided, or has lapsed
    """
    now = now or timezone.now()
    loosening, connector = _open(loosening, viewer, now)
    _end(loosening, Outcome.DECLINED, actor, viewer, said, now)
    after = _asked_by(loosening)
    _record("loosening.declined", connector, actor, said, before=None, after=after, now=now, result=Result.REFUSED)
    return loosening


@transaction.atomic
def take_back(*, loosening: Loosening, actor: Actor, viewer: Viewer, now: datetime | None = None) -> Loosening:
    """
    This will take back what the actor has asked for.

    :raises NotAllowed: it is somebody else's
    :raises NotNow: nothing can come of it any more
    """
    now = now or timezone.now()
    operations.locked(loosening.connector)
    loosening = loosenings.visible_to(viewer).get(pk=loosening.pk)
    if not viewer.is_theirs(loosening.user_id, Permission.PROTECT):
        raise NotAllowed(f"It was asked by {loosening.actor}; you may decline it.")
    if loosening.outcome:
        raise NotNow(f"It is {loosening.outcome} already.")
    _end(loosening, Outcome.TAKEN_BACK, actor, viewer, "", now)
    _record("loosening.taken_back", loosening.connector, actor, "", before=None, after=None, now=now)
    return loosening


def _wish(verbs: Sequence[Verb], approver: str, is_always_on: bool) -> dict[str, Any]:
    chosen = set(verbs)
    return {"verbs": [str(v) for v in Verb if v in chosen], "approver": approver, "is_always_on": is_always_on}


def _is_weaker(before: Protection, wish: dict[str, Any]) -> bool:
    """Does it ask for less than before, in any way?"""
    lead, operator = Protection.Approver.LEAD, Protection.Approver.OPERATOR
    lost_verbs = set(before.verbs) - set(wish["verbs"])
    lost_lead = bool(before.verbs) and before.approver == lead and wish["approver"] == operator
    return bool(lost_verbs) or lost_lead or (before.is_always_on and not wish["is_always_on"])


def _ask(
    connector: Connector, before: Protection, wish: dict[str, Any], actor: Actor, viewer: Viewer, reason: str,
    now: datetime,
) -> Loosening:  # fmt: skip
    """The same wish of the same person that waits already is given back; another one takes its place."""
    if not viewer.user_id:
        raise NotAllowed("Only a person asks for that.")
    about = {"connector": connector, "seen_at": before.set_at, "user_id": viewer.user_id, **wish}
    if earlier := Loosening.objects.filter(outcome="", lapses_at__gt=now, **about).first():
        return earlier
    _drop_asked(connector, actor, now)
    made = Loosening.objects.create(
        **about, actor=actor.label, reason=reason, asked_at=now, lapses_at=now + LASTS
    )  # fmt: skip
    _record("loosening.asked", connector, actor, reason, before=_facts(before), after=wish, now=now,
            result=Result.REQUESTED)  # fmt: skip
    return made


def _drop_asked(connector: Connector, actor: Actor, now: datetime) -> None:
    open_ones = Loosening.objects.filter(connector=connector, outcome="")
    open_ones.update(outcome=Outcome.VOID, decided_at=now, decided_by=actor.label, said="something else was asked for")


def _open(loosening: Loosening, viewer: Viewer, now: datetime) -> tuple[Loosening, Connector]:
    """What can be decided, and its connector, which is locked."""
    connector = operations.locked(loosening.connector)
    assert isinstance(connector, Connector)  # noqa: S101  # what went in comes out
    loosening = Loosening.objects.select_related("connector__team").get(pk=loosening.pk)
    if why := loosenings.why_not_decide(loosening, viewer):
        raise NotAllowed(why)
    if loosening.outcome:
        raise NotNow(f"It is {loosening.outcome} already, by {loosening.decided_by}.")
    if loosening.lapses_at <= now:
        raise NotNow("It has lapsed: nobody decided in time.")
    return loosening, connector


def _end(
    loosening: Loosening, outcome: Loosening.Outcome, actor: Actor, viewer: Viewer, said: str, now: datetime
) -> None:
    loosening.outcome, loosening.decided_at, loosening.decided_by = outcome, now, actor.label
    loosening.decider_id, loosening.said = viewer.user_id, said
    loosening.save(update_fields=["outcome", "decided_at", "decided_by", "decider", "said"])


def _set(
    connector: Connector, values: dict[str, Any], actor: Actor, now: datetime, more: dict[str, Any] | None = None
) -> Protection:
    before = Protection.objects.filter(connector=connector).first()
    values = values | {"set_by": actor.label, "set_at": now}
    made, _ = Protection.objects.update_or_create(connector=connector, defaults=values)
    what, after = "changed" if before else "set", (_facts(made) or {}) | (more or {})
    _record(what, connector, actor, values["reason"], before=_facts(before), after=after, now=now)
    return made


def _asked_by(loosening: Loosening) -> dict[str, Any]:
    return {"asked_by": loosening.actor}


def _locked(connector: Connector, viewer: Viewer) -> Connector:
    locked = operations.locked(connector)
    assert isinstance(locked, Connector)  # noqa: S101  # what went in comes out
    if why := viewer.why_not(Permission.PROTECT, locked.team_id, locked.team.slug):
        raise NotAllowed(why)
    return locked


def _facts(protection: Protection | None) -> dict[str, Any] | None:
    if protection is None:
        return None
    return {
        "verbs": protection.verbs,
        "approver": protection.approver,
        "is_always_on": protection.is_always_on,
        "reason": protection.reason,
    }


def _record(
    what: str,
    connector: Connector,
    actor: Actor,
    reason: str,
    *,
    before: Any,
    after: Any,
    now: datetime,
    result: AuditEvent.Result = Result.DONE,
) -> None:
    audit.record(
        f"connector.protection.{what}", actor=actor, result=result, target=connector, reason=reason,
        before=before, after=after, at=now,
    )  # fmt: skip
    notices.rows(connectors=[connector.pk], pipelines=[connector.pipeline_id])
