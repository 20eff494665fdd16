"""Word noise: a warm-up's remedy against learning by heart how things are put.

A small model from scratch that has seen a thing said in three ways does not understand a fourth. Where some of a
user's words give way to words that nobody knows, what is left to go by is what the answers and the list share with
it, what was said before, and how much was said: which is what the next user's words have in common with the last's.
(After the word dropout of Iyyer et al., 2015.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from agents.finetune.drills import UNITS, is_chinese, spliced
from agents.rows.demonstration import Demonstration
from textenvs.errors import ConfigError

REPLACED = 0.5
"""Probability with which a word of a noisy conversation is replaced."""


def with_word_noise(rows: Sequence[Demonstration], share: float, seed: int) -> list[Demonstration]:
    """Return demonstrations in some of which users' words have been replaced by made-up ones.

    Words that the instruction or an answer of the conversation holds stay: they are what it is about.

    Args:
        rows: demonstrations.
        share: of the conversations, in [0, 1].
        seed: of the choices.

    Raises:
        ConfigError: if `share` is none.
    """
    if not 0.0 <= share <= 1.0:
        raise ConfigError(f"word_noise={share}: give a share between 0 and 1")
    generator = np.random.default_rng(seed)
    said = {
        unit for row in rows for one in row.messages if one["role"] == "user" for unit in UNITS.findall(one["content"])
    }
    pools = {chinese: sorted(unit for unit in said if is_chinese(unit) == chinese) for chinese in (False, True)}
    return [_noisy(row, pools, generator) if generator.random() < share else row for row in rows]


def _noisy(row: Demonstration, pools: Mapping[bool, Sequence[str]], generator: np.random.Generator) -> Demonstration:
    others = [message["content"] for message in row.messages if message["role"] != "user"]
    known = {unit.casefold() for text in others for unit in UNITS.findall(text)}

    def heard(word: re.Match[str]) -> str:
        if word[0].casefold() in known or generator.random() >= REPLACED:
            return word[0]
        pool = pools[is_chinese(word[0])]
        head, tail = (pool[int(number)] for number in generator.integers(len(pool), size=2))
        return head if is_chinese(head) else spliced(head, tail)

    messages = [
        {**message, "content": UNITS.sub(heard, message["content"])} if message["role"] == "user" else message
        for message in row.messages
    ]
    return replace(row, messages=tuple(messages))
