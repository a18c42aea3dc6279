"""Feldera's `/v0` over the world."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from connectors.vendors.feldera import states
from connectors.vendors.feldera.sandbox import figures
from connectors.vendors.feldera.sandbox.world import Connector, FelderaWorld, Pipeline

KEY = "apikey:" + "Dm0" * 42 + "fa"
CONSOLE = "<!doctype html><html><head><title>Feldera</title></head><body></body></html>"
BUILD = {
    "revision": "0b1d5e2",
    "runtime_revision": "0b1d5e2",
    "build_source": "source",
    "changelog_url": "https://feldera.example/changelog",
    "posthog": "",
    "conceptualhq": "",
    "product_fruits": "",
    "build_info": {
        "build_timestamp": "2026-06-30T12:00:00Z",
        "build_cpu": "x86_64",
        "build_os": "linux",
        "cargo_dependencies": "",
        "cargo_features": "",
        "cargo_debug": "false",
        "cargo_opt_level": "3",
        "cargo_target_triple": "x86_64-unknown-linux-gnu",
        "rustc_version": "1.90.0",
    },
}
"""Of `/v0/config`, what nobody here looks at."""
TRANSPORTS: dict[str, dict[str, Any]] = {
    "kafka_input": {"topic": "orders", "resume_earliest_if_data_expires": False},
    "kafka_output": {"topic": "orders-enriched"},
    "nats_input": {
        "stream_name": "prices",
        "connection_config": {"server_url": "nats://nats.example:4222"},
        "consumer_config": {"deliver_policy": "All"},
    },
    "s3_input": {"bucket_name": "history", "region": "eu-central-1"},
    "delta_table_output": {"uri": "s3://lake/features"},
    "redis_output": {"connection_string": "redis://cache.example:6379/0"},
    "postgres_input": {"uri": "postgresql://db.example/stock", "query": "SELECT * FROM suppliers"},
    "postgres_output": {"uri": "postgresql://db.example/warehouse", "table": "orders_enriched"},
}
"""What each transport has to be told; and a secret that must never come out of our side."""
HIDDEN = {"sasl.password": "hidden-in-transport"}
KINDS = {"tables": "inputs", "views": "outputs"}

View = Callable[[Request], Awaitable[Response]]


def error(status: int, code: str, message: str, details: Any = None) -> JSONResponse:
    """This will build the server's error document."""
    return JSONResponse({"message": message, "error_code": code, "details": details or {}}, status)


def unauthorized() -> Response:
    """This will refuse a key: JSON that calls itself text."""
    body = {"message": "Authentication failed: invalid API key", "error_code": "AuthenticationFailed"}
    return PlainTextResponse(json.dumps(body), 401)


def app(world: FelderaWorld) -> ASGIApp:
    """This will build the interface; what lies outside it is the web console."""
    server = _Server(world)
    one = "/v0/pipelines/{pipeline}"
    action = one + "/{kind}/{relation}/connectors/{connector}/{verb}"
    return Starlette(
        routes=[
            Route("/v0/config", server.guarded(server.config)),
            Route("/v0/pipelines", server.guarded(server.pipelines)),
            Route(one, server.guarded(server.pipeline)),
            Route(one + "/stats", server.guarded(server.stats)),
            Route(one + "/{verb}", server.guarded(server.act), methods=["POST"]),
            Route(action, server.guarded(server.flag), methods=["POST"]),
            Route(action.replace("{verb}", "stats"), server.guarded(server.connector_stats)),
            Route("/v0/{rest:path}", server.guarded(server.nothing)),
            Route("/{rest:path}", server.console),
        ]
    )


class _Server:
    def __init__(self, world: FelderaWorld) -> None:
        self.world = world

    @staticmethod
    def guarded(view: View) -> View:
        """This will check the key."""

        async def answer(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return unauthorized()
            return await view(request)

        return answer

    async def console(self, request: Request) -> Response:
        """Anything else is 200 with a page."""
        return HTMLResponse(CONSOLE)

    async def nothing(self, request: Request) -> Response:
        """An unknown path of the interface is an empty 404."""
        return Response(status_code=404)

    async def config(self, request: Request) -> Response:
        """`GET /v0/config`"""
        return JSONResponse({"version": self.world.version, "edition": self.world.edition, **BUILD})

    def _find(self, request: Request) -> Pipeline | None:
        return self.world.pipelines.get(request.path_params["pipeline"])

    @staticmethod
    def _unknown(request: Request) -> Response:
        return error(404, "UnknownPipelineName", f"Unknown pipeline name '{request.path_params['pipeline']}'")

    async def pipelines(self, request: Request) -> Response:
        """`GET /v0/pipelines`"""
        listed = sorted(self.world.pipelines.values(), key=lambda p: p.id)
        return JSONResponse([self._shown(request, pipeline) for pipeline in listed])

    async def pipeline(self, request: Request) -> Response:
        """`GET /v0/pipelines/{p}`, with its program when all is selected, as it is when nothing is."""
        found = self._find(request)
        if found is None:
            return self._unknown(request)
        return JSONResponse(self._shown(request, found))

    def _shown(self, request: Request, pipeline: Pipeline) -> dict[str, Any]:
        body = self.world.row(pipeline)
        if request.query_params.get("selector", "all") == "all":
            body["program_info"] = self._program(pipeline)
        return body

    @staticmethod
    def _program(pipeline: Pipeline) -> dict[str, Any]:
        parts: dict[str, dict[str, Any]] = {"inputs": {}, "outputs": {}}
        for c in pipeline.connectors.values():
            transport = {"name": c.transport, "config": TRANSPORTS.get(c.transport, {"topic": c.endpoint}) | HIDDEN}
            parts[c.kind][c.endpoint] = {"stream": c.stream, "transport": transport, "paused": c.configured_paused}
        return {
            "schema": {"inputs": [], "outputs": []},
            "udf_stubs": "",
            "input_connectors": parts["inputs"],
            "output_connectors": parts["outputs"],
        }

    async def stats(self, request: Request) -> Response:
        """`GET /v0/pipelines/{p}/stats`, proxied to the process."""
        found = self._find(request)
        if found is None:
            return self._unknown(request)
        if refusal := self._not_up(found):
            return refusal
        stats = {
            kind: [self.world.stats(found, c) for c in found.connectors.values() if c.kind == kind]
            for kind in KINDS.values()
        }
        few = figures.input_metrics(1, is_at_end=False)
        for guest in ("now", *found.guests):
            stream = guest.split(".", 1)[0]
            stats["inputs"].append(figures.endpoint(guest, stream, few, fatal_error=None, is_paused=False))
        whole = figures.process(
            "Paused" if found.status == "Paused" else "Running",
            found.deployment or "",
            records=sum(self.world.counted(found, c) for c in found.connectors.values() if c.kind == "inputs"),
            began=self.world.began,
            now=self.world.clock.now(),
        )
        return JSONResponse({"global_metrics": whole, **stats})

    @staticmethod
    def _not_up(pipeline: Pipeline) -> Response | None:
        if pipeline.status in states.HAS_PROCESS:
            return None
        if pipeline.status == "Initializing":
            return error(503, "Initializing", "Operation failed because the pipeline has not finished initializing.")
        name, word = pipeline.name, pipeline.status.lower()
        if pipeline.status == "Unavailable":
            words = f"Unable to interact with pipeline because its status is currently '{word}' pipeline-id=N/A \
pipeline-name=\"{name}\""
            return error(503, "PipelineUnavailable", words, {"pipeline_name": name})
        words = f'Unable to interact with pipeline because the deployment status ({word}) indicates it is not (yet) \
fully provisioned pipeline-id=N/A pipeline-name="{name}"'
        steered = "Stopped" if pipeline.desired == "Stopped" else "Provisioned"
        about = {"pipeline_name": name, "status": pipeline.status, "desired_status": steered}
        return error(503, "PipelineInteractionNotDeployed", words, about)

    async def act(self, request: Request) -> Response:
        """`POST /v0/pipelines/{p}/start|pause|resume|stop`: 202, later."""
        found, verb = self._find(request), request.path_params["verb"]
        graceful = verb == "stop" and request.query_params.get("force", "false") != "true"
        if graceful and self.world.edition == "Open source":
            words = "Cannot use enterprise-only feature (stop?force=false) in Feldera community edition."
            return error(501, "EnterpriseFeature", words, {"feature": "stop?force=false"})
        if found is None:
            return self._unknown(request)
        if verb == "start":
            return self._start(found, request.query_params)
        if verb in {"pause", "resume"}:
            return self._hold(found, verb)
        if verb == "dismiss_error":
            return self._dismiss(found)
        if verb != "stop":
            return Response(status_code=404)
        if graceful and found.status in states.HAS_PROCESS:
            self.world.act("stop", found.id, lambda: self.world.suspend(found))
            return JSONResponse("Pipeline is suspending", 202)
        self.world.act("force_stop", found.id, lambda: self.world.stop(found))
        return JSONResponse("Pipeline is forcefully stopping", 202)

    @staticmethod
    def _dismiss(pipeline: Pipeline) -> Response:
        if pipeline.error and (pipeline.status, pipeline.desired) != ("Stopped", "Stopped"):
            return error(400, "DismissErrorRestrictedToFullyStopped", "Only when stopped can an error be dismissed")
        pipeline.error = None
        return JSONResponse("Pipeline deployment error has been dismissed")

    def _start(self, pipeline: Pipeline, query: QueryParams) -> Response:
        """It looks at the resources only: what is up stays as it is, paused or not."""
        initial = query.get("initial", "running").capitalize()
        if pipeline.status == "Stopping":
            return error(400, "IllegalPipelineAction", "Cannot start the pipeline while it is stopping")
        if pipeline.program_status in states.BROKEN_PROGRAM:
            return error(400, "CannotStartWithCompilationError", "The program does not compile")
        if pipeline.error and query.get("dismiss_error") == "false":
            return error(400, "CannotStartWithUndismissedError", "The error of the latest run was not dismissed")
        if pipeline.desired != "Stopped" and initial != pipeline.initial:
            return error(400, "InitialImmutableUnlessStopped", "The initial state can be changed only while stopped")
        if pipeline.desired == "Stopped":
            self.world.act("start", pipeline.id, lambda: self.world.start(pipeline, initial))
        return JSONResponse("Pipeline is starting", 202)

    def _hold(self, pipeline: Pipeline, verb: str) -> Response:
        if refusal := self._not_up(pipeline):
            return refusal
        if pipeline.desired in {"Stopped", "Suspended"} or pipeline.status == "Standby":
            theirs, now = {"pause": "pause", "resume": "start"}[verb], pipeline.status
            if pipeline.status != "Standby":
                now = "Suspended"
            words = f"Cannot execute {theirs} transition starting from {now}"
            return error(400, "InvalidTransition", words, [theirs, now])
        wish = {"pause": "Paused", "resume": "Running"}[verb]
        self.world.act(verb, pipeline.id, lambda: self.world.hold(pipeline, wish))
        was = {"pause": "Running", "resume": "Paused"}[verb]
        return JSONResponse(f"Pipeline transitioning from {was} to {wish}", 202)

    async def connector_stats(self, request: Request) -> Response:
        """`GET …/tables|views/{relation}/connectors/{c}/stats`"""
        found = self._find(request)
        if found is None:
            return self._unknown(request)
        if refusal := self._not_up(found):
            return refusal
        connector = self._connector(request, found)
        return JSONResponse(self.world.stats(found, connector)) if connector else self._no_endpoint(request)

    def _connector(self, request: Request, pipeline: Pipeline) -> Connector | None:
        params = {key: unquote(value) for key, value in request.path_params.items()}
        kind = KINDS.get(params["kind"])
        return self.world.by_path(pipeline, kind, params["relation"], params["connector"]) if kind else None

    @staticmethod
    def _no_endpoint(request: Request) -> Response:
        params = {key: unquote(value) for key, value in request.path_params.items()}
        side = KINDS.get(params["kind"], "inputs").removesuffix("s")
        name = f"{params['relation']}.{params['connector']}"
        words = f"unknown {side} endpoint name '{name}'"
        return error(404, f"Unknown{side.capitalize()}Endpoint", words, {"endpoint_name": name})

    async def flag(self, request: Request) -> Response:
        """`POST …/tables|views/{relation}/connectors/{c}/start|pause`: 200 once the flag is flipped."""
        found, asked = self._find(request), request.path_params["verb"]
        if request.path_params["kind"] == "views" and not self.world.has_output_control:
            return Response(status_code=404)
        if asked not in {"start", "pause"}:
            words = f"Invalid connector action '{asked}'; valid actions are: 'start' or 'pause'"
            return error(400, "InvalidConnectorAction", words, {"action": asked})
        if found is None:
            return self._unknown(request)
        if refusal := self._not_up(found):
            return refusal
        connector = self._connector(request, found)
        if connector is None:
            return self._no_endpoint(request)
        is_paused = asked == "pause"
        verb = "pause" if is_paused else "resume"
        verb = "pause" if is_paused else "resume"
        external_id = f"{found.id}/{connector.endpoint}"
        self.world.act(verb, external_id, lambda: self.world.flag(found, connector, is_paused=is_paused))
        return Response(status_code=200)
