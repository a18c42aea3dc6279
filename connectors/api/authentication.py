"""`Authorization: Token …`"""

from django.contrib.auth.models import User
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from connectors.models import ApiToken
from connectors.services import tokens

KEYWORD = "Token"


class TokenAuthentication(BaseAuthentication):
    """Acts as the token's owner; `request.auth` is the token."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """
        This will find who is behind the header; None when there is no such header.

        :raises AuthenticationFailed: there is one, and it opens nothing
        """
        scheme, _, given = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != KEYWORD.lower():
            return None
        token = tokens.verify(given.strip())
        if token is None:
            raise AuthenticationFailed("This token does not open anything: it is mistyped, expired or revoked.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """This will make the answer to a missing sign-in a 401."""
        return KEYWORD


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the package has no types for it
    """How the OpenAPI document names it."""

    target_class = "connectors.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """This will describe the header."""
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Token swy_…"}
