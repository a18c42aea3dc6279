"""Alert rules: set by leads, looked at by the watch, told once, and told when it is over."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import Alert, AlertMessage, AlertRule, AuditEvent, Team
from connectors.models.alerts import Condition
from connectors.permissions import Viewer
from connectors.queries import alerts as queries
from connectors.services import audit, vault
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Permission

SHOWN = 10
"""Connectors named in one message."""
KINDS = ("https", "http", "slack", "discord", "tgram", "pagerduty", "opsgenie", "mailto", "mailtos", "workflows")
DONE = AuditEvent.Result.DONE
Kind = AlertMessage.Kind


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What a rule is to be.

    :param target: the address of the place; empty keeps the one there is
    """

    name: str
    conditions: Sequence[str]
    target: str = ""
    names: Sequence[str] = field(default_factory=tuple)
    minutes: int = 2
    repeat_minutes: int = 0
    is_on: bool = True


@transaction.atomic
def save(
    *,
    wish: Wish,
    team: Team,
    actor: Actor,
    viewer: Viewer,
    rule: AlertRule | None = None,
    now: datetime | None = None,
) -> AlertRule:
    """
    This will make a rule, or change one; the address goes in and never comes out.

    :raises NotAllowed: it takes the role lead in the team
    :raises NotNow: no condition, no address, or one of a kind that nobody knows
    """
    now = now or timezone.now()
    _refuse_unless_lead(team, viewer)
    if not wish.conditions:
        raise NotNow("Name at least one condition.")
    if rule is None and not wish.target:
        raise NotNow("Name the address of the place to tell.")
    before = facts(rule) if rule else None
    made = rule or AlertRule(team=team)
    made.name, made.is_on, made.minutes, made.repeat_minutes = wish.name, wish.is_on, wish.minutes, wish.repeat_minutes
    made.conditions = [str(condition) for condition in Condition if condition in set(wish.conditions)]
    made.names = [name.strip() for name in wish.names if name.strip()]
    made.set_by, made.set_at = actor.label, now
    if wish.target:
        made.target_kind, made.sealed_target = _kind(wish.target), vault.seal_text(wish.target)
    made.save()
    what = "changed" if rule else "created"
    after = facts(made) | ({"address": "given anew"} if wish.target and rule else {})
    audit.record(f"alert_rule.{what}", actor=actor, result=DONE, target=team, before=before, after=after, at=now)
    return made


@transaction.atomic
def delete(*, rule: AlertRule, actor: Actor, viewer: Viewer) -> None:
    """
    This will remove a rule with its address.

    :raises NotAllowed: it takes the role lead in the team
    """
    _refuse_unless_lead(rule.team, viewer)
    audit.record("alert_rule.deleted", actor=actor, result=DONE, target=rule.team, before=facts(rule))
    rule.delete()


@transaction.atomic
def try_out(*, rule: AlertRule, actor: Actor, viewer: Viewer, now: datetime | None = None) -> AlertMessage:
    """
    This will send a message that only says that messages arrive.

    :raises NotAllowed: it takes the role lead in the team
    """
    now = now or timezone.now()
    _refuse_unless_lead(rule.team, viewer)
    audit.record("alert_rule.tested", actor=actor, result=DONE, target=rule.team, after={"rule": rule.name}, at=now)
    body = f"{actor.label} tries the alert rule “{rule.name}” of team {rule.team.slug}. Messages arrive here."
    return _queue(rule, Kind.TEST, f"Test of “{rule.name}”", body, now)


def run(now: datetime | None = None) -> int:
    """This will look at each rule, and queue what is to be told; the number of messages."""
    now = now or timezone.now()
    rules = AlertRule.objects.filter(is_on=True).values_list("pk", flat=True)
    return sum(_look(pk, now) for pk in rules)


@transaction.atomic
def _look(pk: int, now: datetime) -> int:
    """One rule, under a lock that other workers skip: nothing is told twice."""
    rows = AlertRule.objects.select_for_update(of=("self",), skip_locked=True).select_related("team")
    rule = rows.filter(pk=pk, is_on=True).first()
    if rule is None:
        return 0
    holding = queries.holding(rule, now)
    told = {(a.connector_id, a.condition): a for a in rule.alerts.filter(resolved_at=None).select_related("connector")}
    fired = {key: found for key, found in holding.items() if key not in told}
    over = [alert for key, alert in told.items() if key not in holding]
    Alert.objects.bulk_create(
        Alert(rule=rule, connector_id=pk, condition=condition, since=since, told_at=now)
        for (pk, condition), (_, since) in fired.items()
    )
    Alert.objects.filter(pk__in=[alert.pk for alert in over]).update(resolved_at=now)
    number = _tell(rule, Kind.FIRED, _by_condition((c, name) for (_, c), (name, _) in fired.items()), now)
    number += _tell(rule, Kind.RESOLVED, _by_condition((a.condition, a.connector.name) for a in over), now)
    return number + _tell_again(rule, told.values(), over, now)


def _tell_again(rule: AlertRule, told: Any, over: Sequence[Alert], now: datetime) -> int:
    if not rule.repeat_minutes:
        return 0
    done = {alert.pk for alert in over}
    before = now - timedelta(minutes=rule.repeat_minutes)
    late = [alert for alert in told if alert.pk not in done and alert.told_at <= before]
    Alert.objects.filter(pk__in=[alert.pk for alert in late]).update(told_at=now)
    return _tell(rule, Kind.AGAIN, _by_condition((a.condition, a.connector.name) for a in late), now)


def _by_condition(found: Any) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for condition, name in found:
        groups[condition].append(name)
    return groups


def _tell(rule: AlertRule, kind: AlertMessage.Kind, groups: dict[str, list[str]], now: datetime) -> int:
    """One message for each condition, however many connectors: a storm is one message."""
    for condition, names in sorted(groups.items()):
        names.sort()
        label = Condition(condition).label
        subject = names[0] if len(names) == 1 else f"{len(names)} connectors"
        prefix = {Kind.RESOLVED: "Over: ", Kind.AGAIN: "Still: "}.get(kind, "")
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        body = f"Team {rule.team.slug}, rule “{rule.name}”. {label}: {', '.join(names[:SHOWN])}{more}."
        _queue(rule, kind, f"{prefix}{label}: {subject}", body, now)
    return len(groups)


def _queue(rule: AlertRule, kind: AlertMessage.Kind, title: str, body: str, now: datetime) -> AlertMessage:
    made = AlertMessage.objects.create(rule=rule, kind=kind, title=title[:200], body=body, made_at=now, due_at=now)
    transaction.on_commit(partial(_wake, made.pk))  # a hint; the queue is the table
    return made


def facts(rule: AlertRule) -> dict[str, Any]:
    """This will give what the record says of a rule: never its address."""
    return {
        "rule": rule.name,
        "conditions": rule.conditions,
        "of": rule.names,
        "minutes": rule.minutes,
        "repeat_minutes": rule.repeat_minutes,
        "place": rule.target_kind,
        "is_on": rule.is_on,
    }


def _kind(target: str) -> str:
    """By its beginning alone; whether it works, the test tells."""
    kind = target.partition("://")[0].lower()
    if "://" not in target or kind not in KINDS:
        raise NotNow(f"No such kind of address. Known are: {', '.join(f'{name}://' for name in KINDS)}.")
    return kind


def _refuse_unless_lead(team: Team, viewer: Viewer) -> None:
    if why := viewer.why_not(Permission.MANAGE_TEAM, team.pk, team.slug):
        raise NotAllowed(why)


def _wake(pk: int) -> None:
    from connectors import tasks  # tasks import services

    tasks.wake_message(pk)
