"""The demo's connectors, and made-up ones in any number."""

from collections.abc import Sequence
from dataclasses import dataclass

TRACES = {
    "slots": (
        "org.apache.kafka.connect.errors.ConnectException: org.postgresql.util.PSQLException: "
        "FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute\n"
        "\tat com.shop.connect.jdbc.CachedConnections.open(CachedConnections.java:83)\n"
        "\tat com.shop.connect.jdbc.TableSourceTask.start(TableSourceTask.java:141)\n"
        "\tat org.apache.kafka.connect.runtime.WorkerTask.doRun(WorkerTask.java:229)\n"
        "Caused by: org.postgresql.util.PSQLException: "
        "FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute\n"
        "\tat org.postgresql.core.v3.ConnectionFactoryImpl.doAuthentication(:698)\n\t... 9 more\n"
    ),
    "range": (
        "org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask due to unrecoverable exception.\n"
        "\tat org.apache.kafka.connect.runtime.WorkerSinkTask.deliverMessages(WorkerSinkTask.java:636)\n"
        "Caused by: java.sql.BatchUpdateException: value of “amount” is out of range for NUMERIC(12,2)\n"
        "\tat com.shop.connect.jdbc.BufferedRows.flush(BufferedRows.java:177)\n\t... 11 more\n"
    ),
    "bucket": (
        "org.apache.kafka.common.config.ConfigException: bucket acme-clickstream-eu does not exist or is not ours\n"
        "\tat com.shop.connect.s3.S3SinkConnector.start(S3SinkConnector.java:58)\n"
        "\tat org.apache.kafka.connect.runtime.WorkerConnector.doStart(WorkerConnector.java:223)\n"
    ),
    "refused": (
        "org.apache.kafka.connect.errors.RetriableException: connection to 10.2.0.8:5432 refused\n"
        "\tat com.shop.connect.jdbc.TableSourceTask.poll(TableSourceTask.java:309)\n"
    ),
}

CLASSES = {
    "jdbc": "com.shop.connect.jdbc.TableSourceConnector",
    "jdbc-sink": "com.shop.connect.jdbc.TableSinkConnector",
    "debezium": "io.debezium.connector.postgresql.PostgresConnector",
    "mongo": "com.mongodb.kafka.connect.MongoSourceConnector",
    "s3": "com.shop.connect.s3.S3SinkConnector",
    "elastic": "com.shop.connect.search.SearchSinkConnector",
    "mirror": "org.apache.kafka.connect.mirror.MirrorSourceConnector",
}


@dataclass(frozen=True)
class Planned:
    """One connector of the plan."""

    name: str
    plugin: str
    tasks: int = 1
    wish: str = "RUNNING"
    failed: int = 0
    trace: str = ""
    is_broken: bool = False
    """The connector object itself failed, before it had tasks."""

    @property
    def kind(self) -> str:
        """Source or sink."""
        return "sink" if self.plugin in {"jdbc-sink", "s3", "elastic"} else "source"

    def config(self) -> dict[str, str]:
        """This will make its configuration, with secrets in clear as the worker gives them."""
        config = {"name": self.name, "connector.class": CLASSES[self.plugin], "tasks.max": str(self.tasks)}
        if self.kind == "sink":
            config["topics"] = self.name.rsplit("-", 1)[0]
        if self.plugin in {"jdbc", "jdbc-sink", "debezium"}:
            config |= {"connection.url": "jdbc:postgresql://db.shop.example:5432/shop", "connection.user": "connect"}
            config["connection.password"] = f"pw-of-{self.name}"
        return config


DEMO: dict[str, Sequence[Planned]] = {
    "orders": (
        Planned("orders-jdbc-source", "jdbc", 3, failed=3, trace=TRACES["slots"]),
        Planned("ledger-jdbc-sink", "jdbc-sink", 6, failed=1, trace=TRACES["range"]),
        Planned("invoices-debezium", "debezium"),
        Planned("payments-debezium", "debezium"),
        Planned("refunds-debezium", "debezium"),
        Planned("card-auth-events", "mirror", 4),
        Planned("fraud-scores-sink", "jdbc-sink", 2),
        Planned("settlements-s3", "s3", 2),
        Planned("chargebacks-source", "jdbc", wish="PAUSED"),
        Planned("statements-s3", "s3"),
        Planned("ledger-backfill", "jdbc", wish="STOPPED"),
    ),
    "analytics": (
        Planned("clickstream-s3", "s3", 4, trace=TRACES["bucket"], is_broken=True),
        Planned("product-views-sink", "elastic", 3),
        Planned("baskets-mongo", "mongo", 2),
        Planned("customers-mongo", "mongo", 2),
        Planned("prices-jdbc", "jdbc"),
        Planned("stock-levels-debezium", "debezium"),
        Planned("returns-debezium", "debezium", wish="PAUSED"),
        Planned("recommendations-sink", "elastic", 2),
        Planned("web-events-mirror", "mirror", 6),
    ),
}


def made_up(number: int) -> list[Planned]:
    """This will plan so many connectors: most run, some are paused, a few have failed."""
    plugins = list(CLASSES)
    planned = []
    for n in range(number):
        wish = "PAUSED" if n % 20 == 7 else "RUNNING"
        failed = 1 if n % 50 == 3 else 0
        trace = TRACES["refused"] if failed else ""
        planned.append(Planned(f"connector-{n:05}", plugins[n % len(plugins)], 1 + n % 3, wish, failed, trace))
    return planned
