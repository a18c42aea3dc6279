"""What every endpoint has: the viewer, read once, and paging."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from connectors.api.pagination import Pages
from connectors.models import Team
from connectors.permissions import NEEDS_FACTOR, Viewer
from connectors.services import actors
from connectors.services.operations import NotAllowed
from connectors.states import Permission


class Endpoint(APIView):
    """One address of the API."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """
        This will let pass whoever is signed in well enough; a token needs no second factor.

        :raises NotAllowed: the policy wants a second factor first
        """
        super().initial(request, *args, **kwargs)
        if request.auth is None and request.session.get(NEEDS_FACTOR):
            raise NotAllowed("Add a second factor first: your role needs one.")

    @cached_property
    def viewer(self) -> Viewer:
        """The person behind the request, or what a token leaves of them."""
        return actors.viewer(self.request)

    def page(
        self,
        found: QuerySet[Any],
        serializer: type[BaseSerializer[Any]],
        prepare: Callable[[Sequence[Any]], Sequence[Any]] = list,
    ) -> Response:
        """This will answer with one page of a list; `prepare` is called with the items of that page alone."""
        pages = Pages()
        items = pages.paginate_queryset(found, self.request, view=self)
        context = {"request": self.request, "viewer": self.viewer}
        return pages.get_paginated_response(serializer(prepare(items or []), many=True, context=context).data)


def refuse_unless(viewer: Viewer, permission: Permission, team: Team | None = None) -> None:
    """
    This will let pass whoever holds the permission, in the team or in the whole site.

    :raises NotAllowed: the person does not; it says why
    """
    if why := viewer.why_not(permission, team.pk if team else None, team.slug if team else ""):
        raise NotAllowed(why)
