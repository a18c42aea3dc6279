"""Notes beside connectors and pipelines, and runbooks for errors."""

from http import HTTPStatus
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from connectors.api.base import Endpoint
from connectors.models import Connector, Note, Pipeline
from connectors.queries import connectors as queries
from connectors.queries import notes as reads
from connectors.services import actors, notes

BESIDE = [OpenApiParameter("connector", int), OpenApiParameter("pipeline", int)]


class NoteSerializer(serializers.ModelSerializer[Note]):
    """One note; without connector and pipeline it is a runbook for the error."""

    team = serializers.CharField(source="team.slug")

    class Meta:
        model = Note
        fields = ("id", "connector", "pipeline", "team", "fingerprint", "error", "text", "author", "written_at",
                  "changed_by", "changed_at")  # fmt: skip


class TextSerializer(serializers.Serializer[Any]):
    """The text of a note."""

    text = serializers.CharField(max_length=notes.LONGEST)


class NoteRequestSerializer(TextSerializer):
    """A note beside one target, or a runbook for the error that it shows."""

    connector = serializers.IntegerField(required=False)
    pipeline = serializers.IntegerField(required=False)
    runbook = serializers.BooleanField(default=False)


class Notes(Endpoint):
    """`notes/`"""

    @extend_schema(operation_id="notes_list", parameters=BESIDE, responses=NoteSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the notes of one target, with the runbooks for its error; or all that you may see."""
        if "connector" in request.query_params or "pipeline" in request.query_params:
            found = reads.about(self._target(request.query_params))
            return self.page(reads.visible_to(self.viewer).filter(pk__in=[note.pk for note in found]), NoteSerializer)
        return self.page(reads.visible_to(self.viewer), NoteSerializer)

    @extend_schema(operation_id="notes_create", request=NoteRequestSerializer, responses={201: NoteSerializer})
    def post(self, request: Request) -> Response:
        """This will write a note."""
        form = NoteRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        made = notes.write(
            target=self._target(wish), text=wish["text"], is_runbook=wish["runbook"], actor=actors.of(request),
            viewer=self.viewer,
        )  # fmt: skip
        return Response(NoteSerializer(made).data, status=HTTPStatus.CREATED)

    def _target(self, named: Any) -> Connector | Pipeline:
        connector, pipeline = str(named.get("connector", "")), str(named.get("pipeline", ""))
        if bool(connector) == bool(pipeline) or not (connector + pipeline).isdigit():
            raise ValidationError({"connector": ["Name one target: either connector or pipeline, by its id."]})
        if connector:
            return get_object_or_404(queries.visible_to(self.viewer), pk=int(connector))
        return get_object_or_404(queries.pipelines_of(self.viewer), pk=int(pipeline))


class OneNote(Endpoint):
    """`notes/{id}/`"""

    @extend_schema(operation_id="notes_retrieve", responses=NoteSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """This will give one note."""
        return Response(NoteSerializer(get_object_or_404(reads.visible_to(self.viewer), pk=pk)).data)

    @extend_schema(operation_id="notes_update", request=TextSerializer, responses=NoteSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        """This will replace its text: for its author, leads and admins."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        form = TextSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        changed = notes.change(
            note=found, text=form.validated_data["text"], actor=actors.of(request), viewer=self.viewer
        )
        return Response(NoteSerializer(changed).data)

    @extend_schema(operation_id="notes_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """This will remove it: for its author, leads and admins."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        notes.remove(note=found, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)
