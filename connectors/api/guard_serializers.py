"""How freezes, protections and approvals look in JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors.api.fields import VerbField
from connectors.models import Approval, BreakGlass, FreezeWindow, Loosening, Protection
from connectors.services.approvals import MOST
from connectors.services.freezes import GLASS_AT_MOST, LONGEST
from connectors.states import Verb


class SpanSerializer(serializers.Serializer[Any]):
    """From when until when."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)


class FreezeSerializer(serializers.ModelSerializer[FreezeWindow]):
    """One freeze; `span` holds now or comes next, and is null when it is over."""

    team = serializers.CharField(source="team.slug", default=None, allow_null=True)
    except_names = serializers.ListField(source="spared", child=serializers.CharField())
    except_people = serializers.SerializerMethodField()
    holds = serializers.SerializerMethodField()
    span = serializers.SerializerMethodField()

    class Meta:
        model = FreezeWindow
        fields = [
            "id", "name", "team", "reason", "mode", "starts_at", "ends_at", "cron", "minutes", "zone", "except_names",
            "except_people", "created_by", "created_at", "ended_at", "ended_by", "holds", "span",
        ]  # fmt: skip

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_except_people(self, freeze: FreezeWindow) -> list[str]:
        """This will name whom it does not bind."""
        return sorted(freeze.spared_people.values())

    def get_holds(self, freeze: FreezeWindow) -> bool:
        """This will tell whether it holds now."""
        span = freeze.span(self.context["now"])
        return bool(span and span.holds(self.context["now"]))

    @extend_schema_field(SpanSerializer(allow_null=True))
    def get_span(self, freeze: FreezeWindow) -> dict[str, Any] | None:
        """This will give the span that holds now or comes next."""
        span = freeze.span(self.context["now"])
        return dict(SpanSerializer(span).data) if span else None


class FreezeRequestSerializer(serializers.Serializer[Any]):
    """A freeze of a team, or without one of the whole site."""

    name = serializers.CharField(max_length=80)
    team = serializers.SlugField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=500)
    mode = serializers.ChoiceField(choices=FreezeWindow.Mode.choices)
    starts_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    ends_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    cron = serializers.CharField(required=False, allow_blank=True, max_length=100, default="")
    minutes = serializers.IntegerField(
        required=False, min_value=0, max_value=int(LONGEST.total_seconds() / 60), default=0
    )
    zone = serializers.CharField(required=False, max_length=60, default="UTC")
    except_names = serializers.ListField(
        child=serializers.CharField(max_length=300), required=False, max_length=200, default=list
    )
    except_people = serializers.ListField(
        child=serializers.CharField(max_length=150), required=False, max_length=200, default=list
    )


class GlassRequestSerializer(serializers.Serializer[Any]):
    """Why, and for how many minutes."""

    reason = serializers.CharField(max_length=500)
    minutes = serializers.IntegerField(
        required=False, min_value=1, max_value=int(GLASS_AT_MOST.total_seconds() / 60), default=30
    )


class GlassSerializer(serializers.ModelSerializer[BreakGlass]):
    """Somebody passes a freeze for a time."""

    class Meta:
        model = BreakGlass
        fields = ["id", "freeze", "actor", "reason", "at", "until", "ended_at"]


class ProtectionSerializer(serializers.ModelSerializer[Protection]):
    """How a connector is protected."""

    name = serializers.CharField(source="connector.name", read_only=True)
    verbs = serializers.ListField(child=VerbField(), required=False)
    approver = serializers.ChoiceField(choices=Protection.Approver.choices, required=False)

    class Meta:
        model = Protection
        fields = ["connector", "name", "verbs", "approver", "is_always_on", "reason", "set_by", "set_at"]
        read_only_fields = ["connector", "name", "set_by", "set_at"]


class LooseningSerializer(serializers.ModelSerializer[Loosening]):
    """A protection that is to become weaker: what is to be left of it; nothing, when it is to be lifted."""

    name = serializers.CharField(source="connector.name")
    verbs = serializers.ListField(child=serializers.CharField())
    asked_by = serializers.CharField(source="actor")

    class Meta:
        model = Loosening
        fields = [
            "id", "connector", "name", "verbs", "approver", "is_always_on", "is_lift", "asked_by", "reason", "asked_at",
            "lapses_at", "outcome", "decided_at", "decided_by", "said",
        ]  # fmt: skip


class LooseningDecisionSerializer(serializers.Serializer[Any]):
    """Yes or no."""

    choice = serializers.ChoiceField(choices=["approve", "decline"])
    said = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class ApprovalTargetSerializer(serializers.Serializer[Any]):
    """One target, and how it was when the approval was asked for."""

    type = serializers.SerializerMethodField()
    id = serializers.IntegerField(source="target.pk")
    name = serializers.CharField(source="target.name")
    state = serializers.CharField()
    operation = serializers.UUIDField(source="operation_id", allow_null=True)

    def get_type(self, item: Any) -> str:
        """This will tell connector from pipeline."""
        return "connector" if item.connector_id else "pipeline"


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    """One approval; `status` is waiting, approved, used, declined, void or lapsed."""

    kind = serializers.CharField()
    targets = ApprovalTargetSerializer(many=True)
    asked_by = serializers.CharField(source="actor")

    class Meta:
        model = Approval
        fields = [
            "id", "kind", "task", "status", "targets", "asked_by", "reason", "ticket", "asked_at", "lapses_at",
            "decided_at",
            "decided_by", "said", "until",
        ]  # fmt: skip


class ApprovalRequestSerializer(serializers.Serializer[Any]):
    """One verb on connectors or pipelines, by ids."""

    kind = VerbField(known=tuple(Verb))
    task = serializers.CharField(required=False, allow_blank=True, max_length=40, default="")
    connectors = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=MOST, default=list)
    pipelines = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=MOST, default=list)
    reason = serializers.CharField(max_length=500)
    ticket = serializers.CharField(required=False, allow_blank=True, max_length=80, default="")
    until = serializers.DateTimeField(required=False, allow_null=True, default=None)


class SaidSerializer(serializers.Serializer[Any]):
    """What the decider says."""

    said = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class ReasonSerializer(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")
