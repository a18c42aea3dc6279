"""A sixth vendor, as small as one can be: one folder, and nothing else knows of it."""

from collections.abc import Sequence

from connectors.states import Direction, State, Verb
from connectors.vendors.base import (
    AccountConfig,
    AccountSnapshot,
    Capability,
    Check,
    ConnectorSnapshot,
    Field,
    Order,
    PipelineSnapshot,
    Receipt,
    Vendor,
    Watch,
)
from connectors.vendors.errors import VendorError
from connectors.vendors.http import Http

STATES = {"up": State.RUNNING, "held": State.PAUSED, "moving": State.PAUSING, "broken": State.FAILED}


class TinyAdapter:
    """One list, two verbs and a kick."""

    def __init__(self, config: AccountConfig, http: Http) -> None:
        self.http = http
        self.headers = {"X-Key": config.credentials.get("key", "")}

    async def observe(self, watch: Watch) -> AccountSnapshot:
        """Read the one list."""
        things = self.http.json(await self.http.get("/things", headers=self.headers))
        self.http.end_reading()
        pipeline = PipelineSnapshot("box", "box", State.RUNNING, "up", kind="box")
        connectors = [
            ConnectorSnapshot(
                external_id=thing["id"],
                pipeline="box",
                name=thing["id"],
                state=STATES.get(thing["state"], State.UNKNOWN),
                vendor_state=thing["state"],
                direction=Direction.SOURCE,
                generation=str(thing["kicks"]),
                error=thing.get("error", ""),
            )
            for thing in things
        ]
        return AccountSnapshot([pipeline], connectors)

    async def send(self, order: Order) -> Receipt:
        """Post the verb."""
        path = f"/things/{order.known.external_id}/{order.verb}"
        answer = await self.http.send("POST", path, headers=self.headers)
        return Receipt(request=f"POST {path}", reply=str(answer.status_code))

    async def test(self) -> Sequence[Check]:
        """Try the list."""
        try:
            await self.observe(Watch())
        except VendorError as error:
            return [Check("reach", is_ok=False, detail=str(error))]
        return [Check("reach", True, "answers"), Check("sign_in", True, "accepted"), Check("list", True, "read"),
                Check("act", None, "not tried")]  # fmt: skip


UP = frozenset({State.RUNNING})
VENDOR = Vendor(
    slug="tiny",
    name="Tiny",
    mark="TY",
    pipeline_noun="box",
    default_url="http://127.0.0.1",
    capabilities=(
        Capability(Verb.PAUSE, UP, timeout=10, usual=0.2),
        Capability(Verb.RESUME, frozenset({State.PAUSED}), timeout=10, usual=0.2),
        Capability(Verb.RESTART, UP | {State.FAILED}, is_idempotent=False, timeout=10, usual=0.2, evidence="proof"),
    ),
    fields=(Field("key", "Key", is_secret=True),),
    adapter=TinyAdapter,
    interval=5.0,
    hot_interval=0.2,
    budget=20.0,
)
