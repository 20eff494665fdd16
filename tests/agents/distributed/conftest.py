"""One launch of two real processes, which several tests read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents.distributed import program, shards_program
from tests.conftest import ROOT

LAUNCH = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch"]
FILE = ROOT / "examples" / "fsdp2.yaml"


@pytest.fixture(scope="session")
def two_ranks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two ranks left behind, given checkpoints of one: `program` here, and `shards_program` under ``shards``."""
    place = tmp_path_factory.mktemp("ranks")
    for made, folder in ((program, place), (shards_program, place / "shards")):
        alone = made.agent_of("grpo")
        program.trained(alone)
        alone.save(folder / "one")
    program_name = "tests.agents.distributed.shards_program"
    command = [*LAUNCH, f"--config_file={FILE}", "--main_process_port=0", "-m", program_name, str(place)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-4000:]
    return place
