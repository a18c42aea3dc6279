"""What the record of who did what is searched for."""

from django import forms

from connectors.models import AuditExport
from connectors.queries import audit_language
from connectors.queries.audit_language import Query

LONGEST = 1000


class SearchForm(forms.Form):
    """One query. Whatever is in it, something can be searched."""

    q = forms.CharField(max_length=LONGEST, required=False)

    @property
    def query(self) -> Query:
        """What was read of it."""
        return audit_language.read(str(self.data.get("q", ""))[:LONGEST].replace("\x00", ""))


class KeepForm(forms.Form):
    """A query to keep under a name."""

    name = forms.CharField(max_length=60)
    q = forms.CharField(max_length=LONGEST)


class ExportForm(forms.Form):
    """What to export, and as what."""

    q = forms.CharField(max_length=LONGEST, required=False)
    format = forms.ChoiceField(choices=AuditExport.Format.choices)
