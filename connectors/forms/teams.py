"""What leads and admins type about teams: members, invitations, tokens, and requests for access."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.core.exceptions import ValidationError

from connectors.models import Team
from connectors.states import Permission, Role

ROLES = [(role.value, role.value) for role in Role]
ASKABLE = [(Role.OPERATOR.value, "operator: may press verbs"), (Role.VIEWER.value, "viewer: may see")]
TIMES = [(60, "1 hour"), (240, "4 hours"), (480, "8 hours"), (1440, "1 day"), (10080, "7 days"), (43200, "30 days")]
LASTS = [(30, "30 days"), (90, "90 days"), (180, "180 days"), (365, "1 year")]
HOLDS = {
    Permission.SEE_CONFIGURATION: "see configuration (masked)",
    Permission.OPERATE: "operate: start, pause, stop",
    Permission.PROTECT: "protect and freeze",
    Permission.MANAGE_ACCOUNTS: "manage vendor accounts",
    Permission.MANAGE_TEAM: "manage the team",
}
"""What a token may hold beside seeing, in the words of a form."""
HOLDS_OF_SITE = {
    Permission.REVIEW: "read the whole record, and review",
    Permission.ADMINISTER: "administer the site",
}
"""What one's own token may hold beside that."""
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


def _styled(form: forms.BaseForm) -> None:
    for field in form.fields.values():
        if not isinstance(field.widget, forms.CheckboxSelectMultiple | forms.CheckboxInput):
            field.widget.attrs["class"] = "input"


class TeamForm(forms.Form):
    """A new team."""

    name = forms.CharField(max_length=80)
    slug = forms.CharField(label="Short name", max_length=50, help_text="Small letters, digits, hyphens. It stays.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _styled(self)

    def clean_slug(self) -> str:
        """This will refuse what does not read well in an address."""
        slug = str(self.cleaned_data["slug"])
        if not SLUG.fullmatch(slug) or slug == "new":
            raise ValidationError("Use small letters, digits and hyphens, as in search-eu.")
        return slug


class RoleForm(forms.Form):
    """Somebody's new role; empty lets them go."""

    login = forms.CharField(max_length=150)
    role = forms.ChoiceField(choices=[*ROLES, ("", "remove")], required=False)

    @property
    def role_or_none(self) -> Role | None:
        """The role that was chosen."""
        word = self.cleaned_data["role"]
        return Role(word) if word else None


class InvitationForm(forms.Form):
    """Whom to invite, and as what."""

    address = forms.EmailField(label="E-mail address")
    role = forms.TypedChoiceField(choices=ROLES, coerce=Role)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _styled(self)


class TokenForm(forms.Form):
    """A token for a service: what it may, and how long."""

    words = HOLDS
    name = forms.CharField(max_length=80, help_text="What will use it, as in ci-deploy.")
    permissions = forms.TypedMultipleChoiceField(
        label="May", choices=(), coerce=Permission, required=False, widget=forms.CheckboxSelectMultiple,
        help_text="It can always see the team's connectors.",
    )  # fmt: skip
    days = forms.TypedChoiceField(label="Ends after", choices=LASTS, coerce=int, initial=90)

    def __init__(self, held: Iterable[Permission], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        allowed = set(held)
        choices = [(permission.value, words) for permission, words in self.words.items() if permission in allowed]
        self.fields["permissions"].choices = choices  # type: ignore[attr-defined]  # it is a choice field
        _styled(self)

    @property
    def lasts(self) -> timedelta:
        """How long it will open."""
        return timedelta(days=self.cleaned_data["days"])


class OwnTokenForm(TokenForm):
    """A token of one's own, for all of one's teams."""

    words = HOLDS | HOLDS_OF_SITE

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["permissions"].help_text = "It can always see what you see."


class AccessForm(forms.Form):
    """A request for a role in a team for a time."""

    team = forms.ModelChoiceField(queryset=Team.objects.none(), to_field_name="slug", empty_label=None)
    role = forms.TypedChoiceField(choices=ASKABLE, coerce=Role)
    minutes = forms.TypedChoiceField(label="For", choices=TIMES, coerce=int)
    reason = forms.CharField(max_length=500, help_text="The lead who decides reads it, and it stays on record.")

    def __init__(self, teams: Iterable[Team], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]  # it is a model choice field
        _styled(self)


class DecisionForm(forms.Form):
    """Yes or no, with a word about it."""

    choice = forms.ChoiceField(choices=[("grant", "Grant"), ("decline", "Decline")])
    said = forms.CharField(max_length=500, required=False)

    @property
    def is_granted(self) -> bool:
        """Was it a yes?"""
        return bool(self.cleaned_data["choice"] == "grant")


NEW_LOGIN = {
    "username": ("Login", "Letters, digits and @ . + - _"),
    "password1": ("Password", "Eight characters or more, not only digits, and none that everybody knows."),
    "password2": ("Password again", ""),
}
"""Label and help of each field."""


class NewLoginForm(UserCreationForm):  # type: ignore[type-arg]  # it takes none when it runs
    """A login and a password for somebody who was invited."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, (label, help_text) in NEW_LOGIN.items():
            self.fields[name].label, self.fields[name].help_text = label, help_text
        _styled(self)
