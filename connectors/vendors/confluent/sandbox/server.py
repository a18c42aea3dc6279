"""Confluent's management interface over the world; order of refusals and shapes of errors as theirs."""

import base64
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from connectors.vendors.confluent.sandbox.world import ConfluentWorld, Connector

KEY, SECRET = "DEMOKEY2WQX7LHUT", "cfltDemoSecret4nN8sYbPq2"  # of a pretend organization
READER = "READONLYKEY4MZQA"
"""A key with the same secret whose role only looks."""
BASE = "/connect/v1/environments/{environment}/clusters/{cluster}/connectors"

View = Callable[[Request], Awaitable[Response]]


def refused(status: int, detail: str) -> JSONResponse:
    """This will build an error in the shape of the gateway."""
    headers = {"X-Request-Id": uuid.uuid4().hex}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic error="invalid_key", error_description="The API Key is invalid"'
    return JSONResponse(
        {"errors": [{"id": uuid.uuid4().hex, "status": str(status), "detail": detail}]}, status, headers
    )


def declined(world: ConfluentWorld, status: int, message: str) -> JSONResponse:
    """This will build an error in one of the two shapes of the connect interface."""
    if world.has_nested_errors:
        return JSONResponse({"error": {"code": status, "message": message}}, status)
    return JSONResponse({"error_code": status, "message": message}, status)


def app(world: ConfluentWorld) -> ASGIApp:
    """This will build the interface."""
    server = _Server(world)
    return Starlette(
        routes=[
            Route("/org/v2/environments", server.guarded(server.environments)),
            Route("/cmk/v2/clusters", server.guarded(server.clusters)),
            Route(BASE, server.guarded(server.connectors)),
            Route(BASE + "/{name}/status", server.guarded(server.status)),
            Route(BASE + "/{name}/restart", server.guarded(server.restart), methods=["POST"]),
            Route(BASE + "/{name}/{verb}", server.guarded(server.wish), methods=["PUT"]),
        ]
    )


class _Server:
    def __init__(self, world: ConfluentWorld) -> None:
        self.world = world

    def guarded(self, view: View) -> View:
        """This will check the key, then the role, then serve."""

        async def answer(request: Request) -> Response:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            try:
                key, _, secret = base64.b64decode(given).decode().partition(":")
            except ValueError:
                key = secret = ""
            if scheme != "Basic" or key not in {KEY, READER} or secret != SECRET:
                return refused(401, "Unauthorized")
            if key == READER and request.method != "GET":
                return refused(403, "The user is not allowed to manage connectors.")
            response = await view(request)
            response.headers["X-Request-Id"] = uuid.uuid4().hex
            return response

        return answer

    async def environments(self, request: Request) -> Response:
        """`GET /org/v2/environments`"""
        items = [
            {
                "api_version": "org/v2",
                "kind": "Environment",
                "id": id_,
                "metadata": _metadata("environment", id_),
                "display_name": name,
            }
            for id_, name in self.world.environments.items()
        ]
        return self._page(request, "org/v2", "Environment", items)

    async def clusters(self, request: Request) -> Response:
        """`GET /cmk/v2/clusters?environment=`"""
        environment = request.query_params.get("environment", "")
        if environment not in self.world.environments:
            return refused(403, "Forbidden Access")
        items = [
            {
                "api_version": "cmk/v2",
                "kind": "Cluster",
                "id": cluster,
                "metadata": _metadata("kafka", cluster),
                "spec": {
                    "display_name": self.world.names[cluster],
                    "availability": "SINGLE_ZONE",
                    "cloud": "AWS",
                    "region": "eu-central-1",
                    "config": {"kind": "Basic"},
                    "environment": {
                        "id": place,
                        "related": f"https://api.confluent.cloud/org/v2/environments/{place}",
                        "resource_name": f"crn://confluent.cloud/environment={place}",
                    },
                },
                "status": {"phase": self.world.phases.get(cluster, "PROVISIONED")},
            }
            for place, cluster in self.world.clusters
            if place == environment
        ]
        return self._page(request, "cmk/v2", "Cluster", items)

    def _page(self, request: Request, group: str, kind: str, items: list[dict[str, Any]]) -> Response:
        """Ten a page unless asked for more; tokens are opaque."""
        size = min(int(request.query_params.get("page_size", 10)), 100)
        token = request.query_params.get("page_token", "")
        start = int(base64.urlsafe_b64decode(token)) if token else 0
        following = start + size
        onward = None
        if following < len(items):
            opaque = base64.urlsafe_b64encode(str(following).encode()).decode()
            onward = str(request.url.include_query_params(page_token=opaque))
        body = {"api_version": group, "kind": f"{kind}List", "metadata": {"next": onward, "total_size": len(items)}}
        return JSONResponse({**body, "data": items[start:following]})

    def _place(self, request: Request) -> dict[str, Connector] | None:
        return self.world.clusters.get((request.path_params["environment"], request.path_params["cluster"]))

    async def connectors(self, request: Request) -> Response:
        """`GET …/connectors`, with `expand` as comma lists."""
        found = self._place(request)
        if found is None:
            return declined(self.world, 404, "account not found")
        wanted = {word for value in request.query_params.getlist("expand") for word in value.split(",")}
        if not wanted:
            return JSONResponse(list(found))
        parts: dict[str, Callable[[Connector], dict[str, Any]]] = {
            "id": lambda c: {"id": c.id, "id_type": "ID"},
            "info": _info,
            "status": _status,
        }
        return JSONResponse(
            {name: {part: parts[part](c) for part in sorted(wanted & set(parts))} for name, c in found.items()}
        )

    async def status(self, request: Request) -> Response:
        """`GET …/{name}/status`"""
        connector = (self._place(request) or {}).get(request.path_params["name"])
        return JSONResponse(_status(connector)) if connector else declined(self.world, 404, "resource not found")

    async def wish(self, request: Request) -> Response:
        """`PUT …/pause|resume`: 202 at once, whatever comes of it."""
        verb = request.path_params["verb"]
        connector = (self._place(request) or {}).get(request.path_params["name"])
        if connector is None or verb not in {"pause", "resume"}:
            return declined(self.world, 404, "resource not found")
        effect = self.world.pause if verb == "pause" else self.world.resume
        self.world.act(verb, self._id(request), lambda: effect(connector))
        return Response(status_code=202)

    async def restart(self, request: Request) -> Response:
        """`POST …/restart`: refused unless it is RUNNING."""
        connector = (self._place(request) or {}).get(request.path_params["name"])
        if connector is None:
            return declined(self.world, 404, "resource not found")
        if connector.state != "RUNNING":
            return declined(self.world, 400, f"connector cannot be restarted while {connector.state}")
        self.world.act("restart", self._id(request), lambda: self.world.restart(connector))
        return Response(status_code=202)

    @staticmethod
    def _id(request: Request) -> str:
        return "/".join(request.path_params[key] for key in ("environment", "cluster", "name"))


def _metadata(noun: str, id_: str) -> dict[str, str]:
    return {
        "self": f"https://api.confluent.cloud/v2/{noun}s/{id_}",
        "resource_name": f"crn://confluent.cloud/{noun}={id_}",
        "created_at": "2026-01-12T09:30:00Z",
        "updated_at": "2026-01-12T09:30:00Z",
    }


def _info(connector: Connector) -> dict[str, Any]:
    kind = "sink" if connector.plugin.upper().endswith("SINK") else "source"
    tasks = [{"connector": connector.name, "task": n} for n in range(len(connector.tasks))]
    return {"name": connector.name, "type": kind, "config": connector.config, "tasks": tasks}


def _status(connector: Connector) -> dict[str, Any]:
    kind = "sink" if connector.plugin.upper().endswith("SINK") else "source"
    return {
        "name": connector.name,
        "type": kind,
        "connector": {"state": connector.state, "worker_id": connector.name, "trace": connector.trace},
        "tasks": [
            {"id": n, "state": task, "worker_id": connector.name, "msg": connector.message if "ERROR" in task else ""}
            for n, task in enumerate(connector.tasks)
        ],
        "errors_from_trace": [],
        "validation_errors": connector.validation,
        "override_message": "",
        "error_summary": None,
        "plugin_lifecycle": "ACTIVE",
    }
