"""Elasticsearch's connector interface over the world."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from connectors.vendors.elastic.sandbox.world import CANCELS, TRANSITIONS, ElasticWorld

KEY = "ZGVtby1jb25uZWN0b3I6bWFuYWdlLWV2ZXJ5dGhpbmc="
PROTOCOL = "is not supported by the Connector Protocol."

View = Callable[[Request], Awaitable[Response]]


def answer(request: Request | None, body: Any, status: int = 200) -> JSONResponse:
    """This will answer as Elasticsearch does: the product's header, and the media type that was asked for."""
    accept = request.headers.get("accept", "") if request else ""
    kind = accept.replace("; ", ";") if "vnd.elasticsearch+json" in accept else "application/json"
    return JSONResponse(body, status, {"X-Elastic-Product": "Elasticsearch"}, media_type=kind)


def error(request: Request | None, status: int, kind: str, reason: str, caused_by: Any = None) -> JSONResponse:
    """This will build the usual error document."""
    cause = {"caused_by": caused_by} if caused_by else {}
    root = [{"type": kind, "reason": reason}]
    return answer(
        request, {"error": {"root_cause": root, "type": kind, "reason": reason, **cause}, "status": status}, status
    )


def app(world: ElasticWorld) -> ASGIApp:
    """This will build the interface; paths of jobs come before those of connectors."""
    server = _Server(world)
    jobs = "/_connector/_sync_job"
    return Starlette(
        routes=[
            Route("/", server.guarded(server.root)),
            Route(jobs, server.guarded(server.jobs)),
            Route(jobs, server.guarded(server.create_job), methods=["POST"]),
            Route(jobs + "/{job}", server.guarded(server.job)),
            Route(jobs + "/{job}/_cancel", server.guarded(server.cancel), methods=["PUT"]),
            Route("/_connector", server.guarded(server.connectors)),
            Route("/_connector/{id}", server.guarded(server.connector)),
            Route("/_connector/{id}/_status", server.guarded(server.status), methods=["PUT"]),
            Route("/_connector/{id}/_error", server.guarded(server.set_error), methods=["PUT"]),
            Route("/_connector/{id}/_scheduling", server.guarded(server.scheduling), methods=["PUT"]),
        ]
    )


class _Server:
    def __init__(self, world: ElasticWorld) -> None:
        self.world = world

    @staticmethod
    def guarded(view: View) -> View:
        """This will check the key."""

        async def checked(request: Request) -> Response:
            if request.headers.get("authorization") != f"ApiKey {KEY}":
                refusal = error(request, 401, "security_exception", "unable to authenticate with provided credentials")
                refusal.headers["WWW-Authenticate"] = "ApiKey"
                return refusal
            return await view(request)

        return checked

    async def root(self, request: Request) -> Response:
        """`GET /`"""
        return answer(request, {"name": "es-7fa2", "cluster_name": "search-eu", "version": {"number": "9.4.1"}})

    async def connectors(self, request: Request) -> Response:
        """`GET /_connector`, in order of index, those without one last."""
        documents = [self.world.document(id_) for id_ in self.world.connectors]
        documents.sort(key=lambda d: (d["index_name"] is None, d["index_name"] or ""))
        return self._page(request, documents)

    def _page(self, request: Request, found: list[dict[str, Any]]) -> Response:
        start, size = (int(request.query_params.get(name, usual)) for name, usual in (("from", 0), ("size", 100)))
        body = {"count": len(found), "results": found[start : start + size]}
        return answer(request, filtered(body, request.query_params.get("filter_path", "")))

    def _missing(self, request: Request) -> Response:
        reason = f"connector [{request.path_params['id']}] not found"
        return error(request, 404, "resource_not_found_exception", reason)

    async def connector(self, request: Request) -> Response:
        """`GET /_connector/{id}`"""
        id_ = request.path_params["id"]
        if id_ not in self.world.connectors:
            return self._missing(request)
        return answer(request, filtered(self.world.document(id_), request.query_params.get("filter_path", "")))

    async def status(self, request: Request) -> Response:
        """`PUT /_connector/{id}/_status`, held against the table of transitions."""
        id_ = request.path_params["id"]
        if id_ not in self.world.connectors:
            return self._missing(request)
        wanted = str((await request.json()).get("status", "")).lower()
        if wanted not in TRANSITIONS:
            cause = {"type": "illegal_argument_exception", "reason": f"Unknown ConnectorStatus [{wanted}]."}
            reason = "[1:11] [connector_update_status_request] failed to parse field [status]"
            return error(request, 400, "x_content_parse_exception", reason, cause)
        current = self.world.connectors[id_]["status"]
        if wanted not in TRANSITIONS.get(current, set()):
            reason = f"Invalid transition attempt from [{current}] to [{wanted}]. Such a status transition {PROTOCOL}"
            cause = {"type": "connector_invalid_status_transition_exception", "reason": reason}
            return error(request, 400, "status_exception", reason, cause)
        self.world.act("status", id_, lambda: self.world.connectors[id_].update(status=wanted))
        return answer(request, {"result": "updated"})

    async def set_error(self, request: Request) -> Response:
        """`PUT /_connector/{id}/_error`: a text makes it `error`, none `connected`, past the table of transitions."""
        id_ = request.path_params["id"]
        if id_ not in self.world.connectors:
            return self._missing(request)
        words = (await request.json()).get("error") or None
        change = {"error": words, "status": "error" if words else "connected"}
        self.world.act("error", id_, lambda: self.world.connectors[id_].update(change))
        return answer(request, {"result": "updated"})

    async def scheduling(self, request: Request) -> Response:
        """`PUT /_connector/{id}/_scheduling`; a body with neither `full` nor `incremental` is refused."""
        id_ = request.path_params["id"]
        if id_ not in self.world.connectors:
            return error(request, 404, "document_missing_exception", f"[{id_}]: document missing")
        wanted = (await request.json()).get("scheduling") or {}
        if not ({"full", "incremental"} & set(wanted)):
            reason = "Validation Failed: 1: [scheduling] object needs to define at least one schedule type;"
            return error(request, 400, "action_request_validation_exception", reason)
        self.world.act("schedule", id_, lambda: self.world.schedule(id_, wanted))
        return answer(request, {"result": "updated"})

    async def jobs(self, request: Request) -> Response:
        """`GET /_connector/_sync_job`, newest first."""
        query = request.query_params
        found = [
            job
            for job in reversed(self.world.jobs.values())
            if query.get("status") in {None, job["status"]}
            and query.get("connector_id") in {None, job["connector"]["id"]}
        ]
        return self._page(request, found)

    async def job(self, request: Request) -> Response:
        """`GET /_connector/_sync_job/{job}`"""
        found = self.world.jobs.get(request.path_params["job"])
        if found is None:
            return error(request, 404, "resource_not_found_exception", request.path_params["job"])
        return answer(request, filtered(found, request.query_params.get("filter_path", "")))

    async def create_job(self, request: Request) -> Response:
        """`POST /_connector/_sync_job`: 201 with the new job's id."""
        wanted = await request.json()
        id_ = wanted.get("id", "")
        if id_ not in self.world.connectors:
            reason = f"Connector with id '{id_}' does not exist."
            return error(request, 404, "resource_not_found_exception", reason)
        made: list[str] = []
        kind, trigger = wanted.get("job_type", "full"), wanted.get("trigger_method", "on_demand")
        self.world.act("sync_now", id_, lambda: made.append(self.world.create_job(id_, kind, trigger)))
        return answer(request, {"id": made[0] if made else "kj09NYwB0fRk2ToyCbQK"}, 201)

    async def cancel(self, request: Request) -> Response:
        """`PUT /_connector/_sync_job/{job}/_cancel`; refused where the table does not lead on."""
        job = self.world.jobs.get(request.path_params["job"])
        if job is None:
            return error(request, 404, "resource_not_found_exception", request.path_params["job"])
        if job["status"] not in CANCELS:
            attempt = f"Invalid transition attempt from [{job['status']}] to [canceling]."
            reason = f"{attempt} Such a ConnectorSyncStatus transition {PROTOCOL}"
            cause = {"type": "connector_sync_job_invalid_status_transition_exception", "reason": reason}
            return error(request, 400, "status_exception", reason, cause)
        self.world.act("cancel", job["connector"]["id"], lambda: self.world.cancel(job["id"]))
        return answer(request, {"result": "updated"})


def filtered(body: Any, filter_path: str) -> Any:
    """This will keep the paths that are named, and leave out those named with a minus."""
    paths = [path for path in filter_path.split(",") if path]
    for path in (path[1:] for path in paths if path.startswith("-")):
        body = _without(body, path.split("."))
    wanted = [path.split(".") for path in paths if not path.startswith("-")]
    return _only(body, wanted) if wanted else body


def _without(body: Any, path: list[str]) -> Any:
    if isinstance(body, list):
        return [_without(item, path) for item in body]
    if not isinstance(body, dict):
        return body
    if len(path) == 1:
        return {key: value for key, value in body.items() if key != path[0]}
    return {key: _without(value, path[1:]) if key == path[0] else value for key, value in body.items()}


def _only(body: Any, paths: Iterable[list[str]]) -> Any:
    paths = list(paths)
    if isinstance(body, list):
        return [_only(item, paths) for item in body]
    if not isinstance(body, dict):
        return body
    kept = {}
    for key, value in body.items():
        onward = [path[1:] for path in paths if path and path[0] == key]
        if onward:
            kept[key] = value if any(not rest for rest in onward) else _only(value, onward)
    return kept
