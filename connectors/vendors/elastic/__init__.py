"""Elastic connectors, by Elasticsearch's connector interface. Facts in README.md beside this file."""

from connectors.states import State, Verb
from connectors.vendors.base import Capability, Field, Vendor
from connectors.vendors.elastic.adapter import ElasticAdapter
from connectors.vendors.http import SELF_HOSTED_FIELDS

ALIVE = frozenset({State.RUNNING, State.DEGRADED, State.FAILED})
HELD = frozenset({State.PAUSED, State.STOPPED, State.FINISHED})

VENDOR = Vendor(
    slug="elastic",
    name="Elastic connectors",
    mark="EL",
    pipeline_noun="Elasticsearch deployment",
    default_url="https://localhost:9200",
    capabilities=(
        Capability(Verb.PAUSE, ALIVE | {State.STARTING}, timeout=180, usual=1),
        Capability(Verb.RESUME, frozenset({State.PAUSED}), usual=1),
        Capability(Verb.START, frozenset({State.STOPPED}), usual=1),
        Capability(
            Verb.STOP,
            ALIVE | {State.PAUSED, State.PAUSING, State.STARTING},
            timeout=180,
            usual=4,
            consequence="All its schedules are switched off, and syncs that wait or run are cancelled. What a "
            "running sync has not indexed yet is left to the next one.",
        ),
        Capability(
            Verb.SYNC_NOW, ALIVE | HELD, is_idempotent=False, timeout=180, usual=4, evidence="proof",
        ),
    ),
    fields=(
        Field("api_key", "API key", "Encoded. It needs manage_connector; with monitor_connector it only looks.",
              is_secret=True, is_required=False, kind="password"),
        Field("username", "User name", "Instead of a key.", is_secret=True, is_required=False),
        Field("password", "Password", is_secret=True, is_required=False, kind="password"),
        Field("deployment", "Name of the deployment", "As it is to appear on the board.", is_required=False),
        *SELF_HOSTED_FIELDS,
    ),
    adapter=ElasticAdapter,
    interval=15.0,
    hot_interval=1.0,
    budget=60.0,
    has_pipeline_state=False,
)  # fmt: skip
