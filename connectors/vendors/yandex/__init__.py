"""Yandex Cloud EventRouter. Facts in README.md beside this file."""

from connectors.states import State, Verb
from connectors.vendors.base import Capability, Field, Vendor
from connectors.vendors.yandex.adapter import YandexAdapter

BROKEN = frozenset({State.FAILED})

VENDOR = Vendor(
    slug="yandex",
    name="Yandex EventRouter",
    mark="YR",
    pipeline_noun="bus",
    default_url="https://serverless-eventrouter.api.cloud.yandex.net",
    capabilities=(
        Capability(Verb.START, frozenset({State.STOPPED}) | BROKEN, timeout=180, usual=3),
        Capability(
            Verb.STOP,
            frozenset({State.RUNNING, State.DEGRADED}) | BROKEN,
            timeout=180,
            usual=3,
            consequence="It sends nothing to its bus until it is started again. A queue or stream keeps its "
            "messages as long as its own retention says; ticks of a timer are not made up, and pushed events may be "
            "refused.",
        ),
    ),
    fields=(
        Field("key", "Authorized key", "The JSON file of a service account that is serverless.eventrouter.editor.",
              is_secret=True, kind="textarea"),
        Field("folder_ids", "Folders", "Ids of the folders to show, one a line.", kind="list"),
        Field("operation_url", "Address of operations", is_required=False, kind="url",
              default="https://operation.api.cloud.yandex.net"),
        Field("iam_url", "Address of sign-in", is_required=False, kind="url",
              default="https://iam.api.cloud.yandex.net"),
        Field("iam_audience", "Audience of sign-in", "Stays as it is even where the address is another.",
              is_required=False, default="https://iam.api.cloud.yandex.net/iam/v1/tokens"),
    ),
    adapter=YandexAdapter,
    interval=10.0,
    hot_interval=1.0,
    budget=40.0,
)  # fmt: skip
