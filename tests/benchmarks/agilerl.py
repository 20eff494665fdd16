"""AgileRL's GRPO beside ours on the same work, in one run: T1 and T2, adapters of the same rank on both sides.

AgileRL asks for its whole extra and other versions than ours, so it runs in a virtual environment of its own, and
`TEXTENVS_AGILERL` names that environment's Python::

    python -m venv /tmp/agilerl
    /tmp/agilerl/bin/pip install --constraint constraints.txt torch
    /tmp/agilerl/bin/pip install 'agilerl[cpu-llm]==2.58.0'
    TEXTENVS_AGILERL=/tmp/agilerl/bin/python python -m tests.benchmarks agilerl

The contenders take turns, one step each; the processor's time of one thread is taken.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from tests.benchmarks.training import Ours, Parts, medians, ratios
from tests.benchmarks.workloads import PROMPT_MARKS, REPLY_MARKS, T1, T2, Workload, network, policy, tokenizer

PYTHON = "TEXTENVS_AGILERL"
PEER = Path(__file__).with_name("agilerl_peer.py")
RANK = 16
REPEATS = {"T1": 5, "T2": 3}
ADAPTER = {"r": RANK, "lora_alpha": 2 * RANK, "target_modules": "all-linear"}


class Theirs:
    """AgileRL as a contender, in a process of its own.

    Args:
        process: of `agilerl_peer`.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def step(self) -> Parts:
        """Ask for a step.

        Raises:
            SystemExit: if the process has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("step "):
                rollout, update = json.loads(line.removeprefix("step "))
                return rollout, update
        raise SystemExit("AgileRL's process has ended; what it said stands above")


@contextmanager
def started(work: Workload) -> Iterator[Theirs]:
    """Start AgileRL with the same network and tokenizer on a workload.

    Raises:
        SystemExit: if nobody says where it is installed.
    """
    if PYTHON not in os.environ:
        raise SystemExit(f"set {PYTHON} to the Python that has AgileRL; tests/benchmarks/agilerl.py says how")
    lengths = {"prompt_text": work.prompt - PROMPT_MARKS, "reply_text": work.read - REPLY_MARKS, "lora_rank": RANK}
    with tempfile.TemporaryDirectory() as folder:
        network().save_pretrained(folder)
        tokenizer().save_pretrained(folder)
        facts = {**asdict(work), "length": work.length, **lengths}
        Path(folder, "work.json").write_text(json.dumps(facts), encoding="utf-8")
        command = [os.environ[PYTHON], "-P", str(PEER), folder]  # -P: this file has the name of its package
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield Theirs(process)
            assert process.stdin is not None
            process.stdin.close()


def taken_in_turn(work: Workload, repeats: int) -> dict[str, list[Parts]]:
    """Let both step in turn, once to warm up and then `repeats` times."""
    with started(work) as theirs:
        contenders = {"agilerl": theirs.step, "ours": Ours(work, policy(lora=ADAPTER)).step}
        taken: dict[str, list[Parts]] = {name: [] for name in contenders}
        for _ in range(repeats + 1):
            for name, step in contenders.items():
                gc.collect()
                taken[name].append(step())
    return {name: parts[1:] for name, parts in taken.items()}


def measure() -> Mapping[str, Any]:
    """Return both contenders' seconds, and AgileRL's in units of ours."""
    torch.set_num_threads(1)
    figures: dict[str, Any] = {"load_average": round(os.getloadavg()[0], 1)}
    for name, work in (("T1", T1), ("T2", T2)):
        taken = taken_in_turn(work, REPEATS[name])
        for contender, parts in taken.items():
            figures[f"{name}.{contender}"] = [round(seconds, 3) for seconds in medians(parts)]
        figures[f"{name}.agilerl_to_ours"] = [round(ratio, 1) for ratio in ratios(taken["agilerl"], taken["ours"])]
    return figures
