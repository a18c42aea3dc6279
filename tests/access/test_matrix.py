"""
Every address of the product, for each of the cast and each kind of token, against one table: `table.txt`.

A new address fails here until it has its rows. The failing message is the row as the product behaves now: judge
it, and add it to the table (in order of name) only if that is how it should behave. What the address names has to
exist: put it into `world.py` (`ids`), with a body in `BODIES` where it takes one, so that a refusal is a refusal.
"""

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.models import QuerySet
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from connectors.models import AuditEvent
from tests.access import world as worlds
from tests.access.world import BODIES, NOWHERE, QUERIES, SELECTIONS, World
from tests.cast import Estate

TABLE = Path(__file__).with_name("table.txt")
PEOPLE = ("anonymous", "stranger", "viewer", "operator", "lead", "auditor", "admin")
TOKENS = (*worlds.SCOPES, "t:expired")
ELSEWHERE = {"events": "tests/dashboard/test_events.py: a stream that never ends needs a client of its own"}
NOTHING_THERE = {"first-admin", "openid_connect_callback", "openid_connect_login"}
"""
Addresses that answer 404 whoever asks: there is an admin already, and no company. `test_first_admin.py` and
`test_company_sign_in.py` walk them where there is neither and both.
"""
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
NOT_ALLOWED, MISSING, BROKEN = "405", "404", "500"


def addresses(resolver: URLResolver | None = None, before: str = "") -> Iterator[tuple[str, str, Any]]:
    """This will walk all of them: name, route, view."""
    for found in (resolver or get_resolver()).url_patterns:
        route = before + str(found.pattern)
        if isinstance(found, URLResolver):
            yield from addresses(found, route)
        else:
            assert isinstance(found, URLPattern)
            yield found.name or route, route, found.callback


ADDRESSES = {name: (route, view) for name, route, view in addresses()}


def table() -> dict[tuple[str, str], dict[str, str]]:
    """This will read the table: by method and address, a cell for each column."""
    rows = {}
    for line in TABLE.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        words = line.replace("|", " ").split()
        rows[words[0], words[1]] = dict(zip((*PEOPLE, *TOKENS), words[2:], strict=False))
    return rows


def line_of(method: str, name: str, row: Mapping[str, str]) -> str:
    """This will write a row as it stands in the table."""
    people = " ".join(f"{row[column]:<4}" for column in PEOPLE)
    tokens = " ".join(f"{row[column]:<4}" for column in TOKENS if column in row)
    return f"{method:<6} {name:<34} {people}{' | ' + tokens if tokens else ''}".rstrip()


def methods_of(view: Any) -> list[str]:
    """This will give the methods to try: what a class has, both kinds for a function."""
    made_of = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if getattr(view, "cls", None) is None:
        return [m for m in ("get", "post") if made_of is None or hasattr(made_of, m)]
    return [m for m in ("get", "post", "put", "patch", "delete") if hasattr(made_of, m)]


def path_of(name: str, route: str, world: World) -> str:
    """This will fill an address in with ids of the world, by what stands before each."""
    path = "/" + route.replace("^(?P<provider_id>[^/]+)", "company").lstrip("/")
    while found := PARAMETER.search(path):
        before = path[: found.start()].strip("/").split("/")
        places = ("/".join(before[-2:]), f"{before[0]}/{before[-1]}", before[-1])
        place = next((place for place in places if place in world.ids), "")
        if found[2] == "target_pk":
            place = "connectors"
        if name in world.ids:
            place = name
        if place == "" and found[1] == "uuid":
            value = "00000000-0000-4000-8000-000000000000"
        else:
            value = str(world.ids.get(place, NOWHERE))
        path = path[: found.start()] + value + path[found.end() :]
    return path


def cell(method: str, name: str, path: str, estate: Estate, world: World, column: str) -> str:
    """This will ask as somebody: the status, with a plus where it changed something. All of it is taken back."""
    is_api = path.startswith(("/api/", "/metrics"))
    body = {key: _filled(value, world) for key, value in BODIES.get(name, {}).items()}
    headers = {"Authorization": f"Token {world.tokens[column]}"} if column in world.tokens else {}
    client = Client(raise_request_exception=False, headers=headers)
    with transaction.atomic():
        if column in estate.people:
            client.force_login(estate.people[column])
            _prove(client)
        kind = {"content_type": "application/json"} if is_api and method != "get" else {}
        before = acts().count()
        if method != "get" and name in SELECTIONS:
            path = f"{path}?{SELECTIONS[name]}"
        answer = getattr(client, method)(path, body if method != "get" else QUERIES.get(name, {}), **kind)
        has_acted = acts().count() > before
        transaction.set_rollback(True)
    return f"{answer.status_code}{'+' if has_acted else ''}"


def _filled(value: Any, world: World) -> Any:
    """This will put ids of the world where a body names them."""
    if isinstance(value, list):
        return [_filled(one, world) for one in value]
    return world.ids[value[1:]] if isinstance(value, str) and value.startswith("@") else value


def _prove(client: Client) -> None:
    """This will have had the person type their password a moment ago."""
    session = client.session
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session["account_authentication_methods"] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session.save()


def acts() -> QuerySet[AuditEvent]:
    """This will give what is on record as asked for, done or ended: every change is. A refused attempt is none."""
    return AuditEvent.objects.exclude(action__endswith=".refused")


def observed(name: str, estate: Estate, world: World) -> dict[str, dict[str, str]]:
    """This will ask with every method as everybody; a method that nobody may use has no row."""
    route, view = ADDRESSES[name]
    path = path_of(name, route, world)
    found = {}
    for method in methods_of(view):
        if cell(method, name, path, estate, world, "admin") == NOT_ALLOWED:
            continue
        columns = (*PEOPLE, *TOKENS) if path.startswith(("/api/", "/metrics")) else PEOPLE
        found[method.upper()] = {c: cell(method, name, path, estate, world, c) for c in columns}
        if columns == PEOPLE:  # a token opens no page
            for column in ("t:operate", "t:admin"):
                assert cell(method, name, path, estate, world, column) == found[method.upper()]["anonymous"], column
    return found


@pytest.mark.parametrize("name", sorted(set(ADDRESSES) - set(ELSEWHERE)))
def test_everybody_gets_what_the_table_says(estate: Estate, name: str, settings: Any) -> None:
    found = observed(name, estate, worlds.build(estate))
    known = table()

    lines = [line_of(method, name, row) for method, row in found.items()]
    expected = [line_of(method, name, known[method, name]) for method in found if (method, name) in known]
    assert lines == expected, (
        "tests/access/table.txt says otherwise, or has no such row. Judge these, then put them there:\n"
        + "\n".join(lines)
    )
    signed_in = [column for column in (*PEOPLE, *TOKENS) if column not in {"anonymous", "t:expired"}]
    absent = [line for line, row in zip(lines, found.values(), strict=True)
              if {row[column] for column in signed_in if column in row} == {MISSING}]  # fmt: skip
    assert not absent or name in NOTHING_THERE, (
        "Nothing is there for anybody, so this row proves nothing: add the object to tests/access/world.py\n"
        + "\n".join(absent)
    )
    assert not [row for row in found.values() if BROKEN in row.values()], "\n".join(lines)


def test_the_table_has_no_row_for_what_is_gone() -> None:
    assert sorted({name for _, name in table()} - set(ADDRESSES)) == []


def test_every_address_has_a_name_of_its_own() -> None:
    names = [name for name, _, _ in addresses()]

    assert len(names) == len(set(names))
