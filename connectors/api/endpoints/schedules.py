"""Schedules."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.http import QueryDict
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connectors.api import filters
from connectors.api import schedule_serializers as serializers
from connectors.api.base import Endpoint
from connectors.queries import people
from connectors.queries import schedules as queries
from connectors.services import actors, schedules


class Schedules(Endpoint):
    """`schedules/`"""

    @extend_schema(operation_id="schedules_list", responses=serializers.ScheduleSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the schedules with their next runs."""
        return self.page(queries.visible_to(self.viewer), serializers.ScheduleSerializer)

    @extend_schema(
        operation_id="schedules_create",
        request=serializers.ScheduleRequestSerializer,
        responses={201: serializers.ScheduleSerializer},
    )
    def post(self, request: Request) -> Response:
        """This will make a schedule; it acts for whoever makes it, with what they may at the time of each run."""
        form = serializers.ScheduleRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = dict(form.validated_data)
        team = get_object_or_404(people.teams_of(self.viewer), slug=wish.pop("team"))
        chosen, words = _filters(wish.pop("filter"))
        words = words or f"{len(wish['connectors'])} picked"
        made = schedules.create(
            wish=schedules.Wish(**wish, filters=chosen, selection=words),
            team=team,
            actor=actors.of(request),
            viewer=self.viewer,
        )
        return Response(serializers.ScheduleSerializer(made).data, status=HTTPStatus.CREATED)


class Schedule(Endpoint):
    """`schedules/{id}/`"""

    @extend_schema(operation_id="schedules_retrieve", responses=serializers.ScheduleSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """This will give one schedule."""
        found = get_object_or_404(queries.visible_to(self.viewer), pk=pk)
        return Response(serializers.ScheduleSerializer(found).data)

    @extend_schema(operation_id="schedules_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """This will remove a schedule."""
        found = get_object_or_404(queries.visible_to(self.viewer), pk=pk)
        schedules.delete(schedule=found, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


class ScheduleRuns(Endpoint):
    """`schedules/{id}/runs/`"""

    @extend_schema(operation_id="schedules_runs", responses=serializers.RunSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """This will list what became of its runs, newest first."""
        found = get_object_or_404(queries.visible_to(self.viewer), pk=pk)
        return self.page(found.runs.all(), serializers.RunSerializer)


class SchedulePause(Endpoint):
    """`schedules/{id}/pause/`"""

    @extend_schema(operation_id="schedules_pause", request=None, responses=serializers.ScheduleSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """This will put a schedule to rest."""
        return _switched(self, request, pk, is_on=False)


class ScheduleResume(Endpoint):
    """`schedules/{id}/resume/`"""

    @extend_schema(operation_id="schedules_resume", request=None, responses=serializers.ScheduleSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """This will let a schedule come again; it acts for whoever does this."""
        return _switched(self, request, pk, is_on=True)


def _switched(endpoint: Endpoint, request: Request, pk: int, *, is_on: bool) -> Response:
    found = get_object_or_404(queries.visible_to(endpoint.viewer), pk=pk)
    actor, viewer = actors.of(request), endpoint.viewer
    changed = schedules.switch(schedule=found, is_on=is_on, actor=actor, viewer=viewer)
    return Response(serializers.ScheduleSerializer(changed).data)


def _filters(given: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    query = QueryDict(mutable=True)
    for name, value in given.items():
        query.setlist(name, [str(v) for v in value] if isinstance(value, list) else [str(value)])
    if not query:
        return None, ""
    words = " ".join(f"{name}:{value}" for name, values in query.lists() for value in values)
    return asdict(filters.connectors(query)), words
