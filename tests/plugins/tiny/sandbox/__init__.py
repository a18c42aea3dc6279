"""Tiny's pretend server."""

from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from connectors.states import State
from connectors.vendors.sandbox import DemoAccount, Sandbox, Truth, World

KEY = "tiny-secret-key"
WORDS = {"up": State.RUNNING, "held": State.PAUSED, "moving": State.PAUSING, "broken": State.FAILED}


class TinyWorld(World):
    """A few things, up or held."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.things: dict[str, dict[str, Any]] = {}
        self.populate(3)

    def populate(self, connectors: int) -> None:
        """This will make so many things."""
        self.things = {f"thing-{n}": {"id": f"thing-{n}", "state": "up", "kicks": 0} for n in range(1, connectors + 1)}

    def truth(self) -> Sequence[Truth]:
        """This will tell each thing's state."""
        box = Truth("pipeline", "box", "box", State.RUNNING, "up")
        things = [
            Truth("connector", t["id"], t["id"], WORDS.get(t["state"], State.UNKNOWN), t["state"])
            for t in self.things.values()
        ]
        return [box, *things]

    def ask(self, thing: dict[str, Any], verb: str) -> None:
        """This will begin a change that takes half a second."""
        if verb == "restart":
            thing["kicks"] += 1
            thing["state"] = "up"
            return
        thing["state"] = "moving"
        self.later(0.5, lambda: thing.update(state="held" if verb == "pause" else "up"))

    def nudge(self, external_id: str, change: str) -> None:
        """This will change a thing from outside."""
        thing = self.things[external_id]
        if change == "vanish":
            del self.things[external_id]
            return
        words = {"fail": "broken", "recover": "up", "puzzle": "sideways", "pause": "held", "resume": "up"}
        if change not in words:
            raise ValueError(change)
        thing["state"] = words[change]


def app(world: TinyWorld) -> ASGIApp:
    """This will build Tiny's interface."""

    def refused(request: Request) -> Response | None:
        return None if request.headers.get("x-key") == KEY else JSONResponse({"message": "who are you?"}, 401)

    async def things(request: Request) -> Response:
        return refused(request) or JSONResponse(list(world.things.values()))

    async def ask(request: Request) -> Response:
        if no := refused(request):
            return no
        thing = world.things.get(request.path_params["id"])
        if thing is None:
            return JSONResponse({"message": "no such thing"}, 404)
        verb = request.path_params["verb"]
        world.act(verb, thing["id"], lambda: world.ask(thing, verb))
        return Response(status_code=202)

    return Starlette(routes=[Route("/things", things), Route("/things/{id}/{verb}", ask, methods=["POST"])])


SANDBOX = Sandbox(TinyWorld, app, [DemoAccount("tiny-box", "payments", credentials={"key": KEY})])
