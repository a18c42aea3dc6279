"""Why may I, or may I not?"""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connectors.api import team_serializers as serializers
from connectors.api.base import Endpoint
from connectors.queries import connectors as queries
from connectors.queries import explain, rules
from connectors.services.operations import NotNow


class ConnectorExplanation(Endpoint):
    """`connectors/{id}/explanation/`"""

    @extend_schema(operation_id="connectors_explain", responses=serializers.ExplanationSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """This will say which rule owns it, which role counts, and what decides each verb and permission."""
        found = get_object_or_404(queries.visible_to(self.viewer), pk=pk)
        try:
            explanation = explain.explain(found, self.viewer)
        except rules.TooSlow as error:
            raise NotNow(str(error)) from error
        return Response(serializers.ExplanationSerializer(explanation).data)
