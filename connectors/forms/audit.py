"""What the record of who did what is searched for."""

from datetime import UTC
from typing import Any

from django import forms

from connectors.models import AuditEvent
from connectors.queries.audit import EventFilters

RESULTS = [("", "any"), *AuditEvent.Result.choices]


class EventFilterForm(forms.Form):
    """Filters over the record, all optional."""

    actor = forms.CharField(max_length=150, required=False)
    action = forms.CharField(max_length=100, required=False)
    target = forms.CharField(max_length=300, required=False)
    result = forms.ChoiceField(choices=RESULTS, required=False)
    after = forms.DateTimeField(required=False)
    before = forms.DateTimeField(required=False)

    @property
    def filters(self) -> EventFilters:
        """What was read of it; a field with an error in it narrows nothing."""
        self.is_valid()
        known: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if value}
        for name in ("after", "before"):
            if name in known:
                known[name] = known[name].astimezone(UTC)
        return EventFilters(**known)
