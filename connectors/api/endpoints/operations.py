"""Asking for verbs, and looking at what became of it."""

import uuid
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from connectors.api import serializers
from connectors.api.base import Endpoint
from connectors.models import Connector, Pipeline
from connectors.queries import connectors as queries
from connectors.queries import operations as reads
from connectors.services import actors, holds, operations, undo
from connectors.states import OperationStatus

LONGEST_KEY = 200
KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="The same key gives the same operation."
)


class Operations(Endpoint):
    """`operations/`"""

    @extend_schema(operation_id="operations_list", responses=serializers.OperationSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list operations, newest first; `?connector=ID`, `?pipeline=ID` and `?status=` narrow it."""
        found = reads.visible_to(self.viewer)
        for name in ("connector", "pipeline"):
            if text := request.query_params.get(name):
                if not text.isdigit():
                    raise ValidationError({name: [f"{text!r} is not an id."]})
                found = found.filter(**{f"{name}_id": int(text)})
        if wanted := request.query_params.getlist("status"):
            if wrong := [status for status in wanted if status not in list(OperationStatus)]:
                raise ValidationError({"status": [f"{', '.join(wrong)}: none of {', '.join(OperationStatus)}."]})
            found = found.filter(status__in=wanted)
        return self.page(found, serializers.OperationSerializer)

    @extend_schema(
        operation_id="operations_create",
        parameters=[KEY],
        request=serializers.OperationRequestSerializer,
        responses={202: serializers.OperationSerializer},
    )
    def post(self, request: Request) -> Response:
        """This will ask for a verb. 202: it is recorded and will be sent; the operation tells what becomes of it."""
        form = serializers.OperationRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        target: Connector | Pipeline
        if "connector" in wish:
            target = get_object_or_404(queries.visible_to(self.viewer), pk=wish["connector"])
        else:
            target = get_object_or_404(queries.pipelines_of(self.viewer), pk=wish["pipeline"])
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > LONGEST_KEY:
            raise ValidationError({"Idempotency-Key": [f"At most {LONGEST_KEY} characters."]})
        actor = actors.of(request)
        try:
            made = _asked(wish["until"], target=target, verb=wish["kind"], actor=actor, viewer=self.viewer,
                          task=wish["task"], reason=wish["reason"], ticket=wish["ticket"], key=key)  # fmt: skip
        except operations.NotPossible as error:
            operations.record_refusal(target=target, verb=wish["kind"], actor=actor, reason=wish["reason"],
                                      ticket=wish["ticket"], error=error)  # fmt: skip
            raise
        place = reverse("api-operation", args=[made.pk], request=request)
        answer = serializers.OperationSerializer(made).data
        return Response(answer, status=HTTPStatus.ACCEPTED, headers={"Location": str(place)})


class Operation(Endpoint):
    """`operations/{id}/`"""

    @extend_schema(operation_id="operations_retrieve", responses=serializers.OperationSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """This will give one operation with the stamps of its stages."""
        return Response(serializers.OperationSerializer(get_object_or_404(reads.visible_to(self.viewer), pk=pk)).data)


class Retry(Endpoint):
    """`operations/{id}/retry/`"""

    @extend_schema(operation_id="operations_retry", request=None, responses={202: serializers.OperationSerializer})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """This will ask once more for what did not work out, as a new operation."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        key = request.headers.get("Idempotency-Key", "")[:LONGEST_KEY]
        made = operations.retry(operation=found, actor=actors.of(request), viewer=self.viewer, key=key)
        return Response(serializers.OperationSerializer(made).data, status=HTTPStatus.ACCEPTED)


class Undoing(Endpoint):
    """`operations/{id}/undo/`"""

    @extend_schema(operation_id="operations_undo", request=None, responses={202: serializers.OperationSerializer})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """This will take it back: cancel it while it is queued, else ask for the way back (202, an operation)."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        made = undo.undo(operation=found, actor=actors.of(request), viewer=self.viewer)
        return Response(serializers.OperationSerializer(made).data, status=HTTPStatus.ACCEPTED)


class Resending(Endpoint):
    """`operations/{id}/resending/`"""

    @extend_schema(operation_id="operations_resend", request=None, responses={202: serializers.OperationSerializer})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """This will send once more what hangs at the vendor, where that does no harm."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        queued = operations.send_again(operation=found, actor=actors.of(request), viewer=self.viewer)
        return Response(serializers.OperationSerializer(queued).data, status=HTTPStatus.ACCEPTED)


class Cancellation(Endpoint):
    """`operations/{id}/cancel/`"""

    @extend_schema(operation_id="operations_cancel", request=None, responses=serializers.OperationSerializer)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """This will cancel what was not sent yet."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        actor = actors.of(request)
        ended = operations.cancel(operation=found, actor=actor, viewer=self.viewer)
        return Response(serializers.OperationSerializer(ended).data)


def _asked(until: datetime | None, *, task: str, **wish: Any) -> Any:
    return holds.hold(until=until, **wish) if until else operations.request(**wish, task=task)
