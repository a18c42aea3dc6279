"""Restarting what broke, by policies: through the same gate as everybody, and never against a person."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from connectors import heal, permissions
from connectors.actor import HEAL, Actor
from connectors.models import (
    AuditEvent,
    Connector,
    HealPolicy,
    HealState,
    Operation,
    StateChange,
    Team,
)
from connectors.permissions import Viewer
from connectors.queries import verbs
from connectors.services import audit, notices, operations
from connectors.services.operations import NotAllowed, NotNow, NotPossible
from connectors.states import OPEN, Permission, SiteRole, State, Verb

VIEWER = permissions.Viewer(user_id=0, name=HEAL.name, site_role=SiteRole.ADMIN)
"""The product itself. All other rules bind it like anybody."""
VERBS = (Verb.RESTART_FAILED, Verb.RESTART, Verb.START)
"""The first of these that goes is asked for."""
AGAIN = timedelta(seconds=60)
"""After a refusal, such as by a freeze."""
AT_ONCE = 50
"""Connectors looked at in one go."""
INTENTS = (State.RUNNING, State.PAUSED, State.STOPPED)
Result = AuditEvent.Result


@dataclass(frozen=True, slots=True)
class Wish:
    """What a policy is to be; times in seconds."""

    is_on: bool = True
    states: Sequence[str] = (State.FAILED,)
    first_wait: int = 60
    longest_wait: int = 1800
    budget: int = 5
    reset_after: int = 1800
    stops_at: Sequence[str] = (heal.SIGN_IN, heal.SCHEMA)
    stop_words: Sequence[str] = field(default_factory=tuple)


@transaction.atomic
def set_policy(
    *,
    team: Team,
    connector: Connector | None,
    wish: Wish,
    actor: Actor,
    viewer: Viewer,
    now: datetime | None = None,
) -> HealPolicy:
    """
    This will set how a team's connectors, or one of them, are healed.

    :raises NotAllowed: it takes the role lead in the team
    :raises NotNow: the figures do not fit
    """
    now = now or timezone.now()
    _refuse_unless_lead(team, viewer)
    if unknown := set(wish.states) - set(heal.HEALED):
        raise NotNow(f"Only failed and degraded connectors are healed, not {', '.join(sorted(unknown))}.")
    if not wish.states or wish.budget < 1 or wish.first_wait < 1 or wish.longest_wait < wish.first_wait:
        raise NotNow("Name at least one state, a wait, a longest wait that is no shorter, and a budget.")
    if connector is not None and connector.team_id != team.pk:
        raise NotNow(f"{connector.name} is not of team {team.slug}.")
    before = HealPolicy.objects.filter(team=team, connector=connector).first()
    values = {
        "team": team,
        "is_on": wish.is_on,
        "states": [str(state) for state in wish.states],
        "first_wait": wish.first_wait,
        "longest_wait": wish.longest_wait,
        "budget": wish.budget,
        "reset_after": wish.reset_after,
        "stops_at": [kind for kind in heal.KINDS if kind in wish.stops_at],
        "stop_words": [word.strip() for word in wish.stop_words if word.strip()],
        "set_by": actor.label,
        "set_at": now,
    }
    found = {"connector": connector} if connector else {"team": team, "connector": None}
    made, _ = HealPolicy.objects.update_or_create(**found, defaults=values)
    _record("heal.policy.set", team, connector, actor, Result.DONE, before=_facts(before), after=_facts(made), now=now)
    return made


@transaction.atomic
def remove_policy(*, policy: HealPolicy, actor: Actor, viewer: Viewer) -> None:
    """
    This will remove a policy; a connector is then healed as its team says, if at all.

    :raises NotAllowed: it takes the role lead in the team
    """
    _refuse_unless_lead(policy.team, viewer)
    _record(
        "heal.policy.removed", policy.team, policy.connector, actor, Result.DONE, before=_facts(policy), after=None,
        now=timezone.now(),
    )  # fmt: skip
    policy.delete()


@transaction.atomic
def close(*, connector: Connector, actor: Actor, viewer: Viewer, now: datetime | None = None) -> None:
    """
    This will close an open circuit, so that the connector is healed again.

    :raises NotAllowed: the actor does not operate its team
    :raises NotNow: it is closed
    """
    now = now or timezone.now()
    if why := viewer.why_not_operate(connector.team_id, connector.team.slug):
        raise NotAllowed(why)
    if not HealState.objects.filter(connector=connector, opened_at__isnull=False).delete()[0]:
        raise NotNow("Its circuit is closed.")
    _record("heal.closed", connector.team, connector, actor, Result.DONE, before=None, after=None, now=now)
    notices.rows(connectors=[connector.pk])


def run(now: datetime | None = None) -> int:
    """This will try what is due, and forget about what has been well for long; the number of tries."""
    now = now or timezone.now()
    policies = list(HealPolicy.objects.filter(is_on=True).select_related("team"))
    _note_wellness(now)
    if not policies:
        return 0
    return sum(_consider(pk, now) for pk in _candidates(policies, now).values_list("pk", flat=True)[:AT_ONCE])


def policy_of(connector: Connector) -> HealPolicy | None:
    """This will give the policy that counts for a connector: its own, on or off, else its team's."""
    found = HealPolicy.objects.filter(Q(connector=connector) | Q(team_id=connector.team_id, connector=None))
    own = min(found, key=lambda policy: policy.connector_id is None, default=None)
    return own if own and own.is_on else None


def _candidates(policies: Sequence[HealPolicy], now: datetime) -> QuerySet[Connector]:
    teams = [policy.team_id for policy in policies if policy.connector_id is None]
    own = [policy.connector_id for policy in policies if policy.connector_id is not None]
    rows = Connector.objects.filter(Q(team_id__in=teams) | Q(pk__in=own), state__in=heal.HEALED, gone_at__isnull=True)
    waiting = Q(heal_state__opened_at__isnull=False) | Q(heal_state__next_at__gt=now)
    wanted = Q(desired_state__isnull=True) | ~Q(desired_state__in=[State.PAUSED, State.STOPPED])
    return rows.filter(wanted).exclude(waiting).order_by("state_since")


@transaction.atomic
def _consider(pk: int, now: datetime) -> bool:
    """Decide about one connector, under a lock that other workers skip; True when it was tried."""
    rows = Connector.objects.select_for_update(of=("self",), skip_locked=True)
    connector = rows.select_related("team", "account__team", "pipeline").filter(pk=pk).first()
    policy = policy_of(connector) if connector else None
    if connector is None or policy is None:
        return False
    known = HealState.objects.filter(connector=connector).first() or HealState(connector=connector)
    decision = heal.decide(_facts_of(connector, known, now), policy.terms, now)
    if decision.act == "open":
        _open(known, decision.why, now)
    elif decision.act == "wait":
        known.next_at = decision.at
        known.save()
    elif decision.act == "try":
        return _try(connector, known, policy, now)
    else:  # looked at again later, so that others get their turn
        known.next_at = now + AGAIN
        known.save()
    return False


def _try(connector: Connector, known: HealState, policy: HealPolicy, now: datetime) -> bool:
    verb = _verb_for(connector, now)
    if verb is None:
        known.why, known.next_at = "no verb that could mend it goes now", now + AGAIN
        known.save()
        return False
    number = known.attempts + 1
    reason = f"auto-heal, try {number}: {connector.error or connector.state}"[:500]
    try:
        with transaction.atomic():
            operations.request(target=connector, verb=verb, actor=HEAL, viewer=VIEWER, reason=reason, now=now)
    except NotPossible as error:
        if known.why != str(error):
            operations.record_refusal(target=connector, verb=verb, actor=HEAL, reason=reason, error=error)
        known.why, known.next_at = str(error), now + AGAIN
        known.save()
        return False
    known.attempts, known.why, known.well_since = number, "", None
    known.tries = [*_recent(known, now), now.isoformat()]
    known.next_at = now + policy.terms.wait(number)
    known.save()
    return True


def take_back_try(*, connector: Connector, why: str, now: datetime) -> None:
    """This will forget the last try of a connector, which was not sent: it costs nothing, and is made again later."""
    known = HealState.objects.select_for_update(of=("self",)).filter(connector=connector).first()
    if known is not None:
        known.attempts, known.tries = max(known.attempts - 1, 0), known.tries[:-1]
        known.why, known.next_at = why, now + AGAIN
        known.save()


def _verb_for(connector: Connector, now: datetime) -> Verb | None:
    for verb in VERBS:
        capability = verbs.capability_of(connector, verb)
        stale = connector.is_stale(now)
        if capability and not verbs.why_not(connector, capability, is_stale=stale, open_verb=None):
            return verb
    return None


def _open(known: HealState, why: str, now: datetime) -> None:
    known.opened_at, known.why, known.next_at = now, why, None
    known.save()
    connector = known.connector
    _record(
        "heal.opened", connector.team, connector, HEAL, Result.FAILED, before=None,
        after={"tries": known.attempts}, now=now, error=why,
    )  # fmt: skip
    notices.rows(connectors=[connector.pk])


def _facts_of(connector: Connector, known: HealState, now: datetime) -> heal.Facts:
    return heal.Facts(
        state=State(connector.state),
        pipeline_state=State(connector.pipeline.state),
        desired_state=State(connector.desired_state) if connector.desired_state else None,
        since=connector.state_since,
        error=f"{connector.error}\n{connector.error_trace}",
        is_stale=connector.is_stale(now),
        has_drifted=connector.drift_since is not None,
        was_held_outside=_was_held_outside(connector),
        has_open=Operation.objects.filter(connector=connector, status__in=OPEN).exists(),
        tries=[datetime.fromisoformat(text) for text in known.tries],
        attempts=known.attempts,
        next_at=known.next_at,
        is_open=known.opened_at is not None,
    )


def _was_held_outside(connector: Connector) -> bool:
    """Was the last that anybody decided about it a pause or stop made elsewhere?"""
    last = StateChange.objects.filter(connector=connector, after__in=INTENTS).first()
    held = last is not None and last.after != State.RUNNING
    return bool(held and last and last.cause == StateChange.Cause.OUTSIDE)


def _recent(known: HealState, now: datetime) -> list[str]:
    return [text for text in known.tries if now - datetime.fromisoformat(text) < heal.HOUR]


def _note_wellness(now: datetime) -> None:
    """
    What runs again is well; what has been for long enough starts from nought.

    So does what somebody has acted on since its circuit opened: they look after it.
    """
    rows = HealState.objects.select_related("connector__team", "connector__account")
    someone = Operation.objects.filter(connector_id=OuterRef("connector_id"), requested_at__gt=OuterRef("opened_at"))
    acted = rows.filter(Exists(someone.exclude(actor=HEAL.label)), opened_at__isnull=False)
    acted.update(opened_at=None, attempts=0, tries=[], next_at=None, why="")
    rows.filter(connector__state=State.RUNNING, well_since__isnull=True).update(well_since=now)
    rows.exclude(connector__state=State.RUNNING).filter(well_since__isnull=False).update(well_since=None)
    for known in rows.filter(well_since__isnull=False):
        policy = policy_of(known.connector)
        enough = timedelta(seconds=policy.reset_after) if policy else timedelta()
        if known.well_since and now - known.well_since >= enough:
            with transaction.atomic():
                if known.opened_at:
                    _record("heal.closed", known.connector.team, known.connector, HEAL, Result.DONE, before=None,
                            after=None, now=now)  # fmt: skip
                HealState.objects.filter(pk=known.pk).delete()


def _refuse_unless_lead(team: Team, viewer: Viewer) -> None:
    if why := viewer.why_not(Permission.PROTECT, team.pk, team.slug):
        raise NotAllowed(why)


def _facts(policy: HealPolicy | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    names = ("is_on", "states", "first_wait", "longest_wait", "budget", "reset_after", "stops_at", "stop_words")
    return {name: getattr(policy, name) for name in names}


def _record(
    action: str,
    team: Team,
    connector: Connector | None,
    actor: Actor,
    result: str,
    *,
    before: Any,
    after: Any,
    now: datetime,
    error: str = "",
) -> None:
    noun = "connector" if connector else "team"
    audit.record(
        f"{noun}.{action}", actor=actor, result=result, target=connector or team, before=before, after=after,
        error=error, at=now,
    )  # fmt: skip
