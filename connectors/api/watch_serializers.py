"""How auto-heal and alerts look in JSON."""

from typing import Any

from rest_framework import serializers

from connectors import heal
from connectors.models import Alert, AlertMessage, AlertRule, HealPolicy, HealState
from connectors.models.alerts import Condition


class HealPolicySerializer(serializers.ModelSerializer[HealPolicy]):
    """How a team's connectors, or one, are healed; times in seconds."""

    team = serializers.CharField(source="team.slug")
    name = serializers.CharField(source="connector.name", default=None, allow_null=True)

    class Meta:
        model = HealPolicy
        fields = [
            "id", "team", "connector", "name", "is_on", "states", "first_wait", "longest_wait", "budget",
            "reset_after", "stops_at", "stop_words", "set_by", "set_at",
        ]  # fmt: skip


class HealPolicyRequestSerializer(serializers.Serializer[Any]):
    """A policy of a team or, with `connector`, of one connector. There is one for each; a second replaces it."""

    team = serializers.SlugField()
    connector = serializers.IntegerField(required=False, allow_null=True, default=None)
    is_on = serializers.BooleanField(required=False, default=True)
    states = serializers.ListField(child=serializers.CharField(max_length=20), required=False, default=["failed"])
    first_wait = serializers.IntegerField(required=False, min_value=1, max_value=86_400, default=60)
    longest_wait = serializers.IntegerField(required=False, min_value=1, max_value=86_400, default=1800)
    budget = serializers.IntegerField(required=False, min_value=1, max_value=100, default=5)
    reset_after = serializers.IntegerField(required=False, min_value=1, max_value=604_800, default=1800)
    stops_at = serializers.ListField(
        child=serializers.CharField(max_length=20), required=False, default=list(heal.KINDS)
    )
    stop_words = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=50, default=list
    )


class HealStateSerializer(serializers.ModelSerializer[HealState]):
    """How far healing has come with one connector; `opened_at` is set when it has given up."""

    name = serializers.CharField(source="connector.name")

    class Meta:
        model = HealState
        fields = ["connector", "name", "attempts", "next_at", "why", "opened_at", "well_since"]


class AlertRuleSerializer(serializers.ModelSerializer[AlertRule]):
    """A rule; its address goes in and never comes out."""

    team = serializers.CharField(source="team.slug")

    class Meta:
        model = AlertRule
        fields = [
            "id", "name", "team", "conditions", "names", "minutes", "repeat_minutes", "target_kind", "is_on", "set_by",
            "set_at",
        ]  # fmt: skip


class AlertRuleRequestSerializer(serializers.Serializer[Any]):
    """What a rule is to be; an empty `target` keeps the one there is."""

    name = serializers.CharField(max_length=80)
    team = serializers.SlugField()
    conditions = serializers.ListField(child=serializers.CharField(max_length=20), max_length=20)
    names = serializers.ListField(
        child=serializers.CharField(max_length=300), required=False, max_length=200, default=list
    )
    minutes = serializers.IntegerField(required=False, min_value=0, max_value=1440, default=2)
    repeat_minutes = serializers.IntegerField(required=False, min_value=0, max_value=10_080, default=0)
    target = serializers.CharField(
        required=False, allow_blank=True, max_length=1000, write_only=True, default="", trim_whitespace=True
    )
    is_on = serializers.BooleanField(required=False, default=True)

    def validate_conditions(self, words: list[str]) -> list[str]:
        """This will refuse what is no condition."""
        if wrong := [word for word in words if word not in Condition.values]:
            raise serializers.ValidationError(f"{', '.join(wrong)}: none of {', '.join(Condition.values)}.")
        return words


class AlertSerializer(serializers.ModelSerializer[Alert]):
    """What holds now and was told."""

    name = serializers.CharField(source="connector.name")
    condition = serializers.CharField()

    class Meta:
        model = Alert
        fields = ["rule", "connector", "name", "condition", "since", "told_at"]


class MessageSerializer(serializers.ModelSerializer[AlertMessage]):
    """One message and whether it was taken."""

    kind = serializers.CharField()

    class Meta:
        model = AlertMessage
        fields = ["id", "kind", "title", "body", "made_at", "due_at", "tries", "sent_at", "given_up_at", "error"]
