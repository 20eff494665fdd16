"""Drills in calling: other names throughout, the same conversation otherwise."""

from __future__ import annotations

import json
import re

import pytest

from agents.finetune import Demonstration, call_drills, oracle_rows
from textenvs.tools import CALL_FORMATS

SMALL = {"difficulty": "small", "instruction": ""}


@pytest.mark.parametrize("form", CALL_FORMATS)
def test_drills_are_about_nothing_and_hold_together(form: str) -> None:
    rows = oracle_rows("ToolCall-v0", {**SMALL, "call_format": form}, n=60)
    known = {word for row in rows for tool in row.tools for word in re.findall(r"[A-Za-z]{3,}", named(tool))}
    drills = call_drills(rows, 80, seed=0)
    assert len(drills) == 80
    called = [(drill, call) for drill in drills for call in calls(drill, form)]
    assert len(called) > 50
    for drill, call in called:
        assert call.name in {named(tool) for tool in drill.tools}
    strange = [word for _, call in called for word in re.findall(r"[A-Za-z]{3,}", call.name)]
    assert sum(word not in known for word in strange) > 0.8 * len(strange)


def test_what_a_drill_calls_with_was_said() -> None:
    drills = call_drills(oracle_rows("ToolCall-v0", SMALL, n=60), 80, seed=1)
    values = [
        (drill, value) for drill in drills for call in calls(drill, "hermes") for value in call.arguments.values()
    ]
    texts = [(drill, value) for drill, value in values if isinstance(value, str)]
    assert len(texts) > 30
    assert all(any(value in m["content"] for m in drill.messages if m["role"] == "user") for drill, value in texts)


def test_a_drill_without_its_call_is_about_nothing_too() -> None:
    settings = {**SMALL, "language": "en"}
    careful, careless = (
        oracle_rows("ToolCall-v0", settings, indices=range(60), lapses=lapses) for lapses in (0.0, 1.0)
    )
    given = [value for row in careful for call in calls(row, "hermes") for value in call.arguments.values()]
    texts = [value for value in given if isinstance(value, str) and re.search("[a-z]{3}", value)]
    assert texts
    drills = call_drills([*careful, *careless], 200, seed=0)
    lapsed = [drill for drill in drills if not calls(drill, "hermes")]
    assert len(lapsed) > 40
    assert not [text for drill in lapsed for text in texts for m in drill.messages if text in m["content"]]


def test_tools_keep_what_they_are_for() -> None:
    (row,) = oracle_rows("ToolCall-v0", SMALL, n=1)
    (drill,) = call_drills([row], 1, seed=0)
    for before, after in zip(row.tools, drill.tools, strict=True):
        old, new = json.loads(before)["function"], json.loads(after)["function"]
        assert old.pop("name") != new.pop("name")
        assert old == new


def test_without_tools_there_are_none() -> None:
    talk = Demonstration(({"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}))
    assert call_drills([talk], 5, seed=0) == []


def named(tool: str) -> str:
    return json.loads(tool)["function"]["name"]


def calls(row: Demonstration, form: str) -> list:
    said = [message["content"] for message in row.messages if message["role"] == "assistant"]
    return [call for text in said for call in CALL_FORMATS[form].parse(text).calls]
