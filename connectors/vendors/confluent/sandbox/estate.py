"""The demo's organization, and made-up connectors in any number."""

from collections.abc import Sequence
from dataclasses import dataclass

ENVIRONMENTS = {"env-7nk8vo": "payments-prod", "env-3w2pxd": "retail-prod"}
CLUSTERS = {"lkc-12j2w5": "orders", "lkc-9x41zq": "risk", "lkc-5d8rkm": "storefront"}
MASKED = "****************"
TRACE = (
    "org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask due to unrecoverable exception.\n"
    "\tat org.apache.kafka.connect.runtime.WorkerSinkTask.deliverMessages(WorkerSinkTask.java:614)\n"
    'Caused by: org.postgresql.util.PSQLException: ERROR: relation "settlements_v2" does not exist\n'
    "\tat org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2713)\n\t... 14 more\n"
)


@dataclass(frozen=True)
class Planned:
    """One connector of the plan."""

    name: str
    plugin: str
    tasks: int = 1
    state: str = "RUNNING"
    task_states: Sequence[str] = ()
    message: str = ""
    trace: str = ""

    @property
    def kind(self) -> str:
        """Source or sink."""
        return "sink" if self.plugin.upper().endswith("SINK") else "source"

    def config(self) -> dict[str, str]:
        """This will make its configuration; Confluent masks secrets itself."""
        return {
            "name": self.name,
            "connector.class": self.plugin,
            "tasks.max": str(self.tasks),
            "cloud.provider": "aws",
            "cloud.environment": "prod",
            "kafka.endpoint": "SASL_SSL://pkc-4r297.eu-central-1.aws.confluent.cloud:9092",
            "kafka.region": "eu-central-1",
            "kafka.api.key": MASKED,
            "kafka.api.secret": MASKED,
            "topics": self.name.split("-", maxsplit=1)[0],
        }


DEMO: dict[tuple[str, str], Sequence[Planned]] = {
    ("env-7nk8vo", "lkc-12j2w5"): (
        Planned("orders-pg-cdc", "PostgresCdcSourceV2"),
        Planned("settlements-pg-sink", "PostgresSink", 2, "FAILED", ("USER_ACTIONABLE_ERROR",) * 2,
                'relation "settlements_v2" does not exist', TRACE),
        Planned("invoices-s3-archive", "S3_SINK", 2),
        Planned("mandates-mssql-cdc", "SqlServerCdcSourceV2"),
        Planned("payouts-salesforce", "SalesforceSourceV2", state="PAUSED"),
    ),
    ("env-7nk8vo", "lkc-9x41zq"): (
        Planned("risk-scores-bigquery", "BigQueryStorageSink", 4),
        Planned("device-prints-dynamodb", "DynamoDbSink", 2, "FAILED", ("SYSTEM_ERROR",) * 2,
                "an internal error has occurred; Confluent has been notified"),
        Planned("blocklist-http", "HttpSource"),
    ),
    ("env-3w2pxd", "lkc-5d8rkm"): (
        Planned("catalog-mongo-source", "MongoDbAtlasSource"),
        Planned("searches-elastic-sink", "ElasticsearchSink", 3),
        Planned("carts-redis-sink", "RedisSink", 2, "DEGRADED", ("RUNNING", "USER_ACTIONABLE_ERROR"),
                "READONLY You can't write against a read only replica"),
        Planned("newsletter-datagen", "DatagenSource"),
    ),
}  # fmt: skip


def made_up(number: int) -> list[Planned]:
    """This will plan so many connectors: most run, some are paused, a few have failed."""
    planned = []
    for n in range(number):
        state = {3: "FAILED", 7: "PAUSED"}.get(n % 40, "RUNNING")
        tasks = ("USER_ACTIONABLE_ERROR",) if state == "FAILED" else ()
        plugin = ("PostgresSink", "S3_SINK", "DatagenSource")[n % 3]
        planned.append(Planned(f"connector-{n:05}", plugin, 1, state, tasks, "the topic is gone" if tasks else ""))
    return planned
