"""What to do about a drift."""

from datetime import timedelta
from typing import ClassVar

from django import forms

HOURS = (1, 8, 24, 168)
USUALLY = 8


class DriftForm(forms.Form):
    """One of three choices; snoozing takes a time."""

    CHOICES: ClassVar = [("reapply", "Re-apply"), ("accept", "Accept as intended"), ("snooze", "Snooze")]

    choice = forms.ChoiceField(choices=CHOICES)
    hours = forms.TypedChoiceField(choices=[(h, h) for h in HOURS], coerce=int, required=False)
    reason = forms.CharField(max_length=2000, required=False)

    @property
    def snoozed_for(self) -> timedelta:
        """How long to snooze."""
        return timedelta(hours=self.cleaned_data["hours"] or USUALLY)
