"""How things look in JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from connectors.api.fields import VerbField
from connectors.models import AuditEvent, AuditSeal, Hold, Operation, Pipeline, VendorAccount
from connectors.permissions import Viewer
from connectors.queries.connectors import Row
from connectors.queries.verbs import Button
from connectors.states import LABELS, OperationStatus, Verb


class VerbSerializer(serializers.Serializer[Button]):
    """One verb of one target: can it be asked for now, and if not, why."""

    kind = serializers.CharField(source="verb")
    label = serializers.CharField()  # type: ignore[assignment]  # named like an option of every field
    possible = serializers.BooleanField(source="is_on")
    why_not = serializers.CharField()
    consequence = serializers.CharField()


class EvidenceSerializer(serializers.Serializer[Any]):
    """One fact behind a diagnosis."""

    text = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class WhySerializer(serializers.Serializer[Any]):
    """Why data does or does not flow."""

    rule = serializers.CharField()
    sentence = serializers.CharField()
    cause = serializers.CharField()
    whose = serializers.CharField()
    press = serializers.CharField()
    evidence = EvidenceSerializer(many=True)


class PipelineRefSerializer(serializers.Serializer[Any]):
    """A pipeline within a connector."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.CharField()
    vendor_state = serializers.CharField()


class OpenOperationSerializer(serializers.Serializer[Any]):
    """What is under way."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    status = serializers.CharField()


class ActivitySerializer(serializers.Serializer[Any]):
    """Whether data can flow: yes, warning, no or unknown."""

    active = serializers.CharField()
    reason = serializers.CharField()


class TaskCountSerializer(serializers.Serializer[Any]):
    """How many tasks, and how many of them failed."""

    total = serializers.IntegerField(source="tasks_total")
    failed = serializers.IntegerField(source="tasks_failed")


class ConnectorSerializer(serializers.Serializer[Row]):
    """One connector, from a board row."""

    id = serializers.IntegerField(source="connector.pk")
    name = serializers.CharField(source="connector.name")
    url = serializers.SerializerMethodField()
    vendor = serializers.CharField(source="connector.account.vendor")
    account = serializers.CharField(source="connector.account.name")
    pipeline = PipelineRefSerializer(source="connector.pipeline")
    team = serializers.CharField(source="connector.team.slug")
    type = serializers.CharField(source="connector.type")
    direction = serializers.CharField(source="connector.direction")
    state = serializers.CharField(source="connector.state")
    vendor_state = serializers.CharField(source="connector.vendor_state")
    since = serializers.DateTimeField(source="connector.state_since")
    activity = ActivitySerializer(source="verdict")
    desired_state = serializers.CharField(source="connector.desired_state", allow_null=True)
    drift = serializers.SerializerMethodField()
    drift_since = serializers.DateTimeField(source="connector.drift_since", allow_null=True)
    drift_snoozed_until = serializers.DateTimeField(source="connector.drift_snoozed_until", allow_null=True)
    tasks = TaskCountSerializer(source="connector")
    error = serializers.CharField(source="connector.error")
    why = WhySerializer()
    labels = serializers.DictField(source="connector.labels")
    metrics = serializers.DictField(source="connector.figures")
    observed_at = serializers.DateTimeField(source="connector.observed_at", allow_null=True)
    stale = serializers.BooleanField(source="is_stale")
    open_operation = OpenOperationSerializer(allow_null=True)
    verbs = VerbSerializer(source="buttons", many=True)

    @extend_schema_field(serializers.URLField())
    def get_url(self, row: Row) -> str:
        """This will give the connector's own address in the API."""
        return str(reverse("api-connector", args=[row.connector.pk], request=self.context.get("request")))

    def get_drift(self, row: Row) -> bool:
        """This will tell whether it rests elsewhere than somebody wants it."""
        return row.connector.drift_since is not None


class ConnectorDetailSerializer(ConnectorSerializer):
    """One connector with its tasks in full and, where allowed, its masked configuration."""

    task_list = serializers.ListField(source="connector.tasks", child=serializers.DictField())
    error_trace = serializers.CharField(source="connector.error_trace")
    configuration = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_configuration(self, row: Row) -> dict[str, Any] | None:
        """This will give the masked configuration to whoever may see it."""
        viewer: Viewer = self.context["viewer"]
        allowed = viewer.may_see_configuration(row.connector.team_id)
        return dict(row.connector.config) if allowed else None


class PipelineSerializer(serializers.Serializer[Pipeline]):
    """One pipeline."""

    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    kind = serializers.CharField()
    vendor = serializers.CharField(source="account.vendor")
    account = serializers.CharField(source="account.name")
    team = serializers.CharField(source="account.team.slug")
    state = serializers.CharField()
    vendor_state = serializers.CharField()
    since = serializers.DateTimeField(source="state_since")
    desired_state = serializers.CharField(allow_null=True)
    drift = serializers.SerializerMethodField()
    error = serializers.CharField()
    observed_at = serializers.DateTimeField(allow_null=True)
    stale = serializers.SerializerMethodField()

    def get_drift(self, pipeline: Pipeline) -> bool:
        """This will tell whether it rests elsewhere than somebody wants it."""
        return pipeline.drift_since is not None

    def get_stale(self, pipeline: Pipeline) -> bool:
        """This will tell whether its state is too old to be relied on."""
        return pipeline.is_stale()


class DriftSerializer(serializers.Serializer[Any]):
    """Where a target stands between what is wanted and what is observed."""

    state = serializers.CharField()
    desired_state = serializers.CharField(allow_null=True)
    drift_since = serializers.DateTimeField(allow_null=True)
    drift_snoozed_until = serializers.DateTimeField(allow_null=True)


class DriftDecisionSerializer(serializers.Serializer[Any]):
    """What to do about a drift; `snooze` takes the time until which."""

    choice = serializers.ChoiceField(choices=["reapply", "accept", "snooze"])
    until = serializers.DateTimeField(required=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """This will refuse snoozing for ever."""
        if attrs["choice"] == "snooze" and "until" not in attrs:
            raise serializers.ValidationError({"until": "Name the time until which to snooze."})
        return attrs


class TargetSerializer(serializers.Serializer[Any]):
    """What an operation was asked of."""

    type = serializers.ChoiceField(choices=["connector", "pipeline"])
    id = serializers.IntegerField()
    name = serializers.CharField()


class OperationSerializer(serializers.ModelSerializer[Operation]):
    """One request and its stages."""

    target = serializers.SerializerMethodField()
    account = serializers.CharField(source="account.name")
    seconds = serializers.FloatField(allow_null=True)
    status = serializers.ChoiceField(choices=[(s, s) for s in OperationStatus])

    class Meta:
        model = Operation
        fields = [
            "id", "kind", "task", "target", "account", "status", "reason", "ticket", "error", "actor",
            "attempts", "state_before", "requested_at", "sent_at", "accepted_at", "converging_at", "finished_at",
            "deadline_at",
            "seconds", "proof",
        ]  # fmt: skip

    @extend_schema_field(TargetSerializer)
    def get_target(self, operation: Operation) -> dict[str, Any]:
        """This will name the target."""
        kind = "connector" if operation.connector_id else "pipeline"
        return {"type": kind, "id": operation.target.pk, "name": operation.target.name}


class OperationRequestSerializer(serializers.Serializer[Any]):
    """What is asked: one target and one verb."""

    connector = serializers.IntegerField(required=False)
    pipeline = serializers.IntegerField(required=False)
    kind = VerbField(known=tuple(Verb))
    task = serializers.CharField(required=False, allow_blank=True, max_length=40, default="")
    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")
    ticket = serializers.CharField(required=False, allow_blank=True, max_length=80, default="")
    until = serializers.DateTimeField(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """This will refuse anything but exactly one target."""
        if ("connector" in attrs) == ("pipeline" in attrs):
            raise serializers.ValidationError("Name one target: either connector or pipeline, by its id.")
        if attrs["task"] and attrs["until"]:
            raise serializers.ValidationError("One task is restarted for good: leave `until` out.")
        return attrs


class HoldSerializer(serializers.ModelSerializer[Hold]):
    """A pause or stop that ends by itself."""

    kind = serializers.CharField(source="operation.kind")
    reason = serializers.CharField(source="operation.reason")

    class Meta:
        model = Hold
        fields = ("id", "connector", "pipeline", "operation", "batch", "kind", "actor", "reason", "until", "trouble",
                  "ended_at", "outcome", "resumption")  # fmt: skip


class ExtensionSerializer(serializers.Serializer[Any]):
    """Until when; null leaves it held until somebody resumes it."""

    until = serializers.DateTimeField(allow_null=True)


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    """One event of the record; `canonical` is what is hashed, byte for byte."""

    position = serializers.SerializerMethodField()
    hash = serializers.SerializerMethodField()

    class Meta:
        model = AuditEvent
        fields = "__all__"

    def get_position(self, event: AuditEvent) -> int | None:
        """Its place in the chain; null while it is being sealed."""
        seal: AuditSeal | None = getattr(event, "seal", None)
        return seal.position if seal else None

    def get_hash(self, event: AuditEvent) -> str | None:
        """Its hash in hex."""
        seal: AuditSeal | None = getattr(event, "seal", None)
        return bytes(seal.hash).hex() if seal else None


class AccountSerializer(serializers.ModelSerializer[VendorAccount]):
    """One vendor account and its health. Credentials go in and never come out."""

    team = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    circuit = serializers.CharField()

    class Meta:
        model = VendorAccount
        fields = [
            "id", "vendor", "name", "base_url", "settings", "team", "is_enabled", "observed_at", "observed_version",
            "failing_since", "failure", "failure_kind", "failures", "circuit", "due_at",
            "rows_seen", "rows_expected", "unread", "interval", "budget",
        ]  # fmt: skip


class AccountChangeSerializer(serializers.Serializer[Any]):
    """What an admin may change of an account."""

    name = serializers.CharField(max_length=80, required=False)
    base_url = serializers.CharField(max_length=500, required=False)
    settings = serializers.DictField(required=False)
    credentials = serializers.DictField(child=serializers.CharField(), required=False, write_only=True)
    team = serializers.CharField(required=False)
    is_enabled = serializers.BooleanField(required=False)


class AccountCreationSerializer(serializers.Serializer[Any]):
    """What an admin gives for a new account."""

    vendor = serializers.CharField()
    name = serializers.CharField(max_length=80)
    base_url = serializers.CharField(max_length=500)
    settings = serializers.DictField(default=dict)
    credentials = serializers.DictField(child=serializers.CharField(), default=dict, write_only=True)
    team = serializers.CharField()


class CheckSerializer(serializers.Serializer[Any]):
    """One line of a live test."""

    name = serializers.CharField()
    is_ok = serializers.BooleanField(allow_null=True)
    detail = serializers.CharField()


class CapabilitySerializer(serializers.Serializer[Any]):
    """One verb that a vendor has."""

    kind = serializers.CharField(source="verb")
    label = serializers.SerializerMethodField()  # type: ignore[assignment]  # the same
    target = serializers.CharField()
    consequence = serializers.CharField()

    def get_label(self, capability: Any) -> str:
        """This will give the vendor's word for it, or ours."""
        return str(capability.label or LABELS[capability.verb])


class FieldSerializer(serializers.Serializer[Any]):
    """One input of a vendor's account form."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # named like an option of every field
    help = serializers.CharField()
    kind = serializers.CharField()
    is_secret = serializers.BooleanField()
    is_required = serializers.BooleanField()


class VendorSerializer(serializers.Serializer[Any]):
    """One vendor: its words, verbs and form."""

    slug = serializers.CharField()
    name = serializers.CharField()
    mark = serializers.CharField()
    pipeline_noun = serializers.CharField()
    verbs = CapabilitySerializer(source="capabilities", many=True)
    fields_ = FieldSerializer(source="fields", many=True)

    def get_fields(self) -> dict[str, Any]:
        """This will call the form's fields `fields`, a name that a serializer keeps for itself."""
        declared = super().get_fields()
        declared["form"] = declared.pop("fields_")
        return declared
