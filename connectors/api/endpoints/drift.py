"""Deciding about a drift."""

from http import HTTPStatus

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connectors.api import serializers
from connectors.api.base import Endpoint
from connectors.models import Connector, Pipeline
from connectors.queries import connectors as queries
from connectors.services import actors, drift

ANSWERS = {200: serializers.DriftSerializer, 202: serializers.OperationSerializer}


class _Drift(Endpoint):
    def decide(self, request: Request, target: Connector | Pipeline) -> Response:
        form = serializers.DriftDecisionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish, actor = form.validated_data, actors.of(request)
        if wish["choice"] == "reapply":
            made = drift.reapply(target=target, actor=actor, viewer=self.viewer, reason=wish["reason"])
            return Response(serializers.OperationSerializer(made).data, status=HTTPStatus.ACCEPTED)
        if wish["choice"] == "accept":
            drift.accept(target=target, actor=actor, viewer=self.viewer, reason=wish["reason"])
        else:
            drift.snooze(target=target, until=wish["until"], actor=actor, viewer=self.viewer, reason=wish["reason"])
        target.refresh_from_db()
        return Response(serializers.DriftSerializer(target).data)


class ConnectorDrift(_Drift):
    """`connectors/{id}/drift/`"""

    @extend_schema(operation_id="connectors_drift", request=serializers.DriftDecisionSerializer, responses=ANSWERS)
    def post(self, request: Request, pk: int) -> Response:
        """This will re-apply the wanted state (202, an operation), accept the observed one, or snooze the drift."""
        return self.decide(request, get_object_or_404(queries.visible_to(self.viewer), pk=pk))


class PipelineDrift(_Drift):
    """`pipelines/{id}/drift/`"""

    @extend_schema(operation_id="pipelines_drift", request=serializers.DriftDecisionSerializer, responses=ANSWERS)
    def post(self, request: Request, pk: int) -> Response:
        """This will re-apply the wanted state (202, an operation), accept the observed one, or snooze the drift."""
        return self.decide(request, get_object_or_404(queries.pipelines_of(self.viewer), pk=pk))
