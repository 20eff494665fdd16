"""What a warm-up learns from: in a mixture, every task may have an annotator of its own."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from agents.cli.demonstrations import demonstrate
from agents.cli.options import EnvOptions, SFTOptions
from textenvs.errors import TextEnvsError

TASKS = {
    "rewrite": {"id": "MultiTurnRewrite-v0", "difficulty": "tiny", "instruction": "", "share": 3},
    "dialogue": {"id": "DialogueStrategy-v0", "difficulty": "small", "instruction": "", "style": "tags"},
}
MIXED = EnvOptions("MixedTasks-v0", language="en", kwargs=json.dumps({"tasks": TASKS}))


def options(tasks: Any, **more: Any) -> SFTOptions:
    return SFTOptions(rows=8, tasks=json.dumps(tasks), **more)


def test_every_task_has_its_share_of_the_rows_or_rows_of_its_own() -> None:
    def count(tasks: Any) -> Counter[bool]:
        return Counter(row.messages[0]["role"] == "system" for row in demonstrate(MIXED, options(tasks), seed=0))

    assert count({"dialogue": {"lapses": 0.1}}) == {False: 6, True: 2}
    assert count({"dialogue": {"rows": 5}}) == {False: 6, True: 5}


def test_every_task_has_its_own_annotator() -> None:
    own = {"dialogue": {"demonstrator": "never_ask"}, "rewrite": {"drills": 0.5}}
    rows = demonstrate(MIXED, options(own, lapses=1.0, lapse="oracle"), seed=0)
    assert len(rows) == 6 + 3 + 2
    assert any("[ask" in message["content"] for row in rows for message in row.messages)
    plain = demonstrate(MIXED, options({"dialogue": {**own["dialogue"], "lapses": 0}}), seed=0)
    assert not any("[ask" in message["content"] for row in plain for message in row.messages)


@pytest.mark.parametrize(
    ("env", "tasks", "words"),
    [
        (EnvOptions(difficulty="tiny"), {"rewrite": {}}, "MixedTasks-v0"),
        (MIXED, {"rewritten": {}}, "'rewritten'.*'rewrite'"),
        (MIXED, {"rewrite": {"lapse_rate": 1}}, "'lapse_rate'"),
        (MIXED, {"rewrite": {"learning_rate": 1}}, "'learning_rate'"),
        (MIXED, {"rewrite": {"lapses": "often"}}, "often"),
        (MIXED, {"rewrite": 5}, "rewrite=5"),
        (MIXED, {"rewrite": {"rows": 0}}, "--sft.tasks rewrite: sft rows=0"),
        (MIXED, {"rewrite": {"demonstrator": "describing"}}, "'describing'"),
    ],
)
def test_what_no_task_has_is_refused(env: EnvOptions, tasks: Any, words: str) -> None:
    with pytest.raises(TextEnvsError, match=words):
        demonstrate(env, options(tasks), seed=0)
