"""TRL's trainers as oracles: their own methods, on a stand-in that carries settings and hands out given numbers."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from trl import GRPOTrainer, RLOOTrainer

ACCELERATOR = SimpleNamespace(
    device=torch.device("cpu"),
    num_processes=1,
    process_index=0,
    sync_gradients=True,
    gather=lambda x: x,
    gather_for_metrics=lambda x: x,
    reduce=lambda x, reduction: x,
)


def _stand_in(logprobs: Tensor, **settings: Any) -> SimpleNamespace:
    """Return an object with what both trainers' methods read, of one process and without vLLM, tools or images."""
    common = {
        "_get_per_token_logps_and_entropies": lambda *args, **kwargs: (logprobs, torch.zeros_like(logprobs), None),
        "accelerator": ACCELERATOR,
        "model": SimpleNamespace(training=True),
        "aux_loss_enabled": False,
        "epsilon_low": 0.2,
        "epsilon_high": 0.3,
        "beta": 0.0,
        "_metrics": {"train": defaultdict(list)},
    }
    return SimpleNamespace(**{**common, **settings})


def grpo_loss(
    loss_type: str,
    logprobs: Tensor,
    old: Tensor,
    mask: Tensor,
    advantages: Tensor,
    ref: Tensor,
    beta: float = 0.0,
    delta: float | None = None,
) -> Tensor:
    """Return the loss of `GRPOTrainer` for completions [B, T]; ``"gspo"`` is its sequence-level ratio."""
    length = logprobs.shape[1]
    trainer = _stand_in(
        logprobs,
        args=SimpleNamespace(delta=delta, use_bias_correction_kl=True, steps_per_generation=1),
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="sequence" if loss_type == "gspo" else "token",
        beta=beta,
        loss_type="grpo" if loss_type == "gspo" else loss_type,
        # What TRL calls epsilon_high is the bound itself for CISPO, and its distance from 1 for the others.
        epsilon_high=1.3 if loss_type == "cispo" else 0.3,
        use_vllm=False,
        current_gradient_accumulation_steps=1,
        max_completion_length=length,
        _entropy_bonus_enabled=False,
    )
    ids = torch.zeros_like(logprobs, dtype=torch.long)
    inputs = {
        "prompt_ids": ids[:, :1],
        "prompt_mask": torch.ones_like(ids[:, :1]),
        "completion_ids": ids,
        "completion_mask": torch.ones_like(ids),
        "tool_mask": mask.long(),
        "advantages": advantages,
        "old_per_token_logps": old,
        "ref_per_token_logps": ref,
        "num_items_in_batch": mask.sum(),
    }
    return GRPOTrainer._compute_loss(trainer, trainer.model, inputs)


def rloo_loss(logprobs: Tensor, old: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    """Return the loss of `RLOOTrainer` for completions [B, T]."""
    ids = torch.zeros_like(logprobs, dtype=torch.long)
    trainer = _stand_in(logprobs)
    inputs = {
        "prompt_ids": ids[:, :1],
        "prompt_mask": torch.ones_like(ids[:, :1]),
        "completion_ids": ids,
        "completion_mask": mask.long(),
        "advantages": advantages,
        "old_logps": (old * mask).sum(1),
    }
    return RLOOTrainer._compute_loss(trainer, trainer.model, inputs)


def grpo_advantages(rewards: Tensor, group_size: int, **settings: Any) -> Tensor:
    """Return the advantages [B] of `GRPOTrainer` for rewards [B, P] of `P` reward functions, grouped in order."""
    generated = ([[1]] * len(rewards), [[1]] * len(rewards), None, ["."] * len(rewards), None, {}, None, [])
    trainer = _scoring(rewards, group_size, generated, torch.zeros(len(rewards), 1), **settings)
    return GRPOTrainer._generate_and_score_completions(trainer, [{"prompt": "?"}] * len(rewards))["advantages"]


def rloo_advantages(rewards: Tensor, group_size: int, logprobs: Tensor, ref: Tensor, beta: float) -> Tensor:
    """Return the advantages [B] of `RLOOTrainer` for rewards [B, 1] and completions [B, T] of given probabilities."""
    generated = ([[1]] * len(rewards), [[1] * logprobs.shape[1]] * len(rewards), ["."] * len(rewards))
    trainer = _scoring(rewards, group_size, generated, logprobs, beta=beta, ref_model=object())
    trainer._get_per_token_logps_and_entropies = lambda model, *args, **kwargs: (
        ref if model is trainer.ref_model else logprobs,
        None,
        None,
    )
    return RLOOTrainer._generate_and_score_completions(trainer, [{"prompt": "?"}] * len(rewards))["advantages"]


def _scoring(rewards: Tensor, group_size: int, generated: tuple[Any, ...], logprobs: Tensor, **settings: Any) -> Any:
    defaults = {
        "environment_factories": None,
        "environments": None,
        "tools": None,
        "_tokenizer": SimpleNamespace(pad_token_id=0),
        "pad_to_multiple_of": None,
        "mask_truncated_completions": False,
        "use_vllm": False,
        "num_iterations": 1,
        "num_generations": group_size,
        "args": SimpleNamespace(
            per_device_train_batch_size=len(rewards),
            steps_per_generation=1,
            gradient_accumulation_steps=1,
            gradient_checkpointing=False,
            gradient_checkpointing_kwargs=None,
        ),
        "model": SimpleNamespace(training=True, is_gradient_checkpointing=False),
        "reward_weights": torch.ones(rewards.shape[1]),
        "reward_funcs": [None] * rewards.shape[1],
        "reward_func_names": [f"part{index}" for index in range(rewards.shape[1])],
        "reward_clip_range": None,
        "multi_objective_aggregation": "sum_then_normalize",
        "scale_rewards": "group",
        "normalize_advantages": False,
        "_generate": lambda prompts: generated,
        "_calculate_rewards": lambda *args: rewards,
        "_logs": defaultdict(list, rewards=defaultdict(list), extra=defaultdict(list)),
        "_pending_extra_logs": {},
        "_pending_metrics": {},
    }
    return _stand_in(logprobs, **{**defaults, **settings})
