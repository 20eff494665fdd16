"""Does the trainer give each sampled token the probability with which it was sampled?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.doctor.finding import Finding, Verdict
from agents.policies.causal_lm import CausalLMPolicy
from agents.trainer.scoring import score_batch
from agents.trajectory import TokenBatch, Trajectory

EXACT = 1e-5
"""Nats per token: what single precision leaves of a gap that should be 0."""

COARSE = 0.1
"""Nats per token, on average: what half precision may leave."""


def check_sampler(policy: CausalLMPolicy, trajectories: Sequence[Trajectory]) -> list[Finding]:
    """Compare the sampler with the trainer, and the trainer with itself under another split into micro-batches.

    Args:
        policy: that sampled the trajectories, unchanged since.
        trajectories: at a temperature other than 1, of several lengths.
    """
    batch = TokenBatch.of(trajectories)
    if not len(batch):
        return [Finding("sampler against trainer", Verdict.FAULT, "nothing was sampled", "see the episodes above")]
    wide, narrow = (score_batch(policy, batch, budget, critic=False, reference=False) for budget in (4096, 1))
    return [
        _gap("sampler against trainer", wide.old_logprobs - batch.behavior_logprobs, policy.settings.dtype),
        _gap("one micro-batch against many", wide.old_logprobs - narrow.old_logprobs, policy.settings.dtype),
        _generation_settings(policy),
    ]


def _gap(check: str, difference: np.ndarray, dtype: str) -> Finding:
    largest, mean = float(np.abs(difference).max()), float(np.abs(difference).mean())
    figure = f"largest gap {largest:.1e}, mean {mean:.1e} nats over {len(difference)} tokens in {dtype}"
    if dtype == "float32":
        if largest <= EXACT:
            return Finding(check, Verdict.OK, figure)
        remedy = "the attention or the cache of this model is not exact: try attention='eager', or one thread"
        return Finding(check, Verdict.FAULT, figure, remedy)
    if mean <= COARSE:
        return Finding(check, Verdict.WARNING, figure, "half precision: set importance.cap=2 to correct for it")
    return Finding(check, Verdict.FAULT, figure, "too coarse to train on: use dtype='float32'")


def _generation_settings(policy: CausalLMPolicy) -> Finding:
    """Name the checkpoint's own settings for generation, none of which the sampler heeds."""
    own = getattr(policy.model, "generation_config", None)
    changed: dict[str, object] = own.to_diff_dict() if own is not None else {}
    names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "do_sample", "num_beams")
    overridden = [f"{name}={changed[name]}" for name in names if name in changed]
    figure = ", ".join(overridden) if overridden else "none"
    return Finding("generation settings that are overridden", Verdict.OK, figure)
