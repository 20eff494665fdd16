"""TRL's GRPO on MultiTurnRewrite-v0, as a user of TRL would train it: its environments, its rollouts, its update.

TRL hands an environment what the model says through a tool, and the supervised model speaks plainly; so every turn is
taken for a call of `say`, and what the environment answers is shown as the user's words, as in the demonstrations. The
prompts are then the same tokens as ours. TRL is spared the turn that it would generate after the end.
"""

from __future__ import annotations

import copy
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from unittest import mock

from datasets import Dataset
from transformers import TrainerCallback

from agents.policies.causal_lm import CausalLMPolicy
from textenvs.adapters.trl import OVER, Conversation

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
from trl import GRPOConfig, GRPOTrainer
from trl.trainer import grpo_trainer

TEMPLATE = """\
{%- for message in messages -%}
{{- '<|im_start|>' + ('user' if message.role == 'tool' else message.role) + '\\n' + (message.content or '') -}}
{%- for call in message.tool_calls or [] %}{{ call.function | tojson }}{% endfor -%}
{{- '<|im_end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif -%}
"""
"""TRL insists on calls being shown; no prompt here contains one."""


class Dialogue(Conversation):
    """A conversation that says when it is over, rather than its last words, which nobody answers."""

    def say(self, text: str) -> str:
        """Say something.

        Args:
            text: What to say, word for word.

        Returns:
            The answer.
        """
        answer = super().say(text)
        return OVER if self._ended else answer


class Plain(GRPOTrainer):
    """TRL's trainer; a conversation that is over is not gone on with.

    A row whose answers do not fit its budget leaves TRL's loop as it is, which is what should become of these.
    """

    def _get_tool_suffix_ids(self, tool_messages: list[Any]) -> list[int]:
        if tool_messages[-1]["content"] == OVER:
            return [self._tokenizer.pad_token_id] * (self.max_completion_length + 1)
        return super()._get_tool_suffix_ids(tool_messages)


class Between(TrainerCallback):
    """Tells after each of TRL's steps what it took; the training ends where the answer is no."""

    def __init__(self, told: Callable[[float], bool]) -> None:
        self._told = told
        self._start = 0.0

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        self._start = time.process_time()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if not self._told(time.process_time() - self._start):
            control.should_training_stop = True
        self._start = time.process_time()


def train(
    policy: CausalLMPolicy,
    env_id: str,
    env_kwargs: Mapping[str, Any],
    items: Sequence[int],
    settings: Mapping[str, Any],
    told: Callable[[float], bool],
) -> None:
    """Train a policy's model by TRL.

    Args:
        policy: whose model is trained, in place.
        env_id: of the environment.
        env_kwargs: for `gymnasium.make`.
        items: what is played, in this order.
        settings: of TRL's own.
        told: is given the processor's seconds of every step, and says whether to go on.
    """
    tokens = copy.deepcopy(policy.tokenizer)
    tokens.chat_template = TEMPLATE
    tokens.response_template = {"replaced": True}  # type: ignore[attr-defined]

    def spoken(tokenizer: Any, ids: Sequence[int], **rest: Any) -> dict[str, Any]:
        call = {"name": "say", "arguments": {"text": policy.chat.action_text(ids)}}
        return {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": call}]}

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(grpo_trainer, "parse_response", spoken):
        Plain(
            model=policy.model,
            args=GRPOConfig(folder, **QUIET, **settings),
            train_dataset=Dataset.from_list([{"prompt": [{"role": "user", "content": ""}], "index": i} for i in items]),
            processing_class=tokens,
            environment_factory=lambda: Dialogue(env_id, env_kwargs),
            callbacks=[Between(told)],
        ).train()


QUIET: Mapping[str, Any] = {
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "report_to": "none",
    "logging_steps": 10**6,
    "save_strategy": "no",
    "disable_tqdm": True,
    "shuffle_dataset": False,
}
"""Nothing that takes time and trains nothing."""
