"""The review: what waits, deciding, answering, rules, and the figures of each month."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import models
from connectors.api.base import Endpoint
from connectors.api.problems import problem
from connectors.forms.reviews import RuleForm
from connectors.queries import reviews as queries
from connectors.services import actors, mailing, review_rules, reviewing


class ReviewNoteSerializer(serializers.ModelSerializer[models.ReviewNote]):
    """What somebody said or decided."""

    kind = serializers.CharField(help_text="approved, questioned, answered, escalated or reopened")

    class Meta:
        model = models.ReviewNote
        fields = ("kind", "author", "text", "at")


class ReviewItemSerializer(serializers.ModelSerializer[models.ReviewItem]):
    """One thing to look at again."""

    notes = ReviewNoteSerializer(many=True, read_only=True)
    decided_by = serializers.CharField(source="decided_by.username", default=None, read_only=True)
    is_own = serializers.SerializerMethodField()

    class Meta:
        model = models.ReviewItem
        fields = ("id", "key", "event_id", "batch_id", "said", "actor", "team", "rules", "weight", "events", "at",
                  "status", "decided_by", "decided_at", "is_own", "notes")  # fmt: skip

    def get_is_own(self, item: models.ReviewItem) -> bool:
        """Had this person a hand in it? Then somebody else has to review it."""
        return self.context["viewer"].user_id in item.people


class ReviewDecisionSerializer(serializers.Serializer[Any]):
    """What to decide, about which items."""

    items = serializers.ListField(
        child=serializers.IntegerField(min_value=1), min_length=1, max_length=reviewing.AT_ONCE
    )
    decision = serializers.ChoiceField(choices=["approved", "questioned", "escalated", "reopened"])
    comment = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class OutcomeSerializer(serializers.Serializer[Any]):
    """What became of each."""

    done = serializers.ListField(child=serializers.IntegerField())
    refused = serializers.DictField(child=serializers.CharField(), help_text="Item to the reason.")


class AnswerSerializer(serializers.Serializer[Any]):
    """The answer to a question."""

    text = serializers.CharField(max_length=2000)


class ReviewRuleSerializer(serializers.ModelSerializer[models.ReviewRule]):
    """One rule."""

    class Meta:
        model = models.ReviewRule
        fields = "__all__"


class MonthSerializer(serializers.Serializer[Any]):
    """How a month's items were dealt with; `median` is in seconds."""

    begins = serializers.DateField()
    items = serializers.IntegerField()
    approved = serializers.IntegerField()
    coverage = serializers.FloatField()
    median = serializers.FloatField(allow_null=True)
    events = serializers.IntegerField()


class _Review(Endpoint):
    def refuse_unless_reviewer(self) -> None:
        if not self.viewer.may_read_audit:
            raise PermissionDenied("Reviewing is for the site roles admin and auditor.")


class Reviews(_Review):
    """`reviews/`"""

    @extend_schema(operation_id="reviews_list", responses=ReviewItemSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list what waits, the most serious first; `status` gives those of one status."""
        self.refuse_unless_reviewer()
        found = queries.inbox(request.query_params.get("status", "")).select_related("decided_by")
        return self.page(found.prefetch_related("notes"), ReviewItemSerializer)


class Decisions(_Review):
    """`reviews/decisions/`"""

    @extend_schema(operation_id="reviews_decide", request=ReviewDecisionSerializer, responses=OutcomeSerializer)
    def post(self, request: Request) -> Response:
        """This will decide about items, each by itself; nobody decides about what they had a hand in."""
        form = ReviewDecisionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        try:
            outcome = reviewing.decide(
                pks=wish["items"], kind=wish["decision"], text=wish["comment"], actor=actors.of(request),
                viewer=self.viewer,
            )  # fmt: skip
        except reviewing.NotAllowed as error:
            raise PermissionDenied(str(error)) from error
        except reviewing.NotReviewable as error:
            return problem(HTTPStatus.CONFLICT, "not_reviewable", str(error))
        if wish["decision"] == models.ReviewNote.Kind.QUESTIONED:
            link = request.build_absolute_uri(reverse("questions"))
            mailing.mail_questions(items=outcome.done, text=wish["comment"], link=link, actor=actors.of(request))
        refused = {str(item.pk): why for item, why in outcome.refused}
        return Response({"done": [item.pk for item in outcome.done], "refused": refused})


class Questions(Endpoint):
    """`reviews/questions/`"""

    @extend_schema(operation_id="reviews_questions", responses=ReviewItemSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list what this person is asked about."""
        return self.page(queries.asked_of(self.viewer).select_related("decided_by"), ReviewItemSerializer)


class Answer(Endpoint):
    """`reviews/{id}/answer/`"""

    @extend_schema(operation_id="reviews_answer", request=AnswerSerializer, responses=ReviewItemSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """This will answer a question that was asked of this person."""
        form = AnswerSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        get_object_or_404(queries.asked_of(self.viewer), pk=pk)
        try:
            text = form.validated_data["text"]
            item = reviewing.answer(pk=pk, actor=actors.of(request), viewer=self.viewer, text=text)
        except reviewing.NotReviewable as error:
            return problem(HTTPStatus.CONFLICT, "not_reviewable", str(error))
        return Response(ReviewItemSerializer(item, context={"viewer": self.viewer}).data)


class ReviewRules(_Review):
    """`review-rules/`"""

    @extend_schema(operation_id="review_rules_list", responses=ReviewRuleSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the rules."""
        self.refuse_unless_reviewer()
        return self.page(models.ReviewRule.objects.all(), ReviewRuleSerializer)

    @extend_schema(
        operation_id="review_rules_create", request=ReviewRuleSerializer, responses={201: ReviewRuleSerializer}
    )
    def post(self, request: Request) -> Response:
        """This will make a rule; admins only."""
        return _save(self, request, None, HTTPStatus.CREATED)


class ReviewRule(_Review):
    """`review-rules/{id}/`"""

    @extend_schema(operation_id="review_rules_update", request=ReviewRuleSerializer, responses=ReviewRuleSerializer)
    def put(self, request: Request, pk: int) -> Response:
        """This will change a rule; admins only."""
        self.refuse_unless_reviewer()
        return _save(self, request, get_object_or_404(models.ReviewRule, pk=pk), HTTPStatus.OK)

    @extend_schema(operation_id="review_rules_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """This will remove a rule; what it has found stays. Admins only."""
        self.refuse_unless_reviewer()
        found = get_object_or_404(models.ReviewRule, pk=pk)
        try:
            review_rules.remove(rule=found, actor=actors.of(request), viewer=self.viewer)
        except reviewing.NotAllowed as error:
            raise PermissionDenied(str(error)) from error
        return Response(status=HTTPStatus.NO_CONTENT)


class ReviewMonths(_Review):
    """`review-months/`"""

    @extend_schema(operation_id="review_months_list", responses=MonthSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will give items, sign-offs, coverage and median of the last twelve months."""
        self.refuse_unless_reviewer()
        today = timezone.now().date()
        found = queries.months(today.replace(year=today.year - 1, day=1), today)
        results = MonthSerializer(found, many=True).data
        return Response({"count": len(found), "next": None, "previous": None, "results": results})


def _save(endpoint: _Review, request: Request, rule: models.ReviewRule | None, status: HTTPStatus) -> Response:
    """Held to the form of the page, so that both take the same."""
    if not endpoint.viewer.is_admin:
        raise PermissionDenied("Rules of review are changed by admins.")
    data = QueryDict(mutable=True)
    given = request.data if isinstance(request.data, dict) else {}
    data.update({"condition": "always", "number": "0", "zone": "UTC", "weight": "50", "is_on": "on"})
    for name, value in given.items():
        data[name] = "" if value is None or value is False else value
    form = RuleForm(data, instance=models.ReviewRule.objects.get(pk=rule.pk) if rule else None)
    if not form.is_valid():
        raise ValidationError({name: [str(one) for one in errors] for name, errors in form.errors.items()})
    try:
        made = review_rules.save(rule=rule, values=form.cleaned_data, actor=actors.of(request), viewer=endpoint.viewer)
    except reviewing.NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    return Response(ReviewRuleSerializer(made).data, status=status)
