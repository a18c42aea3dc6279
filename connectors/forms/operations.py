"""What a person asks of a connector or a pipeline."""

from django import forms

from connectors.states import LABELS, Verb


class OperationForm(forms.Form):
    """One verb, why, and which operation the person saw last: pressing twice is then one request."""

    kind = forms.TypedChoiceField(choices=[(verb.value, LABELS[verb]) for verb in Verb], coerce=Verb)
    reason = forms.CharField(max_length=500, required=False)
    after = forms.CharField(max_length=40, required=False)
