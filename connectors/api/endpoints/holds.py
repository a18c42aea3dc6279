"""Timed pauses: what is held until when, and moving the end."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connectors.api import serializers
from connectors.api.base import Endpoint
from connectors.queries import holds as reads
from connectors.services import actors, holds


class Holds(Endpoint):
    """`holds/`"""

    @extend_schema(operation_id="holds_list", responses=serializers.HoldSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list what is held for a time, the next to end first."""
        return self.page(reads.open_to(self.viewer), serializers.HoldSerializer)


class Extension(Endpoint):
    """`holds/{id}/extension/`"""

    @extend_schema(
        operation_id="holds_extend", request=serializers.ExtensionSerializer, responses=serializers.HoldSerializer
    )
    def post(self, request: Request, pk: int) -> Response:
        """This will move the end; null leaves it held until somebody resumes it."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        form = serializers.ExtensionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        until = form.validated_data["until"]
        moved = holds.extend(hold=found, until=until, actor=actors.of(request), viewer=self.viewer)
        return Response(serializers.HoldSerializer(moved).data)
