"""What keeps a verb from being carried out now. Buttons, batches' plans and the service that asks look here alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When
from django.utils import timezone

from connectors.models import (
    Approval,
    BreakGlass,
    Connector,
    FreezeWindow,
    Hold,
    Loosening,
    Pipeline,
    Protection,
    Team,
)
from connectors.permissions import Viewer
from connectors.queries import lean
from connectors.states import LABELS, Permission, Verb
from connectors.timetable import Span

SHOWN_BEFORE = timedelta(days=7)
"""A freeze is announced on rows so long before it begins."""
MANY = 500
Target = Connector | Pipeline


@dataclass(frozen=True, slots=True)
class Refusal:
    """What decided, until when, and what to do about it."""

    rule: Literal["freeze", "protection"]
    sentence: str
    until: datetime | None = None
    freeze: FreezeWindow | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What a row shows of its guards: a lock and its word. Two that show the same are equal."""

    word: str
    title: str
    is_shut: bool = False


@dataclass(frozen=True, slots=True)
class Rails:
    """All that guards some targets, read once."""

    freezes: Sequence[tuple[FreezeWindow, Span]] = ()
    """Those that hold now and those to come, each with its span."""
    broken: Mapping[int, BreakGlass] = field(default_factory=dict)
    """By freeze: where this person broke the glass."""
    protections: Mapping[int, Protection] = field(default_factory=dict)
    """By connector."""
    within: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    """By pipeline: its connectors' ids with their teams'."""
    user_id: int | None = None
    """The person whose exceptions and broken glass count; None: nobody's, as for what the product does by itself."""
    now: datetime = field(default_factory=timezone.now)

    def why_frozen(self, target: Target, viewer: Viewer) -> Refusal | None:
        """This will name the freeze that holds for a target; None when none does, or this person passes it."""
        for freeze, span in self.freezes:
            if span.holds(self.now) and self._concerns(freeze, target) and not self.passes(freeze, target, viewer):
                return Refusal("freeze", _frozen(freeze, span, team_of(target)), span.ends_at, freeze)
        return None

    def passed(self, target: Target, viewer: Viewer) -> list[BreakGlass]:
        """This will give the broken glass without which a target were frozen for this person."""
        return [
            self.broken[freeze.pk]
            for freeze, span in self.freezes
            if span.holds(self.now)
            and self._concerns(freeze, target)
            and not self._spares(freeze)
            and self._is_broken(freeze, target, viewer)
        ]

    def passes(self, freeze: FreezeWindow, target: Target, viewer: Viewer) -> bool:
        """This will tell whether this person may act in spite of a freeze."""
        return self._spares(freeze) or self._is_broken(freeze, target, viewer)

    def guarding(self, target: Target, verb: Verb) -> list[Protection]:
        """This will give the protections for which a verb on a target takes a second person."""
        if isinstance(target, Connector):
            ids: Iterable[int] = (target.pk,)
        else:
            ids = (pk for pk, _ in self.within.get(target.pk, ()))
        return [p for pk in ids if (p := self.protections.get(pk)) and p.covers(verb)]

    def mark(self, target: Target) -> Mark | None:
        """This will give what a row shows: the freeze that holds, else the protection."""
        if not self.freezes and not self.protections:
            return None
        if held := self.frozen(target):
            return Mark("Frozen", _frozen(*held, team_of(target)), is_shut=True)
        protection = self.protections.get(target.pk) if isinstance(target, Connector) else None
        if protection is not None:
            return Mark("Always on" if protection.is_always_on else "Protected", protected(protection))
        return None

    def frozen(self, target: Target) -> tuple[FreezeWindow, Span] | None:
        """This will give the freeze that holds for a target, whoever passes it."""
        return next(((f, s) for f, s in self.freezes if s.holds(self.now) and self._concerns(f, target)), None)

    def coming(self, target: Target) -> tuple[FreezeWindow, Span] | None:
        """This will give the next freeze of a target."""
        later = [(f, s) for f, s in self.freezes if s.starts_at > self.now and self._concerns(f, target)]
        return min(later, key=lambda found: found[1].starts_at, default=None)

    def _spares(self, freeze: FreezeWindow) -> bool:
        return self.user_id is not None and str(self.user_id) in freeze.spared_people

    def _is_broken(self, freeze: FreezeWindow, target: Target, viewer: Viewer) -> bool:
        """Whoever broke the glass has to have the right to still, for this very target."""
        return freeze.pk in self.broken and viewer.may(Permission.PROTECT, team_of(target)[0])

    def _concerns(self, freeze: FreezeWindow, target: Target) -> bool:
        if freeze.spares(target.name):
            return False
        return freeze.team_id is None or freeze.team_id in self._teams(target)

    def _teams(self, target: Target) -> set[int]:
        """A verb on a pipeline reaches every connector in it."""
        if isinstance(target, Connector):
            return {target.team_id}
        return {target.account.team_id, *(team for _, team in self.within.get(target.pk, ()))}


def read(
    viewer: Viewer,
    *,
    connectors: Iterable[int] = (),
    pipelines: Iterable[int] = (),
    is_system: bool = False,
    now: datetime | None = None,
) -> Rails:
    """
    This will read what guards these targets, in a constant number of queries.

    :param connectors: ids; those within the pipelines are added
    :param is_system: the product acts by itself: no person's exceptions count
    """
    now = now or timezone.now()
    freezes = in_force(now, SHOWN_BEFORE)
    within = _within(list(pipelines))
    ids = {*connectors, *(pk for found in within.values() for pk, _ in found)}
    return Rails(
        freezes=freezes,
        broken={} if is_system else _broken(freezes, viewer.user_id, now),
        protections=_protections(ids),
        within=within,
        user_id=None if is_system else viewer.user_id,
        now=now,
    )


def asked(connectors: Sequence[int], now: datetime) -> list[lean.Asked]:
    """This will put the questions of `read` for connectors alone, at the same moment."""
    protecting = [_protecting.asked(ids=sorted(connectors))] if len(connectors) <= MANY else []
    return [_standing.asked(now=now, soon=now + SHOWN_BEFORE), *protecting]


def is_excepted(user_id: int, now: datetime | None = None) -> bool:
    """This will tell whether a person passes any freeze now, by name or by broken glass."""
    now = now or timezone.now()
    held = [freeze for freeze, span in in_force(now) if span.holds(now)]
    if any(str(user_id) in freeze.spared_people for freeze in held):
        return True
    return bool(held and _broken([(f, Span(now, None)) for f in held], user_id, now))


def in_force(now: datetime, ahead: timedelta = timedelta()) -> list[tuple[FreezeWindow, Span]]:
    """This will give the freezes that hold now, or will within some time, each with its span."""
    spans = ((freeze, freeze.span(now)) for freeze in _standing.read(now=now, soon=now + ahead))
    return [(freeze, span) for freeze, span in spans if span and span.starts_at <= now + ahead]


@lean.statement(lean.Layout(FreezeWindow, team=lean.Layout(Team)))
def _standing() -> QuerySet[FreezeWindow]:
    now, soon = (lean.Given(name, DateTimeField()) for name in ("now", "soon"))
    return FreezeWindow.objects.standing(now).filter(starts_at__lte=soon)


def visible_to(viewer: Viewer) -> QuerySet[FreezeWindow]:
    """This will give the freezes of the site and of the teams the person sees."""
    rows = FreezeWindow.objects.select_related("team")
    return rows if viewer.sees_all else rows.filter(Q(team__isnull=True) | Q(team_id__in=viewer.roles))


def in_order(viewer: Viewer, now: datetime | None = None) -> QuerySet[FreezeWindow]:
    """This will give them with those first that hold or are to come, the next one at the top."""
    standing = FreezeWindow.objects.standing(now or timezone.now()).values("pk")
    return visible_to(viewer).order_by(
        Case(When(pk__in=standing, then=Value(0)), default=Value(1)),
        Case(When(pk__in=standing, then=F("starts_at"))).asc(nulls_last=True),
        "-starts_at",
        "-pk",
    )


def concerning(team: Team, now: datetime) -> list[tuple[FreezeWindow, Span]]:
    """This will give the freezes of a team and of the site that hold or are to come, the next one first."""
    standing = FreezeWindow.objects.standing(now).of_teams([team.pk]).select_related("team")
    found = [(freeze, span) for freeze in standing if (span := freeze.span(now))]
    return sorted(found, key=lambda pair: (pair[1].starts_at, pair[0].pk))


def protected_for(viewer: Viewer) -> QuerySet[Protection]:
    """This will give the protections of connectors that exist for this person."""
    rows = Protection.objects.select_related("connector__team", "connector__account", "connector__pipeline")
    rows = rows.order_by("connector__name", "pk")
    return rows if viewer.sees_all else rows.filter(connector__team_id__in=viewer.roles)


@dataclass(frozen=True, slots=True)
class Panel:
    """What a connector's page says of its guards."""

    frozen: tuple[FreezeWindow, Span] | None
    coming: tuple[FreezeWindow, Span] | None
    is_passed: bool
    """This person passes the freeze that holds."""
    may_break: bool
    protection: str
    may_protect: bool
    is_loosened: bool
    """Somebody asks for a weaker protection, which waits for a second person."""
    waiting: Sequence[Approval]
    trouble: str
    """Why the end of a timed pause has to wait."""

    @property
    def is_shown(self) -> bool:
        """Is there anything to say?"""
        return bool(self.frozen or self.coming or self.protection or self.waiting or self.trouble)


def panel(connector: Connector, viewer: Viewer, rails: Rails, hold: Hold | None) -> Panel:
    """
    This will gather what guards one connector, in a constant number of queries beside those of its rails.

    :param hold: its timed pause, if one is on
    """
    frozen = rails.frozen(connector)
    protection = rails.protections.get(connector.pk)
    return Panel(
        frozen=frozen,
        coming=rails.coming(connector),
        is_passed=bool(frozen and rails.why_frozen(connector, viewer) is None),
        may_break=bool(frozen and may_break(viewer, frozen[0]) and viewer.may_protect(connector.team_id)),
        protection=protected(protection) if protection else "",
        may_protect=viewer.may_protect(connector.team_id),
        is_loosened=protection is not None and _is_loosened(connector, rails.now),
        waiting=_waiting.read(pk=connector.pk, now=rails.now),
        trouble=hold.trouble if hold else "",
    )


def asked_of_panel(connector: int, now: datetime) -> lean.Asked:
    """This will put the question of `panel`, at the moment of its rails."""
    return _waiting.asked(pk=connector, now=now)


@lean.statement(lean.Layout(Approval))
def _waiting() -> QuerySet[Approval]:
    live = Approval.objects.filter(
        lean.equal("targets__connector", "pk"), lapses_at__gt=lean.Given("now", DateTimeField())
    )
    return live.filter(status__in=[Approval.Status.WAITING, Approval.Status.APPROVED])


def _is_loosened(connector: Connector, now: datetime) -> bool:
    return Loosening.objects.filter(connector=connector, outcome="", lapses_at__gt=now).exists()


def may_freeze(viewer: Viewer, freeze: FreezeWindow) -> bool:
    """This will tell whether the person may change or end a freeze."""
    return viewer.may_protect(freeze.team_id)


def may_break(viewer: Viewer, freeze: FreezeWindow) -> bool:
    """This will tell whether the person may pass a freeze for a reason: admins, and leads for what their team owns."""
    if freeze.team_id is not None:
        return viewer.may_protect(freeze.team_id)
    return viewer.may_protect(None) or any(viewer.may_protect(team) for team in viewer.roles)


def protected(protection: Protection) -> str:
    """This will say in one sentence what a protection asks for."""
    verbs = ", ".join(LABELS[Verb(verb)].lower() for verb in protection.verbs)
    second = "a lead or an admin" if protection.approver == Protection.Approver.LEAD else "a second person"
    parts = [f"{verbs} take {second}" if verbs else "", "it must always flow" if protection.is_always_on else ""]
    said = " and ".join(part for part in parts if part) or "nothing yet"
    return f"Protected by {protection.set_by}: {said}."


def team_of(target: Target) -> tuple[int, str]:
    """This will give the id and the word of the team that owns a target."""
    team = target.team if isinstance(target, Connector) else target.account.team
    return team.pk, team.slug


def _protections(ids: set[int]) -> dict[int, Protection]:
    """There are few of them: for very many connectors all are read rather than so many ids sent."""
    rows = Protection.objects.all() if len(ids) > MANY else _protecting.read(ids=sorted(ids))
    return {protection.connector_id: protection for protection in rows}


@lean.statement(lean.Layout(Protection))
def _protecting() -> QuerySet[Protection]:
    return Protection.objects.filter(lean.any_of("connector_id", "ids"))


def _within(pipelines: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {pk: [] for pk in pipelines}
    if pipelines:
        rows = Connector.objects.filter(pipeline_id__in=pipelines, gone_at__isnull=True).order_by()
        for pipeline, pk, team in rows.values_list("pipeline_id", "pk", "team_id"):
            found[pipeline].append((pk, team))
    return found


def _broken(freezes: Sequence[tuple[FreezeWindow, Span]], user_id: int, now: datetime) -> dict[int, BreakGlass]:
    holding = [freeze.pk for freeze, span in freezes if span.holds(now)]
    if not holding:
        return {}
    rows = BreakGlass.objects.filter(freeze_id__in=holding, user_id=user_id, ended_at__isnull=True)
    return {found.freeze_id: found for found in rows.filter(at__lte=now, until__gt=now)}


def _frozen(freeze: FreezeWindow, span: Span, team: tuple[int, str]) -> str:
    whose = f"of team {freeze.team.slug}" if freeze.team else "of the whole site"
    until = f"until {span.ends_at:%-d %b %H:%M} UTC" if span.ends_at else "until somebody ends it"
    return (
        f"Frozen {until} by “{freeze.name}” {whose}: {freeze.reason.rstrip('.')}. "
        f"Wait for its end, or let an admin or a lead of {team[1]} break the glass."
    )
