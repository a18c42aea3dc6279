"""Feldera: pipelines with input and output connectors. Facts in README.md beside this file."""

from connectors.states import State, Verb
from connectors.vendors.base import Capability, Field, Vendor
from connectors.vendors.feldera.adapter import FelderaAdapter
from connectors.vendors.http import SELF_HOSTED_FIELDS

UP = frozenset({State.RUNNING, State.DEGRADED})
ALIVE = UP | {State.PAUSED, State.PROVISIONING, State.STARTING}

VENDOR = Vendor(
    slug="feldera",
    name="Feldera",
    mark="FD",
    pipeline_noun="pipeline",
    default_url="http://localhost:8080",
    capabilities=(
        Capability(Verb.PAUSE, UP, usual=0.3),
        Capability(Verb.RESUME, frozenset({State.PAUSED}), usual=0.3),
        Capability(Verb.START, frozenset({State.STOPPED, State.FAILED}), "pipeline", timeout=300, usual=5),
        Capability(Verb.PAUSE, UP, "pipeline", usual=2),
        Capability(Verb.RESUME, frozenset({State.PAUSED}), "pipeline", usual=2),
        Capability(
            Verb.STOP,
            ALIVE,
            "pipeline",
            timeout=300,
            usual=5,
            consequence="It writes a checkpoint, then its compute is taken away. A later start goes on from there.",
        ),
        Capability(
            Verb.FORCE_STOP,
            ALIVE | {State.UNKNOWN, State.STOPPING},
            "pipeline",
            timeout=120,
            usual=3,
            consequence="It stops without a checkpoint, and this cannot be taken back. What came in since the latest "
            "checkpoint is lost; where there is none (always so in the open-source edition) a later start begins anew, "
            "and connectors that were paused here are as configured again.",
        ),
    ),
    fields=(
        Field("api_key", "API key", "Starts with apikey:. Its role must be write to act. Empty if sign-in is off.",
              is_secret=True, is_required=False, kind="password"),
        Field("tenant", "Tenant", "Only for sign-ins that belong to several.", is_required=False),
        *SELF_HOSTED_FIELDS,
    ),
    adapter=FelderaAdapter,
    interval=10.0,
    hot_interval=0.8,
    budget=40.0,
)  # fmt: skip
