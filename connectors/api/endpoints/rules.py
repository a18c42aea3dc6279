"""Whose is what, by rule; and claims of what no rule holds for."""

from http import HTTPStatus

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import models
from connectors.api import team_serializers as serializers
from connectors.api.base import Endpoint, refuse_unless
from connectors.queries import connectors as queries
from connectors.queries import people
from connectors.queries import rules as ownership
from connectors.services import actors, claims, rules
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Permission


class Rules(Endpoint):
    """`ownership-rules/`"""

    @extend_schema(operation_id="ownership_rules_list", responses=serializers.RuleSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the rules that concern the person's teams, the one that decides first at the top."""
        return self.page(ownership.visible_to(self.viewer), serializers.RuleSerializer)

    @extend_schema(
        operation_id="ownership_rules_create",
        request=serializers.RuleCreationSerializer,
        responses={201: serializers.RuleSerializer},
    )
    def post(self, request: Request) -> Response:
        """This will make a rule and carry it out."""
        made = rules.create(rule=_rule(self, request), actor=actors.of(request), viewer=self.viewer)
        return Response(serializers.RuleSerializer(made).data, status=HTTPStatus.CREATED)


class Preview(Endpoint):
    """`ownership-rules/preview/`"""

    @extend_schema(
        operation_id="ownership_rules_preview",
        request=serializers.RuleCreationSerializer,
        responses=serializers.MoveSerializer(many=True),
    )
    def post(self, request: Request) -> Response:
        """This will tell what a rule would move, and change nothing."""
        moves = rules.preview(rule=_rule(self, request), viewer=self.viewer)
        return Response(serializers.MoveSerializer(moves, many=True).data)


class Report(Endpoint):
    """`ownership-rules/report/`"""

    @extend_schema(operation_id="ownership_rules_report", responses=serializers.RuleReportSerializer)
    def get(self, request: Request) -> Response:
        """This will count, over what the person may see: what each rule decides, what none does, what two would."""
        seen = set(ownership.visible_to(self.viewer).values_list("pk", flat=True))
        try:
            found = ownership.report(list(ownership.in_order()), queries.visible_to(self.viewer))
        except ownership.TooSlow as error:
            raise NotNow(str(error)) from error
        answer = {
            "decided": {str(pk): number for pk, number in found.decided.items() if pk in seen},
            "orphans": found.orphans,
            "overlaps": [o for o in found.overlaps if {o.first.pk, o.second.pk} & seen],
        }
        return Response(serializers.RuleReportSerializer(answer).data)


class Rule(Endpoint):
    """`ownership-rules/{id}/`"""

    @extend_schema(operation_id="ownership_rules_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """This will take a rule away and carry the others out."""
        found = get_object_or_404(ownership.visible_to(self.viewer), pk=pk)
        rules.delete(rule=found, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


class RuleMove(Endpoint):
    """`ownership-rules/{id}/move/`"""

    @extend_schema(operation_id="ownership_rules_move", request=serializers.RuleMoveSerializer, responses={204: None})
    def post(self, request: Request, pk: int) -> Response:
        """This will let a rule change places with its neighbor."""
        found = get_object_or_404(ownership.visible_to(self.viewer), pk=pk)
        if why := rules.why_not_change(found, self.viewer):
            raise NotAllowed(why)
        form = serializers.RuleMoveSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        is_up = form.validated_data["to"] == "up"
        rules.move(rule=found, is_up=is_up, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


class Claims(Endpoint):
    """`ownership-claims/`"""

    @extend_schema(operation_id="ownership_claims_list", responses=serializers.ClaimSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the claims that the person may decide or follow."""
        return self.page(people.claims_visible_to(self.viewer), serializers.ClaimSerializer)

    @extend_schema(
        operation_id="ownership_claims_create",
        request=serializers.ClaimCreationSerializer,
        responses={201: serializers.ClaimSerializer},
    )
    def post(self, request: Request) -> Response:
        """This will claim a connector that no rule holds for."""
        form = serializers.ClaimCreationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        made = claims.claim(
            connector=get_object_or_404(queries.visible_to(self.viewer), pk=wish["connector"]),
            team=get_object_or_404(people.teams_of(self.viewer), slug=wish["team"]),
            reason=wish["reason"],
            user=User.objects.get(pk=self.viewer.user_id),
            actor=actors.of(request),
            viewer=self.viewer,
        )
        return Response(serializers.ClaimSerializer(made).data, status=HTTPStatus.CREATED)


class ClaimDecision(Endpoint):
    """`ownership-claims/{id}/decision/`"""

    @extend_schema(
        operation_id="ownership_claims_decide",
        request=serializers.DecisionSerializer,
        responses=serializers.ClaimSerializer,
    )
    def post(self, request: Request, pk: int) -> Response:
        """This will grant or decline a claim; admins only."""
        found = get_object_or_404(people.claims_visible_to(self.viewer), pk=pk)
        refuse_unless(self.viewer, Permission.ADMINISTER)
        form = serializers.DecisionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        decided = claims.decide(
            claim=found,
            is_granted=wish["choice"] == "grant",
            said=wish["said"],
            actor=actors.of(request),
            viewer=self.viewer,
        )
        return Response(serializers.ClaimSerializer(decided).data)


def _rule(endpoint: Endpoint, request: Request) -> models.OwnershipRule:
    """The rule that was sent, not stored; team and account must exist for the person."""
    form = serializers.RuleCreationSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    wish = form.validated_data
    team = get_object_or_404(people.teams_of(endpoint.viewer), slug=wish.pop("team"))
    name = wish.pop("account", "")
    account = get_object_or_404(queries.accounts_of(endpoint.viewer), name=name) if name else None
    return models.OwnershipRule(team=team, account=account, **wish)
