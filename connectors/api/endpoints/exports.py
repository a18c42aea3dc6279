"""Exports of the record in the background."""

import uuid
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import models
from connectors.api.base import Endpoint
from connectors.api.problems import problem
from connectors.queries import audit
from connectors.services import actors, export_lines, exporting


class AuditExportSerializer(serializers.ModelSerializer[models.AuditExport]):
    """One export, and how far it is."""

    class Meta:
        model = models.AuditExport
        fields = (
            "id",
            "query",
            "format",
            "status",
            "total",
            "done",
            "size",
            "requested_at",
            "finished_at",
            "kept_until",
        )


class AuditExportRequestSerializer(serializers.Serializer[Any]):
    """What to export, and as what."""

    q = serializers.CharField(max_length=1000, required=False, default="", allow_blank=True)
    format = serializers.ChoiceField(choices=["csv", "jsonl"], default="jsonl")


class _Exports(Endpoint):
    def one(self, pk: uuid.UUID) -> models.AuditExport:
        self.refuse_unless_reader()
        return get_object_or_404(audit.exports_of(self.viewer), pk=pk)

    def refuse_unless_reader(self) -> None:
        if not self.viewer.may_read_audit:
            raise PermissionDenied("The audit is for the site roles admin and auditor.")


class AuditExports(_Exports):
    """`audit-exports/`"""

    @extend_schema(operation_id="audit_exports_list", responses=AuditExportSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the exports that this person asked for."""
        self.refuse_unless_reader()
        return self.page(audit.exports_of(self.viewer), AuditExportSerializer)

    @extend_schema(
        operation_id="audit_exports_create",
        request=AuditExportRequestSerializer,
        responses={202: AuditExportSerializer},
    )
    def post(self, request: Request) -> Response:
        """This will ask for an export; it is written in the background."""
        self.refuse_unless_reader()
        form = AuditExportRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        try:
            made = exporting.request(query=wish["q"], form=wish["format"], actor=actors.of(request), viewer=self.viewer)
        except exporting.NotPossible as error:
            return problem(HTTPStatus.CONFLICT, "not_exportable", str(error))
        return Response(AuditExportSerializer(made).data, status=HTTPStatus.ACCEPTED)


class AuditExport(_Exports):
    """`audit-exports/{id}/`"""

    @extend_schema(operation_id="audit_exports_retrieve", responses=AuditExportSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """This will say how far an export is."""
        return Response(AuditExportSerializer(self.one(pk)).data)

    @extend_schema(operation_id="audit_exports_cancel", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """This will stop an export, or forget its file."""
        exporting.cancel(export=self.one(pk), actor=actors.of(request))
        return Response(status=HTTPStatus.NO_CONTENT)


class AuditExportContent(_Exports):
    """`audit-exports/{id}/content/`"""

    @extend_schema(
        operation_id="audit_exports_content", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, pk: uuid.UUID) -> StreamingHttpResponse | Response:
        """This will send the file of an export that is done."""
        try:
            pieces = exporting.read(export=self.one(pk), actor=actors.of(request))
        except exporting.NotPossible as error:
            return problem(HTTPStatus.CONFLICT, "not_ready", str(error))
        return StreamingHttpResponse(export_lines.flow(pieces), content_type="application/octet-stream")
