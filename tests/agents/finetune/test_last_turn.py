"""Rows of which the last turn alone is learned: what users correct is the last answer, not those before it."""

from __future__ import annotations

from pathlib import Path

from agents.finetune.packing import IGNORED
from agents.finetune.tokens import tokenize
from agents.rows.demonstration import Demonstration
from agents.rows.files import demonstration_of
from tests.agents.build import tiny_policy

SAID = tuple(
    {"role": role, "content": text}
    for role, text in (("user", "a"), ("assistant", "b c"), ("user", "d"), ("assistant", "a d"))
)


def test_the_last_turn_alone_is_learned(tmp_path: Path) -> None:
    policy = tiny_policy(critic=None, reference=None)
    rows = [Demonstration(SAID), Demonstration(SAID, last_only=True)]
    every, last = tokenize(policy, rows, tmp_path)
    assert every["input_ids"] == last["input_ids"]
    turns = [policy.chat.action_ids(text) for text in ("b c", "a d")]
    assert [label for label in every["labels"] if label != IGNORED] == [*turns[0], *turns[1]]
    assert [label for label in last["labels"] if label != IGNORED] == turns[1]
    assert last["labels"][-len(turns[1]) :] == turns[1]
    assert last["own_tokens"] == len(turns[1])


def test_files_say_so() -> None:
    row = {"messages": [*SAID], "learn": "last", "source": "correction"}
    demonstration = demonstration_of(row)
    assert demonstration.last_only
    assert demonstration_of(demonstration.as_row()).last_only
    assert not demonstration_of({"messages": [*SAID]}).last_only
    assert "learn" not in Demonstration(SAID).as_row()
