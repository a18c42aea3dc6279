"""What a person asks of many connectors, and on which terms."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from connectors.forms import moments
from connectors.forms.board import NUMBER
from connectors.services.batches import Terms
from connectors.states import LABELS, WHOLE, Verb

CANARY = [(0, "none"), (1, "1 connector"), (5, "5, over all accounts"), (20, "20, over all accounts")]
STOP_AFTER = [(1, "1 failure"), (3, "3 failures"), (10, "10 failures"), (0, "never")]
AT_ONCE = [(0, "as the vendor allows"), (10, "10 at a time an account"), (4, "4 at a time an account"),
           (1, "one at a time an account")]  # fmt: skip
UNTIL = [("", "Somebody resumes it"), ("15m", "15 min"), ("1h", "1 h"), ("4h", "4 h"), ("1d", "1 day"), ("at", "At…")]
STARTS = [("", "Now"), ("at", "At…")]
REASONS = ("Maintenance", "Incident", "Release", "Cost")
"""Templates: a press begins the reason with one of them."""
MOST_PICKED = 1000


class BatchForm(forms.Form):
    """Verb, reason and terms of one batch; what it is asked of stands in the address."""

    kind = forms.TypedChoiceField(choices=[(verb.value, LABELS[verb]) for verb in WHOLE], coerce=Verb)
    reason = forms.CharField(max_length=500, required=False)
    ticket = forms.CharField(max_length=80, required=False)
    canary = forms.TypedChoiceField(choices=CANARY, coerce=int, required=False, empty_value="0")
    stop_after = forms.TypedChoiceField(choices=STOP_AFTER, coerce=int, required=False, empty_value="0")
    at_once = forms.TypedChoiceField(choices=AT_ONCE, coerce=int, required=False, empty_value="0")
    starts = forms.ChoiceField(choices=STARTS, required=False)
    starts_at = moments.MomentField()
    until = forms.ChoiceField(choices=UNTIL, required=False)
    until_at = moments.MomentField()
    offset = moments.OffsetField()
    expected = forms.IntegerField(required=False, min_value=0)
    key = forms.CharField(max_length=100, required=False)

    def clean(self) -> dict[str, Any]:
        """This will put the times into their zone."""
        data, now = super().clean() or {}, timezone.now()
        for name, at in (("starts", "starts_at"), ("until", "until_at")):
            try:
                data[name] = moments.moment(data.get(name, ""), data.get(at), data.get("offset"), now)
            except forms.ValidationError as error:
                self.add_error(at, error)
        return data

    @property
    def reason_on_record(self) -> str:
        """The reason with its ticket."""
        reason, ticket = self.cleaned_data["reason"], self.cleaned_data["ticket"]
        return f"{reason} ({ticket})" if reason and ticket else reason or ticket

    @property
    def terms(self) -> Terms:
        """How it is to go."""
        data = self.cleaned_data
        return Terms(
            reason=data["reason"],
            ticket=data["ticket"],
            canary=int(data["canary"]),
            at_once=int(data["at_once"]),
            stop_after=int(data["stop_after"]),
            starts_at=data["starts"],
            until=data["until"],
        )


def picked(query: QueryDict) -> list[int]:
    """This will read the rows that were picked one by one."""
    words = [word for word in query.getlist("row") if NUMBER.fullmatch(word)]
    return [int(word) for word in words[:MOST_PICKED]]
