"""Word noise: users' words become unknown ones, and what the conversation is about stays."""

from __future__ import annotations

import pytest

from agents.finetune import Demonstration, oracle_rows, with_word_noise
from agents.finetune.drills import UNITS
from textenvs.errors import ConfigError


def dialogues(language: str) -> list[Demonstration]:
    settings = {"language": language, "difficulty": "small", "style": "tags", "instruction": ""}
    return oracle_rows("DialogueStrategy-v0", settings, n=40, seed=0, demonstrator="describing")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_changes_but_the_words_of_users_that_nobody_else_says(language: str) -> None:
    rows, known, kept, units = dialogues(language), 0, 0, 0
    for row, noisy in zip(rows, with_word_noise(rows, 1.0, seed=0), strict=True):
        others = " ".join(one["content"] for one in row.messages if one["role"] != "user").casefold()
        held = set(UNITS.findall(others))
        assert (noisy.tools, noisy.kind) == (row.tools, row.kind)
        for before, after in zip(row.messages, noisy.messages, strict=True):
            if before["role"] != "user":
                assert after == before
                continue
            assert UNITS.sub("", after["content"]) == UNITS.sub("", before["content"])  # the marks between
            for one, other in zip(*(UNITS.findall(m["content"]) for m in (before, after)), strict=True):
                if one.casefold() in held:
                    known += 1
                    assert other == one
                else:
                    units += 1
                    kept += other == one
    assert known > 100
    assert 0.4 < kept / units < 0.6


def test_a_share_of_the_conversations_is_noisy() -> None:
    rows = dialogues("en") * 5
    noisy = with_word_noise(rows, 0.3, seed=1)
    assert 0.2 < sum(one != other for one, other in zip(rows, noisy, strict=True)) / len(rows) < 0.4
    assert with_word_noise(rows, 0.0, seed=1) == rows


def test_the_same_seed_draws_the_same_noise() -> None:
    rows = dialogues("en")
    assert (
        with_word_noise(rows, 0.5, seed=1) == with_word_noise(rows, 0.5, seed=1) != with_word_noise(rows, 0.5, seed=2)
    )


def test_a_share_lies_between_0_and_1() -> None:
    with pytest.raises(ConfigError, match="word_noise=2"):
        with_word_noise([], 2.0, seed=0)
