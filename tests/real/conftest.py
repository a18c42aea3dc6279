"""Proof from outside this repository: specifications, transcripts, a real Kafka Connect. See `bin/test-real`."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("SHARED", Path(__file__).parents[3] / "shared"))
SPECIFICATIONS = SHARED / "vendors" / "specs"

# The plain suite needs nothing but this repository: it does not even collect what stands here.
collect_ignore_glob = [] if os.environ.get("REAL") == "1" else ["test_*.py"]


@pytest.fixture(scope="session")
def specifications() -> Path:
    """This will give the folder of the vendors' specifications, and fail where there is none."""
    if not SPECIFICATIONS.is_dir():
        pytest.fail(f"{SPECIFICATIONS} is missing. Say where the material is: SHARED=/where/it/is bin/test-real")
    return SPECIFICATIONS
