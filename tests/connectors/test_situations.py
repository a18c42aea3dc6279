"""
Labelled situations: what was done to the pretend vendor, and the cause that has to come first.

The labels are in `situations.json`; the rules' own tests are elsewhere. Each is read over real HTTP by the real driver.
"""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from connectors import permissions
from connectors.actor import Actor
from connectors.diagnose import Diagnosis
from connectors.models import Connector, Membership, Team, VendorAccount
from connectors.queries import connectors as queries
from connectors.services import driver, operations, vault
from connectors.states import Role, Verb
from connectors.vendors.sandbox import Bench, Fault, find

SITUATIONS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "situations.json").read_text())
FEWEST = 60


class Scene:
    """One account at one pretend vendor."""

    def __init__(self, slug: str, serve: Callable[..., tuple[Bench, str]]) -> None:
        self.bench, url = serve(slug, tempo=0.05)
        self.world: Any = self.bench.world
        demo = find(slug).accounts[0]
        team = Team.objects.create(slug=demo.team, name=demo.team)
        self.user = User.objects.create_user("operator")
        Membership.objects.create(user=self.user, team=team, role=Role.OPERATOR)
        settings = {k: v.replace("{url}", url) if isinstance(v, str) else v for k, v in demo.settings.items()}
        self.account = VendorAccount.objects.create(
            vendor=slug, name=demo.name, team=team, base_url=url + demo.path, settings=settings,
            sealed_credentials=vault.seal(demo.credentials), created_at=timezone.now(), interval=15.0, budget=60.0,
        )  # fmt: skip
        self.read()

    def read(self) -> None:
        """This will drive the account until nothing is open. A machine that slept may have cost a drive its lease."""
        for _ in range(9):
            VendorAccount.objects.update(due_at=None)
            if not driver.drive(self.account.pk) and not VendorAccount.objects.filter(due_at=None).exists():
                return

    def connector(self, name: str) -> Connector:
        """This will find a connector."""
        return Connector.objects.select_related("account__team", "pipeline", "team").get(name=name)

    def do(self, step: dict[str, Any]) -> None:
        """This will carry out one step of a situation."""
        ((kind, wish),) = step.items()
        getattr(self, f"_{kind}")(wish)

    def why(self, name: str, later: float) -> Diagnosis:
        """This will diagnose a connector as somebody would read it so many seconds later."""
        viewer = permissions.viewer_of(self.user)
        (row,) = queries.rows([self.connector(name)], viewer, timezone.now() + timedelta(seconds=later))
        return row.why

    def _ask(self, wish: tuple[str, str]) -> None:
        actor = Actor("person", "operator", user_id=self.user.pk)
        viewer = permissions.viewer_of(self.user)
        operations.request(target=self.connector(wish[1]), verb=Verb(wish[0]), actor=actor, viewer=viewer)
        self.read()

    def _nudge(self, wish: tuple[str, str]) -> None:
        external_id = next(t.external_id for t in self.world.truth() if t.name == wish[0])
        self.world.nudge(external_id, wish[1])

    def _fault(self, wish: dict[str, Any]) -> None:
        self.bench.faults.append(Fault(**wish))

    def _aged(self, wish: tuple[str, float]) -> None:
        self.read()
        Connector.objects.filter(name=wish[0]).update(state_since=timezone.now() - timedelta(seconds=wish[1]))

    def _read(self, seconds: float) -> None:
        """Figures are compared with those of so many seconds ago."""
        self.read()
        for row in Connector.objects.exclude(metrics={}):
            row.metrics["at"] -= seconds
            row.save(update_fields=["metrics"])
        VendorAccount.objects.update(metered_at=F("metered_at") - timedelta(seconds=seconds))

    def _kafka(self, wish: list[str]) -> None:
        if wish == ["booting"]:
            self.world.is_booting = True
            return
        which, name, state = wish
        connector = self.world.find(name)
        part = connector.own if which == "own" else connector.tasks[0]
        part.state = state

    def _confluent(self, wish: tuple[str, str]) -> None:
        for connectors in self.world.clusters.values():
            if wish[0] in connectors:
                connectors[wish[0]].state = wish[1]

    def _feldera(self, wish: tuple[str, str]) -> None:
        """Nothing comes any more."""
        pipeline = self.world.pipelines[wish[0]]
        self.world.nudge(f"{pipeline.id}/{wish[1]}", "resume")  # counts what came until now
        pipeline.connectors[wish[1]].rate = 0.0

    def _elastic(self, wish: tuple[str, dict[str, Any]]) -> None:
        found = next(document for document in self.world.connectors.values() if document["name"] == wish[0])
        found |= wish[1]

    def _yandex(self, wish: tuple[str, str]) -> None:
        found = next(c for c in self.world.connectors.values() if c["name"] == wish[0])
        found["status"] = wish[1]


@pytest.mark.django_db
@pytest.mark.parametrize("case", SITUATIONS, ids=[f"{s['vendor']}: {s['what']}" for s in SITUATIONS])
def test_the_right_cause_comes_first(case: dict[str, Any], serve: Callable[..., tuple[Bench, str]]) -> None:
    scene = Scene(case["vendor"], serve)

    for step in case["do"]:
        scene.do(step)
    scene.read()
    why = scene.why(case["target"], case.get("later", 0))

    assert why.rule == case["cause"], why.sentence
    assert why.whose == case.get("whose", why.whose), why.sentence


def test_there_are_enough_of_them_over_all_vendors() -> None:
    assert len(SITUATIONS) >= FEWEST
    assert min(Counter(s["vendor"] for s in SITUATIONS).values()) >= FEWEST // 5
    assert len({s["cause"] for s in SITUATIONS}) > 20  # a file that asks for little proves little
