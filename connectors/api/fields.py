"""Fields that several serializers have."""

from typing import Any

from rest_framework import serializers

from connectors.states import LABELS, Verb


class VerbField(serializers.CharField):
    """A verb, by its word."""

    def to_internal_value(self, data: Any) -> Verb:
        """This will refuse a word that is no verb."""
        try:
            return Verb(super().to_internal_value(data))
        except ValueError:
            raise serializers.ValidationError(f"{data!r} is no verb. Known are: {', '.join(LABELS)}.") from None
