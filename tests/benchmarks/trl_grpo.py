"""TRL's GRPO with generation by transformers, on the same work: its own trainer, environment loop and update.

A random model calls no tools, so the parser of its answers is replaced by one that finds a call in each, and the
tokens of what is read are counted out; everything between is TRL's. It is spared what it need not do here: no
reference, no gradient checkpointing, no logging, all episodes in one forward pass.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import TrainerCallback

from tests.benchmarks.workloads import PROMPT_MARKS, Workload, digits, network, tokenizer

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
from trl import GRPOConfig, GRPOTrainer
from trl.trainer import grpo_trainer

CHATML = """\
{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\\n' + (message.content or '') -}}
{%- for call in message.tool_calls or [] -%}
{{- '<tool_call>' + (call.function | tojson) + '</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif -%}
"""


class World:
    """An environment as TRL wants it: its method is the tool."""

    def reset(self, **row: Any) -> None:
        """Begin."""

    def look(self) -> str:
        """Look around.

        Returns:
            What is there.
        """
        return ""


def _always_looks(*args: Any, **kwargs: Any) -> dict[str, Any]:
    call = {"type": "function", "function": {"name": "look", "arguments": {}}}
    return {"role": "assistant", "content": "", "tool_calls": [call]}


def _reward(completions: list[Any], **kwargs: Any) -> list[float]:
    return [float(number % 3) for number in range(len(completions))]


class Paced(GRPOTrainer):
    """TRL's trainer with a clock around its rollouts, whose tools answer with so many tokens."""

    read = 0
    rollout_s = 0.0
    now: Callable[[], float] = time.process_time

    def _generate(self, prompts: list[Any]) -> Any:
        start = self.now()
        result = super()._generate(prompts)
        self.rollout_s = self.now() - start
        return result

    def _get_tool_suffix_ids(self, tool_messages: list[Any]) -> list[int]:
        return [1] * self.read


class Between(TrainerCallback):
    """After each of TRL's steps, notes what it took and lets the others have their turn."""

    def __init__(self, others: Callable[[], None], now: Callable[[], float]) -> None:
        self.others = others
        self.now = now
        self.taken: list[tuple[float, float]] = []
        self.trainer: Paced | None = None
        self.start = 0.0

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        self.start = self.now()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        assert self.trainer is not None
        rollout = self.trainer.rollout_s
        self.taken.append((rollout, self.now() - self.start - rollout))
        self.others()
        self.start = self.now()


def run(
    work: Workload,
    steps: int,
    others: Callable[[], None],
    model: Any = None,
    now: Callable[[], float] = time.process_time,
    **settings: Any,
) -> list[tuple[float, float]]:
    """Train by TRL, and call `others` after every step; returns the seconds of each one's rollout and update.

    Args:
        work: what is played.
        steps: how many.
        others: what comes between two of them.
        model: what is trained; the small network, if not given.
        now: reads the clock, in seconds.
        settings: of TRL's own, in place of those chosen here.
    """
    between = Between(others, now)
    with tempfile.TemporaryDirectory() as folder:
        arguments = _settings(work, steps, folder, **settings)
        between.trainer = _trainer(work, steps, network() if model is None else model, arguments, between)
        between.trainer.now = now
        patched, grpo_trainer.parse_response = grpo_trainer.parse_response, _always_looks
        try:
            between.trainer.train()
        finally:
            grpo_trainer.parse_response = patched
    return between.taken


def _trainer(work: Workload, steps: int, model: Any, arguments: GRPOConfig, callback: TrainerCallback) -> Paced:
    generator = np.random.default_rng(0)
    prompts = [digits(generator, work.prompt - PROMPT_MARKS) for _ in range(work.groups * steps)]
    rows = [{"prompt": [{"role": "user", "content": text}]} for text in prompts]
    tokens = tokenizer()
    tokens.chat_template = CHATML
    tokens.response_template = {"replaced": True}  # type: ignore[attr-defined]
    trainer = Paced(
        model=model,
        reward_funcs=_reward,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokens,
        environment_factory=World if work.turns > 1 else None,
        callbacks=[callback],
    )
    trainer.read, trainer.eos_token_ids = work.read, [never(model)]
    trainer.generation_config.eos_token_id = [never(model)]
    return trainer


def never(model: Any) -> int:
    """Return a token that the model never samples: the first beyond its vocabulary."""
    return int(model.config.vocab_size)


def _settings(work: Workload, steps: int, folder: str, **changes: Any) -> GRPOConfig:
    chosen: dict[str, Any] = {
        "output_dir": folder,
        "max_steps": steps,
        "per_device_train_batch_size": work.episodes,
        "num_generations": work.size,
        "max_completion_length": work.length - work.prompt + work.read,
        "max_tool_calling_iterations": work.turns - 1,
        "generation_kwargs": {"max_new_tokens": work.written},
        "learning_rate": 1e-6,
        "beta": 0.0,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "report_to": "none",
        "logging_steps": 10**6,
        "save_strategy": "no",
        "disable_tqdm": True,
    }
    return GRPOConfig(**{**chosen, **changes})
