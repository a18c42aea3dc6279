"""What people give for freezes, protections, approvals and broken glass."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from connectors import timetable
from connectors.models import FreezeWindow, Protection, Team
from connectors.services.freezes import Wish
from connectors.states import LABELS, WHOLE, Verb

SITE = "*"
MODES = [("once", "Once, from a time to a time"), ("repeating", "Again and again, by a cron line"),
         ("open", "Until somebody ends it")]  # fmt: skip
GLASS = [(15, "15 min"), (30, "30 min"), (60, "1 h"), (240, "4 h")]
APPROVERS = [("operator", "An operator or lead of its team"), ("lead", "A lead of its team, or an admin")]
MOMENT = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


class LocalMoment(forms.DateTimeField):
    """A day and a time by the clock of a zone that another field names."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(required=False, input_formats=MOMENT, widget=widget, **options)

    def to_python(self, value: Any) -> datetime | None:
        """This will read it as it stands."""
        found = super().to_python(value)
        return found.replace(tzinfo=None) if found else None


class ZoneField(forms.CharField):
    """The name of a time zone; the browser offers its own."""

    def __init__(self) -> None:
        widget = forms.TextInput(attrs={"data-zone": "", "spellcheck": "false"})
        super().__init__(label="Time zone", max_length=60, required=False, widget=widget, initial="UTC",
                         help_text="As in Europe/Berlin. Times here are by its clock.")  # fmt: skip

    def clean(self, value: Any) -> str:
        """This will refuse what is no time zone; nothing is UTC."""
        name = str(super().clean(value) or "UTC")
        if name not in timetable.zones():
            raise forms.ValidationError("Name a time zone like Europe/Berlin, or UTC.")
        return name


class Lines(forms.CharField):
    """One thing a line."""

    def __init__(self, rows: int = 2, **options: Any) -> None:
        attrs = {"rows": rows, "spellcheck": "false"}
        super().__init__(required=False, max_length=4000, widget=forms.Textarea(attrs=attrs), **options)

    def clean(self, value: Any) -> list[str]:
        """This will give the lines that hold something."""
        return [line.strip() for line in str(super().clean(value)).splitlines() if line.strip()]


def stays(form: forms.BaseForm, team: str, zone: str) -> None:
    """This will make a form one of something that stands: its team stays, and the browser offers no zone."""
    form.fields["team"].disabled = True
    form.fields["team"].initial = team
    form.fields["zone"].widget.attrs.pop("data-zone", None)
    form.fields["zone"].initial = zone


def in_zone(moment: datetime | None, zone: str) -> datetime | None:
    """This will put a moment that was given by the clock of a zone into UTC."""
    return moment.replace(tzinfo=timetable.zone_of(zone)).astimezone(UTC) if moment else None


def by_its_clock(moment: datetime | None, zone: str) -> datetime | None:
    """This will put a moment as the clock of a zone shows it, the other way round from `in_zone`."""
    return moment.astimezone(timetable.zone_of(zone)).replace(tzinfo=None) if moment else None


def styled(form: forms.BaseForm) -> None:
    """This will give each field the look it has everywhere."""
    for field in form.fields.values():
        if form.is_bound:
            field.widget.attrs.pop("data-zone", None)  # what was typed stays
        if not isinstance(field.widget, forms.CheckboxInput | forms.CheckboxSelectMultiple | forms.RadioSelect):
            field.widget.attrs["class"] = "input"


class FreezeForm(forms.Form):
    """A freeze of a team or of the site."""

    name = forms.CharField(max_length=80, help_text="As it is called where it refuses something: Year end.")
    team = forms.ChoiceField(label="Whose connectors")
    reason = forms.CharField(max_length=500)
    mode = forms.ChoiceField(label="When", choices=MODES, initial="once")
    zone = ZoneField()
    starts_at = LocalMoment(label="From", help_text="Empty: at once.")
    ends_at = LocalMoment(label="To", help_text="For a repeating one: the day after which it does not come again.")
    cron = forms.CharField(label="Cron line", max_length=100, required=False, help_text="0 18 * * 5: Fridays at 18:00.")
    minutes = forms.IntegerField(label="Minutes each time", required=False, min_value=1, max_value=7 * 24 * 60)
    spared = Lines(label="Except connectors named", help_text="One a line; * stands for anything.")
    spared_people = Lines(label="Except people", help_text="Login names, one a line. They act as if it were not there.")

    def __init__(self, teams: Iterable[Team], *args: Any, is_admin: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        site = [(SITE, "The whole site")] if is_admin else []
        choice = forms.ChoiceField(label="Whose connectors", choices=[*((t.slug, t.name) for t in teams), *site])
        self.fields["team"] = choice
        styled(self)

    @staticmethod
    def values_of(freeze: FreezeWindow) -> dict[str, Any]:
        """This will give what the form shows of a freeze that stands, its times by the clock of its zone."""
        return {
            "name": freeze.name, "team": freeze.team.slug if freeze.team else SITE, "reason": freeze.reason,
            "mode": freeze.mode, "zone": freeze.zone, "starts_at": by_its_clock(freeze.starts_at, freeze.zone),
            "ends_at": by_its_clock(freeze.ends_at, freeze.zone), "cron": freeze.cron,
            "minutes": freeze.minutes or None, "spared": "\n".join(freeze.spared),
            "spared_people": "\n".join(sorted(freeze.spared_people.values())),
        }  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """This will ask for what the chosen kind of time needs."""
        data = super().clean() or {}
        mode, zone = data.get("mode"), data.get("zone") or "UTC"
        for name in ("starts_at", "ends_at"):
            data[name] = in_zone(data.get(name), zone)
        if mode == FreezeWindow.Mode.ONCE and not data["ends_at"]:
            self.add_error("ends_at", "Name its end.")
        if mode == FreezeWindow.Mode.REPEATING:
            _check_cron(self, data.get("cron", ""))
            if not data.get("minutes"):
                self.add_error("minutes", "Say how long it holds each time.")
        return data

    @property
    def wish(self) -> Wish:
        """What the service is asked for."""
        data = self.cleaned_data
        return Wish(
            name=data["name"],
            reason=data["reason"],
            mode=data["mode"],
            starts_at=data["starts_at"],
            ends_at=data["ends_at"],
            cron=data["cron"],
            minutes=data["minutes"] or 0,
            zone=data["zone"],
            spared=data["spared"],
            spared_people=data["spared_people"],
        )


def _check_cron(form: forms.Form, cron: str) -> None:
    try:
        timetable.check(cron)
    except timetable.Unreadable as error:
        form.add_error("cron", str(error))


class GlassForm(forms.Form):
    """Why somebody passes a freeze, and for how long."""

    reason = forms.CharField(max_length=500, help_text="It is reviewed afterwards: what breaks if you wait?")
    minutes = forms.TypedChoiceField(label="For", choices=GLASS, coerce=int, initial=30)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        styled(self)

    @property
    def lasts(self) -> timedelta:
        """For how long."""
        return timedelta(minutes=self.cleaned_data["minutes"])


class ProtectionForm(forms.Form):
    """How a connector is protected."""

    verbs = forms.MultipleChoiceField(
        label="Takes a second person",
        choices=[(verb.value, LABELS[verb]) for verb in WHOLE],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    approver = forms.ChoiceField(label="The second person is", choices=APPROVERS, initial=Protection.Approver.OPERATOR)
    is_always_on = forms.BooleanField(
        label="Always on", required=False, help_text="An alert goes out when it does not flow, whoever stopped it."
    )
    reason = forms.CharField(max_length=500, required=False, help_text="Whoever is asked for an approval reads it.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        styled(self)


class DecisionForm(forms.Form):
    """Yes or no, and what the second person says."""

    choice = forms.ChoiceField(choices=[("approve", "Approve"), ("decline", "Decline"), ("take_back", "Take back")])
    said = forms.CharField(max_length=500, required=False)


class ApprovalForm(forms.Form):
    """What is to be approved of a target that the address names."""

    kind = forms.TypedChoiceField(choices=[(verb.value, LABELS[verb]) for verb in WHOLE], coerce=Verb)
    reason = forms.CharField(max_length=500)
