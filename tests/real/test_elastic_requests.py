"""What our client asks of Elasticsearch, held against requests recorded from the official client."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.states import State, Verb
from connectors.vendors.base import AccountConfig, Known, Order, Watch
from connectors.vendors.elastic.adapter import ElasticAdapter
from connectors.vendors.elastic.sandbox.server import KEY
from connectors.vendors.http import Http
from connectors.vendors.sandbox import bench
from tests.connectors.vendors.wire import Wire

RECORDED = "elastic-connectors.client-requests.json"
NAMES = re.compile(r"^/_connector/(?!_)[^/]+|^(/_connector/_sync_job)/[^/]+")


def shape(method: str, path: str) -> str:
    """This will give method and path, with ids left open."""
    return f"{method} " + NAMES.sub(lambda m: f"{m[1]}/*" if m[1] else "/_connector/*", path)


async def ours() -> list[httpx.Request]:
    """This will carry out every verb, and give what went over the line."""
    config = AccountConfig("http://vendor.test", {}, {"api_key": KEY})
    app = bench("elastic")
    wire = Wire(httpx.ASGITransport(app=app))
    async with Http("elastic", config, transport=wire) as http:
        adapter = ElasticAdapter(config, http)
        await adapter.observe(Watch())
        await adapter.client.set_status("tickets-jira", "configured")
        known = Known("connector", "tickets-jira", "deployment", "Tickets", State.RUNNING, "connected", "", {})
        for verb in (Verb.SYNC_NOW, Verb.PAUSE, Verb.RESUME, Verb.STOP, Verb.START):
            await adapter.send(Order(verb, known, "key"))
        job = next(iter(app.world.jobs))  # type: ignore[attr-defined]  # Elastic's world has jobs
        await adapter.client.job(job)
    return wire.requests


def fields(body: Any) -> set[str]:
    """This will list the paths of a body."""
    if not isinstance(body, Mapping):
        return set()
    return {path for key, value in body.items() for path in {key, *(f"{key}.{rest}" for rest in fields(value))}}


@pytest.mark.real
async def test_requests_are_those_of_the_official_client(specifications: Path) -> None:
    recorded: dict[str, list[dict[str, Any]]] = {}
    for request in json.loads((specifications / RECORDED).read_text())["requests"]:
        recorded.setdefault(shape(request["method"], request["target"].split("?")[0]), []).append(request)

    sent = await ours()

    assert {shape(r.method, r.url.path) for r in sent} <= set(recorded)
    for request in sent:
        theirs = recorded[shape(request.method, request.url.path)]
        known = set().union(*(fields(r["body"]) for r in theirs))
        assert fields(json.loads(request.content or b"null")) <= known
        assert bool(request.content) == any(r["body"] is not None for r in theirs)
        assert request.headers["authorization"] == f"ApiKey {KEY}"


@pytest.mark.real
async def test_parameters_are_those_the_specification_knows(specifications: Path) -> None:
    document = json.loads((specifications / "elastic-connectors.openapi.json").read_text())
    usual = {"filter_path", "pretty", "human", "error_trace"}

    for request in await ours():
        template = shape(request.method, request.url.path).split(" ")[1]
        path = next(p for p in document["paths"] if re.sub(r"\{[^}]+\}", "*", p) == template)
        operation = document["paths"][path][request.method.lower()]
        parameters = [*document["paths"][path].get("parameters", []), *operation.get("parameters", [])]
        names = {_resolved(document, p)["name"] for p in parameters}
        assert set(request.url.params) <= names | usual


def _resolved(document: Any, parameter: Any) -> Any:
    for part in parameter["$ref"].removeprefix("#/").split("/") if "$ref" in parameter else ():
        document = document[part]
    return document if "$ref" in parameter else parameter
