"""Copying drills: a warm-up's remedy against learning names by heart.

A small model from scratch first learns which names there are, and only later that it may read them off the
dialogue. A drill is a demonstration in which the answer repeats the end of the question, with that stretch replaced
by words that nobody could know: the only way to get it right is to copy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from agents.rows.demonstration import Demonstration
from agents.rows.kinds import NO_REWRITE

_HAN = "\u3400-\u9fff"
UNITS = re.compile(rf"[{_HAN}]|[^\W{_HAN}]+")
"""What is drawn: Chinese characters, and the words and numbers of other scripts."""

LONGEST = 10
"""Most units in a drilled stretch."""


def copy_drills(rows: Sequence[Demonstration], n: int, seed: int) -> list[Demonstration]:
    """Return copying drills made of demonstrations.

    Args:
        rows: demonstrations; those whose first answer repeats the end of what was said are the pattern.
        n: how many drills.
        seed: of the choices.

    Returns:
        Up to the first answer that is no repetition, the same conversations about nothing; none if no demonstration
        begins with a repetition.
    """
    generator = np.random.default_rng(seed)
    patterns = [row for row in map(_repetitions, rows) if row is not None]
    if not patterns:
        return []
    pools = _pools(patterns)
    return [_drill(patterns[generator.integers(len(patterns))], pools, generator) for _ in range(n)]


def _repetitions(row: Demonstration) -> Demonstration | None:
    """Return the row up to the first answer that repeats nothing; None if that is the first one."""
    kept = 0
    for place, message in enumerate(row.messages):
        if message["role"] == "assistant":
            if not row.messages[place - 1]["content"].endswith(message["content"]):
                break
            kept = place + 1
    return Demonstration(row.messages[:kept], row.tools) if kept else None


def _pools(rows: Sequence[Demonstration]) -> dict[bool, list[str]]:
    """Return the units of all answers, Chinese ones under True."""
    texts = [message["content"] for row in rows for message in row.messages if message["role"] == "assistant"]
    pools: dict[bool, list[str]] = {True: [], False: []}
    for text in texts:
        pools[is_chinese(text)] += UNITS.findall(text)
    return pools


def _drill(row: Demonstration, pools: Mapping[bool, list[str]], generator: np.random.Generator) -> Demonstration:
    """Put random units in the place of what every answer repeats."""
    messages = list(row.messages)
    for place, message in enumerate(row.messages):
        if message["role"] == "assistant":
            old, question = message["content"], messages[place - 1]
            new = _nonsense(pools[is_chinese(old)], is_chinese(old), generator)
            said = question["content"].removesuffix(old) + new
            messages[place - 1], messages[place] = {**question, "content": said}, {**message, "content": new}
    return Demonstration(tuple(messages), row.tools, NO_REWRITE)


def _nonsense(pool: list[str], chinese: bool, generator: np.random.Generator) -> str:
    """Return a few units in random order; words are spliced, so that their spelling has to be read too."""
    drawn = [pool[i] for i in generator.integers(len(pool), size=generator.integers(3, LONGEST + 1))]
    if chinese:
        return "".join(drawn)
    tails = [pool[i] for i in generator.integers(len(pool), size=len(drawn))]
    return " ".join(map(spliced, drawn, tails))


def spliced(head: str, tail: str) -> str:
    """Return a word that is probably none: the first half of one and the second half of another."""
    return head[: (len(head) + 1) // 2] + tail[len(tail) // 2 :]


def is_chinese(text: str) -> bool:
    """Say whether a text holds a Chinese character."""
    return re.search(f"[{_HAN}]", text) is not None
