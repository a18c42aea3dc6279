"""Apache Kafka Connect, self-managed. Facts in README.md beside this file."""

from connectors.states import State, Verb
from connectors.vendors.base import Capability, Field, Vendor
from connectors.vendors.http import SELF_HOSTED_FIELDS
from connectors.vendors.kafka_connect.adapter import KafkaConnectAdapter

ALIVE = frozenset({State.RUNNING, State.DEGRADED})
BROKEN = frozenset({State.FAILED, State.DEGRADED})

VENDOR = Vendor(
    slug="kafka-connect",
    name="Kafka Connect",
    mark="KC",
    pipeline_noun="Connect cluster",
    default_url="http://localhost:8083",
    capabilities=(
        Capability(Verb.PAUSE, ALIVE, usual=0.6),
        Capability(Verb.RESUME, frozenset({State.PAUSED}), usual=0.6),
        Capability(Verb.START, frozenset({State.STOPPED}), timeout=120, usual=4),
        Capability(
            Verb.STOP,
            ALIVE | {State.PAUSED, State.FAILED},
            timeout=120,
            usual=4,
            consequence="Its tasks are shut down and their failures forgotten. Offsets stay: a later start goes on "
            "where it was, after a rebalance of the group.",
        ),
        Capability(Verb.RESTART, ALIVE | BROKEN, is_idempotent=False, usual=1, evidence="proof"),
        Capability(Verb.RESTART_FAILED, BROKEN, usual=1, evidence="proof"),
        Capability(Verb.RESTART_TASK, BROKEN, is_idempotent=False, usual=1, evidence="proof"),
    ),
    fields=(
        Field("username", "User name", "For basic authentication; empty if the worker asks for none.",
              is_secret=True, is_required=False),
        Field("password", "Password", is_secret=True, is_required=False, kind="password"),
        Field("token", "Bearer token", "For a proxy in front that wants one.",
              is_secret=True, is_required=False, kind="password"),
        *SELF_HOSTED_FIELDS,
    ),
    adapter=KafkaConnectAdapter,
    interval=10.0,
    hot_interval=1.0,
    budget=40.0,
    has_pipeline_state=False,
)  # fmt: skip
