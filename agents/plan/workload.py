"""What an update reads and writes: taken from the environment itself, as its oracle plays it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.finetune.demonstrations import oracle_rows

TOKENS_PER_CHARACTER = {True: 0.7, False: 0.28}
"""Of a Chinese, Japanese or Korean character, and of any other: about what large vocabularies need."""


@dataclass(frozen=True)
class Workload:
    """One update.

    Attributes:
        episodes: played for it.
        group: episodes on the same item, which share the first prompt's prefill.
        prompt: tokens of the first prompt.
        turns: of the agent.
        written: tokens that the agent writes in a turn.
        read: tokens that the world adds between two turns.
        epochs: passes over them.
    """

    episodes: int
    group: int
    prompt: float
    turns: float
    written: float
    read: float
    epochs: int = 1

    @property
    def length(self) -> float:
        """Tokens of a whole episode."""
        return self.prompt + self.turns * self.written + max(self.turns - 1, 0) * self.read

    @property
    def sampled(self) -> float:
        """Tokens written in an update."""
        return self.episodes * self.turns * self.written


def workload_of(
    env_id: str, env_kwargs: Mapping[str, Any], *, episodes: int, group: int, epochs: int = 1, probes: int = 40
) -> Workload:
    """Return the workload of an environment, from some episodes that its oracle plays.

    A model writes more than an oracle where it thinks first; give `Workload` your own numbers then.

    Raises:
        ConfigError: if the environment has no oracle.
    """
    rows = oracle_rows(env_id, {**env_kwargs, "split": "train"}, n=probes)
    prompts, turns, written, read = [], [], [], []
    for row in rows:
        own = [place for place, message in enumerate(row.messages) if message["role"] == "assistant"]
        prompts.append(_tokens(row.messages[: own[0]]) + sum(map(_text_tokens, row.tools)))
        turns.append(float(len(own)))
        written.append(_tokens([row.messages[place] for place in own]) / len(own))
        between = [message for message in row.messages[own[0] :] if message["role"] != "assistant"]
        read.append(_tokens(between) / max(len(own) - 1, 1))
    means = [sum(numbers) / len(numbers) for numbers in (prompts, turns, written, read)]
    return Workload(episodes, group, *means, epochs=epochs)


def _tokens(messages: Sequence[Mapping[str, str]]) -> float:
    """Return about how many tokens messages have, with four each for the template's marks."""
    return sum(4 + _text_tokens(message["content"]) for message in messages)


def _text_tokens(text: str) -> float:
    wide = sum("⺀" <= character <= "鿿" or "가" <= character <= "힣" for character in text)
    return wide * TOKENS_PER_CHARACTER[True] + (len(text) - wide) * TOKENS_PER_CHARACTER[False]
