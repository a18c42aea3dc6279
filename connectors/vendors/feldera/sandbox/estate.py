"""The demo's pipelines, and made-up ones."""

from collections.abc import Sequence
from dataclasses import dataclass

FATAL = (
    "error creating consumer: broker transport failure: redpanda-2.retail.example:9092 (after 120004 ms)\n"
    "   0: dbsp_adapters::transport::kafka::nonft::input::KafkaInputReader::new\n"
    "   1: dbsp_adapters::controller::ControllerInner::add_input_endpoint\n"
)


@dataclass(frozen=True)
class Endpoint:
    """One connector of the plan."""

    name: str
    stream: str
    kind: str
    transport: str
    is_paused: bool = False
    fatal_error: str | None = None
    is_finished: bool = False


@dataclass(frozen=True)
class Planned:
    """One pipeline of the plan."""

    name: str
    status: str
    endpoints: Sequence[Endpoint]
    tags: Sequence[str] = ()
    error: str | None = None
    guests: Sequence[str] = ()
    """Endpoints of inputs that the interface opened by itself."""


def reads(table: str, part: str, transport: str = "kafka_input", **more: object) -> Endpoint:
    """This will plan an input."""
    name = table.strip('"') if table.startswith('"') else table.lower()
    return Endpoint(f"{name}.{part}", table, "inputs", transport, **more)  # type: ignore[arg-type]  # fields


def writes(view: str, part: str, transport: str = "kafka_output", **more: object) -> Endpoint:
    """This will plan an output."""
    name = f"{view.lower()}.{part}"
    return Endpoint(name, view, "outputs", transport, **more)  # type: ignore[arg-type]  # fields


DEMO: Sequence[Planned] = (
    Planned("orders-enrichment", "Running", (
        reads("orders", "from_kafka"), reads("prices", "from_nats", "nats_input"),
        writes("orders_enriched", "to_warehouse", "postgres_output"),
    ), ("team:retail", "env:prod"), guests=("orders.api-ingress-5d0c7a9be1f24806",)),
    Planned("stock-alerts", "Paused", (
        reads("stock", "from_kafka"), reads('"Suppliers"', "from_pg", "postgres_input"),
        writes("low_stock", "to_topic"),
    ), ("team:retail",)),
    Planned("session-features", "Running", (
        reads("clicks", "from_kafka", fatal_error=FATAL), writes("features", "to_delta", "delta_table_output"),
    ), ("team:retail",)),
    Planned("price-history-backfill", "Running", (
        reads("history", "from_s3", "s3_input", is_finished=True), reads("live_prices", "from_kafka", is_paused=True),
    )),
    Planned("loyalty-points", "Stopped", (
        reads("purchases", "from_kafka"), writes("points", "to_redis", "redis_output"),
    )),
)  # fmt: skip


def made_up(number: int) -> list[Planned]:
    """This will plan so many connectors, 20 a pipeline; some of them paused."""
    planned = []
    for first in range(0, number, 20):
        span = range(first, min(first + 20, number))
        endpoints = [reads(f"table_{n:05}", "from_kafka", is_paused=n % 20 == 7) for n in span]
        planned.append(Planned(f"pipeline-{first // 20:04}", "Running", endpoints))
    return planned
