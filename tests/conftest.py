"""What several tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests share the machine with each other's processes. Two threads that wait for each other at every small matrix are
# many times slower there than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell without job control starts what it runs in the background with Ctrl-C ignored, and children inherit that.
# The tests of Ctrl-C, and the processes that they start, shall hear it wherever they run.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes, or takes to be drawn, is the machine's doing.
settings.register_profile("textenvs", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("textenvs")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of public data sets, which is not part of the project."""
    folder = Path(os.environ.get("TEXTENVS_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no public data sets at {folder}; set TEXTENVS_DATA to run this")
    return folder
