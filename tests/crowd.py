"""Ten thousand connectors, as many sites have them: names, classes, errors, labels and tasks that differ."""

from datetime import timedelta

from django.utils import timezone

from connectors import matrix
from connectors.models import Connector, Pipeline
from connectors.states import State
from tests import cast

SYSTEMS = ("orders", "invoices", "clicks", "ledger", "stock", "prices", "returns", "sessions", "claims", "payouts")
ENDS = ("postgres-source", "s3-sink", "jdbc-sink", "debezium", "bigquery-sink", "mongo-source", "elastic-sink")
CLASSES = ("io.debezium.connector.postgresql.PostgresConnector", "io.confluent.connect.s3.S3SinkConnector",
           "io.confluent.connect.jdbc.JdbcSinkConnector", "com.mongodb.kafka.connect.MongoSourceConnector")  # fmt: skip
ERRORS = ("connection refused by warehouse-2:5432 after 1200 ms", "FATAL: remaining connection slots are reserved",
          "relation settlements_v2 does not exist", "bucket acme-clicks-eu does not exist or is not ours")  # fmt: skip
PIPELINES = 100


def crowd(estate: cast.Estate, number: int = 10_000) -> None:
    """This will add so many connectors to the estate, over a hundred pipelines; one in forty is failed."""
    now = timezone.now()
    pipelines = Pipeline.objects.bulk_create(
        Pipeline(
            account=estate.account, external_id=f"cluster-{n}", name=f"cluster-{n:02}", vendor_state="up",
            state=State.PAUSED if n % 25 == 24 else State.RUNNING, state_since=now,
        )
        for n in range(PIPELINES)
    )  # fmt: skip
    rows = []
    for n in range(number):
        pipeline = pipelines[n % PIPELINES]
        state = State.FAILED if n % 40 == 0 else State.PAUSED if n % 17 == 0 else State.RUNNING
        name = f"{SYSTEMS[n % 10]}-{ENDS[n % 7]}-{n:05}"
        tasks = [{"id": str(t), "state": str(state), "vendor_state": state.upper(), "worker": f"10.0.0.{t}:8083",
                  "trace": ERRORS[n % 4] * 20 if state is State.FAILED else ""} for t in range(2)]  # fmt: skip
        rows.append(
            Connector(
                account=estate.account, pipeline=pipeline, team=estate.team, external_id=name, name=name,
                state=state, vendor_state=state.upper(), state_since=now - timedelta(minutes=n % 9000),
                urgency=matrix.urgency(State(pipeline.state), state), type=CLASSES[n % 4],
                error=ERRORS[n // 40 % 4] if state is State.FAILED else "", error_trace=ERRORS[n % 4] * 20,
                labels={"env": "prod" if n % 3 else "test", "tier": str(n % 4)}, tasks=tasks, tasks_total=2,
                tasks_failed=2 if state is State.FAILED else 0, flow=[float(n % 700 + f) for f in range(24)],
                config={f"key.{k}": f"value {n} {k}" for k in range(20)},
                metrics={"records_per_s": n % 700, "at": now.timestamp()},
            )
        )  # fmt: skip
    Connector.objects.bulk_create(rows, batch_size=1000)
