"""The model behind a plan: what a rank holds, how long an update takes, and where the devices are best put.

Let `P` be the weights that a token is multiplied by, with what attending to the others counts as, `T` tokens, `b`
conversations that decode together, `c` the tokens that each has behind it, `k` bytes of a token's keys and values.

    update      6 P T / train_flops in full; 4 P T with an adapter, whose base has no weight gradients; twice 2 P T more
                for scoring (policy, reference); the output layer is run on written tokens alone
    prefill     2 P T / prefill_flops, a group's first prompt once
    decoding    per step  layers * step_s + max(2 P b / decode_flops, (weight bytes + b c k) / bandwidth)

Sources: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", section 2.1 (2 P and 6 P); Pope et al. 2022,
"Efficiently Scaling Transformer Inference", section 2 (decoding reads weights and cache once a step); Korthikanti et
al. 2022, "Reducing Activation Recomputation", equation 2 without the attention scores, which fused kernels never store.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from agents.plan.devices import Device
from agents.plan.shapes import ModelShape
from agents.plan.workload import Workload

Placement = Literal["together", "apart"]

HEADROOM = 0.9
"""Share of a device's memory that a plan fills."""


@dataclass(frozen=True)
class Memory:
    """Bytes on one learner rank.

    Attributes:
        weights: of the policy, in bfloat16 under an adapter and float32 in full.
        trained: gradients, AdamW's moments, and an adapter itself.
        reference: a frozen copy; with an adapter the base is the reference.
        activations: of one micro-batch.
        logits: of one micro-batch's written tokens, and their gradient.
    """

    weights: float
    trained: float
    reference: float
    activations: float
    logits: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.weights + self.trained + self.reference + self.activations + self.logits


def learner_memory(shape: ModelShape, work: Workload, *, lora_rank: int, microbatch_tokens: int, kl: bool) -> Memory:
    """Return what a rank holds; every rank holds the whole policy.

    Args:
        shape: of the model.
        work: says which share of the tokens is written.
        lora_rank: 0 trains every weight.
        microbatch_tokens: fed at a time.
        kl: whether a reference is kept.
    """
    adapter = shape.adapter_parameters(lora_rank) if lora_rank else 0
    tokens = max(float(microbatch_tokens), work.length)
    written = tokens * work.turns * work.written / work.length
    wide = 2 if lora_rank else 4
    return Memory(
        weights=wide * shape.parameters,
        trained=16 * adapter if lora_rank else 12 * shape.parameters,
        reference=0.0 if lora_rank or not kl else 4 * shape.parameters,
        activations=34 / 2 * wide * tokens * shape.hidden * shape.layers,
        logits=3 * 4 * written * shape.vocabulary,
    )


def update_seconds(shape: ModelShape, work: Workload, device: Device, *, lora_rank: int, kl: bool) -> float:
    """Return how long one device needs for an update's scoring and its gradients."""
    fed, written = work.episodes * work.length, work.sampled
    once = (shape.block_weights + shape.attention_weights(work.length)) * fed + shape.output_weights * written
    passes = (4 if lora_rank else 6) * work.epochs
    return (passes + 2 + (2 if kl else 0)) * once / device.train_flops


def rollout_seconds(shape: ModelShape, work: Workload, device: Device, *, weight_bytes: int = 2) -> float:
    """Return how long one device needs to play an update's episodes, as many at a time as fit.

    Args:
        shape: of the model.
        work: the update.
        device: that plays.
        weight_bytes: of each number in weights and cache.
    """
    at_once = conversations(shape, work, device, weight_bytes=weight_bytes)
    waves = math.ceil(work.episodes / at_once)
    batch = work.episodes / waves
    steps = waves * work.turns * work.written
    weights = shape.block_weights + shape.output_weights + shape.attention_weights(work.length)
    computed = 2 * weights * batch / device.decode_flops
    moved = weight_bytes * (shape.parameters + batch * work.length * shape.kv_numbers) / device.bandwidth
    prefilled = work.episodes * (work.prompt / work.group + max(work.turns - 1, 0) * work.read)
    prefill = 2 * (shape.block_weights + shape.attention_weights(work.prompt)) * prefilled / device.prefill_flops
    return steps * (shape.layers * device.step_s + max(computed, moved)) + prefill


def conversations(shape: ModelShape, work: Workload, device: Device, *, weight_bytes: int = 2) -> int:
    """Return how many conversations fit a device beside the weights; at least 1, as a plan says when they do not."""
    free = HEADROOM * device.memory - weight_bytes * shape.parameters
    return int(max(1, min(work.episodes, free // (weight_bytes * work.length * shape.kv_numbers))))


@dataclass(frozen=True)
class Estimate:
    """One way to place the devices, and what an update takes.

    Attributes:
        placement: ``"together"``: every device plays and then learns; ``"apart"``: some play, with weights one update
            old, while the others learn.
        players: devices that play.
        learners: devices that learn.
        rollout_s: until the episodes are there.
        update_s: until the weights have moved.
    """

    placement: Placement
    players: int
    learners: int
    rollout_s: float
    update_s: float

    @property
    def seconds(self) -> float:
        """Of one update, start to start."""
        return self.rollout_s + self.update_s if self.placement == "together" else max(self.rollout_s, self.update_s)


def placements(
    shape: ModelShape, work: Workload, device: Device, devices: int, *, lora_rank: int, kl: bool
) -> list[Estimate]:
    """Return every placement, the fastest first.

    Every learner has as many players of its own. Episodes are divided evenly; how long the last of a batch is waited
    for is the simulation's business.
    """

    def rollout(players: int) -> float:
        share = max(work.group, math.ceil(work.episodes / players))
        return rollout_seconds(shape, replace(work, episodes=share), device)

    def update(learners: int) -> float:
        return update_seconds(shape, work, device, lora_rank=lora_rank, kl=kl) / learners

    found = [Estimate("together", devices, devices, rollout(devices), update(devices))]
    splits = ((devices - n, n) for n in range(1, devices) if devices % n == 0)
    found += [Estimate("apart", players, n, rollout(players), update(n)) for players, n in splits]
    return sorted(found, key=lambda one: (one.seconds, one.placement == "apart"))
