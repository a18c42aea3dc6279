"""Confluent Cloud's managed connectors. Facts in README.md beside this file."""

from connectors.states import State, Verb
from connectors.vendors.base import Capability, Field, Vendor
from connectors.vendors.confluent.adapter import ConfluentAdapter

VENDOR = Vendor(
    slug="confluent",
    name="Confluent Cloud",
    mark="CC",
    pipeline_noun="Kafka cluster",
    default_url="https://api.confluent.cloud",
    capabilities=(
        Capability(Verb.PAUSE, frozenset({State.RUNNING, State.DEGRADED}), timeout=120, usual=4),
        Capability(Verb.RESUME, frozenset({State.PAUSED}), timeout=120, usual=7),
        Capability(
            Verb.RESTART,
            frozenset({State.RUNNING, State.DEGRADED, State.FAILED}),
            is_idempotent=False,
            timeout=120,
            usual=9,
            evidence="proof",
        ),
    ),
    fields=(
        Field("api_key", "API key", "Of kind cloud resource management; a key of a Kafka cluster is refused.",
              is_secret=True),
        Field("api_secret", "API secret", is_secret=True, kind="password"),
        Field("environments", "Environments", "Ids such as env-7nk8vo, one a line; empty for all the key may see.",
              is_required=False, kind="list"),
    ),
    adapter=ConfluentAdapter,
    interval=15.0,
    hot_interval=1.0,
    budget=60.0,
)  # fmt: skip
