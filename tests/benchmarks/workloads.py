"""Work of a known size for rollouts and updates: fixed lengths, a random model, a reward that costs nothing.

In every workload the agent's turns run to their token limit, so that all contenders sample and train the same number
of tokens whatever the model says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.critic import CriticKind
from agents.policies.embedded_tokenizer import train_tokenizer
from agents.policies.storage import PolicySettings
from textenvs import Message, Outcome, Stop, TextEnv, Turn
from textenvs.rewards import Reward, RewardFunction, WeightedSum

VOCABULARY = 1000
CONTEXT = 8192 + 1024
PROMPT_MARKS = 3
"""Tokens of a prompt that the chat template adds: whose turn it is, its end, and whose turn comes next."""
REPLY_MARKS = 4
"""The same of a reply, and the end of the agent's turn, which was cut."""


@dataclass(frozen=True)
class Workload:
    """Groups of episodes, all lengths in tokens.

    Attributes:
        groups: items that are played at once.
        size: episodes of each.
        turns: of an episode.
        prompt: before the first turn, the template's marks included.
        written: by the agent in a turn.
        read: between two turns, the template's marks included.
    """

    groups: int
    size: int
    turns: int
    prompt: int
    written: int
    read: int = 0

    @property
    def episodes(self) -> int:
        return self.groups * self.size

    @property
    def length(self) -> int:
        """Tokens of a finished episode; nothing is read after the last turn."""
        return self.prompt + self.turns * (self.written + self.read) - self.read


T1 = Workload(groups=8, size=8, turns=1, prompt=96, written=32)
T2 = Workload(groups=4, size=8, turns=5, prompt=160, written=24, read=40)
T3 = Workload(groups=2, size=4, turns=10, prompt=1500, written=16, read=100)
WORKLOADS: Mapping[str, Workload] = {"T1": T1, "T2": T2, "T3": T3}


def digits(generator: np.random.Generator, count: int) -> str:
    """Return random digits: each is one token."""
    return "".join(map(str, generator.integers(10, size=count)))


@dataclass
class FixedEpisode:
    """So many turns, whatever is said."""

    index: int
    work: Workload
    turn: int = 0

    instruction = ""
    tools = ()

    @property
    def task_id(self) -> str:
        return f"fixed/{self.index}"

    @property
    def opening(self) -> tuple[Message, ...]:
        return (Message("user", self._say(self.work.prompt - PROMPT_MARKS)),)

    def act(self, action: str) -> Outcome:
        self.turn += 1
        if self.turn == self.work.turns:
            return Outcome((), None, Stop.SUCCESS, success=True)
        return Outcome((Message("user", self._say(self.work.read - REPLY_MARKS)),), None)

    def oracle(self) -> str:
        return ""

    def content(self) -> str:
        return self.task_id

    def fork(self) -> FixedEpisode:
        return replace(self)

    def _say(self, count: int) -> str:
        return digits(np.random.default_rng((self.index, self.turn)), count)


def vowels(turn: Turn) -> float:
    """A reward that differs within a group and costs nothing."""
    return (turn.action.count("a") + turn.action.count("e")) / max(1, len(turn.action))


class FixedEnv(TextEnv):
    """Episodes of a workload's size."""

    family = "fixed"

    def __init__(self, work: Workload) -> None:
        super().__init__()
        self.work = work

    def make_episode(self, index: int) -> FixedEpisode:
        return FixedEpisode(index, self.work)

    def parts(self) -> Mapping[str, RewardFunction]:
        return {"vowels": vowels}

    def default_reward(self) -> Reward:
        return WeightedSum(self.parts(), {"vowels": 1.0})


def tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer of 1,000 tokens; digits are never merged."""
    generator = np.random.default_rng(0)
    words = ["".join(generator.choice(list("abcdefghijklmnopqrst"), size=5)) for _ in range(4000)]
    return train_tokenizer([" ".join(words)] * 2, VOCABULARY, 2, CONTEXT)


@dataclass(frozen=True)
class Size:
    """The shape of a Qwen3, whose weights are random."""

    hidden: int
    feed_forward: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int = VOCABULARY
    dtype: str = "float32"


SIZES: Mapping[str, Size] = {
    "0.9M": Size(128, 384, 4, 4, 2, 32),
    "15M": Size(384, 1152, 8, 6, 3, 64),
    "0.6B": Size(1024, 3072, 28, 16, 8, 128, 151_936, "bfloat16"),
    "1.7B": Size(2048, 6144, 28, 16, 8, 128, 151_936, "bfloat16"),
}


def network(size: Size = SIZES["0.9M"], device: str = "cpu") -> Qwen3ForCausalLM:
    """Return a Qwen3 with random weights, the same every time."""
    config = Qwen3Config(
        vocab_size=size.vocabulary, hidden_size=size.hidden, num_hidden_layers=size.layers,
        num_attention_heads=size.heads, num_key_value_heads=size.kv_heads, head_dim=size.head_dim,
        intermediate_size=size.feed_forward, max_position_embeddings=CONTEXT, tie_word_embeddings=True,
        eos_token_id=None, pad_token_id=0, bos_token_id=None,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(0)
        return Qwen3ForCausalLM(config).to(getattr(torch, size.dtype))


def policy(
    size: Size = SIZES["0.9M"],
    device: str = "cpu",
    critic: CriticKind | None = None,
    lora: Mapping[str, Any] | None = None,
) -> CausalLMPolicy:
    """Return the network as a policy that never stops by itself."""
    settings = PolicySettings(critic=critic, reference=None, dtype=size.dtype)
    made = CausalLMPolicy.assemble(network(size, device), tokenizer(), settings, lora=lora, device=device)
    made.chat.stop_ids = ()
    return made


def environment(work: Workload) -> partial[FixedEnv]:
    """Return what makes environments of a workload."""
    return partial(FixedEnv, work)
