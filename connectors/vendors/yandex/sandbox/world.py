"""A pretend folder: buses, connectors, and operations that end later."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.states import State
from connectors.vendors.sandbox import Truth, World
from connectors.vendors.yandex import states
from connectors.vendors.yandex.sandbox import estate

STARTED, STOPPED = "RUNNING", "STOPPED"


@dataclass
class Operation:
    """One start or stop."""

    id: str
    connector: str
    verb: str
    created_at: float
    is_done: bool = False
    error: dict[str, Any] | None = None


class YandexWorld(World):
    """`buses` and `connectors` by id, `operations` by id."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.buses: dict[str, dict[str, Any]] = {}
        self.connectors: dict[str, dict[str, Any]] = {}
        self.operations: dict[str, Operation] = {}
        self.by_key: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._fill(estate.DEMO)
        # Somebody else's operation is under way when the demo begins.
        first = next(c for c in self.connectors.values() if c["name"] == estate.MID_OPERATION)
        first["status"] = "CREATING"
        self.later(90, lambda: first.update(status=STARTED))

    def _id(self, kind: str) -> str:
        return f"f66{kind}{next(self._numbers):0{17 - len(kind)}}"

    def _fill(self, plan: dict[str, Sequence[estate.Planned]]) -> None:
        self.buses, self.connectors = {}, {}
        for name, planned in plan.items():
            bus_id = self._id("bus")
            bus = {"id": bus_id, "folderId": estate.FOLDER, "name": name, "status": "ACTIVE"}
            self.buses[bus_id] = bus
            for item in planned:
                id_ = self._id("con")
                self.connectors[id_] = {"id": id_, "busId": bus_id, "folderId": estate.FOLDER, **item.document()}

    def populate(self, connectors: int) -> None:
        """See `World.populate`."""
        self._fill({"main-bus": estate.made_up(connectors)})

    def truth(self) -> Sequence[Truth]:
        """See `World.truth`."""
        found = [Truth("pipeline", b["id"], b["name"], State.RUNNING, b["status"]) for b in self.buses.values()]
        for c in self.connectors.values():
            state = states.connector(c["status"], pending=None, has_open_operation=False)
            found.append(Truth("connector", c["id"], c["name"], state, c["status"]))
        return found

    def begin(self, connector: str, verb: str) -> Operation:
        """This will begin an operation that ends in a few seconds."""
        operation = Operation(self._id("op"), connector, verb, self.clock.now())
        self.operations[operation.id] = operation
        if not self.is_swallowing:
            self.later(self.random.uniform(1.0, 3.0), lambda: self._end(operation))
        return operation

    def _end(self, operation: Operation) -> None:
        operation.is_done = True
        connector = self.connectors.get(operation.connector)
        if connector is None:
            operation.error = {"code": 5, "message": "Connector not found", "details": []}
            return
        broken = estate.STAYS_BROKEN.get(connector["name"])
        connector["status"] = (broken or STARTED) if operation.verb == "start" else STOPPED

    def nudge(self, external_id: str, change: str) -> None:
        """See `World.nudge`."""
        connector = self.connectors[external_id]
        statuses = {
            "start": STARTED,
            "resume": STARTED,
            "recover": STARTED,
            "stop": STOPPED,
            "pause": STOPPED,
            "fail": "RESOURCE_NOT_FOUND",
            "puzzle": "HIBERNATING",
        }
        if change == "vanish":
            del self.connectors[external_id]
        elif change in statuses:
            connector["status"] = statuses[change]
        else:
            raise ValueError(change)
