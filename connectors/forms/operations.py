"""What a person asks of a connector or a pipeline."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from connectors.forms import moments
from connectors.forms.batches import STARTS, UNTIL
from connectors.states import LABELS, Verb


class OperationForm(forms.Form):
    """
    One verb, why, from when and until when.

    `after` is the operation that the person saw last: pressing twice is then one request.
    """

    kind = forms.TypedChoiceField(choices=[(verb.value, LABELS[verb]) for verb in Verb], coerce=Verb)
    task = forms.CharField(max_length=40, required=False)
    reason = forms.CharField(max_length=500, required=False)
    ticket = forms.CharField(max_length=80, required=False)
    starts = forms.ChoiceField(choices=STARTS, required=False)
    starts_at = moments.MomentField()
    until = forms.ChoiceField(choices=UNTIL, required=False)
    until_at = moments.MomentField()
    offset = moments.OffsetField()
    after = forms.CharField(max_length=40, required=False)

    def clean(self) -> dict[str, Any]:
        """This will put the times into their zone."""
        data, now = super().clean() or {}, timezone.now()
        for name in ("starts", "until"):
            _read(self, data, name, now)
        if data.get("task") and (data.get("starts") or data.get("until")):
            self.add_error("starts", "One task is restarted now, and for good.")
        return data

    @property
    def why(self) -> dict[str, Any]:
        """The reason and its ticket."""
        return {name: self.cleaned_data[name] for name in ("reason", "ticket")}


class ExtensionForm(forms.Form):
    """Until when something stays held: a time from now, a moment, or until somebody resumes it."""

    until = forms.ChoiceField(choices=UNTIL, required=False)
    until_at = moments.MomentField()
    offset = moments.OffsetField()

    def clean(self) -> dict[str, Any]:
        """This will put the time into its zone."""
        data = super().clean() or {}
        _read(self, data, "until", timezone.now())
        return data


def _read(form: forms.Form, data: dict[str, Any], name: str, now: datetime) -> None:
    try:
        data[name] = moments.moment(data.get(name, ""), data.get(f"{name}_at"), data.get("offset"), now)
    except forms.ValidationError as error:
        form.add_error(f"{name}_at", error)
