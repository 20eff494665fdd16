"""The small world of these tests: a service dialogue in English, five things to say, and a model that can say them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import gymnasium as gym
import torch

from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.tiny import TinyConfig, build_tiny
from agents.sb3.views import token_view
from textenvs.envs.dialogue.dials import Dials
from textenvs.wrappers import Choices, Tokens

TOY = Dials(slots=2, values=3, candidates=3, turns=6, goals=1, shelves=1, exact=True)
SAYINGS = (
    "There is nothing suitable.",
    "I hand you over to a colleague.",
    "Is there anything else?",
    "Goodbye.",
    "[ask]",
)
TURN = 12
"""Longest turn, in tokens."""


def dialogue(**settings: Any) -> gym.Env[Any, str]:
    settings = {"difficulty": TOY, "language": "en", "reward_timing": "turn", "instruction": "Help."} | settings
    return gym.make("DialogueStrategy-v0", disable_env_checker=True, **settings)


@cache
def heard() -> tuple[str, ...]:
    """What users say to things that are said to them: the model's vocabulary is learned from it."""
    texts, env = [*SAYINGS] * 8, dialogue()
    for index in range(40):
        env.reset(options={"index": index})
        ended = False
        while not ended:
            seen, _, ended, _, _ = env.step(SAYINGS[index % len(SAYINGS)])
        texts += [message["content"] for message in seen["history"]]
    return tuple(texts)


def language_model(seed: int = 0) -> CausalLMPolicy:
    size = TinyConfig(vocab_size=400, min_frequency=2, hidden_size=32, layers=1, heads=2, context_length=256, seed=seed)
    return build_tiny(heard(), size, critic=None, reference=None, device="cpu")


def taught(policy: CausalLMPolicy) -> CausalLMPolicy:
    """Teach the model to say each of the sayings, one as likely as the other, whatever it is told."""
    prompt = policy.chat.prompt_ids(dialogue().reset(options={"index": 0})[0])
    turns = [policy.chat.action_ids(text) for text in SAYINGS]
    rows = torch.nn.utils.rnn.pad_sequence([torch.tensor(prompt + turn) for turn in turns], batch_first=True)
    select = torch.zeros_like(rows, dtype=torch.bool)
    for row, turn in enumerate(turns):
        select[row, len(prompt) : len(prompt) + len(turn)] = True
    real = torch.arange(rows.shape[1]) < select.int().cumsum(1).argmax(1)[:, None] + 1
    optimizer = torch.optim.AdamW(policy.model.parameters(), lr=1e-2)
    for _ in range(40):
        optimizer.zero_grad()
        scores = policy.score(rows, real, select, torch.ones(rows.shape))
        (-scores.logprobs.sum() / len(turns)).backward()
        optimizer.step()
    return policy


def token_dialogue(policy: CausalLMPolicy, **settings: Any) -> Tokens:
    return token_view(dialogue(), policy, **{"max_new_tokens": TURN, "context_length": 256} | settings)


def choices(env_id: str, **settings: Any) -> Choices:
    return Choices(gym.make(env_id, disable_env_checker=True, **settings))


def mean_return(env: gym.Env[Any, Any], act: Callable[[Any], Any], episodes: int) -> float:
    total = 0.0
    for index in range(episodes):
        seen, _ = env.reset(options={"index": index})
        ended = False
        while not ended:
            seen, reward, terminated, truncated, _ = env.step(act(seen))
            total += float(reward)
            ended = terminated or truncated
    return total / episodes
