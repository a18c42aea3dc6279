"""The live figures of a process, field by field as the server gives them."""

from typing import Any


def endpoint(
    name: str, stream: str, metrics: dict[str, Any], *, fatal_error: str | None, is_paused: bool
) -> dict[str, Any]:
    """This will give one element of `inputs` or `outputs`."""
    return {
        "endpoint_name": name,
        "config": {"stream": stream},
        "metrics": metrics,
        "fatal_error": fatal_error,
        "paused": is_paused,
        "barrier": False,
    }


def input_metrics(total: int, *, is_at_end: bool) -> dict[str, Any]:
    """This will give what an input counts."""
    return {
        "total_bytes": total * 80,
        "total_records": total,
        "buffered_records": 0,
        "buffered_bytes": 0,
        "num_transport_errors": 0,
        "num_parse_errors": 0,
        "end_of_input": is_at_end,
    }


def output_metrics(total: int) -> dict[str, Any]:
    """This will give what an output counts."""
    return {
        "transmitted_records": total,
        "transmitted_bytes": total * 96,
        "queued_records": 0,
        "queued_batches": 0,
        "buffered_records": 0,
        "buffered_batches": 0,
        "num_encode_errors": 0,
        "num_transport_errors": 0,
        "total_processed_input_records": total,
        "total_processed_steps": total // 1000,
        "memory": 4_194_304,
    }


def process(state: str, deployment: str, *, records: int, began: float, now: float) -> dict[str, Any]:
    """This will give the figures of the process as a whole."""
    uptime = round((now - began) * 1000)
    return {
        "state": state,
        "bootstrap_in_progress": False,
        "transaction_status": "NoTransaction",
        "transaction_id": 0,
        "transaction_msecs": None,
        "transaction_records": None,
        "transaction_initiators": {"transaction_id": None, "initiated_by_api": None, "initiated_by_connectors": {}},
        "concurrent_bootstrap_phase": "Inactive",
        "rss_bytes": 812_949_504,
        "memory_pressure": "low",
        "memory_pressure_epoch": 0,
        "cpu_msecs": uptime // 4,
        "uptime_msecs": uptime,
        "start_time": round(began),
        "incarnation_uuid": deployment,
        "initial_start_time": round(began),
        "storage_bytes": 268_435_456,
        "storage_mb_secs": uptime // 4,
        "runtime_elapsed_msecs": uptime // 3,
        "buffered_input_records": 0,
        "buffered_input_bytes": 0,
        "total_input_records": records,
        "total_input_bytes": records * 80,
        "total_processed_records": records,
        "total_processed_bytes": records * 80,
        "total_completed_records": records,
        "output_stall_msecs": 0,
        "total_initiated_steps": records // 1000,
        "total_completed_steps": records // 1000,
        "pipeline_complete": False,
    }
