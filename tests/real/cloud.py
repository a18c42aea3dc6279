"""Confluent Cloud's paths in front of a plain worker: a small proxy, so that our adapter meets a real one."""

from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ENVIRONMENT, CLUSTER = "env-real", "lkc-real"
PLACE = f"/connect/v1/environments/{ENVIRONMENT}/clusters/{CLUSTER}/connectors"


def app(worker: str) -> Starlette:
    """This will build the proxy; what the worker does not have, it answers itself."""
    return Starlette(
        routes=[
            Route("/org/v2/environments", _environments),
            Route("/cmk/v2/clusters", _clusters),
            Route(PLACE, _Proxy(worker).connectors),
            Route(PLACE + "/{name}/{verb}", _Proxy(worker).act, methods=["PUT", "POST"]),
        ]
    )


def _list(kind: str, group: str, item: dict[str, Any]) -> Response:
    body = {"api_version": group, "kind": f"{kind}List", "metadata": {"next": None}, "data": [item]}
    return JSONResponse(body)


async def _environments(request: Request) -> Response:
    return _list("Environment", "org/v2", {"id": ENVIRONMENT, "display_name": "real"})


async def _clusters(request: Request) -> Response:
    cluster = {"id": CLUSTER, "spec": {"display_name": "real"}, "status": {"phase": "PROVISIONED"}}
    return _list("Cluster", "cmk/v2", cluster)


class _Proxy:
    def __init__(self, worker: str) -> None:
        self.worker = worker

    async def connectors(self, request: Request) -> Response:
        """A comma list of expansions there, a repeated parameter here; ids are made up."""
        wanted = request.query_params["expand"].split(",")
        known: list[tuple[str, str | int | float | None]] = [
            ("expand", part) for part in wanted if part in {"info", "status"}
        ]
        async with httpx.AsyncClient() as web:
            found = (await web.get(f"{self.worker}/connectors", params=known, timeout=30)).json()
        return JSONResponse(
            {name: {**entry, "id": {"id": f"lcc-{name}", "id_type": "ID"}} for name, entry in found.items()}
        )

    async def act(self, request: Request) -> Response:
        """Restart takes its tasks along there; it asks for RUNNING, and says no more than 202."""
        name, verb = request.path_params["name"], request.path_params["verb"]
        async with httpx.AsyncClient(base_url=self.worker, timeout=100) as web:
            if verb != "restart":
                answer = await web.put(f"/connectors/{name}/{verb}")
                return Response(answer.content, answer.status_code, media_type="application/json")
            state = (await web.get(f"/connectors/{name}/status")).json()["connector"]["state"]
            if state != "RUNNING":
                return JSONResponse({"error": {"code": 400, "message": "Bad Request"}}, 400)
            await web.post(f"/connectors/{name}/restart", params={"includeTasks": "true"})
            return Response(status_code=202)
