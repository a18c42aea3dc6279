"""What people give for auto-heal and for alerts."""

from collections.abc import Iterable
from typing import Any

from django import forms

from connectors import heal
from connectors.forms.guards import Lines, styled
from connectors.models import Team
from connectors.models.alerts import Condition
from connectors.services import alerts, healing

STATES = [(str(state), str(state).capitalize()) for state in heal.HEALED]
STOPS = [(heal.SIGN_IN, "Signing in refused, keys expired"), (heal.SCHEMA, "Schema does not fit")]
KEPT = "Stored and never shown. Leave it empty to keep it."


class HealForm(forms.Form):
    """How a team's connectors, or one of them, are healed; times in seconds."""

    team = forms.ChoiceField()
    connector = forms.CharField(
        label="Connector", max_length=300, required=False, help_text="By name; empty: all of the team's."
    )
    is_on = forms.BooleanField(label="On", required=False, initial=True)
    states = forms.MultipleChoiceField(label="Heals what is", choices=STATES, widget=forms.CheckboxSelectMultiple)
    first_wait = forms.IntegerField(
        label="First try after", min_value=1, max_value=86_400, initial=60, help_text="Seconds; doubled with each try."
    )
    longest_wait = forms.IntegerField(
        label="Longest wait", min_value=1, max_value=86_400, initial=1800, help_text="Seconds."
    )
    budget = forms.IntegerField(
        label="Tries an hour", min_value=1, max_value=100, initial=5, help_text="Then it gives up, and says so once."
    )
    reset_after = forms.IntegerField(
        label="Well again after", min_value=1, max_value=604_800, initial=1800,
        help_text="Seconds of running, until the tries count from nought.",
    )  # fmt: skip
    stops_at = forms.MultipleChoiceField(
        label="Gives up at once when", choices=STOPS, required=False, widget=forms.CheckboxSelectMultiple
    )
    stop_words = Lines(label="Or when the error holds", help_text="One text a line.")

    def __init__(self, teams: Iterable[Team], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["team"] = forms.ChoiceField(choices=[(team.slug, team.name) for team in teams])
        styled(self)

    @property
    def wish(self) -> healing.Wish:
        """What the service is asked for."""
        data = {name: value for name, value in self.cleaned_data.items() if name not in {"team", "connector"}}
        return healing.Wish(**data)


class AlertForm(forms.Form):
    """What of a team's connectors is told, and where; the address goes in and never comes out."""

    name = forms.CharField(max_length=80)
    team = forms.ChoiceField()
    conditions = forms.MultipleChoiceField(
        label="Tells of", choices=Condition.choices, widget=forms.CheckboxSelectMultiple
    )
    names = Lines(label="Only connectors named", help_text="One a line, with *. Empty: all of the team's.")
    minutes = forms.IntegerField(label="Once it held for", min_value=0, max_value=1440, initial=2, help_text="Minutes.")
    repeat_minutes = forms.IntegerField(
        label="Told again every", min_value=0, max_value=10_080, initial=0, help_text="Minutes while it holds; 0: once."
    )
    target = forms.CharField(
        label="Address", max_length=1000, required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}, render_value=False),
        help_text="https://… for a webhook, slack://…, mailto://…, pagerduty://…, opsgenie://…, discord://…, tgram://….",
    )  # fmt: skip
    is_on = forms.BooleanField(label="On", required=False, initial=True)

    def __init__(self, teams: Iterable[Team], *args: Any, is_change: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["team"] = forms.ChoiceField(choices=[(team.slug, team.name) for team in teams])
        if is_change:
            del self.fields["team"]
            self.fields["target"].help_text = KEPT
        styled(self)

    @property
    def wish(self) -> alerts.Wish:
        """What the service is asked for."""
        return alerts.Wish(**{name: value for name, value in self.cleaned_data.items() if name != "team"})
