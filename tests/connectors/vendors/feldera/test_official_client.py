"""Feldera's own Python client against our sandbox: what it sends is understood, what it waits for comes."""

import sys
from collections.abc import Callable

import pytest

from connectors.vendors.feldera.sandbox.server import KEY
from connectors.vendors.sandbox import Bench, Fault

hook = sys.excepthook
from feldera import FelderaClient, Pipeline  # noqa: E402  # it puts a hook of its own in place; ours comes back
from feldera.enums import PipelineStatus  # noqa: E402  # the same
from feldera.rest.errors import FelderaAPIError  # noqa: E402  # the same
from feldera.rest.retry import RetryConfig  # noqa: E402  # the same

sys.excepthook = hook

NAME = "orders-enrichment"
SOON = 20.0
"""Seconds that the client may wait."""


@pytest.fixture
def served(serve: Callable[..., tuple[Bench, str]]) -> tuple[Bench, FelderaClient]:
    """This will serve the sandbox, ten times as fast as a server, and the client asks again as much sooner."""
    app, url = serve("feldera", tempo=0.1)
    return app, FelderaClient(url, KEY, retry_config=RetryConfig(initial_backoff=0.2))


def test_lists_pipelines(served: tuple[Bench, FelderaClient]) -> None:
    app, client = served

    listed = Pipeline.all(client)

    assert {p.name for p in listed} == set(app.world.pipelines)  # type: ignore[attr-defined]  # Feldera's world
    assert Pipeline.get(NAME, client).status() == PipelineStatus.RUNNING


def test_pauses_resumes_stops_and_starts_a_pipeline(served: tuple[Bench, FelderaClient]) -> None:
    app, client = served
    pipeline = Pipeline.get(NAME, client)

    pipeline.pause(timeout_s=SOON)
    assert pipeline.status() == PipelineStatus.PAUSED
    pipeline.resume(timeout_s=SOON)
    assert pipeline.status() == PipelineStatus.RUNNING
    pipeline.stop(force=True, timeout_s=SOON)
    assert pipeline.status() == PipelineStatus.STOPPED
    pipeline.start(timeout_s=SOON)
    assert pipeline.status() == PipelineStatus.RUNNING

    assert [act.verb for act in app.world.acts] == ["pause", "resume", "force_stop", "start"]


def test_starts_a_pipeline_paused_and_dismisses_an_error_first(served: tuple[Bench, FelderaClient]) -> None:
    app, client = served
    pipeline = Pipeline.get(NAME, client)
    app.world.nudge(pipeline.id(), "fail")

    pipeline.start_paused(timeout_s=SOON)

    assert pipeline.status() == PipelineStatus.PAUSED
    assert not pipeline.deployment_error()
    assert [act.verb for act in app.world.acts] == ["start"]


def test_its_wait_ends_at_a_pipeline_that_dies(served: tuple[Bench, FelderaClient]) -> None:
    app, client = served
    pipeline = Pipeline.get(NAME, client)
    app.faults.append(Fault("swallow", "/pause$"))
    id_ = pipeline.id()
    app.world.later(5, lambda: app.world.nudge(id_, "fail"))
    began = app.world.clock.now()

    with pytest.raises(RuntimeError, match="ran out of memory"):
        pipeline.pause(timeout_s=SOON)

    assert app.world.clock.now() - began < SOON


def test_it_leaves_our_excepthook_in_place() -> None:
    assert sys.excepthook is hook


def test_pauses_and_resumes_connectors_of_both_directions(served: tuple[Bench, FelderaClient]) -> None:
    app, client = served
    pipeline = Pipeline.get(NAME, client)
    pipeline.pause_input_connector("orders", "from_kafka")
    pipeline.pause_output_connector("orders_enriched", "to_warehouse")

    assert pipeline.input_connector_stats("orders", "from_kafka").paused is True
    assert pipeline.output_connector_stats("orders_enriched", "to_warehouse").paused is True
    pipeline.start_input_connector("orders", "from_kafka")
    pipeline.start_output_connector("orders_enriched", "to_warehouse")

    assert pipeline.input_connector_stats("orders", "from_kafka").paused is False
    assert [act.verb for act in app.world.acts] == ["pause", "pause", "resume", "resume"]


def test_its_own_classes_read_the_figures(served: tuple[Bench, FelderaClient]) -> None:
    _, client = served

    stats = Pipeline.get(NAME, client).stats()

    assert stats.global_metrics.state == PipelineStatus.RUNNING
    orders = next(i for i in stats.inputs if i.endpoint_name == "orders.from_kafka")
    assert orders.metrics.total_records > 0
    assert orders.paused is False


def test_refusals_are_its_own_errors(served: tuple[Bench, FelderaClient]) -> None:
    _, client = served
    stopped = Pipeline.get("loyalty-points", client)

    with pytest.raises(FelderaAPIError) as unknown:
        client.get_pipeline_stats("nobody")
    with pytest.raises(FelderaAPIError) as not_up:
        stopped.pause_input_connector("purchases", "from_kafka")
    with pytest.raises(FelderaAPIError) as enterprise:
        Pipeline.get(NAME, client).stop(force=False)

    assert unknown.value.error_code == "UnknownPipelineName"
    assert not_up.value.error_code == "PipelineInteractionNotDeployed"
    assert enterprise.value.error_code == "EnterpriseFeature"
