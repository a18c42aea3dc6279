"""Fields that several parts of the API have in common."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from connectors.states import WHOLE, Verb


class VerbField(serializers.CharField):
    """A verb, by its word; one for a whole target unless said otherwise."""

    def __init__(self, *args: Any, known: Sequence[Verb] = WHOLE, **options: Any) -> None:
        super().__init__(*args, **options)
        self.known = known

    def to_internal_value(self, data: Any) -> Verb:
        """This will refuse a word that is no verb, or none for this."""
        word = super().to_internal_value(data)
        if word not in self.known:
            raise serializers.ValidationError(f"{data!r} is no verb here. Known are: {', '.join(self.known)}.")
        return Verb(word)
