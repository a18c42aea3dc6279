"""Two pretend Connect clusters: a wish and a reported state for each connector, and tasks that follow."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.states import State
from connectors.vendors.kafka_connect import states
from connectors.vendors.kafka_connect.sandbox import estate
from connectors.vendors.sandbox import Truth, World

STATUS_DELAY = 0.3
TASK_DELAY = 0.4
REBALANCE = 2.5
"""Seconds, before the tempo."""
WORKERS = ("10.0.4.17:8083", "10.0.4.18:8083")


@dataclass
class Part:
    """A connector object or a task, as its status says."""

    state: str
    worker: str
    trace: str = ""


@dataclass
class Connector:
    """One connector: what it is told to be, and what it is."""

    name: str
    kind: str
    config: dict[str, str]
    wish: str = "RUNNING"
    own: Part | None = None
    tasks: list[Part] = field(default_factory=list)

    @property
    def task_count(self) -> int:
        """How many tasks its configuration leads to."""
        return int(self.config.get("tasks.max", "1"))


class KafkaConnectWorld(World):
    """`clusters` by path prefix, each a map of connectors by name."""

    version = "4.3.0"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.clusters: dict[str, dict[str, Connector]] = {}
        self.is_booting = False
        self.unstartable: set[str] = set()
        """Connectors whose own start throws."""
        self.lost: set[str] = set()
        """Workers that are gone: their tasks keep the state they had, whatever is asked."""
        self._fill(estate.DEMO)

    def _fill(self, plan: dict[str, Sequence[estate.Planned]]) -> None:
        self.clusters = {prefix: {p.name: self._make(p) for p in planned} for prefix, planned in plan.items()}

    def _make(self, planned: estate.Planned) -> Connector:
        made = Connector(planned.name, planned.kind, planned.config())
        worker = self.random.choice(WORKERS)
        made.own = Part(
            "FAILED" if planned.is_broken else planned.wish, worker, planned.trace if planned.is_broken else ""
        )
        made.wish = planned.wish
        if planned.wish != "STOPPED" and not planned.is_broken:
            for number in range(planned.tasks):
                failed = number < planned.failed
                state = "FAILED" if failed else planned.wish
                made.tasks.append(Part(state, WORKERS[number % 2], planned.trace if failed else ""))
        return made

    def populate(self, connectors: int) -> None:
        """This will put so many connectors into the first cluster, and none into the second."""
        first, second = estate.DEMO
        self._fill({first: estate.made_up(connectors), second: []})

    def truth(self) -> Sequence[Truth]:
        """This will tell the state of each connector with its tasks, and of both clusters."""
        found = [Truth("pipeline", "cluster", prefix, State.RUNNING, "reachable") for prefix in self.clusters]
        for connectors in self.clusters.values():
            found += [self._truth(connector) for connector in connectors.values()]
        return found

    @staticmethod
    def _truth(connector: Connector) -> Truth:
        word = connector.own.state if connector.own else ""
        tasks = [{"state": task.state} for task in connector.tasks]
        state = states.whole(word, tasks, configured=connector.task_count).state if connector.own else State.STARTING
        return Truth("connector", connector.name, connector.name, state, word)

    def find(self, name: str) -> Connector:
        """
        This will find a connector in either cluster.

        :raises LookupError: there is none
        """
        for connectors in self.clusters.values():
            if name in connectors:
                return connectors[name]
        raise LookupError(name)

    # What the worker does with a wish

    def steer(self, connector: Connector, wish: str) -> None:
        """This will set the target state; a FAILED connector object keeps its state, and its tasks follow."""
        was, connector.wish = connector.wish, wish
        if connector.own and (connector.own.state != "FAILED" or wish == "STOPPED"):
            own = connector.own
            self.later(STATUS_DELAY, lambda: self._become(own, connector, wish))
        if wish == "STOPPED":
            self.later(REBALANCE, lambda: connector.tasks.clear() if connector.wish == "STOPPED" else None)
        elif wish == "RUNNING" and (was == "STOPPED" or not connector.tasks):
            self.later(REBALANCE, lambda: self._bring_tasks(connector))
        else:
            self.later(TASK_DELAY, lambda: self._move_tasks(connector))

    @staticmethod
    def _become(part: Part, connector: Connector, wish: str) -> None:
        if connector.wish == wish:
            part.state, part.trace = wish, ""

    def is_since(self, *numbers: int) -> bool:
        """This will tell whether the worker is of this version or newer."""
        return tuple(int(part) for part in self.version.split(".")[:2]) >= numbers

    def _move_tasks(self, connector: Connector) -> None:
        for task in connector.tasks:
            if task.state != "FAILED" and task.worker not in self.lost:
                task.state = connector.wish

    @staticmethod
    def _bring_tasks(connector: Connector) -> None:
        if connector.wish != "STOPPED" and not connector.tasks:
            count = connector.task_count
            connector.tasks = [Part(connector.wish, WORKERS[n % 2]) for n in range(count)]

    def restart(self, connector: Connector, *, with_tasks: bool, only_failed: bool) -> list[Part]:
        """This will restart parts and give them, marked already in the answer."""
        parts = [connector.own] if connector.own else []
        parts += connector.tasks if with_tasks else []
        chosen = [part for part in parts if part and (part.state == "FAILED" or not only_failed)]
        for part in chosen:
            part.state = "RESTARTING"
            self.later(STATUS_DELAY, lambda part=part: self._started(part, connector))  # type: ignore[misc]  # bound now
        return chosen

    def restart_task(self, connector: Connector, number: int) -> None:
        """This will restart one task, wherever it is."""
        task = connector.tasks[number]
        task.state = "RESTARTING"
        self.later(STATUS_DELAY, lambda: self._started(task, connector))

    def fail_to_start(self, connector: Connector) -> None:
        """This will let the connector object fail, a moment later; its tasks go on."""
        if own := connector.own:
            self.later(STATUS_DELAY, lambda: self._fail(own))

    @staticmethod
    def _fail(part: Part) -> None:
        part.state, part.trace = "FAILED", estate.TRACES["refused"]

    def _started(self, part: Part, connector: Connector) -> None:
        part.state, part.trace = connector.wish, ""
        if part is connector.own and connector.wish == "RUNNING" and not connector.tasks:
            self.later(REBALANCE, lambda: self._bring_tasks(connector))

    # What somebody else does

    def nudge(self, external_id: str, change: str) -> None:
        """See `World.nudge`."""
        connector = self.find(external_id)
        wishes = {"pause": "PAUSED", "resume": "RUNNING", "start": "RUNNING", "stop": "STOPPED"}
        if change in wishes:
            self._at_once(connector, wishes[change])
        elif change == "fail":
            for task in connector.tasks:
                task.state, task.trace = "FAILED", estate.TRACES["refused"]
        elif change == "recover":
            self._at_once(connector, "RUNNING")
        elif change == "vanish":
            for connectors in self.clusters.values():
                connectors.pop(external_id, None)
        elif change == "puzzle" and connector.own:
            connector.own.state = "HIBERNATING"
        else:
            raise ValueError(change)

    def _at_once(self, connector: Connector, wish: str) -> None:
        connector.wish = wish
        if connector.own:
            connector.own.state, connector.own.trace = wish, ""
        if wish == "STOPPED":
            connector.tasks.clear()
            return
        self._bring_tasks(connector)
        for task in connector.tasks:
            task.state, task.trace = wish, ""
