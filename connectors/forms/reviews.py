"""Deciding about reviews, answering, and the rules of review."""

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import available_timezones

from django import forms

from connectors.models import ReviewNote, ReviewRule
from connectors.queries import audit_language

Kind = ReviewNote.Kind

if TYPE_CHECKING:
    RuleFields = forms.ModelForm[ReviewRule]
else:
    RuleFields = forms.ModelForm  # generic in the stubs alone


class DecisionForm(forms.Form):
    """One decision about one item or many."""

    KINDS: ClassVar = [(kind, kind.label) for kind in (Kind.APPROVED, Kind.QUESTIONED, Kind.ESCALATED, Kind.REOPENED)]

    kind = forms.ChoiceField(choices=KINDS)
    item = forms.TypedMultipleChoiceField(coerce=int, required=False)
    text = forms.CharField(max_length=2000, required=False)

    def __init__(self, data: Any) -> None:
        """This will take any numbers as items: the service looks which of them there are."""
        super().__init__(data)
        given = [word for word in data.getlist("item") if word.isascii() and word.isdigit() and len(word) < 18]
        self.fields["item"].choices = [(word, word) for word in given]  # type: ignore[attr-defined]  # a choice field


class RuleForm(RuleFields):
    """A rule; its query must be readable."""

    class Meta:
        model = ReviewRule
        fields = ("name", "query", "condition", "number", "begins", "ends", "zone", "weight", "is_on")

    def clean_query(self) -> str:
        """This will refuse a query with a word in it that cannot be read."""
        text = str(self.cleaned_data["query"])
        troubles = audit_language.read(text).troubles
        if troubles:
            raise forms.ValidationError([f"Column {one.start + 1}, {one.word}: {one.says}" for one in troubles])
        return text

    def clean_zone(self) -> str:
        """This will refuse a zone that nobody knows."""
        zone = str(self.cleaned_data["zone"])
        if zone not in available_timezones():
            raise forms.ValidationError("There is no such time zone. Write it as in Europe/Berlin.")
        return zone

    def clean(self) -> dict[str, Any]:
        """This will want what the condition needs."""
        data = super().clean() or {}
        condition = data.get("condition")
        if condition == ReviewRule.Condition.OUT_OF_HOURS and not (data.get("begins") and data.get("ends")):
            self.add_error("begins", "Say from when to when working hours are.")
        if condition == ReviewRule.Condition.SAMPLE and not 1 <= (data.get("number") or 0) <= 100:  # percent
            self.add_error("number", "Say how many percent: 1 to 100.")
        return data


def month_of(word: str, today: date) -> date:
    """This will read a month as in 2026-11; anything else is the current one."""
    try:
        return date.fromisoformat(f"{word}-01")
    except ValueError:
        return today.replace(day=1)
