"""How `textenvs train` sets up the arithmetic, seen in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from agents.cli.train import KERNELS_KEPT

PROGRAM = """
import torch
from agents.cli.train import set_arithmetic
set_arithmetic(1, "medium")
weights = torch.ones(128, 64)
for length in 2 * list(range(200, {end})):
    torch.ones(length, 128) @ weights
"""


def compiled(shapes: int, **variables: str) -> tuple[int, int]:
    """Multiply by so many shapes, all of them twice; return how often oneDNN compiled, and how often it need not."""
    environment = {**os.environ, "ONEDNN_VERBOSE": "profile_create", "OMP_NUM_THREADS": "1", **variables}
    program = [sys.executable, "-c", PROGRAM.format(end=200 + shapes)]
    done = subprocess.run(program, capture_output=True, text=True, check=True, env=environment)
    misses, hits = (done.stdout.count(f"create:cache_{kind}") for kind in ("miss", "hit"))
    if not misses:
        pytest.skip("on this processor oneDNN has no part in multiplying")
    return misses, hits


def test_only_so_many_compiled_multiplications_are_kept() -> None:
    assert compiled(2 * KERNELS_KEPT) == (4 * KERNELS_KEPT, 0)


def test_who_sets_the_variable_has_the_last_word() -> None:
    shapes = 2 * KERNELS_KEPT
    assert compiled(shapes, ONEDNN_PRIMITIVE_CACHE_CAPACITY=str(shapes)) == (shapes, shapes)
