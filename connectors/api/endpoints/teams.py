"""Teams, their members, invitations and tokens."""

from datetime import timedelta
from functools import cached_property
from http import HTTPStatus

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import models
from connectors.api import team_serializers as serializers
from connectors.api.base import Endpoint, refuse_unless
from connectors.queries import people
from connectors.services import actors, mailing, teams, tokens
from connectors.states import Permission, Role


class Teams(Endpoint):
    """`teams/`"""

    @extend_schema(operation_id="teams_list", responses=serializers.TeamSerializer(many=True))
    def get(self, request: Request) -> Response:
        """This will list the teams that exist for the person."""
        return self.page(people.teams_of(self.viewer), serializers.TeamSerializer)

    @extend_schema(
        operation_id="teams_create",
        request=serializers.TeamCreationSerializer,
        responses={201: serializers.TeamSerializer},
    )
    def post(self, request: Request) -> Response:
        """This will make a team; admins only."""
        refuse_unless(self.viewer, Permission.ADMINISTER)
        form = serializers.TeamCreationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        made = teams.create(**form.validated_data, actor=actors.of(request), viewer=self.viewer)
        found = people.teams_of(self.viewer).get(pk=made.pk)
        return Response(serializers.TeamSerializer(found).data, status=HTTPStatus.CREATED)


class _OfTeam(Endpoint):
    """What lies below `teams/{slug}/`."""

    @cached_property
    def team(self) -> models.Team:
        """The team of the address, if it exists for the person."""
        return get_object_or_404(people.teams_of(self.viewer), slug=self.kwargs["slug"])

    def managed(self) -> models.Team:
        """This will give the team to whoever manages it."""
        refuse_unless(self.viewer, Permission.MANAGE_TEAM, self.team)
        return self.team


class Team(_OfTeam):
    """`teams/{slug}/`"""

    @extend_schema(operation_id="teams_retrieve", responses=serializers.TeamSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """This will give one team."""
        return Response(serializers.TeamSerializer(self.team).data)


class Members(_OfTeam):
    """`teams/{slug}/members/`"""

    @extend_schema(operation_id="members_list", responses=serializers.MemberSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """This will list who belongs to the team."""
        return self.page(people.members_of(self.team), serializers.MemberSerializer)


class Member(_OfTeam):
    """`teams/{slug}/members/{login}/`"""

    @extend_schema(operation_id="members_update", request=serializers.RoleSerializer, responses={204: None})
    def put(self, request: Request, slug: str, login: str) -> Response:
        """This will change somebody's role; the last lead stays lead."""
        form = serializers.RoleSerializer(data=request.data)
        team = self.managed()
        form.is_valid(raise_exception=True)
        return self._set(team, login, Role(form.validated_data["role"]), request)

    @extend_schema(operation_id="members_delete", responses={204: None})
    def delete(self, request: Request, slug: str, login: str) -> Response:
        """This will let somebody go, with the tokens they made for the team."""
        return self._set(self.managed(), login, None, request)

    def _set(self, team: models.Team, login: str, role: Role | None, request: Request) -> Response:
        user = get_object_or_404(User, username=login, is_active=True)
        teams.set_role(team=team, user=user, role=role, actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


class Invitations(_OfTeam):
    """`teams/{slug}/invitations/`"""

    @extend_schema(operation_id="invitations_list", responses=serializers.InvitationSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """This will list the links that still open."""
        return self.page(people.invitations_of(self.managed(), timezone.now()), serializers.InvitationSerializer)

    @extend_schema(
        operation_id="invitations_create",
        request=serializers.InvitationCreationSerializer,
        responses={201: serializers.InvitationMadeSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """This will make a link into the team, and mail it where mail is set up; the answer has the link, this once."""
        team = self.managed()
        form = serializers.InvitationCreationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        actor = actors.of(request)
        made, secret = teams.invite(team=team, **form.validated_data, actor=actor, viewer=self.viewer)
        link = request.build_absolute_uri(reverse("invitation", args=[secret]))
        mail = mailing.mail_invitation(invitation=made, link=link, actor=actor)
        answer = {**serializers.InvitationSerializer(made).data, "link": link, "mail": mail}
        return Response(answer, status=HTTPStatus.CREATED, headers={"Cache-Control": "no-store"})


class Invitation(_OfTeam):
    """`teams/{slug}/invitations/{id}/`"""

    @extend_schema(operation_id="invitations_delete", responses={204: None})
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """This will end a link that was not used."""
        rows = models.Invitation.objects.filter(team=self.managed()).select_related("team")
        teams.take_back(invitation=get_object_or_404(rows, pk=pk), actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)


class Tokens(_OfTeam):
    """`teams/{slug}/tokens/`"""

    @extend_schema(operation_id="tokens_list", responses=serializers.TokenSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """This will list the tokens that reach this team alone."""
        return self.page(people.tokens_of(self.managed()), serializers.TokenSerializer)

    @extend_schema(
        operation_id="tokens_create",
        request=serializers.TokenCreationSerializer,
        responses={201: serializers.TokenMadeSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """This will make a token; the answer has its text, and nothing else ever will."""
        team = self.managed()
        form = serializers.TokenCreationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        made, clear = tokens.issue_for_team(
            team=team,
            user=User.objects.get(pk=self.viewer.user_id),
            name=wish["name"],
            permissions=[Permission(word) for word in wish["permissions"]],
            lasts=timedelta(days=wish["days"]),
            actor=actors.of(request),
            viewer=self.viewer,
        )
        answer = {**serializers.TokenSerializer(made).data, "token": clear}
        return Response(answer, status=HTTPStatus.CREATED, headers={"Cache-Control": "no-store"})


class Token(_OfTeam):
    """`teams/{slug}/tokens/{id}/`"""

    @extend_schema(operation_id="tokens_delete", responses={204: None})
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """This will end a token."""
        rows = models.ApiToken.objects.filter(team=self.managed()).select_related("team", "user")
        tokens.revoke_of_team(token=get_object_or_404(rows, pk=pk), actor=actors.of(request), viewer=self.viewer)
        return Response(status=HTTPStatus.NO_CONTENT)
