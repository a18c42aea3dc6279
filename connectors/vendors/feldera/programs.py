"""What pipelines' programs say of their connectors, kept between readings: they are long, and change seldom."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.vendors import secrets
from connectors.vendors.errors import SignInRefused, VendorError
from connectors.vendors.feldera.client import Client

KINDS = ("input_connectors", "output_connectors")
Row = Mapping[str, Any]

_kept: dict[str, dict[str, tuple[object, dict[str, Any]]]] = {}
"""By account, then pipeline: which program it was, and its connectors by kind and endpoint, secrets masked."""


class Programs:
    """
    The programs of one account.

    :param place: tells accounts apart
    """

    def __init__(self, client: Client, place: str) -> None:
        self.client = client
        self.trouble = ""
        """Why the latest reading of programs failed; empty if it did not."""
        self._known = _kept.setdefault(place, {})

    async def of(self, rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
        """This will give the connectors as configured, by pipeline: those that are known, and those that changed."""
        new = [row for row in rows if self._known.get(str(row["id"]), (None,))[0] != _edition(row)]
        self.trouble = ""
        try:
            for row in await self._read(new):
                program = row.get("program_info") or {}
                found = {kind: secrets.mask(program.get(kind) or {}) for kind in KINDS}
                self._known[str(row["id"])] = (_edition(row), found)
        except SignInRefused:
            raise
        except VendorError as error:
            self.trouble = str(error)
        self._keep_only(str(row["id"]) for row in rows)
        known = {str(row["id"]): self._known.get(str(row["id"]), (None, {})) for row in rows}
        return {str(row["id"]): known[str(row["id"])][1] for row in rows if known[str(row["id"])][0] == _edition(row)}

    async def _read(self, new: Sequence[Row]) -> Sequence[Row]:
        """One by itself, several by one list of all."""
        if len(new) > 1:
            return await self.client.pipelines(selector="all")
        return [await self.client.pipeline(str(row["name"])) for row in new]

    def _keep_only(self, pipelines: Iterable[str]) -> None:
        for gone in set(self._known) - set(pipelines):
            self._known.pop(gone, None)


def _edition(row: Row) -> tuple[object, ...]:
    """What is another when a program was changed or compiled."""
    return row.get("program_version"), row.get("program_status"), row.get("program_status_since")
