"""Nothing casts or moves the trained weights behind the optimiser's back, in float32 and in bfloat16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from agents import PPO
from agents.policies.causal_lm import CausalLMPolicy
from tests.agents.probes import PROBES, observation

LORA = {"r": 2, "target_modules": ["q_proj", "v_proj"]}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("lora", "critic"), [(None, "head"), (LORA, "head"), (LORA, "separate")])
def test_weights_stay_the_same_tensors_of_the_same_kind(
    tmp_path: Path, dtype: str, lora: dict[str, Any] | None, critic: Any
) -> None:
    policy = CausalLMPolicy.from_pretrained("tiny", dtype=dtype, lora=lora, critic=critic)
    settings: dict[str, Any] = {"n_episodes_per_update": 8, "max_new_tokens": 2, "learning_rate": 1e-2, "kl_coef": 0.1}
    agent = PPO(policy, lambda: PROBES["constant"].env(), **settings)
    named = policy.trainable_parameters()

    def kinds() -> list[tuple[Any, ...]]:
        return [(n, id(w), w.data_ptr(), w.dtype, w.device, w.requires_grad) for n, w in policy.trainable_parameters()]

    before, values = kinds(), [weight.detach().clone() for _, weight in named]
    frozen = {name: (w.dtype, w.detach().clone()) for name, w in policy.model.named_parameters() if not w.requires_grad}
    agent.learn(16)
    agent.predict(observation("", ("user", "a")))
    agent.save(tmp_path / "agent")
    assert kinds() == before
    trained = torch.float32 if lora else getattr(torch, dtype)
    assert {w.dtype for n, w in named if not n.startswith("critic.")} == {trained}
    assert any(not torch.equal(weight, value) for (_, weight), value in zip(named, values, strict=True))
    for name, weight in policy.model.named_parameters():
        if name in frozen:
            assert weight.dtype == frozen[name][0]
            assert torch.equal(weight, frozen[name][1])
    optimised = {id(weight) for group in agent.trainer.updater.optimizer.param_groups for weight in group["params"]}
    assert optimised == {id(weight) for _, weight in named}
    loaded = PPO.load(tmp_path / "agent", lambda: PROBES["constant"].env())
    for (name, weight), (other, saved) in zip(named, loaded.policy.trainable_parameters(), strict=True):
        assert (name, weight.dtype) == (other, saved.dtype)
        assert torch.equal(weight, saved)
