"""A pretend organization: environments, clusters, and connectors that take wishes and change later."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.states import State
from connectors.vendors.confluent import states
from connectors.vendors.confluent.sandbox import estate
from connectors.vendors.sandbox import Truth, World


@dataclass
class Connector:
    """One connector; `state` and `tasks` are what Confluent shows."""

    name: str
    id: str
    plugin: str
    state: str
    tasks: list[str]
    message: str = ""
    trace: str = ""
    wish: str = "RUNNING"
    validation: list[str] = field(default_factory=list)
    """What is wrong with its configuration, `key: words`."""
    config: dict[str, str] = field(default_factory=dict)


class ConfluentWorld(World):
    """`clusters[(environment, cluster)]` is a map of connectors by name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.environments = dict(estate.ENVIRONMENTS)
        self.names = dict(estate.CLUSTERS)
        self.phases: dict[str, str] = {}
        """Of clusters that are not PROVISIONED."""
        self.has_nested_errors = False
        """Errors as the contract has them, `{"error": {"code", "message"}}`, not as they come in practice."""
        self.clusters: dict[tuple[str, str], dict[str, Connector]] = {}
        self._fill(estate.DEMO)

    def _fill(self, plan: dict[tuple[str, str], Sequence[estate.Planned]]) -> None:
        self.clusters = {place: {p.name: self._make(p) for p in planned} for place, planned in plan.items()}

    def _make(self, planned: estate.Planned) -> Connector:
        code = "".join(self.random.choice("abcdefghjkmnpqrstvwxyz0123456789") for _ in range(6))
        tasks = list(planned.task_states) or ["STOPPED" if planned.state == "PAUSED" else "RUNNING"] * planned.tasks
        made = Connector(
            planned.name, f"lcc-{code}", planned.plugin, planned.state, tasks, planned.message, planned.trace
        )
        made.wish = "PAUSED" if planned.state == "PAUSED" else "RUNNING"
        made.config = planned.config()
        return made

    def populate(self, connectors: int) -> None:
        """This will spread so many connectors over the clusters."""
        places = list(estate.DEMO)
        made = estate.made_up(connectors)
        self._fill({place: made[number :: len(places)] for number, place in enumerate(places)})

    def truth(self) -> Sequence[Truth]:
        """See `World.truth`."""
        found = []
        for (environment, cluster), connectors in self.clusters.items():
            place = f"{environment}/{cluster}"
            found.append(Truth("pipeline", place, self.names[cluster], State.RUNNING, "PROVISIONED"))
            found += [
                Truth("connector", f"{place}/{c.name}", c.name, states.whole(c.state, c.tasks, None), c.state)
                for c in connectors.values()
            ]
        return found

    def pause(self, connector: Connector) -> None:
        """This will pause later; tasks stop before or after the connector says so."""
        connector.wish = "PAUSED"
        self.later(self.random.uniform(1.0, 2.0), lambda: self._tasks(connector, "PAUSED", "STOPPED"))
        self.later(self.random.uniform(1.0, 2.5), lambda: self._state(connector, "PAUSED", "PAUSED"))

    def resume(self, connector: Connector) -> None:
        """This will run again later, with its tasks still stopped for a while."""
        if connector.state != "PAUSED":
            return
        connector.wish = "RUNNING"
        self.later(self.random.uniform(1.0, 2.0), lambda: self._state(connector, "RUNNING", "RUNNING"))
        self.later(self.random.uniform(2.5, 4.0), lambda: self._tasks(connector, "RUNNING", "RUNNING"))

    def restart(self, connector: Connector) -> None:
        """This will restart connector and tasks."""
        self.later(0.4, lambda: self._restarting(connector))
        self.later(self.random.uniform(3.0, 4.0), lambda: self._restarted(connector))

    @staticmethod
    def _restarting(connector: Connector) -> None:
        connector.state = "RESTARTING"
        connector.tasks = ["RESTARTING"] * len(connector.tasks)

    @staticmethod
    def _restarted(connector: Connector) -> None:
        if connector.wish == "RUNNING":
            connector.state, connector.message, connector.trace = "RUNNING", "", ""
            connector.tasks = ["RUNNING"] * max(1, len(connector.tasks))

    @staticmethod
    def _state(connector: Connector, wish: str, state: str) -> None:
        if connector.wish == wish and connector.state != "FAILED":
            connector.state = state

    @staticmethod
    def _tasks(connector: Connector, wish: str, state: str) -> None:
        if connector.wish == wish:
            connector.tasks = [state if "ERROR" not in task else task for task in connector.tasks]

    def nudge(self, external_id: str, change: str) -> None:
        """See `World.nudge`."""
        environment, cluster, name = external_id.split("/", 2)
        connector = self.clusters[environment, cluster][name]
        count = max(1, len(connector.tasks))
        outcomes = {
            "pause": ("PAUSED", "STOPPED"),
            "resume": ("RUNNING", "RUNNING"),
            "recover": ("RUNNING", "RUNNING"),
            "fail": ("FAILED", "USER_ACTIONABLE_ERROR"),
            "puzzle": ("HIBERNATING", "RUNNING"),
        }
        if change == "vanish":
            del self.clusters[environment, cluster][name]
            return
        if change not in outcomes:
            raise ValueError(change)
        connector.state, task = outcomes[change]
        connector.tasks = [task] * count
        connector.wish = "PAUSED" if change == "pause" else "RUNNING"
        connector.message = "the topic orders does not exist" if change == "fail" else ""
