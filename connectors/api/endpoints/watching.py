"""Auto-heal and alerts."""

from http import HTTPStatus

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connectors.api import watch_serializers as serializers
from connectors.api.base import Endpoint
from connectors.queries import alerts as alert_reads
from connectors.queries import connectors as reads
from connectors.queries import healing as heal_reads
from connectors.queries import people
from connectors.services import actors, alerts, healing


class HealPolicies(Endpoint):
    """`heal-policies/`"""

    @extend_schema(operation_id="heal_policies_list", responses=serializers.HealPolicySerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the policies."""
        return self.page(heal_reads.visible_to(self.viewer), serializers.HealPolicySerializer)

    @extend_schema(
        operation_id="heal_policies_set",
        request=serializers.HealPolicyRequestSerializer,
        responses=serializers.HealPolicySerializer,
    )
    def post(self, request: Request) -> Response:
        """This will set how a team's connectors, or one, are healed; leads and admins."""
        form = serializers.HealPolicyRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = dict(form.validated_data)
        team = get_object_or_404(people.teams_of(self.viewer), slug=wish.pop("team"))
        pk = wish.pop("connector")
        connector = get_object_or_404(reads.visible_to(self.viewer), pk=pk) if pk else None
        actor = actors.of(request)
        made = healing.set_policy(
            team=team, connector=connector, wish=healing.Wish(**wish), actor=actor, viewer=self.viewer
        )
        return Response(serializers.HealPolicySerializer(made).data)


class HealPolicy(Endpoint):
    """`heal-policies/{id}/`"""

    @extend_schema(operation_id="heal_policies_remove", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """This will remove a policy."""
        found = get_object_or_404(heal_reads.visible_to(self.viewer), pk=pk)
        healing.remove_policy(policy=found, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


class HealStates(Endpoint):
    """`heal-states/`"""

    @extend_schema(operation_id="heal_states_list", responses=serializers.HealStateSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the connectors that were tried, or given up."""
        return self.page(heal_reads.states_for(self.viewer), serializers.HealStateSerializer)


class HealClose(Endpoint):
    """`connectors/{id}/heal-again/`"""

    @extend_schema(operation_id="connectors_heal_again", request=None, responses={204: None})
    def post(self, request: Request, pk: int) -> Response:
        """This will heal a connector again on which healing has given up."""
        found = get_object_or_404(reads.visible_to(self.viewer), pk=pk)
        healing.close(connector=found, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


class Alerts(Endpoint):
    """`alerts/`"""

    @extend_schema(operation_id="alerts_list", responses=serializers.AlertSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list what holds now and was told."""
        return self.page(alert_reads.open_for(self.viewer), serializers.AlertSerializer)


class AlertRules(Endpoint):
    """`alert-rules/`"""

    @extend_schema(operation_id="alert_rules_list", responses=serializers.AlertRuleSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the rules, without their addresses."""
        return self.page(alert_reads.visible_to(self.viewer), serializers.AlertRuleSerializer)

    @extend_schema(
        operation_id="alert_rules_create",
        request=serializers.AlertRuleRequestSerializer,
        responses={201: serializers.AlertRuleSerializer},
    )
    def post(self, request: Request) -> Response:
        """This will make a rule; leads and admins."""
        form = serializers.AlertRuleRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = dict(form.validated_data)
        team = get_object_or_404(people.teams_of(self.viewer), slug=wish.pop("team"))
        made = alerts.save(wish=alerts.Wish(**wish), team=team, actor=actors.of(request), viewer=self.viewer)
        return Response(serializers.AlertRuleSerializer(made).data, status=HTTPStatus.CREATED)


class AlertRule(Endpoint):
    """`alert-rules/{id}/`"""

    @extend_schema(operation_id="alert_rules_retrieve", responses=serializers.AlertRuleSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """This will give one rule, without its address."""
        found = get_object_or_404(alert_reads.visible_to(self.viewer), pk=pk)
        return Response(serializers.AlertRuleSerializer(found).data)

    @extend_schema(
        operation_id="alert_rules_update",
        request=serializers.AlertRuleRequestSerializer,
        responses=serializers.AlertRuleSerializer,
    )
    def put(self, request: Request, pk: int) -> Response:
        """This will change a rule; its team stays."""
        found = get_object_or_404(alert_reads.visible_to(self.viewer), pk=pk)
        form = serializers.AlertRuleRequestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = {name: value for name, value in form.validated_data.items() if name != "team"}
        actor = actors.of(request)
        made = alerts.save(wish=alerts.Wish(**wish), team=found.team, rule=found, actor=actor, viewer=self.viewer)
        return Response(serializers.AlertRuleSerializer(made).data)

    @extend_schema(operation_id="alert_rules_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """This will remove a rule with its address."""
        found = get_object_or_404(alert_reads.visible_to(self.viewer), pk=pk)
        alerts.delete(rule=found, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


class AlertTest(Endpoint):
    """`alert-rules/{id}/test/`"""

    @extend_schema(operation_id="alert_rules_test", request=None, responses={202: serializers.MessageSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """This will send a message that only says that messages arrive."""
        found = get_object_or_404(alert_reads.visible_to(self.viewer), pk=pk)
        made = alerts.try_out(rule=found, actor=actors.of(request), viewer=self.viewer)
        return Response(serializers.MessageSerializer(made).data, status=HTTPStatus.ACCEPTED)


class AlertMessages(Endpoint):
    """`alert-rules/{id}/messages/`"""

    @extend_schema(operation_id="alert_rules_messages", responses=serializers.MessageSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """This will list a rule's messages, newest first, and whether they were taken."""
        found = get_object_or_404(alert_reads.visible_to(self.viewer), pk=pk)
        return self.page(found.messages.all(), serializers.MessageSerializer)
