"""Every read of alerts: what holds of each condition now, and who sees which rule."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import chain

from django.db.models import Q, QuerySet

from connectors.matrix import FLOWS
from connectors.models import Alert, AlertRule, Connector, VendorAccount
from connectors.models.alerts import Condition
from connectors.permissions import Viewer
from connectors.states import State

Found = Mapping[int, tuple[str, datetime]]
"""By the connector's id: its name, and since when."""


def visible_to(viewer: Viewer) -> QuerySet[AlertRule]:
    """This will give the rules of the teams the person sees."""
    rows = AlertRule.objects.select_related("team")
    return rows if viewer.sees_all else rows.filter(team_id__in=viewer.roles)


def open_for(viewer: Viewer) -> QuerySet[Alert]:
    """This will give what holds now and was told, of connectors that exist for this person."""
    rows = Alert.objects.filter(resolved_at=None).select_related("rule", "connector__account", "connector__team")
    return rows if viewer.sees_all else rows.filter(connector__team_id__in=viewer.roles)


def holding(rule: AlertRule, now: datetime) -> dict[tuple[int, str], tuple[str, datetime]]:
    """
    This will give what a rule would tell: by connector and condition, the name and since when.

    Only what has held for as long as the rule wants.
    """
    rows = Connector.objects.filter(team_id=rule.team_id).order_by()
    long_enough = now - timedelta(minutes=rule.minutes)
    return {
        (pk, condition): (name, since)
        for condition in rule.conditions
        for pk, (name, since) in SOURCES[Condition(condition)](rows, now).items()
        if since <= long_enough and rule.covers(name)
    }


def _state(state: State) -> Callable[[QuerySet[Connector], datetime], Found]:
    def found(rows: QuerySet[Connector], now: datetime) -> Found:
        return _listed(rows.filter(state=state, gone_at=None).values_list("pk", "name", "state_since"))

    return found


def _stale(rows: QuerySet[Connector], now: datetime) -> Found:
    """Older than its account's budget; since it became so."""
    found: dict[int, tuple[str, datetime]] = {}
    for account in VendorAccount.objects.filter(connectors__in=rows, is_enabled=True).distinct():
        budget = timedelta(seconds=account.budget)
        read = account.observed_at or account.created_at
        of_account = rows.filter(account=account, gone_at=None).values_list("pk", "name", "seen_at")
        if now - read <= budget:
            of_account = of_account.filter(seen_at__lt=now - budget)
        found |= {pk: (name, min(read, seen_at or read) + budget) for pk, name, seen_at in of_account}
    return found


def _not_flowing(rows: QuerySet[Connector], now: datetime) -> Found:
    """Always on and not running, or in a pipeline that is not, whoever stopped it; also when nobody can tell."""
    always_on = rows.filter(protection__is_always_on=True)
    stopped = always_on.exclude(state__in=FLOWS)
    in_stopped = always_on.filter(state__in=FLOWS).exclude(pipeline__state__in=FLOWS)
    gone = always_on.filter(gone_at__isnull=False)
    listed = chain(
        stopped.values_list("pk", "name", "state_since"),
        in_stopped.values_list("pk", "name", "pipeline__state_since"),
        gone.values_list("pk", "name", "gone_at"),
    )
    return {**_stale(always_on, now), **_listed(listed)}


def _heal_open(rows: QuerySet[Connector], now: datetime) -> Found:
    open_ones = rows.filter(heal_state__opened_at__isnull=False)
    return _listed(open_ones.values_list("pk", "name", "heal_state__opened_at"))


def _drift(rows: QuerySet[Connector], now: datetime) -> Found:
    awake = Q(drift_snoozed_until=None) | Q(drift_snoozed_until__lte=now)
    return _listed(rows.filter(awake, drift_since__isnull=False).values_list("pk", "name", "drift_since"))


def _listed(rows: Iterable[tuple[int, str, datetime | None]]) -> dict[int, tuple[str, datetime]]:
    return {pk: (name, since) for pk, name, since in rows if since is not None}


SOURCES: Mapping[Condition, Callable[[QuerySet[Connector], datetime], Found]] = {
    Condition.FAILED: _state(State.FAILED),
    Condition.DEGRADED: _state(State.DEGRADED),
    Condition.STALE: _stale,
    Condition.NOT_FLOWING: _not_flowing,
    Condition.HEAL_OPEN: _heal_open,
    Condition.DRIFT: _drift,
}
