"""How batches look in JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors.api.fields import VerbField
from connectors.models import Batch, BatchItem
from connectors.queries.batches import Progress
from connectors.services.batches import MOST

TERMS = ("reason", "ticket", "canary", "at_once", "stop_after", "starts_at", "until")


class SelectionSerializer(serializers.Serializer[Any]):
    """Which connectors: by ids, or by the filters of the connector list."""

    kind = VerbField()
    connectors = serializers.ListField(
        child=serializers.IntegerField(), required=False, allow_empty=False, max_length=MOST
    )
    filter = serializers.DictField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """This will refuse anything but exactly one way to choose."""
        if ("connectors" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError("Name the connectors either by `connectors` (ids) or by `filter`.")
        return attrs


class BatchRequestSerializer(SelectionSerializer):
    """What is asked of them, and on which terms."""

    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    ticket = serializers.CharField(required=False, allow_blank=True, max_length=80)
    canary = serializers.IntegerField(required=False, min_value=0, max_value=MOST)
    at_once = serializers.IntegerField(required=False, min_value=0, max_value=MOST)
    stop_after = serializers.IntegerField(required=False, min_value=0, max_value=MOST)
    starts_at = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    expected = serializers.IntegerField(required=False, min_value=0)


class ProgressSerializer(serializers.Serializer[Progress]):
    """How many items stand where."""

    total = serializers.IntegerField()
    waiting = serializers.IntegerField()
    asked = serializers.IntegerField()
    confirmed = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()
    dropped = serializers.IntegerField()


class BatchSerializer(serializers.ModelSerializer[Batch]):
    """One batch and how far it has come; `progress` comes from the context, counted for all at once."""

    progress = serializers.SerializerMethodField()
    is_open = serializers.BooleanField()

    class Meta:
        model = Batch
        fields = [
            "id", "kind", "status", "is_open", "selection", "actor", "reason", "ticket", "parent", "canary", "at_once",
            "stop_after", "starts_at", "until", "requested_at", "started_at", "canary_done_at", "finished_at", "error",
            "progress",
        ]  # fmt: skip

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, batch: Batch) -> dict[str, Any]:
        """This will give the counts."""
        return dict(ProgressSerializer(self.context["progress"][batch.pk]).data)


class ItemSerializer(serializers.ModelSerializer[BatchItem]):
    """One connector of a batch."""

    name = serializers.CharField(source="connector.name")
    operation_status = serializers.CharField(source="operation.status", default=None)

    class Meta:
        model = BatchItem
        fields = [
            "connector", "name", "status", "why", "is_canary", "operation", "operation_status", "state_before",
            "desired_before",
        ]  # fmt: skip


class AccountPlanSerializer(serializers.Serializer[Any]):
    """What would be done at one account."""

    account = serializers.CharField(source="account.name")
    vendor = serializers.CharField(source="vendor.slug")
    match = serializers.IntegerField()
    act = serializers.IntegerField()
    skip = serializers.IntegerField()
    usual = serializers.FloatField()


class SkipSerializer(serializers.Serializer[Any]):
    """Why some would be left out."""

    why = serializers.CharField()
    number = serializers.IntegerField()
    examples = serializers.ListField(child=serializers.CharField(), source="names")


class PlanSerializer(serializers.Serializer[Any]):
    """What a batch would do."""

    kind = serializers.CharField(source="verb")
    match = serializers.IntegerField()
    act = serializers.IntegerField(source="number")
    accounts = AccountPlanSerializer(many=True)
    skips = SkipSerializer(many=True)
    consequences = serializers.ListField(child=serializers.CharField())
