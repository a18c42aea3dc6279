"""How schedules look in JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors.api.fields import VerbField
from connectors.models import Schedule, ScheduleRun
from connectors.queries import schedules as queries
from connectors.services.batches import MOST


class ComingSerializer(serializers.Serializer[Any]):
    """One run to come."""

    at = serializers.DateTimeField()
    local = serializers.DateTimeField(default_timezone=None)
    kind = serializers.CharField(source="verb")
    is_clock_changed = serializers.BooleanField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """This will keep the local time in its own zone."""
        return {**super().to_representation(instance), "local": instance.local.isoformat()}


class ScheduleSerializer(serializers.ModelSerializer[Schedule]):
    """One schedule; `coming` are its next five runs."""

    team = serializers.CharField(source="team.slug")
    kind = serializers.CharField()
    mode = serializers.CharField()
    missed = serializers.CharField()
    acts_for = serializers.CharField(source="user.username", default=None, allow_null=True)
    coming = serializers.SerializerMethodField()

    class Meta:
        model = Schedule
        fields = [
            "id", "name", "team", "reason", "kind", "selection", "filters", "mode", "at", "cron", "days", "opens",
            "closes", "zone", "missed", "acts_for", "created_by", "created_at", "is_on", "next_at", "coming",
        ]  # fmt: skip

    @extend_schema_field(ComingSerializer(many=True))
    def get_coming(self, schedule: Schedule) -> list[dict[str, Any]]:
        """This will give the next runs."""
        found = queries.coming(schedule) if schedule.is_on else []
        return [dict(ComingSerializer(run).data) for run in found]


class ScheduleRequestSerializer(serializers.Serializer[Any]):
    """What a schedule is to be: connectors by ids, or by the filters of the connector list."""

    name = serializers.CharField(max_length=80)
    team = serializers.SlugField()
    kind = VerbField()
    reason = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")
    connectors = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=MOST, default=list)
    filter = serializers.DictField(required=False, default=dict)
    mode = serializers.CharField(max_length=10)
    at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    cron = serializers.CharField(required=False, allow_blank=True, max_length=100, default="")
    days = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6), required=False, max_length=7, default=list
    )
    opens = serializers.TimeField(required=False, allow_null=True, default=None)
    closes = serializers.TimeField(required=False, allow_null=True, default=None)
    zone = serializers.CharField(required=False, max_length=60, default="UTC")
    missed = serializers.CharField(required=False, max_length=10, default="skip")

    def validate_mode(self, mode: str) -> str:
        """This will refuse what is no kind of time."""
        return _one_of(mode, Schedule.Mode.values)

    def validate_missed(self, missed: str) -> str:
        """This will refuse what is no policy."""
        return _one_of(missed, Schedule.Missed.values)


class RunSerializer(serializers.ModelSerializer[ScheduleRun]):
    """One time of a schedule and what became of it."""

    kind = serializers.CharField()
    outcome = serializers.CharField()

    class Meta:
        model = ScheduleRun
        fields = ["planned_at", "at", "kind", "outcome", "why", "batch"]


def _one_of(word: str, known: list[str]) -> str:
    if word not in known:
        raise serializers.ValidationError(f"{word!r} is none of: {', '.join(known)}.")
    return word
