"""A vendor is a folder: without it everything else goes on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PARTS = ("connectors", "dashboard", "templates", "static", "tests", "manage.py", "pyproject.toml")
STILL = (
    "tests/connectors/api",
    "tests/connectors/views",
    "tests/connectors/services/test_driver.py",
    "tests/templates",
)
"""What must stay green: API, pages, driver, rows."""


@pytest.mark.stack
@pytest.mark.parametrize("folder", ["elastic"])
def test_without_its_folder_everything_else_stays_green(folder: str, tmp_path: Path) -> None:
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / part)
    shutil.rmtree(tmp_path / "connectors" / "vendors" / folder)
    shutil.rmtree(tmp_path / "tests" / "connectors" / "vendors" / folder)

    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--create-db", *STILL]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert folder not in subprocess.run(
        [sys.executable, "-c", "from connectors.vendors import registry; print(*registry.vendors())"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
