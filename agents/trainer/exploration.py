"""How the rollouts explore at each update: the sampler's settings, and the steering of the entropy bonus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.algorithms.config import TrainConfig
from agents.rollout.sampling import SamplingParams


def sampling_params(config: TrainConfig) -> SamplingParams:
    """Return the sampler with which a run begins."""
    return SamplingParams(
        temperature=config.temperature,
        max_new_tokens=config.max_new_tokens,
        epsilon=config.exploration.epsilon,
        epsilon_top_k=config.exploration.epsilon_top_k,
        seed=config.seed,
    )


def temperature(start: float, end: float | None, done: float) -> float:
    """Return the sampling temperature along the line from `start` to `end`; it stays where there is no end."""
    return start if end is None else start + (end - start) * min(done, 1.0)


@dataclass
class EntropyController:
    """The coefficient of the entropy bonus, fixed or steered to a target.

    Source: He et al. 2025, "Skywork Open Reasoner 1 Technical Report", section on adaptive entropy control: after
    every update the coefficient rises by `step` if the entropy lay below the target, and falls by it, to 0 at most,
    if it lay above.

    Attributes:
        coef: now in force.
        target: entropy in nats per token to steer to; None keeps the coefficient.
        step: of the coefficient per update, > 0.
    """

    coef: float
    target: float | None
    step: float

    def observe(self, entropy: float) -> None:
        """Move the coefficient after an update at mean `entropy` per token; NaN moves nothing."""
        if self.target is not None and math.isfinite(entropy):
            self.coef = max(0.0, self.coef + math.copysign(self.step, self.target - entropy))

    def state(self) -> Mapping[str, Any]:
        """Return the coefficient."""
        return {"coef": self.coef}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the coefficient."""
        self.coef = state["coef"]
