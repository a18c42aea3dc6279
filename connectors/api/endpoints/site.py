"""Accounts, vendors and the record."""

from http import HTTPStatus

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import models
from connectors.api import filters, serializers
from connectors.api.base import Endpoint
from connectors.api.pagination import Record
from connectors.queries import audit, catalogue
from connectors.queries import connectors as queries
from connectors.services import accounts, actors


class AuditEvents(Endpoint):
    """`audit-events/`"""

    @extend_schema(operation_id="audit_events_list", responses=serializers.AuditEventSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the record, newest first, for admins and auditors."""
        if not self.viewer.may_read_audit:
            raise PermissionDenied("The audit is for the site roles admin and auditor.")
        pages = Record()
        found = audit.search(filters.events(request.query_params)).select_related("seal")
        items = pages.paginate_queryset(found, request, view=self)
        return pages.get_paginated_response(serializers.AuditEventSerializer(items, many=True).data)


class AuditEvent(Endpoint):
    """`audit-events/{id}/`"""

    @extend_schema(operation_id="audit_events_retrieve", responses=serializers.AuditEventSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """This will give one event with its place in the chain, for admins and auditors."""
        if not self.viewer.may_read_audit:
            raise PermissionDenied("The audit is for the site roles admin and auditor.")
        found = get_object_or_404(models.AuditEvent.objects.select_related("seal"), pk=pk)
        return Response(serializers.AuditEventSerializer(found).data)


class Vendors(Endpoint):
    """`vendors/`"""

    @extend_schema(operation_id="vendors_list", responses=serializers.VendorSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the vendors that are installed, with their verbs and the fields of their form."""
        found = catalogue.vendors()
        results = serializers.VendorSerializer(found, many=True).data
        return Response({"count": len(found), "next": None, "previous": None, "results": results})


class Accounts(Endpoint):
    """`accounts/`"""

    @extend_schema(operation_id="accounts_list", responses=serializers.AccountSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the accounts whose connectors the person may see."""
        return self.page(queries.accounts_of(self.viewer), serializers.AccountSerializer)

    @extend_schema(
        operation_id="accounts_create",
        request=serializers.AccountCreationSerializer,
        responses={201: serializers.AccountSerializer},
    )
    def post(self, request: Request) -> Response:
        """This will add an account; admins only."""
        form = serializers.AccountCreationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        made = accounts.create(**form.validated_data, actor=actors.of(request), viewer=self.viewer)
        return Response(serializers.AccountSerializer(made).data, status=HTTPStatus.CREATED)


class Account(Endpoint):
    """`accounts/{id}/`"""

    @extend_schema(operation_id="accounts_retrieve", responses=serializers.AccountSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """This will give one account and its health."""
        found = get_object_or_404(queries.accounts_of(self.viewer), pk=pk)
        return Response(serializers.AccountSerializer(found).data)

    @extend_schema(
        operation_id="accounts_update",
        request=serializers.AccountChangeSerializer,
        responses=serializers.AccountSerializer,
    )
    def patch(self, request: Request, pk: int) -> Response:
        """This will change an account; of settings and credentials only the keys given are replaced. Admins only."""
        found = get_object_or_404(queries.accounts_of(self.viewer), pk=pk)
        form = serializers.AccountChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        changed = accounts.update(
            account=found, changes=form.validated_data, actor=actors.of(request), viewer=self.viewer
        )
        return Response(serializers.AccountSerializer(changed).data)

    @extend_schema(operation_id="accounts_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """This will remove an account with its rows; the record stays. Admins only."""
        found = get_object_or_404(queries.accounts_of(self.viewer), pk=pk)
        accounts.delete(account=found, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


class AccountTest(Endpoint):
    """`accounts/{id}/test/`"""

    @extend_schema(operation_id="accounts_test", request=None, responses=serializers.CheckSerializer(many=True))
    def post(self, request: Request, pk: int) -> Response:
        """This will try the account out without changing anything at the vendor. Admins only."""
        found = get_object_or_404(queries.accounts_of(self.viewer), pk=pk)
        checks = accounts.test(account=found, actor=actors.of(request), viewer=self.viewer)
        return Response(serializers.CheckSerializer(checks, many=True).data)
