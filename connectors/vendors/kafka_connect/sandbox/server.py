"""The worker's REST interface over the world; bodies and codes as workers give them."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.vendors.kafka_connect.sandbox.world import Connector, KafkaConnectWorld, Part

USER, PASSWORD = "switchyard", "connect-demo-pass"  # of a pretend cluster
GUARDED = "orders"
NO_LEADER = "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway."
BOOTING = "<html><body><h2>HTTP ERROR 404 Not Found</h2></body></html>"
AMBIGUOUS = "<html><body><h2>HTTP ERROR 400 Ambiguous URI path separator</h2></body></html>"
WISHES = {"pause": ("PAUSED", 202), "resume": ("RUNNING", 202), "stop": ("STOPPED", 204)}

View = Callable[[Request], Awaitable[Response]]


def error(status: int, message: str) -> JSONResponse:
    """This will build the worker's own error document."""
    return JSONResponse({"error_code": status, "message": message}, status)


def app(world: KafkaConnectWorld) -> ASGIApp:
    """This will build the interface of both clusters, each below its prefix."""
    server = _Server(world)
    routes = [
        Route("/{prefix}/", server.guarded(server.root)),
        Route("/{prefix}", server.guarded(server.root)),
        Route("/{prefix}/connectors", server.guarded(server.connectors)),
        Route("/{prefix}/connectors/{name}/status", server.guarded(server.status)),
        Route("/{prefix}/connectors/{name}/restart", server.guarded(server.restart), methods=["POST"]),
        Route(
            "/{prefix}/connectors/{name}/tasks/{task}/restart", server.guarded(server.restart_task), methods=["POST"]
        ),
        Route("/{prefix}/connectors/{name}/{verb}", server.guarded(server.steer), methods=["PUT"]),
    ]
    return _WithoutSlashes(Starlette(routes=routes, exception_handlers={404: _no_path, 405: _no_method}))


class _WithoutSlashes:
    """The web server in front of the interface: a slash inside a name never reaches it."""

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_ambiguous = b"%2f" in scope.get("raw_path", b"").lower()
        await (HTMLResponse(AMBIGUOUS, 400) if is_ambiguous else self.inner)(scope, receive, send)


async def _no_path(request: Request, exc: Exception) -> Response:
    return Response(b'{"error_code":404,"message":"HTTP 404 Not Found"}', 404)


async def _no_method(request: Request, exc: Exception) -> Response:
    return Response(b'{"error_code":405,"message":"HTTP 405 Method Not Allowed"}', 405)


class _Server:
    def __init__(self, world: KafkaConnectWorld) -> None:
        self.world = world

    def guarded(self, view: View) -> View:
        """This will put boot phase, basic authentication and unknown clusters in front of a view."""

        async def answer(request: Request) -> Response:
            prefix = request.path_params["prefix"]
            if self.world.is_booting:
                return HTMLResponse(BOOTING, 404)
            if prefix not in self.world.clusters:
                return await _no_path(request, Exception())
            expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if prefix == GUARDED and request.headers.get("authorization") != expected:
                return PlainTextResponse("User cannot access the resource.", 401)
            return await view(request)

        return answer

    async def root(self, request: Request) -> Response:
        """`GET /`"""
        return JSONResponse(
            {"version": self.world.version, "commit": "a9ce3221537b8653", "kafka_cluster_id": "MkU3OEVBNTcwNTJENDM2Qg"}
        )

    async def connectors(self, request: Request) -> Response:
        """`GET /connectors`, with `expand` repeated; a value nobody knows gives empty objects."""
        found = self.world.clusters[request.path_params["prefix"]]
        wanted = request.query_params.getlist("expand")
        if not wanted:
            return JSONResponse(list(found))
        parts = {"status": self._status, "info": self._info}
        return JSONResponse(
            {
                name: {key: parts[key](connector) for key in wanted if key in parts}
                for name, connector in found.items()
                if connector.own
            }
        )

    async def status(self, request: Request) -> Response:
        """`GET /connectors/{c}/status`"""
        connector = self._find(request)
        if connector is None or connector.own is None:
            return error(404, f"No status found for connector {request.path_params['name']}")
        return JSONResponse(self._status(connector))

    async def steer(self, request: Request) -> Response:
        """`PUT /connectors/{c}/pause|resume|stop`"""
        verb, name = request.path_params["verb"], request.path_params["name"]
        if verb not in WISHES or (verb == "stop" and not self.world.is_since(3, 5)):
            return await _no_path(request, Exception())
        connector = self._find(request)
        if connector is None:
            return error(404, f"Unknown connector {name}")
        wish, status = WISHES[verb]
        self.world.act(verb, name, lambda: self.world.steer(connector, wish))
        return Response(status_code=status)

    async def restart(self, request: Request) -> Response:
        """`POST /connectors/{c}/restart`: 204 for the connector object alone, 202 with a document else."""
        name, connector = request.path_params["name"], self._find(request)
        if connector is None:
            return error(404, f"Unknown connector: {name}")
        knows_flags = self.world.is_since(3, 0)
        with_tasks = knows_flags and request.query_params.get("includeTasks") == "true"
        only_failed = knows_flags and request.query_params.get("onlyFailed") == "true"
        traces = [part.trace for part in (connector.own, *connector.tasks) if part]

        def effect() -> None:
            self.world.restart(connector, with_tasks=with_tasks, only_failed=only_failed)

        self.world.act("restart_failed" if only_failed else "restart", name, effect)
        if name in self.world.unstartable:
            self.world.fail_to_start(connector)
            return error(500, f"Failed to start connector: {name}")
        if not (with_tasks or only_failed):
            return Response(status_code=204)
        document = self._status(connector)
        if self.world.is_since(4, 1):
            for part in (document["connector"], *document["tasks"]):
                part["version"] = "2.7.1"  # taken from before the restart, as are the traces
        document["tasks"].reverse()  # unsorted, as workers answer
        for part, trace in zip((document["connector"], *reversed(document["tasks"])), traces, strict=False):
            if trace:
                part["trace"] = trace
        return JSONResponse(document, 202)

    async def restart_task(self, request: Request) -> Response:
        """`POST /connectors/{c}/tasks/{n}/restart`: 204 when it has been done."""
        name, number, connector = request.path_params["name"], request.path_params["task"], self._find(request)
        if connector is None:
            return error(404, f"Unknown connector: {name}")
        if not number.isdigit() or int(number) >= len(connector.tasks):
            return error(404, f"Unknown task: {name}-{number}")
        if connector.tasks[int(number)].worker in self.world.lost:
            return error(409, NO_LEADER)
        self.world.act("restart_task", name, lambda: self.world.restart_task(connector, int(number)))
        return Response(status_code=204)

    def _find(self, request: Request) -> Connector | None:
        return self.world.clusters[request.path_params["prefix"]].get(request.path_params["name"])

    def _part(self, part: Part) -> dict[str, Any]:
        found: dict[str, Any] = {"state": part.state, "worker_id": part.worker}
        if self.world.is_since(4, 1):
            found["version"] = None if part.state in {"RESTARTING", "UNASSIGNED"} else "2.7.1"
        return {**found, "trace": part.trace} if part.trace else found

    def _status(self, connector: Connector) -> dict[str, Any]:
        assert connector.own is not None  # noqa: S101  # the callers have looked
        return {
            "name": connector.name,
            "connector": self._part(connector.own),
            "tasks": [{"id": n, **self._part(task)} for n, task in enumerate(connector.tasks)],
            "type": connector.kind,
        }

    @staticmethod
    def _info(connector: Connector) -> dict[str, Any]:
        tasks = [{"connector": connector.name, "task": n} for n in range(len(connector.tasks))]
        return {"name": connector.name, "config": connector.config, "tasks": tasks, "type": connector.kind}
