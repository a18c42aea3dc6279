"""Saved views of the board: filters and grouping under a name, one's own or shared with a team."""

from http import HTTPStatus
from typing import Any

from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connectors.api.base import Endpoint
from connectors.forms import board
from connectors.models import SavedView, Team
from connectors.queries import people
from connectors.queries import views as reads
from connectors.services import actors, views

LONGEST = 4000


class ViewSerializer(serializers.ModelSerializer[SavedView]):
    """One view; `path` is where the board shows it."""

    team = serializers.CharField(source="team.slug", allow_null=True, default=None)
    owner = serializers.CharField(source="owner.username")
    path = serializers.SerializerMethodField()

    class Meta:
        model = SavedView
        fields = ("id", "name", "team", "owner", "query", "path", "changed_at")

    def get_path(self, view: SavedView) -> str:
        """This will give the board's address with these filters."""
        return f"{reverse('board')}?{view.query}"


class ViewRequestSerializer(serializers.Serializer[Any]):
    """What a view is to be: `query` as in the board's address, `team` for those it is shared with."""

    name = serializers.CharField(max_length=80)
    query = serializers.CharField(max_length=LONGEST, allow_blank=True)
    team = serializers.SlugField(allow_null=True, default=None)

    def validate_query(self, query: str) -> str:
        """This will refuse words that the board does not know, and put the others into its order."""
        given = QueryDict(query.removeprefix("?"))
        if unknown := sorted(set(given) - board.KEPT):
            known = ", ".join(sorted(board.KEPT))
            raise serializers.ValidationError(f"{', '.join(unknown)}: not kept by a view. Known are: {known}.")
        return board.kept(given)


class Views(Endpoint):
    """`views/`"""

    @extend_schema(operation_id="views_list", responses=ViewSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list your own views and those shared with your teams."""
        return self.page(reads.visible_to(self.viewer), ViewSerializer)

    @extend_schema(operation_id="views_create", request=ViewRequestSerializer, responses={201: ViewSerializer})
    def post(self, request: Request) -> Response:
        """This will keep a view: for yourself or, with `team`, for the team."""
        form = ViewRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        made = views.save(
            name=wish["name"], query=wish["query"], team=_team(self, wish["team"]), actor=actors.of(request),
            viewer=self.viewer,
        )  # fmt: skip
        return Response(ViewSerializer(made).data, status=HTTPStatus.CREATED)


class OneView(Endpoint):
    """`views/{id}/`"""

    @extend_schema(operation_id="views_retrieve", responses=ViewSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """This will give one view."""
        return Response(ViewSerializer(get_object_or_404(reads.visible_to(self.viewer), pk=pk)).data)

    @extend_schema(operation_id="views_update", request=ViewRequestSerializer(partial=True), responses=ViewSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        """This will change what is given: for its owner, and leads of the team it is shared with."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        form = ViewRequestSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        changed = views.change(
            view=found,
            name=wish.get("name", found.name),
            query=wish.get("query", found.query),
            team=_team(self, wish["team"]) if "team" in wish else found.team,
            actor=actors.of(request),
            viewer=self.viewer,
        )
        return Response(ViewSerializer(changed).data)

    @extend_schema(operation_id="views_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """This will remove a view: for its owner, and leads of the team it is shared with."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        views.remove(view=found, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


def _team(endpoint: Endpoint, slug: str | None) -> Team | None:
    return get_object_or_404(people.teams_of(endpoint.viewer), slug=slug) if slug else None
