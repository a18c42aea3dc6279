"""Asking for a role for a time, and deciding about it."""

from http import HTTPStatus

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connectors.api import team_serializers as serializers
from connectors.api.base import Endpoint
from connectors.queries import people
from connectors.services import access_requests, actors
from connectors.states import Role


class AccessRequests(Endpoint):
    """`access-requests/`"""

    @extend_schema(operation_id="access_requests_list", responses=serializers.AccessRequestSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the person's own requests and those they may decide, newest first."""
        return self.page(people.requests_visible_to(self.viewer), serializers.AccessRequestSerializer)

    @extend_schema(
        operation_id="access_requests_create",
        request=serializers.AccessRequestCreationSerializer,
        responses={201: serializers.AccessRequestSerializer},
    )
    def post(self, request: Request) -> Response:
        """This will ask the leads of a team for a role in it for a time."""
        form = serializers.AccessRequestCreationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        made = access_requests.ask(
            team=get_object_or_404(people.all_teams(), slug=wish["team"]),
            role=Role(wish["role"]),
            minutes=wish["minutes"],
            reason=wish["reason"],
            user=User.objects.get(pk=self.viewer.user_id),
            actor=actors.of(request),
            viewer=self.viewer,
        )
        return Response(serializers.AccessRequestSerializer(made).data, status=HTTPStatus.CREATED)


class Decision(Endpoint):
    """`access-requests/{id}/decision/`"""

    @extend_schema(
        operation_id="access_requests_decide",
        request=serializers.DecisionSerializer,
        responses=serializers.AccessRequestSerializer,
    )
    def post(self, request: Request, pk: int) -> Response:
        """This will grant a request from now on, or decline it."""
        found = get_object_or_404(people.requests_visible_to(self.viewer), pk=pk)
        form = serializers.DecisionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        decided = access_requests.decide(
            request=found,
            is_granted=wish["choice"] == "grant",
            said=wish["said"],
            actor=actors.of(request),
            viewer=self.viewer,
        )
        return Response(serializers.AccessRequestSerializer(decided).data)


class End(Endpoint):
    """`access-requests/{id}/end/`"""

    @extend_schema(operation_id="access_requests_end", request=None, responses={204: None})
    def post(self, request: Request, pk: int) -> Response:
        """This will take a grant back, or give it back."""
        found = get_object_or_404(people.requests_visible_to(self.viewer), pk=pk)
        access_requests.end(request=found, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)
