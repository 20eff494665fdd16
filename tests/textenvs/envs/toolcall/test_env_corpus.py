"""ToolCall over BFCL and ACEBench: the oracle is right on every row, trivial policies only where their move is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from textenvs.envs.toolcall.corpora import load_corpus
from textenvs.envs.toolcall.env import ToolCall
from textenvs.envs.toolcall.sources import TaskSource
from textenvs.errors import CorpusError
from textenvs.seeding import SPLITS, Split

FILES = (
    "bfcl/BFCL_v4_parallel_multiple.json",
    "bfcl/BFCL_v4_irrelevance.json",
    "acebench_zh/data_normal_multi_turn_user_adjust.json",
    "acebench_zh/data_normal_similar_api.json",
    "acebench_zh/data_special_incomplete.json",
    "acebench_zh/data_special_error_param.json",
    "acebench_zh/data_special_irrelevant.json",
)


def rate(env: ToolCall, policy: str) -> float:
    """The share of the split's tasks on which a baseline succeeds."""
    act = env.baselines()[policy]
    done = 0.0
    for index in range(env.n_items):
        observation, _ = env.reset(options={"index": index})
        ended, info = False, {"success": 0.0}
        while not ended:
            observation, reward, ended, _, info = env.step(act(observation))
            assert env.reward_range[0] <= reward <= env.reward_range[1]
        done += info["success"]
    return done / env.n_items


@pytest.mark.parametrize("file", FILES)
def test_the_oracle_is_right_on_every_row_of_every_split(data_dir: Path, file: str) -> None:
    sizes = []
    for split in SPLITS:
        env = ToolCall(corpus=data_dir / "toolcall" / file, split=split)
        assert rate(env, "oracle") == 1.0
        env.reset(options={"index": 0})
        assert env.step(env.oracle_action())[1] == 1.0
        sizes.append(env.n_items)
    assert sizes[0] > max(sizes[1:])


@pytest.mark.parametrize(
    ("file", "succeed"),
    [
        (FILES[0], set[str]()),
        (FILES[1], {"do_nothing", "always_ask", "echo"}),  # whatever is said without a call is right here
        (FILES[3], set[str]()),
        (FILES[4], set[str]()),
        (FILES[5], set[str]()),
        (FILES[6], set[str]()),
    ],
)
def test_trivial_policies_succeed_only_where_their_move_is_right(data_dir: Path, file: str, succeed: set[str]) -> None:
    env = ToolCall(corpus=data_dir / "toolcall" / file)
    for policy in ("do_nothing", "always_ask", "first_tool", "call_everything", "echo"):
        share = rate(env, policy)
        assert (share > 0.9) if policy in succeed else (share <= 0.05), (policy, share)


def test_splits_are_disjoint(data_dir: Path) -> None:
    openings = [_openings(data_dir, split) for split in SPLITS]
    assert sum(map(len, openings)) == len(set().union(*openings))


def _openings(data_dir: Path, split: Split) -> set[str]:
    env = ToolCall(corpus=data_dir / "toolcall" / FILES[2], split=split)
    found = set()
    for index in range(env.n_items):
        assert isinstance(env.source, TaskSource)
        assert env.source.item(index).belongs_to == split
        found.add(str(env.reset(options={"index": index})[0]["history"]))
    return found


# Malformed files, of our own making

QUESTION = {
    "id": "simple_0",
    "question": [[{"role": "user", "content": "What is 2 + 2?"}]],
    "function": [
        {"name": "add", "description": "Add.", "parameters": {"type": "dict", "properties": {"x": {"type": "float"}}}}
    ],
}
ANSWER = {"id": "simple_0", "ground_truth": [{"add": {"x": [2.0]}}]}


def write(folder: Path, question: Any, answer: Any) -> Path:
    (folder / "possible_answer").mkdir()
    for path, row in ((folder / "f.json", question), (folder / "possible_answer" / "f.json", answer)):
        path.write_text(row if isinstance(row, str) else json.dumps(row), encoding="utf-8")
    return folder / "f.json"


@pytest.mark.parametrize(
    ("question", "answer", "message"),
    [
        ("{", ANSWER, r"f.json:1: no valid JSON"),
        ("[1]", ANSWER, r"f.json:1: a row is a JSON object"),
        ({"id": "x"}, ANSWER, r'f.json:1: none of the known formats .*"question"'),
        (QUESTION, {**ANSWER, "id": "other"}, r"f.json:1: there is no answer with the id 'simple_0'"),
        ({**QUESTION, "question": [[], []]}, ANSWER, r"f.json:1: .* 2 turns"),
        ({**QUESTION, "function": [{"name": "add"}]}, ANSWER, r"f.json:1: tool 'add' has no parameters"),
        (QUESTION, {**ANSWER, "ground_truth": [{"sub": {}}]}, r"f.json:1: the answer calls 'sub', which is not on"),
        (QUESTION, {**ANSWER, "ground_truth": [{"add": {"x": 2}}]}, r"f.json:1: the answer's 'x' of 'add' is no list"),
        (
            {**QUESTION, "function": [{"name": "add", "parameters": {"properties": {"x": {"type": "flaot"}}}}]},
            ANSWER,
            r"f.json:1: tool 'add', parameter 'x': unknown type 'flaot'",
        ),
        ({**QUESTION, "question": "system: Hi"}, ANSWER, r"f.json:1: the id 'simple_0' is of no known category"),
        (
            {**QUESTION, "id": "normal_1", "question": "Hi"},
            {**ANSWER, "id": "normal_1"},
            r"f.json:1: \"question\" must",
        ),
    ],
)
def test_a_malformed_row_is_named_by_file_line_and_reason(
    tmp_path: Path, question: Any, answer: Any, message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        ToolCall(corpus=write(tmp_path, question, answer))


def test_the_benchmarks_dialect_becomes_json_schema(tmp_path: Path) -> None:
    (task,) = load_corpus(write(tmp_path, QUESTION, ANSWER))
    env = ToolCall(corpus=tmp_path / "f.json", split=task.belongs_to)
    tool = json.loads(env.reset()[0]["tools"][0])["function"]
    assert tool["parameters"] == {"type": "object", "properties": {"x": {"type": "number"}}}
    assert env.step(env.oracle_action())[4]["success"] == 1.0
