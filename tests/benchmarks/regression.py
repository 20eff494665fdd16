"""Has a change made us slower? `python -m tests.benchmarks.regression` compares with the stored benchmark.

Seconds differ from machine to machine and from hour to hour; what is compared is the ratio to the bare loop, taken in
the same run.
"""

from __future__ import annotations

import sys

import torch

from tests.benchmarks.training import Bare, Ours, ratios
from tests.benchmarks.workloads import WORKLOADS, policy
from tests.cells import stored

ALLOWED = 1.15
"""How much larger the ratio may be than the stored one: less than that is noise."""


def slower(name: str, repeats: int = 5) -> str | None:
    """Return what became slower on a workload; None where nothing did."""
    work = WORKLOADS[name]
    bare, ours = Bare(work).step, Ours(work, policy()).step
    taken = [(bare(), ours()) for _ in range(repeats + 1)][1:]
    now = ratios([own for _, own in taken], [other for other, _ in taken])
    before = stored("bench-training")[-1].figures[f"{name}.ours_to_bare"]
    print(f"{name}: rollout, update, whole: {[round(ratio, 2) for ratio in now]} times the bare loop; stored: {before}")
    worse = [part for part, a, b in zip(("rollout", "update"), now, before, strict=False) if a > ALLOWED * b]
    return f"{name}: {' and '.join(worse)} became slower" if worse else None


def main() -> int:
    """Compare the two shorter workloads."""
    torch.set_num_threads(1)
    found = [message for message in map(slower, ("T1", "T2")) if message]
    print("\n".join(found) or "no slower than the stored benchmark")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
