"""Every algorithm takes every probe: how many are solved, after how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.agents.contestants import CONTESTANTS, Contestant
from tests.agents.probes import PROBES
from tests.cells import Cell, run_cell


@dataclass(frozen=True)
class ProbeProof:
    """One algorithm, or a relative that is a setting of one, on all probes; one cell per seed.

    Attributes:
        contestant: that takes them.
        seeds: of the weights, the items and the sampling.
        needs: nothing.
    """

    contestant: Contestant
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    needs: Path | None = None

    @property
    def name(self) -> str:
        """Of its cells."""
        return "probes-" + self.contestant.name.lower().replace(". ", "_")

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run one cell, or return the stored one."""
        command = f"python -m tests.proofs {self.name} --seed {seed}"
        return run_cell(self.name, seed, command, lambda: self.measure(seed), again=again)

    def measure(self, seed: int) -> Mapping[str, Any]:
        """Return how the contestant fared on each probe, and the updates that it was allowed there."""
        attempts = {name: self.contestant.attempt(probe, seed) for name, probe in PROBES.items()}
        return {name: {**asdict(attempt), "allowed": PROBES[name].updates} for name, attempt in attempts.items()}


PROBED = tuple(ProbeProof(contestant) for contestant in CONTESTANTS.values())
