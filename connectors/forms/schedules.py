"""What people give for a schedule."""

from collections.abc import Iterable
from typing import Any

from django import forms

from connectors import timetable
from connectors.forms.guards import Lines, LocalMoment, ZoneField, by_its_clock, in_zone, styled
from connectors.models import Schedule, Team
from connectors.states import LABELS, WHOLE, Verb

MODES = [("once", "Once"), ("cron", "By a cron line"), ("office", "Rest outside office hours")]
MISSED = [("skip", "Skip it"), ("run_once", "Make up for it once")]
DAYS = [(str(n), name) for n, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))]


class ScheduleForm(forms.Form):
    """A verb and its times; what it is asked of stands in the address, or in names and search words."""

    name = forms.CharField(max_length=80)
    team = forms.ChoiceField()
    kind = forms.TypedChoiceField(
        label="Verb", choices=[(verb.value, LABELS[verb]) for verb in WHOLE], coerce=Verb, initial="pause"
    )
    reason = forms.CharField(max_length=500, required=False, help_text="It stays on record with every run.")
    names = Lines(label="Connectors named", help_text="One a line. Or choose by search words.")
    search = forms.CharField(
        label="All that match",
        max_length=200,
        required=False,
        help_text="As in the board's search; chosen anew each time.",
    )
    mode = forms.ChoiceField(label="When", choices=MODES, initial="cron")
    zone = ZoneField()
    at = LocalMoment(label="Day and time", help_text="For once.")
    cron = forms.CharField(
        label="Cron line", max_length=100, required=False, help_text="0 22 * * 1-5: weekdays at 22:00."
    )
    days = forms.MultipleChoiceField(
        label="Office days", choices=DAYS, required=False, widget=forms.CheckboxSelectMultiple,
        initial=["0", "1", "2", "3", "4"],
    )  # fmt: skip
    opens = forms.TimeField(label="Opens", required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    closes = forms.TimeField(
        label="Closes", required=False, widget=forms.TimeInput(attrs={"type": "time"}),
        help_text="The verb is asked then; what it held is led back when they open.",
    )  # fmt: skip
    missed = forms.ChoiceField(label="A run that was missed", choices=MISSED)

    def __init__(self, teams: Iterable[Team], *args: Any, is_chosen: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.is_chosen = is_chosen
        self.fields["team"] = forms.ChoiceField(choices=[(team.slug, team.name) for team in teams])
        if is_chosen:
            del self.fields["names"], self.fields["search"]
        styled(self)

    @staticmethod
    def values_of(schedule: Schedule) -> dict[str, Any]:
        """This will give what the form shows of a schedule that stands, its time by the clock of its zone."""
        values = {name: getattr(schedule, name) for name in (
            "name", "kind", "reason", "mode", "zone", "cron", "opens", "closes", "missed",
        )}  # fmt: skip
        at = by_its_clock(schedule.at, schedule.zone)
        values |= {"at": at, "days": [str(day) for day in schedule.days], "team": schedule.team.slug}
        return {name: value for name, value in values.items() if value not in (None, [])}

    def clean(self) -> dict[str, Any]:
        """This will ask for what the chosen kind of time needs."""
        data = super().clean() or {}
        data["at"] = in_zone(data.get("at"), data.get("zone") or "UTC")
        mode = data.get("mode")
        if mode == Schedule.Mode.ONCE and not data["at"]:
            self.add_error("at", "Name the day and the time.")
        if mode == Schedule.Mode.CRON:
            try:
                timetable.check(data.get("cron", ""))
            except timetable.Unreadable as error:
                self.add_error("cron", str(error))
        if mode == Schedule.Mode.OFFICE and not (data.get("days") and data.get("opens") and data.get("closes")):
            self.add_error("opens", "Name the days and both hours.")
        if not self.is_chosen and not data.get("names") and not data.get("search"):
            self.add_error("names", "Name connectors, or search words that find them.")
        return data
