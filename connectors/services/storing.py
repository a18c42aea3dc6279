"""
The rows of pipelines and connectors: what was observed is compared by digest and written by one statement.

Nothing here makes a model instance for a row that is as it was: of ten thousand rows, that is nearly all of them.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from connectors import planned
from connectors.models import Connector, Pipeline, VendorAccount
from connectors.states import State, Verb
from connectors.vendors.base import ConnectorSnapshot, PipelineSnapshot

EDITION = 1
"""To be raised when the same snapshot is to be stored in another way: then every row is written anew."""

PIPELINE = (
    ("name", "text"), ("kind", "text"), ("state", "text"), ("vendor_state", "text"), ("error", "text"),
    ("generation", "text"), ("labels", "jsonb"), ("verbs_off", "jsonb"), ("facts", "jsonb"), ("reading", "text"),
)  # fmt: skip
CONNECTOR = (
    ("name", "text"), ("type", "text"), ("direction", "text"), ("state", "text"), ("vendor_state", "text"),
    ("error", "text"), ("error_trace", "text"), ("whose", "text"), ("generation", "text"), ("labels", "jsonb"),
    ("verbs_off", "jsonb"), ("facts", "jsonb"), ("tasks", "jsonb"), ("tasks_total", "int"), ("tasks_failed", "int"),
    ("config", "jsonb"), ("console_url", "text"), ("pipeline_id", "bigint"), ("urgency", "int"), ("reading", "text"),
)  # fmt: skip

LOAD = """
SELECT external_id, id, reading, state, seen_at IS NULL, gone_at IS NULL, {pipeline} FROM {table} WHERE account_id = %s
"""
UPDATE = """
UPDATE {table} AS stored
SET {columns}, seen_at = NULL, gone_at = NULL,
    state_since = CASE WHEN stored.state = given.state THEN stored.state_since ELSE %s END
FROM jsonb_to_recordset(%s::jsonb) AS given(id bigint, {types}), {table} AS before
WHERE stored.id = given.id AND before.id = given.id
RETURNING before.name <> given.name OR before.labels <> given.labels
"""
MISSING = "UPDATE {table} SET {column} = %s WHERE id = ANY(%s)"


class Row(NamedTuple):
    """What is known of a stored row before an observation is compared with it."""

    pk: int
    reading: str
    state: str
    is_seen: bool
    """By the account's last observation."""
    is_listed: bool
    pipeline: int | None


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of target, and how its rows are written."""

    model: type[Connector] | type[Pipeline]
    columns: Sequence[tuple[str, str]]

    @property
    def noun(self) -> str:
        """`connector` or `pipeline`."""
        return self.model.__name__.lower()

    def load(self, account: VendorAccount) -> dict[str, Row]:
        """This will read the account's rows, as little of each as will do."""
        pipeline = "pipeline_id" if self.model is Connector else "NULL"
        with planned.cursor() as cursor:
            cursor.execute(self._sql(LOAD, pipeline=pipeline), [account.pk])
            return {external_id: Row(*rest) for external_id, *rest in cursor.fetchall()}

    def update(self, rows: Sequence[Mapping[str, Any]], now: datetime) -> bool:
        """This will write changed rows; True when a name or a label is another, so that it may belong elsewhere."""
        columns = ", ".join(f"{name} = given.{name}" for name, _ in self.columns)
        types = ", ".join(f"{name} {kind}" for name, kind in self.columns)
        with planned.cursor() as cursor:
            cursor.execute(self._sql(UPDATE, columns=columns, types=types), [now, recordset(rows)])
            return any(is_other for (is_other,) in cursor.fetchall())

    def mark(self, column: str, when: datetime | None, ids: Collection[int]) -> None:
        """This will note since when rows have not been seen or listed."""
        with planned.cursor() as cursor:
            cursor.execute(self._sql(MISSING, column=column), [when, list(ids)])

    def _sql(self, template: str, **parts: str) -> str:
        return template.format(table=self.model._meta.db_table, **parts)


PIPELINES = Table(Pipeline, PIPELINE)
CONNECTORS = Table(Connector, CONNECTOR)

_in_order = msgspec.msgpack.Encoder(order="deterministic", enc_hook=dict)
_json = msgspec.json.Encoder(enc_hook=dict)


def recordset(rows: Sequence[Mapping[str, Any]]) -> str:
    """This will write rows as the one parameter of a statement; what PostgreSQL takes in no text is replaced."""
    try:
        text = _json.encode(rows).decode()
    except UnicodeEncodeError:
        text = _json.encode(plain(rows)).decode()
    return _json.encode(plain(rows)).decode() if "\\u0000" in text else text


def plain(value: Any) -> Any:
    """This will replace characters that no text column takes."""
    if isinstance(value, str):
        return value.replace("\x00", "�").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {plain(str(name)): plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def pipeline_digest(observed: PipelineSnapshot) -> str:
    """This will give a short text that is another whenever anything that is stored of a pipeline is."""
    return _digest(observed)


def connector_digest(observed: ConnectorSnapshot, pipeline: int, urgency: int) -> str:
    """This will give the same of a connector; its counters are not part of it."""
    o = observed
    return _digest((
        pipeline, urgency, o.name, o.state, o.vendor_state, o.direction, o.type, o.tasks, o.error, o.error_trace,
        o.whose, o.generation, o.labels, o.config, o.verbs_off, o.facts, o.console_url,
    ))  # fmt: skip


def _digest(value: Any) -> str:
    try:
        whole = _in_order.encode((EDITION, value))
    except UnicodeEncodeError:  # half a character: never the same as anything
        return ""
    return hashlib.blake2b(whole, digest_size=16).hexdigest()


def pipeline_values(observed: PipelineSnapshot, reading: str) -> dict[str, Any]:
    """This will lay out a pipeline's columns."""
    return {
        "name": observed.name[:300],
        "kind": observed.kind,
        "state": str(observed.state),
        "vendor_state": observed.vendor_state[:200],
        "error": observed.error,
        "generation": observed.generation[:200],
        "labels": dict(observed.labels),
        "verbs_off": _words(observed.verbs_off),
        "facts": dict(observed.facts),
        "reading": reading,
    }


def connector_values(observed: ConnectorSnapshot, pipeline: int, urgency: int, reading: str) -> dict[str, Any]:
    """This will lay out a connector's columns."""
    return {
        "name": observed.name[:300],
        "type": observed.type[:200],
        "direction": str(observed.direction),
        "state": str(observed.state),
        "vendor_state": observed.vendor_state[:200],
        "error": observed.error,
        "error_trace": observed.error_trace,
        "whose": observed.whose,
        "generation": observed.generation[:200],
        "labels": dict(observed.labels),
        "verbs_off": _words(observed.verbs_off),
        "facts": dict(observed.facts),
        "tasks": [
            {"id": t.id, "state": str(t.state), "vendor_state": t.vendor_state, "worker": t.worker, "trace": t.trace}
            for t in observed.tasks
        ],
        "tasks_total": len(observed.tasks),
        "tasks_failed": sum(task.state == State.FAILED for task in observed.tasks),
        "config": dict(observed.config),
        "console_url": observed.console_url[:500],
        "pipeline_id": pipeline,
        "urgency": urgency,
        "reading": reading,
    }


def _words(verbs_off: Mapping[Verb, str]) -> dict[str, str]:
    return {str(verb): why for verb, why in verbs_off.items()}
