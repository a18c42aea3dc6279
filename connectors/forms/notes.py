"""What a person writes down."""

from django import forms

from connectors.services.notes import LONGEST


class NoteForm(forms.Form):
    """A text, and whether it is about the error rather than the connector."""

    text = forms.CharField(max_length=LONGEST)
    about = forms.ChoiceField(choices=[("", "this"), ("error", "the error")], required=False)
