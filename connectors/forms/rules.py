"""What a person types of an ownership rule."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from connectors.models import OwnershipRule, Team, VendorAccount


class RuleForm(forms.Form):
    """What a connector must be, and whose it is then; all that is filled in must hold."""

    team = forms.ModelChoiceField(
        queryset=Team.objects.none(), to_field_name="slug", empty_label=None, label="Team that owns"
    )
    account = forms.ModelChoiceField(
        queryset=VendorAccount.objects.none(), to_field_name="name", required=False, empty_label="any"
    )
    vendor = forms.ChoiceField(required=False)
    pipeline = forms.CharField(max_length=300, required=False, help_text="A name, or a pattern with * and ?.")
    name = forms.CharField(label="Connector", max_length=300, required=False, help_text="A name or a pattern: ledger-*")
    match = forms.ChoiceField(label="Read it as", choices=OwnershipRule.Match.choices, required=False)
    label = forms.CharField(max_length=200, required=False, help_text="key or key=value, as in tier=1.")
    position = forms.IntegerField(
        label="Place", min_value=1, max_value=1_000_000, required=False, initial=100,
        help_text="A smaller number goes first; the first rule that holds decides.",
    )  # fmt: skip

    def __init__(
        self, teams: QuerySet[Team], accounts: QuerySet[VendorAccount], vendors: list[tuple[str, str]], *args: Any,
        is_admin: bool, **options: Any,
    ) -> None:  # fmt: skip
        """Only an admin's rule may reach across accounts."""
        super().__init__(*args, **options)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]  # it is a model choice field
        self.fields["account"].queryset = accounts  # type: ignore[attr-defined]  # the same
        if is_admin:
            self.fields["vendor"].choices = [("", "any"), *vendors]  # type: ignore[attr-defined]  # a choice field
        else:
            del self.fields["vendor"]
            self.fields["account"].required = True
            self.fields["account"].empty_label = None  # type: ignore[attr-defined]  # a model choice field
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"

    def rule(self) -> OwnershipRule:
        """This will give the rule, not stored."""
        data = self.cleaned_data
        return OwnershipRule(
            team=data["team"],
            account=data["account"],
            vendor=data.get("vendor", ""),
            pipeline=data["pipeline"],
            name=data["name"],
            match=data["match"] or OwnershipRule.Match.GLOB,
            label=data["label"],
            position=data["position"] or 100,
        )
