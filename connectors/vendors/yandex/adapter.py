"""Our verbs over the folders of one service account."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.states import Direction, State, Verb
from connectors.vendors import secrets
from connectors.vendors.base import (
    AccountConfig,
    AccountSnapshot,
    Check,
    ConnectorSnapshot,
    Order,
    PipelineSnapshot,
    Receipt,
    Unread,
    VendorOperation,
    Watch,
)
from connectors.vendors.errors import NotFound, Refused, SignInRefused, VendorError
from connectors.vendors.http import Http
from connectors.vendors.yandex import states
from connectors.vendors.yandex.client import Client

SOURCES = {
    "dataStream": "data stream",
    "messageQueue": "message queue",
    "timer": "timer",
    "eventServiceSource": "pushed events",
    "auditTrails": "audit trails",
}
GOALS = {Verb.START: "RUNNING", Verb.STOP: "STOPPED"}


class YandexAdapter:
    """See `vendors.base.Adapter`."""

    def __init__(self, config: AccountConfig, http: Http) -> None:
        self.client = Client(config, http)
        self.http = http
        folders = config.settings.get("folder_ids") or []
        self.folders = folders.replace(",", " ").split() if isinstance(folders, str) else list(folders)

    async def observe(self, watch: Watch) -> AccountSnapshot:
        """Two lists a folder, and each operation we wait for."""
        operations, busy = await self._operations(watch.operations)
        reads = await asyncio.gather(*(self._folder(folder) for folder in self.folders))
        self.http.end_reading()
        buses = [bus for read in reads if not isinstance(read, Unread) for bus in read[0]]
        rows = [row for read in reads if not isinstance(read, Unread) for row in read[1]]
        return AccountSnapshot(
            [_bus(bus) for bus in buses],
            [self._connector(row, watch.pending.get(str(row["id"])), is_busy=str(row["id"]) in busy) for row in rows],
            unread=[read for read in reads if isinstance(read, Unread)],
            operations=operations,
        )

    async def _folder(self, folder: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]] | Unread:
        try:
            buses, connectors = await asyncio.gather(self.client.buses(folder), self.client.connectors(folder))
        except SignInRefused:
            raise
        except VendorError as error:
            if len(self.folders) == 1:
                raise
            return Unread(None, f"folder {folder}: {error}")
        return buses, connectors

    async def _operations(self, wanted: Sequence[str]) -> tuple[dict[str, VendorOperation], set[str]]:
        """
        Each operation, and the connectors at which one is under way.

        One that cannot be found has been forgotten by the vendor: then the connector's state alone decides.
        """
        found, busy = {}, set()
        for operation in wanted:
            try:
                body = await self.client.operation(operation)
            except NotFound:
                found[operation] = VendorOperation(operation, is_done=True)
                continue
            is_done = bool(body.get("done"))
            error = body.get("error") or {}
            words = (
                self.http.clean(str(error.get("message") or f"code {error.get('code')}")) if error and is_done else ""
            )
            found[operation] = VendorOperation(operation, is_done, words)
            if not is_done:
                busy.add(str((body.get("metadata") or {}).get("connectorId", "")))
        return found, busy

    def _connector(self, row: Mapping[str, Any], pending: Verb | None, *, is_busy: bool) -> ConnectorSnapshot:
        status = str(row.get("status", "STATUS_UNSPECIFIED"))
        source = row.get("source") or {}
        kind = next(iter(source), "")
        state = states.connector(status, pending=pending, has_open_operation=is_busy)
        hint = states.HINTS.get(status, "")
        return ConnectorSnapshot(
            external_id=str(row["id"]),
            pipeline=str(row.get("busId", "")),
            name=str(row.get("name") or row["id"]),
            state=state,
            vendor_state=status,
            direction=Direction.SOURCE,
            type=SOURCES.get(kind, "other source" if kind else ""),
            error=hint if state is State.FAILED else "",
            whose="yours" if hint else "",
            labels={str(key): str(value) for key, value in (row.get("labels") or {}).items()},
            config=secrets.mask({"description": row.get("description", ""), kind or "source": source.get(kind, {})}),
            facts={"deletion_protection": bool(row.get("deletionProtection"))},
        )

    async def send(self, order: Order) -> Receipt:
        """A refusal for being there already is no refusal: the connector is read again to see."""
        connector = order.known.external_id
        verb = "start" if order.verb is Verb.START else "stop"
        try:
            operation = await self.client.act(connector, verb, _key(order.key))
        except Refused as error:
            if error.status == 400 and (await self.client.connector(connector)).get("status") == GOALS[order.verb]:
                return Receipt(reply=f"refused, but it is {GOALS[order.verb]} already: {error}")
            raise
        return Receipt(
            operation_id=str(operation["id"]),
            request=f"POST /eventrouter/v1/connectors/{connector}:{verb}",
            reply=f"200 operation {operation['id']}",
        )

    async def test(self) -> Sequence[Check]:
        """The role to start and stop cannot be asked for without doing it."""
        act = Check("act", None, "Not tried. The service account needs serverless.eventrouter.editor on the folder.")
        try:
            await self.client.tokens.get()
        except SignInRefused as error:
            return [Check("reach", True, "the sign-in service answers"), Check("sign_in", False, str(error)),
                    Check("list", None, "not tried"), act]  # fmt: skip
        except VendorError as error:
            return [Check("reach", False, str(error)), Check("sign_in", None, "not tried"),
                    Check("list", None, "not tried"), act]  # fmt: skip
        signed = Check("sign_in", True, "an IAM token was given")
        try:
            found = [row for folder in self.folders for row in await self.client.connectors(folder)]
        except VendorError as error:
            return [
                Check("reach", True, "answers"),
                signed,
                Check("list", False, f"{error}: check folders and roles"),
                act,
            ]
        listed = Check("list", True, f"{len(found)} connectors in {len(self.folders)} folders")
        return [Check("reach", True, "answers"), signed, listed, act]


def _bus(row: Mapping[str, Any]) -> PipelineSnapshot:
    status = str(row.get("status", "STATUS_UNSPECIFIED"))
    return PipelineSnapshot(
        external_id=str(row["id"]),
        name=str(row.get("name") or row["id"]),
        state=states.BUS.get(status, State.UNKNOWN),
        vendor_state=status,
        kind="bus",
        labels={str(key): str(value) for key, value in (row.get("labels") or {}).items()},
        facts={"folder": row.get("folderId", "")},
    )


def _key(key: str) -> str:
    """The header takes a UUID; ours is one, and any other text is made into one that is always the same."""
    try:
        return str(uuid.UUID(key))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, key))
