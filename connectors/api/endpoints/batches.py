"""Verbs on many connectors."""

import uuid
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from connectors.api import batch_serializers as serializers
from connectors.api import filters
from connectors.api.base import Endpoint
from connectors.api.pagination import Pages
from connectors.models import Batch as BatchModel
from connectors.models import BatchItem, Connector
from connectors.queries import batches as reads
from connectors.queries import connectors as queries
from connectors.services import actors, batches
from connectors.states import Verb

LONGEST_KEY = 200
KEY = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description="The same key gives the same one.")


def _key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > LONGEST_KEY:
        raise ValidationError({"Idempotency-Key": [f"At most {LONGEST_KEY} characters."]})
    return key


class _Batches(Endpoint):
    def chosen(self, wish: dict[str, Any]) -> tuple[QuerySet[Connector], str]:
        """This will find what was named, by ids or by filter, among what the person may see."""
        everything = queries.visible_to(self.viewer)
        if "connectors" in wish:
            return everything.filter(pk__in=wish["connectors"]), f"{len(wish['connectors'])} picked"
        query = QueryDict(mutable=True)
        for name, value in wish["filter"].items():
            query.setlist(name, [str(v) for v in value] if isinstance(value, list) else [str(value)])
        words = " ".join(f"{name}:{value}" for name, values in query.lists() for value in values)
        return queries.narrowed(everything, filters.connectors(query)), words or "every connector"

    def made(self, request: Request, batch: BatchModel) -> Response:
        """This will answer with a batch that was made."""
        place = reverse("api-batch", args=[batch.pk], request=request)
        answer = serializers.BatchSerializer(batch, context=self.numbers([batch])).data
        return Response(answer, status=HTTPStatus.ACCEPTED, headers={"Location": str(place)})

    def numbers(self, found: list[BatchModel]) -> dict[str, Any]:
        """This will count the items of these batches, in one query."""
        return {"progress": reads.progress_of(found)}


class Batches(_Batches):
    """`batches/`"""

    @extend_schema(operation_id="batches_list", responses=serializers.BatchSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the batches the person may see, newest first."""
        pages = Pages()
        found = pages.paginate_queryset(reads.visible_to(self.viewer), request, view=self) or []
        answer = serializers.BatchSerializer(found, many=True, context=self.numbers(found)).data
        return pages.get_paginated_response(answer)

    @extend_schema(
        operation_id="batches_create",
        parameters=[KEY],
        request=serializers.BatchRequestSerializer,
        responses={202: serializers.BatchSerializer},
    )
    def post(self, request: Request) -> Response:
        """This will ask for a verb on many connectors, named by ids or by a filter. 202: it is recorded and begins."""
        form = serializers.BatchRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        connectors, words = self.chosen(wish)
        terms = batches.Terms(**{name: wish[name] for name in serializers.TERMS if name in wish})
        made = batches.create(
            connectors=connectors,
            verb=wish["kind"],
            terms=terms,
            actor=actors.of(request),
            viewer=self.viewer,
            selection=words,
            expected=wish.get("expected"),
            key=_key(request),
        )
        return self.made(request, made)


class Preview(_Batches):
    """`batches/preview/`"""

    @extend_schema(
        operation_id="batches_preview",
        request=serializers.SelectionSerializer,
        responses=serializers.PlanSerializer,
    )
    def post(self, request: Request) -> Response:
        """This will tell what a batch would do and what it would skip and why; nothing is asked."""
        form = serializers.SelectionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        connectors, _ = self.chosen(form.validated_data)
        plan = reads.plan(connectors, Verb(form.validated_data["kind"]), self.viewer)
        return Response(serializers.PlanSerializer(plan).data)


class Batch(_Batches):
    """`batches/{id}/`"""

    @extend_schema(operation_id="batches_retrieve", responses=serializers.BatchSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """This will give one batch and how far it has come."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        return Response(serializers.BatchSerializer(found, context=self.numbers([found])).data)


class Items(Endpoint):
    """`batches/{id}/items/`"""

    @extend_schema(
        operation_id="batches_items",
        parameters=[OpenApiParameter("status", str, enum=BatchItem.Status.values)],
        responses=serializers.ItemSerializer(many=True),
    )
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """This will list what became of each connector; `?status=failed` narrows it."""
        found = reads.items_of(get_object_or_404(reads.visible_to(self.viewer), pk=pk), self.viewer)
        if status := request.query_params.get("status"):
            if status not in BatchItem.Status.values:
                known = ", ".join(BatchItem.Status.values)
                raise ValidationError({"status": [f"{status!r} is none of: {known}."]})
            found = found.filter(status=status)
        return self.page(found, serializers.ItemSerializer)


class Cancellation(_Batches):
    """`batches/{id}/cancel/`"""

    @extend_schema(operation_id="batches_cancel", request=None, responses={202: serializers.BatchSerializer})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """This will ask for nothing more of it, and take back what was not sent."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        return self.made(request, batches.cancel(batch=found, actor=actors.of(request), viewer=self.viewer))


class Retry(_Batches):
    """`batches/{id}/retry/`"""

    @extend_schema(
        operation_id="batches_retry", parameters=[KEY], request=None, responses={202: serializers.BatchSerializer}
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """This will ask once more for what failed or was never asked, in a batch of its own."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        actor = actors.of(request)
        return self.made(request, batches.retry(batch=found, actor=actor, viewer=self.viewer, key=_key(request)))


class Restoration(_Batches):
    """`batches/{id}/restore/`"""

    @extend_schema(
        operation_id="batches_restore", parameters=[KEY], request=None, responses={202: serializers.BatchSerializer}
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """This will lead back what it changed and nobody has asked anything else of since."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        actor = actors.of(request)
        return self.made(request, batches.restore(batch=found, actor=actor, viewer=self.viewer, key=_key(request)))
