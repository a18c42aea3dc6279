"""Sign-in, EventRouter and operations over the world, all at one address: their paths do not meet."""

import base64
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from connectors.vendors.yandex.sandbox.key import KEY_ID, PRIVATE_KEY, SERVICE_ACCOUNT
from connectors.vendors.yandex.sandbox.world import Operation, YandexWorld

AUDIENCE = "https://iam.api.cloud.yandex.net/iam/v1/tokens"
HTTP = {3: 400, 5: 404, 7: 403, 8: 429, 9: 400, 10: 409, 13: 500, 14: 503, 16: 401}
LONGEST_SIGNATURE = 3600
LARGEST_PAGE = 1000
TYPE = "type.googleapis.com/"

View = Callable[[Request], Awaitable[Response]]


def status(code: int, message: str) -> JSONResponse:
    """This will build a google.rpc.Status; the code is gRPC's, the HTTP status follows from it."""
    details = [{"@type": f"{TYPE}google.rpc.RequestInfo", "requestId": str(uuid.uuid4())}]
    return JSONResponse({"code": code, "message": message, "details": details}, HTTP[code])


def app(world: YandexWorld) -> ASGIApp:
    """This will build the interface."""
    server = _Server(world)
    base = "/eventrouter/v1"
    return Starlette(
        routes=[
            Route("/iam/v1/tokens", server.token, methods=["POST"]),
            Route(f"{base}/buses", server.guarded(server.buses)),
            Route(f"{base}/connectors", server.guarded(server.connectors)),
            Route(f"{base}/connectors/{{id}}", server.guarded(server.connector)),
            Route(f"{base}/connectors/{{id}}", server.guarded(server.act), methods=["POST"]),
            Route("/operations/{id}", server.guarded(server.operation)),
        ]
    )


class _Server:
    def __init__(self, world: YandexWorld) -> None:
        self.world = world
        self.public_key: Any = load_pem_private_key(PRIVATE_KEY.encode(), None).public_key()
        self.tokens: set[str] = set()

    def guarded(self, view: View) -> View:
        """This will check the token."""

        async def answer(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme != "Bearer" or token not in self.tokens:
                return status(16, "Token is invalid or has expired.")
            return await view(request)

        return answer

    async def token(self, request: Request) -> Response:
        """`POST /iam/v1/tokens`: the signature is held against the public key for real."""
        given = str((await request.json()).get("jwt", ""))
        try:
            if jwt.get_unverified_header(given).get("kid") != KEY_ID:
                return status(16, "Unknown key id.")
            claims = jwt.decode(given, self.public_key, algorithms=["PS256"], audience=AUDIENCE, issuer=SERVICE_ACCOUNT)
        except jwt.PyJWTError as error:
            return status(16, f"JWT is not valid: {error}")
        if claims["exp"] - claims["iat"] > LONGEST_SIGNATURE:
            return status(3, "JWT lives longer than an hour.")
        made = f"t1.{uuid.uuid4().hex}.{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self.tokens.add(made)
        expires = (datetime.now(UTC) + timedelta(hours=12)).isoformat().replace("+00:00", "Z")
        return JSONResponse({"iamToken": made, "expiresAt": expires})

    async def buses(self, request: Request) -> Response:
        """`GET /buses?folderId=`"""
        return self._page(request, "buses", list(self.world.buses.values()))

    async def connectors(self, request: Request) -> Response:
        """`GET /connectors?busId=` or `?folderId=`, one of them."""
        query = request.query_params
        if ("busId" in query) == ("folderId" in query):
            return status(3, "Exactly one of bus_id and folder_id is to be given.")
        found = [c for c in self.world.connectors.values() if query.get("busId") in {None, c["busId"]}]
        return self._page(request, "connectors", found)

    def _page(self, request: Request, name: str, items: list[dict[str, Any]]) -> Response:
        folder = request.query_params.get("folderId")
        items = [item for item in items if folder in {None, item["folderId"]}]
        size = int(request.query_params.get("pageSize", 0)) or 100
        if size > LARGEST_PAGE:
            return status(3, "page_size is at most 1000.")
        token = request.query_params.get("pageToken", "")
        start = int(base64.urlsafe_b64decode(token)) if token else 0
        body: dict[str, Any] = {name: items[start : start + size]}
        if start + size < len(items):
            body["nextPageToken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        return JSONResponse(body)

    async def connector(self, request: Request) -> Response:
        """`GET /connectors/{id}`"""
        found = self.world.connectors.get(request.path_params["id"])
        return JSONResponse(found) if found else status(5, "Connector not found")

    async def act(self, request: Request) -> Response:
        """`POST /connectors/{id}:start|stop`: an operation; the same key gives the same one."""
        id_, _, verb = request.path_params["id"].partition(":")
        connector = self.world.connectors.get(id_)
        if connector is None or verb not in {"start", "stop"}:
            return status(5, "Connector not found")
        if connector["status"] in {"CREATING", "DELETING"}:
            return status(9, f"Connector is {connector['status'].lower()}")
        key = request.headers.get("idempotency-key", "")
        if key and key in self.world.by_key:
            return JSONResponse(self._document(self.world.operations[self.world.by_key[key]]))
        self.world.act(verb, id_, lambda: None, key)
        operation = self.world.begin(id_, verb)
        if key:
            self.world.by_key[key] = operation.id
        return JSONResponse(self._document(operation))

    async def operation(self, request: Request) -> Response:
        """`GET /operations/{id}`"""
        found = self.world.operations.get(request.path_params["id"])
        return JSONResponse(self._document(found)) if found else status(5, "Operation not found")

    @staticmethod
    def _document(operation: Operation) -> dict[str, Any]:
        created = datetime.fromtimestamp(operation.created_at, UTC).isoformat().replace("+00:00", "Z")
        package = "yandex.cloud.serverless.eventrouter.v1"
        body: dict[str, Any] = {
            "id": operation.id,
            "description": f"{operation.verb.capitalize()} connector",
            "createdAt": created,
            "createdBy": SERVICE_ACCOUNT,
            "modifiedAt": created,
            "metadata": {
                "@type": f"{TYPE}{package}.{operation.verb.capitalize()}ConnectorMetadata",
                "connectorId": operation.connector,
            },
        }
        if operation.is_done:
            outcome = (
                {"error": operation.error}
                if operation.error
                else {"response": {"@type": f"{TYPE}google.protobuf.Empty"}}
            )
            body |= {"done": True, **outcome}
        return body
