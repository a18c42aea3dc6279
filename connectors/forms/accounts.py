"""The form of a vendor account, made from the fields that the vendor's folder names."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from connectors.models import Team, VendorAccount
from connectors.vendors.base import Field, Vendor

PREFIX = "vendor_"
KEPT = "Stored and never shown. Leave it empty to keep it."


class AccountForm(forms.Form):
    """
    Name, team, address, and what this vendor needs; secrets go in and never come out.

    :param teams: those whose accounts the person may manage
    :param account: the one to change; its secrets are kept where nothing is typed
    """

    name = forms.CharField(max_length=80, help_text="As it shall be called on the board.")
    team = forms.ChoiceField(help_text="Owns the connectors that are found there.")
    base_url = forms.CharField(label="Address", max_length=500)

    def __init__(
        self, vendor: Vendor, teams: Iterable[Team], *args: Any, account: VendorAccount | None = None, **options: Any
    ) -> None:
        self.vendor = vendor
        self.account = account
        super().__init__(*args, **{"initial": _initial(vendor, account), **options})
        choice = forms.ChoiceField(choices=[(team.slug, team.name) for team in teams])
        choice.help_text = self.fields["team"].help_text
        self.fields["team"] = choice
        for field in vendor.fields:
            self.fields[PREFIX + field.name] = _input(field, is_change=account is not None)
        for made in self.fields.values():
            if not isinstance(made, forms.BooleanField):
                made.widget.attrs["class"] = "input"

    def settings(self) -> dict[str, Any]:
        """This will give what is not secret."""
        return {
            f.name: self._given(f) for f in self.vendor.fields if not f.is_secret and self._given(f) not in ("", None)
        }

    def credentials(self) -> dict[str, str]:
        """This will give the secrets that were typed."""
        return {f.name: str(self._given(f)) for f in self.vendor.fields if f.is_secret and self._given(f)}

    def _given(self, field: Field) -> Any:
        return self.cleaned_data.get(PREFIX + field.name)

    def add_errors(self, errors: Mapping[str, list[str]]) -> None:
        """This will put what the service found at the fields it found it in."""
        for name, found in errors.items():
            for text in found:
                self.add_error(name if name in self.fields else None, text)


def _initial(vendor: Vendor, account: VendorAccount | None) -> dict[str, Any]:
    if account is None:
        return {"base_url": vendor.default_url, **{PREFIX + f.name: f.default for f in vendor.fields}}
    known = {PREFIX + name: value for name, value in account.settings.items()}
    return {"name": account.name, "team": account.team.slug, "base_url": account.base_url, **known}


def _input(field: Field, *, is_change: bool) -> forms.Field:
    is_required = field.is_required and not (is_change and field.is_secret)
    options: dict[str, Any] = {
        "label": field.label,
        "required": is_required,
        "help_text": KEPT if is_change and field.is_secret else field.help,
    }
    if field.kind == "bool":
        return forms.BooleanField(**options | {"required": False})
    if field.kind == "choice":
        return forms.ChoiceField(choices=list(field.choices), **options)
    if field.kind == "textarea":
        return forms.CharField(widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}), **options)
    if field.is_secret:
        hidden = forms.PasswordInput(attrs={"autocomplete": "off"}, render_value=False)
        return forms.CharField(widget=hidden, **options)
    return forms.CharField(**options)
