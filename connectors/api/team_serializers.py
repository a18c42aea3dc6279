"""How teams, tokens, rules and requests look in JSON."""

from typing import Any

from rest_framework import serializers

from connectors.models import AccessRequest, ApiToken, Invitation, Membership, OwnershipClaim, OwnershipRule, Team
from connectors.states import Permission, Role

ROLES = [(role, role) for role in Role]
ASKABLE = [(role, role) for role in (Role.VIEWER, Role.OPERATOR)]
PERMISSIONS = [(permission, permission) for permission in Permission]


class TeamSerializer(serializers.ModelSerializer[Team]):
    """One team and how much is its."""

    connectors = serializers.IntegerField(source="connector_number", read_only=True)
    accounts = serializers.IntegerField(source="account_number", read_only=True)
    members = serializers.IntegerField(source="member_number", read_only=True)

    class Meta:
        model = Team
        fields = ["slug", "name", "connectors", "accounts", "members"]


class TeamCreationSerializer(serializers.Serializer[Any]):
    """A new team."""

    slug = serializers.SlugField(max_length=50)
    name = serializers.CharField(max_length=80)


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """One person's role in a team."""

    login = serializers.CharField(source="user.username")

    class Meta:
        model = Membership
        fields = ["login", "role"]


class RoleSerializer(serializers.Serializer[Any]):
    """A role to give."""

    role = serializers.ChoiceField(choices=ROLES)


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """One link that still opens. The link itself is in the answer that made it, and nowhere else."""

    class Meta:
        model = Invitation
        fields = ["id", "address", "role", "invited_by", "created_at", "expires_at"]


class InvitationCreationSerializer(serializers.Serializer[Any]):
    """Whom to invite, as what."""

    address = serializers.EmailField()
    role = serializers.ChoiceField(choices=ROLES)


class InvitationMadeSerializer(InvitationSerializer):
    """The same with the link, this once."""

    link = serializers.CharField(read_only=True)
    mail = serializers.ChoiceField(choices=["sent", "failed", "off"], read_only=True)

    class Meta(InvitationSerializer.Meta):
        fields = [*InvitationSerializer.Meta.fields, "link", "mail"]


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """One token, without its text."""

    owner = serializers.CharField(source="user.username")

    class Meta:
        model = ApiToken
        fields = [
            "id", "name", "start", "owner", "permissions", "created_at", "expires_at", "last_used_at", "revoked_at",
        ]  # fmt: skip


class TokenCreationSerializer(serializers.Serializer[Any]):
    """A token to make: what it may, and how long."""

    name = serializers.CharField(max_length=80)
    permissions = serializers.ListField(child=serializers.ChoiceField(choices=PERMISSIONS), default=list)
    days = serializers.IntegerField(min_value=1, max_value=366)


class TokenMadeSerializer(TokenSerializer):
    """The same with its text, this once."""

    token = serializers.CharField(read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


class RuleSerializer(serializers.ModelSerializer[OwnershipRule]):
    """One ownership rule."""

    team = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    account = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)

    class Meta:
        model = OwnershipRule
        fields = [
            "id", "team", "is_of_site", "position", "vendor", "account", "pipeline", "name", "match", "label",
            "made_by", "made_at",
        ]  # fmt: skip


class RuleCreationSerializer(serializers.Serializer[Any]):
    """A rule to make or to try."""

    team = serializers.SlugField()
    account = serializers.CharField(required=False, allow_blank=True)
    vendor = serializers.CharField(required=False, allow_blank=True, max_length=40)
    pipeline = serializers.CharField(required=False, allow_blank=True, max_length=300)
    name = serializers.CharField(required=False, allow_blank=True, max_length=300)
    match = serializers.ChoiceField(choices=OwnershipRule.Match.choices, default=OwnershipRule.Match.GLOB)
    label = serializers.CharField(required=False, allow_blank=True, max_length=200)  # type: ignore[assignment]  # the same
    position = serializers.IntegerField(min_value=1, max_value=1_000_000, default=100)


class RuleMoveSerializer(serializers.Serializer[Any]):
    """Which neighbor to change places with."""

    to = serializers.ChoiceField(choices=["up", "down"])


class MoveSerializer(serializers.Serializer[Any]):
    """What a rule takes from one team and gives to another."""

    source = serializers.CharField()  # type: ignore[assignment]  # named like an option of every field
    goal = serializers.CharField()
    number = serializers.IntegerField()
    examples = serializers.ListField(child=serializers.CharField())


class OverlapSerializer(serializers.Serializer[Any]):
    """Two rules of different teams that hold for the same connectors; the first one goes before."""

    first = serializers.IntegerField(source="first.pk")
    second = serializers.IntegerField(source="second.pk")
    number = serializers.IntegerField()


class RuleReportSerializer(serializers.Serializer[Any]):
    """How the rules lie over the connectors that the person may see."""

    decided = serializers.DictField(child=serializers.IntegerField())
    orphans = serializers.IntegerField()
    overlaps = OverlapSerializer(many=True)


class ClaimSerializer(serializers.ModelSerializer[OwnershipClaim]):
    """One claim of a connector that no rule held for."""

    team = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    asked_by = serializers.CharField(source="user.username")
    connector_name = serializers.CharField(source="connector.name")

    class Meta:
        model = OwnershipClaim
        fields = [
            "id", "connector", "connector_name", "team", "reason", "asked_by", "asked_at", "decided_at", "decided_by",
            "decision", "is_granted",
        ]  # fmt: skip


class ClaimCreationSerializer(serializers.Serializer[Any]):
    """A claim to make."""

    connector = serializers.IntegerField()
    team = serializers.SlugField()
    reason = serializers.CharField(max_length=500)


class AccessRequestSerializer(serializers.ModelSerializer[AccessRequest]):
    """One request for a role for a time, and what became of it."""

    team = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    login = serializers.CharField(source="user.username")

    class Meta:
        model = AccessRequest
        fields = [
            "id", "login", "team", "role", "minutes", "reason", "asked_at", "lapses_at", "decided_at", "decided_by",
            "decision", "is_granted", "ends_at", "ended_at",
        ]  # fmt: skip


class AccessRequestCreationSerializer(serializers.Serializer[Any]):
    """What to ask for."""

    team = serializers.SlugField()
    role = serializers.ChoiceField(choices=ASKABLE)
    minutes = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=500)


class DecisionSerializer(serializers.Serializer[Any]):
    """Yes or no, with a word about it."""

    choice = serializers.ChoiceField(choices=["grant", "decline"])
    said = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class DecisionLineSerializer(serializers.Serializer[Any]):
    """One thing that could be done: possible, or what decides against it."""

    label = serializers.CharField()  # type: ignore[assignment]  # named like an option of every field
    possible = serializers.SerializerMethodField()
    by = serializers.CharField(source="decision.by", default="")
    why_not = serializers.CharField(source="decision.sentence", default="")
    until = serializers.DateTimeField(source="decision.until", default=None)
    second_person = serializers.CharField(source="asks")

    def get_possible(self, line: Any) -> bool:
        """This will tell whether nothing decides against it."""
        return line.decision is None


class ExplanationSerializer(serializers.Serializer[Any]):
    """Why the caller may or may not do what with a connector."""

    owner = serializers.CharField()
    rule = serializers.IntegerField(source="rule.pk", default=None)
    role = serializers.CharField()
    granted_until = serializers.DateTimeField(allow_null=True)
    permissions = DecisionLineSerializer(many=True)
    verbs = DecisionLineSerializer(many=True)
