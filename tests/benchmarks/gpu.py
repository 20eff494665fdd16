"""Rollouts and updates on a GPU: `python -m tests.benchmarks.gpu 0.6B` (or `1.7B`), beside TRL; `0.9M` on a CPU.

Models have the shapes of Qwen3's and random weights in bfloat16. Reported are sampled tokens per second of each engine,
trained tokens per second, the update's share of what the device's matrix multiplication reaches, and peak memory.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from transformers import ContinuousBatchingConfig

from agents.rollout.paged import PagedEngine
from tests.benchmarks import trl_grpo
from tests.benchmarks.training import Ours, Parts
from tests.benchmarks.workloads import SIZES, Size, Workload, network, policy
from tests.cells import run_cell

REPEATS = 3
WORK: Mapping[str, Mapping[str, Workload]] = {
    "cuda": {"single turn": Workload(16, 8, 1, 512, 256), "five turns": Workload(8, 8, 5, 512, 128, 128)},
    "cpu": {"single turn": Workload(2, 2, 1, 24, 8), "five turns": Workload(2, 2, 3, 24, 8, 8)},
}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

PAGING = None if DEVICE == "cuda" else ContinuousBatchingConfig(num_blocks=32, page_size=32, max_batch_tokens=256)
"""On a CPU a few pages: by default they would take half of the machine's memory."""


def now() -> float:
    """Return the time once the device has done everything it was asked to."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def matrix_peak(size: Size) -> float:
    """Return the floating-point operations per second of one large matrix multiplication on this device."""
    width = 8192 if DEVICE == "cuda" else 512
    one = torch.randn(width, width, device=DEVICE, dtype=getattr(torch, size.dtype))
    for _ in range(3):
        one @ one
    start = now()
    for _ in range(10):
        one @ one
    return 10 * 2 * width**3 / (now() - start)


def update_flops(size: Size, work: Workload) -> float:
    """Return what an update has to compute at the least: every token once for a prompt, forward twice, backward once.

    Scoring is a forward pass of its own. The output layer is needed for written tokens only, attention is left out.
    """
    layer = size.hidden * size.head_dim * (2 * size.heads + 2 * size.kv_heads) + 3 * size.hidden * size.feed_forward
    fed = work.groups * work.prompt + work.episodes * (work.length - work.prompt)
    written = work.episodes * work.turns * work.written
    return 8 * (size.layers * layer * fed + size.hidden * size.vocabulary * written)


def repeated(step: Callable[[], Parts]) -> Parts:
    """Return the median rollout and update over repeats, after one to warm up."""
    step()
    rollouts, updates = zip(*[step() for _ in range(REPEATS)], strict=True)
    return statistics.median(rollouts), statistics.median(updates)


def measure_work(size: Size, work: Workload, peak: float) -> dict[str, Any]:
    """Return the figures of one workload, engine by engine, and TRL's."""
    figures: dict[str, Any] = {}
    written = work.episodes * work.turns * work.written

    def note(name: str, parts: Parts) -> None:
        memory = torch.cuda.max_memory_allocated() / 2**30 if DEVICE == "cuda" else 0.0
        figures[name] = {
            "rollout_tokens_per_s": round(written / parts[0]),
            "update_tokens_per_s": round(written / parts[1]),
            "memory_gib": round(memory, 1),
        }
        if DEVICE == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    for name in ("local", "paged"):
        own = policy(size, DEVICE)
        engine = PagedEngine(own, PAGING) if name == "paged" else None
        parts = repeated(Ours(work, own, now, engine=engine, microbatch_tokens=16_384).step)
        note(name, parts)
        figures[name]["share_of_matrix_peak"] = round(update_flops(size, work) / parts[1] / peak, 3)
        del own, engine
    precision = {"use_cpu": DEVICE == "cpu", "bf16": DEVICE == "cuda"}
    taken = trl_grpo.run(work, REPEATS + 1, lambda: None, network(size, DEVICE), now, **precision)
    note("trl", tuple(statistics.median(part) for part in zip(*taken[1:], strict=True)))  # type: ignore[arg-type]
    return figures


def measure(name: str) -> Mapping[str, Any]:
    """Return the figures of a model's size."""
    size, device = SIZES[name], torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"
    peak = matrix_peak(size)
    figures: dict[str, Any] = {"device": device, "matrix_teraflops": round(peak / 1e12, 2)}
    return figures | {label: measure_work(size, work, peak) for label, work in WORK[DEVICE].items()}


if __name__ == "__main__":
    asked = sys.argv[1] if len(sys.argv) > 1 else "0.9M"
    command = f"python -m tests.benchmarks.gpu {asked}"
    if DEVICE == "cuda":
        run_cell(f"bench-gpu-{asked}", 0, command, lambda: measure(asked), again=True)
    else:
        print(measure(asked))
