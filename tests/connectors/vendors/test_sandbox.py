"""The bench: each fault as every vendor's client meets it, over real HTTP where the wire matters, and its control."""

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from django.core.management import CommandError, call_command

import connectors.vendors.http
from connectors.vendors import certificates, registry
from connectors.vendors.base import AccountConfig, Adapter, Watch
from connectors.vendors.errors import (
    LostReply,
    NotUnderstood,
    RateLimited,
    ServerFault,
    SignInRefused,
    Unreachable,
    VendorError,
)
from connectors.vendors.http import Http
from connectors.vendors.sandbox import Bench, Fault, ManualClock, bench, find, serve_one

SLUGS = list(registry.vendors())
NOT_SIGN_IN = "^(?!.*(/iam|/tokens?))"
Serve = Callable[..., tuple[Bench, str]]


@asynccontextmanager
async def adapter(slug: str, url: str, **settings: Any) -> AsyncIterator[tuple[Adapter, Http]]:
    """This will point the vendor's adapter at an address, as an account of the demo."""
    demo = find(slug).accounts[0]
    known = {k: v.replace("{url}", url) if isinstance(v, str) else v for k, v in demo.settings.items()}
    config = AccountConfig(url + demo.path, {**known, **settings}, demo.credentials)
    async with Http(slug, config) as http:
        yield registry.get(slug).adapter(config, http), http


async def outcome(slug: str, url: str) -> VendorError | None:
    """This will read the account: what went wrong as a whole, or None when what could not be read is named."""
    async with adapter(slug, url) as (made, _):
        try:
            snapshot = await made.observe(Watch())
        except VendorError as error:
            return error
    assert snapshot.unread, "a fault passed for a whole reading"
    return None


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("drop", LostReply),
        ("truncated", (LostReply, NotUnderstood)),
        ("html", NotUnderstood),
        ("error", ServerFault),
        ("error_but_done", ServerFault),
        ("unauthorized", SignInRefused),
        ("rate_limited", RateLimited),
    ],
)
async def test_a_fault_is_met_and_never_passes_for_a_reading(
    serve: Serve, slug: str, kind: str, expected: type[VendorError]
) -> None:
    app, url = serve(slug)
    app.faults.append(Fault(kind, NOT_SIGN_IN, times=-1, seconds=30))

    error = await outcome(slug, url)

    assert error is None or isinstance(error, expected)
    assert any(entry["fault"] == kind for entry in app.requests)


@pytest.mark.parametrize("slug", SLUGS)
async def test_a_vendor_that_hangs_is_given_up(serve: Serve, slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectors.vendors.http, "TIMEOUT", httpx.Timeout(0.2))
    app, url = serve(slug)
    app.faults.append(Fault("hang", NOT_SIGN_IN, times=-1))

    error = await outcome(slug, url)

    assert error is None or isinstance(error, LostReply)


@pytest.mark.parametrize("slug", SLUGS)
async def test_a_delay_is_waited_for(serve: Serve, slug: str) -> None:
    app, url = serve(slug)
    app.faults.append(Fault("delay", times=2, seconds=0.3))

    async with adapter(slug, url) as (made, _):
        began = time.monotonic()
        snapshot = await made.observe(Watch())

    assert snapshot.connectors
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("slug", SLUGS)
async def test_a_certificate_nobody_vouches_for_is_refused_and_a_bundle_helps(slug: str, tmp_path: Path) -> None:
    file = tmp_path / "sandbox.pem"
    authority = certificates.throwaway(file)
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve_one(bench(slug), certificate=file, told=told.set_result))
    url = await told
    try:
        with pytest.raises(Unreachable, match="TLS connection failed"):
            async with adapter(slug, url) as (made, _):
                await made.observe(Watch())
        async with adapter(slug, url, ca_bundle=authority) as (made, _):
            assert (await made.observe(Watch())).connectors
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)


@pytest.mark.parametrize("slug", SLUGS)
async def test_a_sign_in_that_ends_after_some_calls_is_told(serve: Serve, slug: str) -> None:
    app, url = serve(slug)
    app.faults.append(Fault("unauthorized", NOT_SIGN_IN, after=2, times=-1))

    async with adapter(slug, url) as (made, _):
        with pytest.raises(SignInRefused):
            await _read_thrice(made)


async def _read_thrice(made: Adapter) -> None:
    for _ in range(3):
        await made.observe(Watch())


@pytest.mark.parametrize("slug", SLUGS)
async def test_a_storm_of_conflicts_is_told_and_passes(serve: Serve, slug: str) -> None:
    app, url = serve(slug)
    app.faults.append(Fault("conflict", times=3))

    async with adapter(slug, url) as (made, _):
        failed = 0
        for _ in range(4):
            try:
                complete = not (await made.observe(Watch())).unread
            except VendorError:
                complete = False
            failed += not complete

    assert failed >= 1
    assert complete


async def test_a_client_certificate_is_shown_where_the_server_wants_one(tmp_path: Path) -> None:
    file, own = tmp_path / "server.pem", tmp_path / "client.pem"
    authority, certificate = certificates.throwaway(file), certificates.throwaway(own)
    key = own.read_text().removeprefix(certificate)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        bench("kafka-connect"), ssl_certfile=file, ssl_ca_certs=str(own), ssl_cert_reqs=ssl.CERT_REQUIRED,
        log_level="critical", lifespan="off",
    )  # fmt: skip
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/orders"
    demo = find("kafka-connect").accounts[0]
    shown = {**demo.credentials, "client_certificate": certificate, "client_key": key}
    try:
        with pytest.raises(Unreachable):
            async with Http("kafka-connect", AccountConfig(url, {"ca_bundle": authority}, demo.credentials)) as http:
                await http.send("GET", "/connectors")
        async with Http("kafka-connect", AccountConfig(url, {"ca_bundle": authority}, shown)) as http:
            answer = await _listed(http, demo.credentials)
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)

    assert answer == 200


async def _listed(http: Http, credentials: Any) -> int:
    basic = httpx.BasicAuth(credentials["username"], credentials["password"])._auth_header
    return (await http.get("/connectors", headers={"Authorization": basic})).status_code


def test_a_fault_begins_after_so_many_and_ends() -> None:
    fault = Fault("unauthorized", "/x", "GET", times=2, after=1)

    assert [fault.takes("GET", "/x") for _ in range(4)] == [False, True, True, False]
    assert not fault.takes("PUT", "/x")


@pytest.mark.parametrize("slug", SLUGS)
def test_the_same_seed_gives_the_same_world(slug: str) -> None:
    worlds = [bench(slug, seed=7, clock=ManualClock()) for _ in range(2)]
    for app in worlds:
        app.populate(60)

    assert worlds[0].world.truth() == worlds[1].world.truth()


async def test_the_same_seed_gives_the_same_answers() -> None:
    bodies = []
    for _ in range(2):
        app = bench("elastic", seed=7, clock=ManualClock())
        key = {"Authorization": f"ApiKey {find('elastic').accounts[0].credentials['api_key']}"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://v", headers=key) as client:
            made = await client.post("/_connector/_sync_job", json={"id": "tickets-jira"})
            listed = await client.get("/_connector")
            bodies.append((made.content, listed.content, made.headers["date"]))

    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("slug", SLUGS)
def test_an_estate_of_ten_thousand(serve: Serve, slug: str) -> None:
    app, url = serve(slug)

    answer = httpx.post(f"{url}/_sandbox/estate", json={"connectors": 10_000, "seed": 3}, timeout=60)

    assert answer.status_code == 204
    assert sum(truth.target == "connector" for truth in app.world.truth()) == 10_000


def test_control_takes_faults_and_tells_what_was_received(serve: Serve) -> None:
    app, url = serve("elastic")

    refused = httpx.post(f"{url}/_sandbox/faults", json={"kind": "gremlins"})
    taken = httpx.post(f"{url}/_sandbox/faults", json={"kind": "error", "path": "/_connector"})
    httpx.get(f"{url}/_connector")
    record = httpx.get(f"{url}/_sandbox/record").json()["requests"]
    cleared = httpx.delete(f"{url}/_sandbox/faults")

    assert (refused.status_code, taken.status_code, cleared.status_code) == (400, 204, 204)
    assert [(r["method"], r["path"], r["status"], r["fault"]) for r in record] == [("GET", "/_connector", 500, "error")]
    assert app.faults == []


def test_a_verb_that_was_swallowed_is_answered_and_does_nothing(serve: Serve) -> None:
    app, url = serve("elastic")
    app.faults.append(Fault("swallow", method="PUT"))
    before = app.world.truth()
    key = {"Authorization": f"ApiKey {find('elastic').accounts[0].credentials['api_key']}"}
    off = {"scheduling": {"full": {"enabled": False, "interval": "0 0 0 * * ?"}}}

    answer = httpx.put(f"{url}/_connector/tickets-jira/_scheduling", json=off, headers=key)

    assert answer.status_code == 200
    assert [t.state for t in app.world.truth()] == [t.state for t in before]
    assert app.world.acts[-1].is_swallowed


def test_the_command_refuses_what_it_does_not_know() -> None:
    with pytest.raises(CommandError, match="there is no vendor"):
        call_command("sandbox", "nobody")
    with pytest.raises(CommandError, match="above 0"):
        call_command("sandbox", "elastic", speed=0.0)


def test_the_command_serves_and_says_how_to_point_an_account_at_it() -> None:
    said = StringIO()
    run = threading.Thread(
        target=call_command, args=("sandbox", "elastic"), kwargs={"connectors": 25, "stdout": said}, daemon=True
    )

    run.start()
    for _ in range(200):
        if "api_key" in said.getvalue():
            break
        time.sleep(0.05)
    url = said.getvalue().splitlines()[0]

    assert f"address      {url}" in said.getvalue()
    assert len(httpx.get(f"{url}/_sandbox/truth").json()) == 26


def test_served_as_a_process_an_act_still_knows_when_it_was_asked_for(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    serve = ("-m", "connectors.vendors.sandbox", "--only", "kafka-connect", "--ready-file", str(ready))
    with subprocess.Popen([sys.executable, *serve], stdout=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 30
            while not ready.exists() and time.monotonic() < end:
                time.sleep(0.05)
            url = json.loads(ready.read_text())["kafka-connect"]
            asked = ("switchyard", "connect-demo-pass")
            name = "orders-jdbc-source"
            httpx.post(f"{url}/orders/connectors/{name}/tasks/0/restart", auth=asked, timeout=10).raise_for_status()
            record = httpx.get(f"{url}/_sandbox/record", timeout=10).json()
        finally:
            process.terminate()

    (act,) = record["acts"]
    assert act["asked_at"] == record["requests"][0]["at"]
