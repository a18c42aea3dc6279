"""A vendor's OpenAPI file as a judge: does an answer have the shape that its own specification gives it?"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from jsonschema import ValidationError
from openapi_schema_validator import OAS30Validator


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, as they went over the line."""

    method: str
    path: str
    query: httpx.QueryParams
    status: int
    content_type: str
    body: bytes


class Recorder(httpx.AsyncBaseTransport):
    """Passes requests on and keeps what came back."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.exchanges: list[Exchange] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """This will keep the answer."""
        answer = await self._inner.handle_async_request(request)
        body = await answer.aread()
        kind = answer.headers.get("content-type", "").split(";")[0]
        self.exchanges.append(
            Exchange(request.method, request.url.path, request.url.params, answer.status_code, kind, body)
        )
        return answer


class Specification:
    """One OpenAPI 3.0 document."""

    def __init__(self, file: Path, *more: Path) -> None:
        self._document: dict[str, Any] = _read(file)
        self._paths: dict[str, Any] = {path.split("?")[0]: item for path, item in self._document["paths"].items()}
        for path in more:
            self._paths |= {path.split("?")[0]: item for path, item in _read(path)["paths"].items()}

    def knows(self, exchange: Exchange) -> bool:
        """This will tell whether the document has this operation."""
        return self._operation(exchange) is not None

    def complaints(self, exchange: Exchange) -> list[str]:
        """This will say what is wrong with an answer; nothing for a status whose body the document leaves open."""
        operation = self._operation(exchange)
        if operation is None:
            return [f"no such operation: {exchange.method} {exchange.path}"]
        answer = self._resolved(operation["responses"].get(str(exchange.status)))
        if not isinstance(answer, dict):
            return []
        schema = self._schema(answer, exchange.content_type)
        if schema is None:
            return []
        body = json.loads(exchange.body or b"null")
        whole = {**schema, "components": self._document["components"]}
        return [
            f"{exchange.method} {exchange.path} {exchange.status} at {list(error.absolute_path)}: {error.message[:300]}"
            for error in OAS30Validator(whole).iter_errors(body)
            if not _was_left_out(error, exchange)
        ]

    def _operation(self, exchange: Exchange) -> dict[str, Any] | None:
        found = [
            item[exchange.method.lower()]
            for template, item in sorted(self._paths.items(), key=lambda pair: pair[0].count("{"))
            if exchange.method.lower() in item and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), exchange.path)
        ]
        return found[0] if found else None

    def _schema(self, answer: Mapping[str, Any], content_type: str) -> dict[str, Any] | None:
        content = answer.get("content") or {}
        found = content.get(content_type) or content.get("application/json")
        return found.get("schema") if found else None

    def _resolved(self, answer: dict[str, Any] | None) -> dict[str, Any] | None:
        if answer and "$ref" in answer:
            found: Any = self._document
            for part in answer["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            return dict(found)
        return answer


def _was_left_out(error: ValidationError, exchange: Exchange) -> bool:
    """Elasticsearch leaves out what the request's `filter_path` tells it to, also what the document calls required."""
    return error.validator == "required" and "filter_path" in exchange.query


def _read(file: Path) -> dict[str, Any]:
    text = file.read_text()
    return dict(_relaxed(json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)))


def _relaxed(part: Any) -> Any:
    """
    This will mend what generators of OpenAPI 3.0 are known to get wrong, and nothing else.

    The same type twice under `oneOf`, which nothing can satisfy: one or more will do. `nullable` beside `allOf`, where
    a reader would have to ignore it. Discriminators by names that are no schemas.
    """
    if isinstance(part, list):
        return [_relaxed(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {"anyOf" if key == "oneOf" else key: _relaxed(value) for key, value in part.items()}
    if isinstance(found.get("discriminator"), dict):
        del found["discriminator"]
    if found.get("nullable") is True and "allOf" in found:
        whole = {key: value for key, value in found.items() if key != "nullable"}
        return {"anyOf": [whole, {"nullable": True, "type": "string", "enum": [None]}]}
    return found
