"""The plan's model of rollouts and updates against tiny models that are really run on this machine.

A device is measured on one model with two sizes of batch; then other batches, lengths, depths and widths are predicted.
Processor time of one thread is taken, the median of several turns.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from agents.plan.devices import Device
from agents.plan.estimates import rollout_seconds, update_seconds
from agents.plan.shapes import ModelShape
from agents.plan.workload import Workload
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.tiny import TinyConfig, build_tiny
from agents.rollout.local import LocalEngine
from agents.rollout.sampling import SamplingParams
from tests.cells import Cell, run_cell

BASE = TinyConfig(vocab_size=300, hidden_size=128, layers=4, heads=4, context_length=1024)
SHORT = Workload(episodes=4, group=1, prompt=16, turns=1, written=32, read=0)
"""What the device is measured on, with the next."""
WIDE = replace(SHORT, episodes=64)

CASES: Mapping[str, tuple[TinyConfig, Workload]] = {
    "batch 16": (BASE, replace(SHORT, episodes=16)),
    "batch 32, 96 written": (BASE, replace(SHORT, episodes=32, written=96)),
    "prompt 256": (BASE, replace(SHORT, episodes=16, prompt=256)),
    "2 layers": (replace(BASE, layers=2), replace(SHORT, episodes=32)),
    "8 layers": (replace(BASE, layers=8), replace(SHORT, episodes=32)),
    "hidden 192": (replace(BASE, hidden_size=192), replace(SHORT, episodes=32)),
}


@dataclass(frozen=True)
class PlanProof:
    """Predicts runs and makes them.

    Attributes:
        name: of its cells.
        seeds: one.
        needs: nothing.
    """

    name: str
    seeds: tuple[int, ...] = (0,)
    needs: Path | None = None

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run the cell, or return the stored one."""
        return run_cell(self.name, seed, f"python -m tests.proofs {self.name}", check, again=again)


def check() -> Mapping[str, Any]:
    """Return seconds predicted and measured, rollout and update apart."""
    torch.set_num_threads(1)
    device = measured_device()
    figures: dict[str, Any] = {}
    for name, (config, work) in CASES.items():
        figures[name] = compared(policy_of(config), work, device)
    return figures


def compared(policy: CausalLMPolicy, work: Workload, device: Device) -> dict[str, list[float]]:
    """Return seconds predicted and seconds measured."""
    shape = shape_of(policy)
    played = [rollout_seconds(shape, work, device, weight_bytes=4), median(lambda: rollout(policy, work))]
    learned = [update_seconds(shape, work, device, lora_rank=0, kl=False), median(lambda: update(policy, work))]
    return {name: [round(s, 4) for s in pair] for name, pair in (("rollout", played), ("update", learned))}


def measured_device() -> Device:
    """Fit overhead and speeds to the two workloads that are not predicted."""
    policy = policy_of(BASE)
    shape = shape_of(policy)
    prefill = median(lambda: prefilled(policy, 32, 256))

    def reading(length: int) -> float:
        return shape.block_weights + shape.attention_weights(length)

    prefill_flops = 2 * reading(256) * 32 * 256 / prefill
    few, many = (
        median(lambda work=work: rollout(policy, work)) - 2 * reading(16) * work.episodes * 16 / prefill_flops
        for work in (SHORT, WIDE)
    )
    weights = reading(48) + shape.output_weights
    per_token = (many - few) / (32 * (WIDE.episodes - SHORT.episodes))
    step = (few / 32 - SHORT.episodes * per_token) / shape.layers
    once = update_seconds(shape, WIDE, Device(1, 1.0, 1, 1, 1), lora_rank=0, kl=False)
    train_flops = once / median(lambda: update(policy, WIDE))
    return Device(1e12, train_flops, prefill_flops, 2 * weights / per_token, 1e30, step)


def policy_of(config: TinyConfig) -> CausalLMPolicy:
    policy = build_tiny((), config, critic=None, reference=None)
    policy.chat.stop_ids = ()  # so that every turn has as many tokens as it may
    return policy


def shape_of(policy: CausalLMPolicy) -> ModelShape:
    return ModelShape.of_config(policy.model.config.to_dict())


def rollout(policy: CausalLMPolicy, work: Workload) -> None:
    engine = LocalEngine(policy)
    params = SamplingParams(max_new_tokens=int(work.written))
    for handle in range(work.episodes):
        engine.append(handle, [(handle * 7 + place) % 200 + 20 for place in range(int(work.prompt))])
        engine.submit(handle, params, handle)
    engine.poll()


def prefilled(policy: CausalLMPolicy, batch: int, length: int) -> None:
    rollout(policy, Workload(batch, 1, length, 1, 1, 0))


def update(policy: CausalLMPolicy, work: Workload) -> None:
    """Score once without gradients, and once with."""
    length, prompt = int(work.length), int(work.prompt)
    ids = torch.randint(20, 250, (work.episodes, length))
    select = torch.arange(length).expand_as(ids) >= prompt
    given = (ids, torch.ones_like(select), select, torch.ones(ids.shape))
    with torch.no_grad():
        policy.score(*given)
    policy.score(*given).logprobs.sum().backward()
    policy.model.zero_grad()


def median(work: Callable[[], Any], turns: int = 5) -> float:
    """Return the processor's seconds that a piece of work takes."""
    work()
    seconds: list[float] = []
    for _ in range(turns):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)
