"""Freezes, protections and approvals."""

import uuid
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connectors.api import guard_serializers as serializers
from connectors.api.base import Endpoint
from connectors.api.pagination import Pages
from connectors.models import Approval as ApprovalModel
from connectors.models import BreakGlass, FreezeWindow, Team
from connectors.models import Connector as ConnectorModel
from connectors.models import Loosening as LooseningModel
from connectors.models import Pipeline as PipelineModel
from connectors.models import Protection as ProtectionModel
from connectors.queries import approvals as approval_reads
from connectors.queries import connectors as queries
from connectors.queries import guards as reads
from connectors.queries import loosenings as loosening_reads
from connectors.services import actors, approvals, freezes, protections

OPEN = OpenApiParameter("open", bool, description="true: only what something can still come of.")


class _Freezes(Endpoint):
    def shown(self, freeze: FreezeWindow, status: int = HTTPStatus.OK) -> Response:
        """This will answer with one freeze."""
        return Response(serializers.FreezeSerializer(freeze, context={"now": timezone.now()}).data, status=status)


class Freezes(_Freezes):
    """`freezes/`"""

    @extend_schema(operation_id="freezes_list", responses=serializers.FreezeSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the freezes: those that hold or are to come first."""
        pages = Pages()
        found = pages.paginate_queryset(reads.in_order(self.viewer), request, view=self) or []
        context = {"now": timezone.now()}
        return pages.get_paginated_response(serializers.FreezeSerializer(found, many=True, context=context).data)

    @extend_schema(
        operation_id="freezes_create",
        request=serializers.FreezeRequestSerializer,
        responses={201: serializers.FreezeSerializer},
    )
    def post(self, request: Request) -> Response:
        """This will freeze a team (its lead or an admin) or, without a team, the whole site (an admin)."""
        form = serializers.FreezeRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = dict(form.validated_data)
        slug = wish.pop("team")
        team = get_object_or_404(_teams(self.viewer), slug=slug) if slug else None
        wish["spared"], wish["spared_people"] = wish.pop("except_names"), wish.pop("except_people")
        made = freezes.create(wish=freezes.Wish(**wish), team=team, actor=actors.of(request), viewer=self.viewer)
        return self.shown(made, HTTPStatus.CREATED)


class Freeze(_Freezes):
    """`freezes/{id}/`"""

    @extend_schema(operation_id="freezes_retrieve", responses=serializers.FreezeSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """This will give one freeze."""
        return self.shown(get_object_or_404(reads.visible_to(self.viewer), pk=pk))


class FreezeEnd(_Freezes):
    """`freezes/{id}/end/`"""

    @extend_schema(
        operation_id="freezes_end", request=serializers.ReasonSerializer, responses=serializers.FreezeSerializer
    )
    def post(self, request: Request, pk: int) -> Response:
        """This will end a freeze for good."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        form = serializers.ReasonSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        reason = form.validated_data["reason"]
        return self.shown(freezes.end(freeze=found, actor=actors.of(request), viewer=self.viewer, reason=reason))


class Glass(Endpoint):
    """`freezes/{id}/break-glass/`"""

    @extend_schema(
        operation_id="freezes_break_glass",
        request=serializers.GlassRequestSerializer,
        responses={201: serializers.GlassSerializer},
    )
    def post(self, request: Request, pk: int) -> Response:
        """This will let whoever asks pass the freeze for a short time; leads for what their team owns, and admins."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        form = serializers.GlassRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        broken = freezes.break_glass(
            freeze=found,
            reason=form.validated_data["reason"],
            lasts=timedelta(minutes=form.validated_data["minutes"]),
            actor=actors.of(request),
            viewer=self.viewer,
        )
        return Response(serializers.GlassSerializer(broken).data, status=HTTPStatus.CREATED)

    @extend_schema(operation_id="freezes_mend_glass", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """This will end what the person has broken of this freeze."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        broken = get_object_or_404(
            BreakGlass.objects.select_related("freeze__team"),
            freeze=found, user_id=self.viewer.user_id, ended_at__isnull=True, until__gt=timezone.now(),
        )  # fmt: skip
        freezes.mend_glass(broken=broken, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


class Protections(Endpoint):
    """`protections/`"""

    @extend_schema(operation_id="protections_list", responses=serializers.ProtectionSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the protected connectors."""
        return self.page(reads.protected_for(self.viewer), serializers.ProtectionSerializer)


class ConnectorProtection(Endpoint):
    """`connectors/{id}/protection/`"""

    @extend_schema(operation_id="connectors_protection", responses=serializers.ProtectionSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """This will tell how a connector is protected; 404 when it is not."""
        found = get_object_or_404(reads.protected_for(self.viewer), connector_id=pk)
        return Response(serializers.ProtectionSerializer(found).data)

    @extend_schema(
        operation_id="connectors_protect",
        request=serializers.ProtectionSerializer,
        responses={200: serializers.ProtectionSerializer, 202: serializers.LooseningSerializer},
    )
    def put(self, request: Request, pk: int) -> Response:
        """This will protect a connector, or change how; leads and admins. What makes it weaker (202) has to wait."""
        found = get_object_or_404(queries.visible_to(self.viewer), pk=pk)
        form = serializers.ProtectionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        made = protections.protect(
            connector=found,
            verbs=wish.get("verbs", []),
            approver=wish.get("approver", "operator"),
            is_always_on=wish.get("is_always_on", False),
            reason=wish.get("reason", ""),
            actor=actors.of(request),
            viewer=self.viewer,
        )
        if isinstance(made, ProtectionModel):
            return Response(serializers.ProtectionSerializer(made).data)
        return _loosening(made, HTTPStatus.ACCEPTED)

    @extend_schema(operation_id="connectors_unprotect", responses={202: serializers.LooseningSerializer})
    def delete(self, request: Request, pk: int) -> Response:
        """This will ask a second person, a lead or an admin, to let the protection be lifted; leads and admins."""
        found = get_object_or_404(queries.visible_to(self.viewer), pk=pk)
        made = protections.lift(connector=found, actor=actors.of(request), viewer=self.viewer)
        return _loosening(made, HTTPStatus.ACCEPTED)


class Loosenings(Endpoint):
    """`loosenings/`"""

    @extend_schema(operation_id="loosenings_list", responses=serializers.LooseningSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the protections that are to become weaker and wait for a second person."""
        return self.page(loosening_reads.open_now(self.viewer), serializers.LooseningSerializer)


class Loosening(Endpoint):
    """`loosenings/{id}/`"""

    @extend_schema(operation_id="loosenings_retrieve", responses=serializers.LooseningSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """This will give one, and what became of it."""
        return _loosening(get_object_or_404(loosening_reads.visible_to(self.viewer), pk=pk))

    @extend_schema(operation_id="loosenings_take_back", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """This will take back what the person has asked for."""
        found = get_object_or_404(loosening_reads.visible_to(self.viewer), pk=pk)
        protections.take_back(loosening=found, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


class LooseningDecision(Endpoint):
    """`loosenings/{id}/decision/`"""

    @extend_schema(
        operation_id="loosenings_decide",
        request=serializers.LooseningDecisionSerializer,
        responses=serializers.LooseningSerializer,
    )
    def post(self, request: Request, pk: int) -> Response:
        """This will approve, so that the protection becomes weaker at once, or decline."""
        found = get_object_or_404(loosening_reads.visible_to(self.viewer), pk=pk)
        form = serializers.LooseningDecisionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        decide = protections.approve if wish["choice"] == "approve" else protections.decline
        actor = actors.of(request)
        return _loosening(decide(loosening=found, actor=actor, viewer=self.viewer, said=wish["said"]))


class Approvals(Endpoint):
    """`approvals/`"""

    @extend_schema(
        operation_id="approvals_list", parameters=[OPEN], responses=serializers.ApprovalSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """This will list the approvals the person may see, newest first."""
        is_open = request.query_params.get("open", "").lower() in {"1", "true", "yes"}
        found = approval_reads.open_now(self.viewer) if is_open else approval_reads.visible_to(self.viewer)
        return self.page(found, serializers.ApprovalSerializer)

    @extend_schema(
        operation_id="approvals_create",
        request=serializers.ApprovalRequestSerializer,
        responses={202: serializers.ApprovalSerializer},
    )
    def post(self, request: Request) -> Response:
        """This will ask a second person to approve a verb on protected targets; approved, it is carried out."""
        form = serializers.ApprovalRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        made = approvals.ask(
            targets=[
                *_all(queries.visible_to(self.viewer), wish["connectors"]),
                *_all(queries.pipelines_of(self.viewer), wish["pipelines"]),
            ],
            verb=wish["kind"],
            task=wish["task"],
            reason=wish["reason"],
            ticket=wish["ticket"],
            until=wish["until"],
            actor=actors.of(request),
            viewer=self.viewer,
        )
        return _shown(made, HTTPStatus.ACCEPTED)


class Approval(Endpoint):
    """`approvals/{id}/`"""

    @extend_schema(operation_id="approvals_retrieve", responses=serializers.ApprovalSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """This will give one approval and what became of it."""
        return _shown(get_object_or_404(approval_reads.visible_to(self.viewer), pk=pk))

    @extend_schema(operation_id="approvals_take_back", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """This will take back what the person has asked for."""
        found = get_object_or_404(approval_reads.visible_to(self.viewer), pk=pk)
        approvals.take_back(approval=found, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


class Approve(Endpoint):
    """`approvals/{id}/approve/`"""

    @extend_schema(
        operation_id="approvals_approve", request=serializers.SaidSerializer, responses=serializers.ApprovalSerializer
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """This will approve, and carry out at once what was asked for."""
        found, said = _found(self, request, pk)
        return _shown(approvals.approve(approval=found, actor=actors.of(request), viewer=self.viewer, said=said))


class Decline(Endpoint):
    """`approvals/{id}/decline/`"""

    @extend_schema(
        operation_id="approvals_decline", request=serializers.SaidSerializer, responses=serializers.ApprovalSerializer
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """This will decline."""
        found, said = _found(self, request, pk)
        return _shown(approvals.decline(approval=found, actor=actors.of(request), viewer=self.viewer, said=said))


def _found(endpoint: Endpoint, request: Request, pk: uuid.UUID) -> tuple[ApprovalModel, str]:
    form = serializers.SaidSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    return get_object_or_404(approval_reads.visible_to(endpoint.viewer), pk=pk), form.validated_data["said"]


def _shown(approval: ApprovalModel, status: int = HTTPStatus.OK) -> Response:
    return Response(serializers.ApprovalSerializer(approval).data, status=status)


def _loosening(made: LooseningModel, status: int = HTTPStatus.OK) -> Response:
    return Response(serializers.LooseningSerializer(made).data, status=status)


def _all(rows: QuerySet[Any], ids: list[int]) -> list[ConnectorModel | PipelineModel]:
    return [get_object_or_404(rows, pk=pk) for pk in dict.fromkeys(ids)]


def _teams(viewer: Any) -> QuerySet[Team]:
    return Team.objects.all() if viewer.sees_all else Team.objects.filter(pk__in=viewer.roles)
