"""What every vendor folder offers, as plain values. `Vendor` is the door; the registry finds it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from connectors.states import Direction, State, Verb

if TYPE_CHECKING:
    from connectors.vendors.http import Http

Target = Literal["connector", "pipeline"]


@dataclass(frozen=True, slots=True)
class TaskSnapshot:
    """One task of a connector, as observed. `trace` is the vendor's whole text, secrets stripped."""

    id: str
    state: State
    vendor_state: str
    worker: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Metrics:
    """
    What the vendor counts, as it gives it. None means: the vendor does not say.

    Totals are since the vendor's own start of counting; rates are worked out from two observations.
    """

    records_total: int | None = None
    bytes_total: int | None = None
    errors_total: int | None = None
    lag: int | None = None
    """Records that wait."""
    records_per_s: float | None = None
    """Only where the vendor gives a rate itself."""


@dataclass(frozen=True, slots=True)
class PipelineSnapshot:
    """One container of connectors, as observed."""

    external_id: str
    """Stable within the account; also the address for verbs."""
    name: str
    state: State
    vendor_state: str
    kind: str = ""
    """The vendor's noun: pipeline, Connect cluster, bus …"""
    error: str = ""
    generation: str = ""
    """Changes whenever the vendor has started it anew: the evidence of a restart."""
    vendor_desired: State | None = None
    """Where the vendor itself is steering, if it says so."""
    labels: Mapping[str, str] = field(default_factory=dict)
    verbs_off: Mapping[Verb, str] = field(default_factory=dict)
    """Verbs that cannot work on this one now, each with the sentence that says why."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """JSON values for the page and for diagnosis."""


@dataclass(frozen=True, slots=True)
class ConnectorSnapshot:
    """One connector, as observed; its state is already put together with those of its tasks."""

    external_id: str
    """Stable within the account."""
    pipeline: str
    """`external_id` of its pipeline."""
    name: str
    state: State
    vendor_state: str
    """The vendor's raw word or words."""
    direction: Direction = Direction.UNKNOWN
    type: str = ""
    """Plugin, class or transport."""
    tasks: Sequence[TaskSnapshot] = ()
    error: str = ""
    """One line: the cause, in the vendor's words."""
    error_trace: str = ""
    whose: Literal["yours", "theirs", ""] = ""
    """Whose error it is to fix, where the vendor says so."""
    generation: str = ""
    vendor_desired: State | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    """Masked already: see `vendors.http.mask`."""
    metrics: Metrics | None = None
    verbs_off: Mapping[Verb, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    console_url: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of the account that this observation could not read; its rows stay and grow old."""

    pipeline: str | None
    """`external_id` of the pipeline whose connectors are missing; None for the account as a whole."""
    reason: str


@dataclass(frozen=True, slots=True)
class VendorOperation:
    """The vendor's own operation, polled. `error` is empty unless it ended badly."""

    id: str
    is_done: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """One observation of a whole account."""

    pipelines: Sequence[PipelineSnapshot]
    connectors: Sequence[ConnectorSnapshot]
    unread: Sequence[Unread] = ()
    expected: int | None = None
    """How many connectors the vendor says exist, where it says so; else None: as many as were read."""
    operations: Mapping[str, VendorOperation] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What we know of a target before a verb is sent: from our last observation."""

    target: Target
    external_id: str
    pipeline: str
    """`external_id` of the pipeline; equal to `external_id` when the target is one."""
    name: str
    state: State
    vendor_state: str
    generation: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """One verb to send. `key` is the same for each try of one request: use it where the vendor has such a header."""

    verb: Verb
    known: Known
    key: str
    memory: Mapping[str, Any] = field(default_factory=dict)
    """What an earlier order on this target left to remember (`Receipt.memory`)."""
    task: str = ""
    """For a verb of one task: `TaskSnapshot.id`."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The vendor took the order. That it is done, only an observation can say."""

    operation_id: str = ""
    """The vendor's own operation, to be polled; handed back to `observe`."""
    request_id: str = ""
    proof: str = ""
    """For verbs that leave no lasting state: what in the reply shows that it was carried out."""
    memory: Mapping[str, Any] | None = None
    """Kept with the target for later orders (Elastic's schedule flags before a pause); None keeps what is there."""
    request: str = ""
    """Method and path, for the audit."""
    reply: str = ""
    """Status and body in short, secrets stripped, for the audit."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What `observe` is asked to look at beside the lists: vendor operations that are open, and remembered facts."""

    operations: Sequence[str] = ()
    memories: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`Receipt.memory` of each target, by `external_id`."""
    pending: Mapping[str, Verb] = field(default_factory=dict)
    """The open verb of each target, by `external_id`: some vendors show a change only to whoever asked for it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a live test: what was tried, whether it worked, and what to do if not."""

    name: Literal["reach", "sign_in", "list", "act"]
    is_ok: bool | None
    """None: could not be tried, because an earlier one failed or it would change something."""
    detail: str

    @property
    def label(self) -> str:
        """The name in words."""
        return {"reach": "reach it", "sign_in": "sign in", "list": "list connectors", "act": "act on them"}[self.name]


class Adapter(Protocol):
    """Our verbs over one vendor account. Made for one slice of work, then closed."""

    async def observe(self, watch: Watch) -> AccountSnapshot:
        """
        Read the whole account with the vendor's bulk calls.

        :raises VendorError: nothing could be read; a part that could not be read is in `unread` instead
        """
        ...

    async def send(self, order: Order) -> Receipt:
        """
        Ask the vendor once, without retries of its own.

        :raises VendorError: with `may_have_acted` where the vendor may have done it all the same
        """
        ...

    async def test(self) -> Sequence[Check]:
        """Try reach, sign-in, list and act without changing anything. Raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Capability:
    """
    One verb that the vendor has for one kind of target.

    :param states: observed states in which it makes sense; elsewhere the button is off
    :param is_idempotent: sending it twice does no more than once
    :param timeout: seconds until a request that was not confirmed is given up
    :param usual: seconds it usually takes, until we have measured it
    :param consequence: said in a dialog before it is sent; empty means no dialog
    :param evidence: how it is confirmed: by the goal state, or by proof that it was carried out
    """

    verb: Verb
    states: frozenset[State]
    target: Target = "connector"
    is_idempotent: bool = True
    timeout: float = 60.0
    usual: float = 3.0
    consequence: str = ""
    evidence: Literal["state", "proof"] = "state"
    label: str = ""
    """Only where the vendor's own word for it differs from ours."""


@dataclass(frozen=True, slots=True)
class Field:
    """One input of the account form. `name` is the key in `credentials` (secret) or `settings` (not secret)."""

    name: str
    label: str
    help: str = ""
    is_secret: bool = False
    is_required: bool = True
    kind: Literal["text", "password", "textarea", "url", "list", "bool", "choice"] = "text"
    choices: Sequence[tuple[str, str]] = ()
    default: str = ""


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """What an adapter needs to know of an account. Never printed: holds secrets."""

    base_url: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor: its words, its verbs, its form, and how to talk to it."""

    slug: str
    name: str
    mark: str
    """Two letters, the station code on the board."""
    pipeline_noun: str
    """In the singular, as this vendor calls it: Connect cluster, pipeline, bus …"""
    default_url: str
    capabilities: Sequence[Capability]
    fields: Sequence[Field]
    """`is_secret` ones are stored encrypted as credentials, the others as settings."""
    adapter: Callable[[AccountConfig, "Http"], Adapter]
    interval: float = 15.0
    """Seconds between two observations while all is quiet."""
    hot_interval: float = 1.0
    """The same while an operation is open."""
    budget: float = 60.0
    """Freshness budget in seconds: older than this nothing of the account counts as known."""
    has_pipeline_state: bool = True
    """False: the container has no state of its own and counts as running while it can be reached."""

    def capability(self, verb: Verb, target: Target) -> Capability | None:
        """This will find the capability for a verb on a kind of target, None when the vendor has no such verb."""
        return next((c for c in self.capabilities if c.verb is verb and c.target == target), None)
