"""Connectors and pipelines."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connectors.api import filters, serializers
from connectors.api.base import Endpoint
from connectors.queries import connectors as queries
from connectors.services import actors, reading

FILTERS = [
    OpenApiParameter(
        name, str, many=name in {"vendor", "team", "state", "account", "pipeline", "activity", "class", "label"}
    )
    for name in sorted(filters.KNOWN - {"format"})
]


class Connectors(Endpoint):
    """`connectors/`"""

    @extend_schema(
        operation_id="connectors_list", parameters=FILTERS, responses=serializers.ConnectorSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """This will list the connectors the person may see, most urgent first."""
        found = queries.narrowed(queries.visible_to(self.viewer), filters.connectors(request.query_params))
        return self.page(found, serializers.ConnectorSerializer, lambda items: queries.rows(items, self.viewer))


class Connector(Endpoint):
    """`connectors/{id}/`"""

    @extend_schema(operation_id="connectors_retrieve", responses=serializers.ConnectorDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """This will give one connector."""
        found = get_object_or_404(queries.visible_to(self.viewer), pk=pk)
        if found.config and self.viewer.may_see_configuration(found.team_id):
            reading.configuration(connector=found, actor=actors.reader(request))
        (row,) = queries.rows([found], self.viewer)
        context = {"request": request, "viewer": self.viewer}
        return Response(serializers.ConnectorDetailSerializer(row, context=context).data)


class Pipelines(Endpoint):
    """`pipelines/`"""

    @extend_schema(operation_id="pipelines_list", responses=serializers.PipelineSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the pipelines of the connectors the person may see."""
        return self.page(queries.pipelines_of(self.viewer), serializers.PipelineSerializer)


class Pipeline(Endpoint):
    """`pipelines/{id}/`"""

    @extend_schema(operation_id="pipelines_retrieve", responses=serializers.PipelineSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """This will give one pipeline."""
        found = get_object_or_404(queries.pipelines_of(self.viewer), pk=pk)
        return Response(serializers.PipelineSerializer(found).data)
