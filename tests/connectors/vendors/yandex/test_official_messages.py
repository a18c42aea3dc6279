"""Every JSON body of ours, through the messages of Yandex's own package and back, with nothing lost."""

import json
from typing import Any

import httpx
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict, Parse
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import RequestInfo
from google.rpc.status_pb2 import Status
from yandex.cloud.operation.operation_pb2 import Operation
from yandex.cloud.serverless.eventrouter.v1.bus_pb2 import Bus
from yandex.cloud.serverless.eventrouter.v1.bus_service_pb2 import ListBusesResponse
from yandex.cloud.serverless.eventrouter.v1.connector_pb2 import Connector
from yandex.cloud.serverless.eventrouter.v1.connector_service_pb2 import (
    ListConnectorsResponse,
    StartConnectorMetadata,
    StopConnectorMetadata,
)

from connectors.vendors.sandbox import ManualClock, bench
from connectors.vendors.yandex.sandbox import KEY_FILE
from connectors.vendors.yandex.sandbox.estate import FOLDER
from connectors.vendors.yandex.sandbox.server import AUDIENCE, status
from connectors.vendors.yandex.tokens import AuthorizedKey

KNOWN = [StartConnectorMetadata, StopConnectorMetadata, RequestInfo, Empty]
"""Imported so that `Any` can be resolved by their names."""


@pytest.fixture
def clock() -> ManualClock:
    """This will let time pass by hand."""
    return ManualClock()


@pytest.fixture
async def web(clock: ManualClock) -> Any:
    """This will sign in to the sandbox."""
    app = bench("yandex", clock=clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://vendor.test") as client:
        signed = {"jwt": AuthorizedKey.read(KEY_FILE).sign(AUDIENCE)}
        token = (await client.post("/iam/v1/tokens", json=signed)).json()["iamToken"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def through(body: dict[str, Any], message: Message) -> dict[str, Any]:
    """This will read a body as a message, unknown fields forbidden, and write it again."""
    return dict(MessageToDict(Parse(json.dumps(body), message, ignore_unknown_fields=False)))


def _same(ours: Any, theirs: Any) -> bool:
    """Defaults are left out by their writer; everything else must be there, and equal."""
    if isinstance(ours, dict):
        return all(
            _same(value, theirs.get(key)) for key, value in ours.items() if value not in ("", 0, False, [], {}, None)
        )
    if isinstance(ours, list):
        return isinstance(theirs, list) and len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return bool(ours == theirs)


async def test_lists_are_theirs(web: httpx.AsyncClient) -> None:
    folder = {"folderId": FOLDER}
    for path, message in (("buses", ListBusesResponse()), ("connectors", ListConnectorsResponse())):
        answer = await web.get(f"/eventrouter/v1/{path}", params=folder)
        body = answer.json()
        assert answer.status_code == 200
        assert body[path]
        assert _same(body, through(body, message)), path


async def test_each_connector_and_bus_is_theirs(web: httpx.AsyncClient) -> None:
    folder = {"folderId": FOLDER}
    for path, kind in (("connectors", Connector), ("buses", Bus)):
        for row in (await web.get(f"/eventrouter/v1/{path}", params=folder)).json()[path]:
            assert _same(row, through(row, kind()))


async def test_operations_are_theirs_from_beginning_to_end(web: httpx.AsyncClient, clock: ManualClock) -> None:
    folder = {"folderId": FOLDER}
    running = next(
        row for row in (await web.get("/eventrouter/v1/connectors", params=folder)).json()["connectors"]
        if row["status"] == "RUNNING"
    )  # fmt: skip

    begun = (await web.post(f"/eventrouter/v1/connectors/{running['id']}:stop")).json()
    clock.advance(10)
    done = (await web.get(f"/operations/{begun['id']}")).json()

    for body in (begun, done):
        assert _same(body, through(body, Operation()))
    read = Parse(json.dumps(done), Operation())
    metadata = StopConnectorMetadata()
    assert read.done
    assert read.metadata.Unpack(metadata)
    assert metadata.connector_id == running["id"]


def test_refusals_are_theirs() -> None:
    body = json.loads(bytes(status(5, "Connector not found").body))

    assert _same(body, through(body, Status()))
    assert (body["code"], body["message"]) == (5, "Connector not found")
