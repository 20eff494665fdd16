"""Exports fit their engines' schemas, and their hooks score what the environment scores; TRL's is loaded by TRL."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from datasets import load_dataset
from jsonschema import Draft202012Validator
from trl.data_utils import is_conversational, maybe_apply_chat_template

from agents.cli.main import main
from agents.export.formats import FORMATS, find_format
from agents.export.states import Task, best_pair, score, states
from agents.export.write import export_states
from agents.policies.tiny import build_tiny
from textenvs.errors import UnknownNameError, UsageError

MESSAGE = {
    "type": "object",
    "required": ["role", "content"],
    "additionalProperties": False,
    "properties": {"role": {"enum": ["system", "user", "assistant", "tool"]}, "content": {"type": "string"}},
}
MESSAGES = {"type": "array", "minItems": 1, "items": MESSAGE}
ANSWER = {"type": "array", "minItems": 1, "maxItems": 1, "items": MESSAGE}
TEXT = {"type": "string"}


def table(required: dict[str, Any], **optional: Any) -> Draft202012Validator:
    properties = {**required, **optional}
    return Draft202012Validator(
        {"type": "object", "required": [*required], "properties": properties, "additionalProperties": False}
    )


SCHEMAS = {
    ("trl", "sft"): table({"messages": MESSAGES}, tools=TEXT),
    ("trl", "pairs"): table({"prompt": MESSAGES, "chosen": ANSWER, "rejected": ANSWER}, tools=TEXT),
    ("trl", "prompts"): table({"prompt": MESSAGES, "task": TEXT}),
    ("ms-swift", "sft"): table({"messages": MESSAGES}, tools=TEXT),
    ("ms-swift", "pairs"): table({"messages": MESSAGES, "rejected_response": TEXT}, tools=TEXT),
    ("ms-swift", "prompts"): table({"messages": MESSAGES, "task": TEXT}, tools=TEXT),
    ("verl", "sft"): table({"messages": MESSAGES}),
    ("verl", "prompts"): table(
        {
            "data_source": TEXT,
            "prompt": MESSAGES,
            "ability": TEXT,
            "reward_model": {"required": ["style", "ground_truth"], "properties": {"style": {"const": "rule"}}},
            "extra_info": {"required": ["index"]},
        }
    ),
}
ENVIRONMENTS = {"rewrite": ("MultiTurnRewrite-v0", {"language": "en"}), "tools": ("ToolCall-v0", {})}


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def source(request: pytest.FixtureRequest) -> tuple[str, list[Any]]:
    env_id, settings = ENVIRONMENTS[request.param]
    return request.param, list(states(env_id, settings, episodes=3, seed=0))


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return load_dataset("parquet", data_files=str(path), split="train", cache_dir=str(path.parent / "cache")).to_list()


@pytest.mark.parametrize("engine", FORMATS)
def test_every_row_fits_its_engines_schema(source: tuple[str, list[Any]], engine: str, tmp_path: Path) -> None:
    made = export_states(source[1], find_format(engine), tmp_path)
    names = {"sft", "prompts"} | ({"pairs"} if FORMATS[engine].pairs else set())
    assert {Path(name).stem for name in made.counts} == names
    for name, count in made.counts.items():
        rows = rows_of(tmp_path / name)
        assert len(rows) == count > 0
        for row in rows:
            SCHEMAS[engine, Path(name).stem].validate(row)
            assert source[0] != "tools" or "parameters" in json.dumps(row)
    assert made.counts[f"sft.{FORMATS[engine].file_type}"] == 3
    assert made.counts[f"prompts.{FORMATS[engine].file_type}"] == len(source[1]) > 3


def test_an_answer_is_worth_what_the_episode_still_pays_after_it(source: tuple[str, list[Any]]) -> None:
    worth: list[tuple[float, float]] = []
    for state in source[1]:
        again = Task.of_text(state.task.as_text())
        assert again == state.task
        right, wrong = score(again, state.answer), score(again, "qqq")
        assert right is not None
        assert wrong is not None
        worth.append((right, wrong))
        pair = best_pair(state)
        assert pair is None or (pair.chosen == state.answer != pair.rejected and pair.margin > 0)
    assert any(best_pair(state) for state in source[1])
    assert np.mean([right > wrong for right, wrong in worth]) > 0.8


def hook(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("exported_reward", folder / "reward.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_trl_loads_the_rows_and_calls_the_reward(source: tuple[str, list[Any]], tmp_path: Path) -> None:
    export_states(source[1], find_format("trl"), tmp_path)
    tokenizer = build_tiny(()).tokenizer
    files = {name: str(tmp_path / f"{name}.jsonl") for name in ("sft", "pairs", "prompts")}
    cache = str(tmp_path / "cache")
    sets = {name: load_dataset("json", data_files=f, split="train", cache_dir=cache) for name, f in files.items()}
    for rows in sets.values():
        assert is_conversational(rows[0])
    text = maybe_apply_chat_template(dict(sets["pairs"][0]), tokenizer)
    assert text["chosen"] != text["rejected"]
    right = [[{"role": "assistant", "content": state.answer}] for state in source[1]]
    prompts = sets["prompts"]
    paid = hook(tmp_path).reward(completions=right, task=prompts["task"], prompts=prompts["prompt"], trainer_state=None)
    assert paid == [score(state.task, state.answer) for state in source[1]]


@pytest.mark.parametrize("home", ["rewards", "plugin"])
def test_ms_swift_finds_the_plugin_in_either_version(
    home: str, source: tuple[str, list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry: dict[str, Any] = {}
    monkeypatch.setitem(sys.modules, "swift", ModuleType("swift"))
    for name in ("rewards", "plugin"):
        fake = SimpleNamespace(ORM=object, orms=registry) if name == home else None
        monkeypatch.setitem(sys.modules, f"swift.{name}", fake)
    export_states(source[1][:1], find_format("ms-swift"), tmp_path)
    hook(tmp_path)
    state = source[1][0]
    paid = registry["textenvs"]()([state.answer], task=[state.task.as_text()], messages=[], trainer_state=None)
    assert paid == [score(state.task, state.answer)]


def test_verl_calls_the_reward_and_a_missing_one_is_no_zero(source: tuple[str, list[Any]], tmp_path: Path) -> None:
    export_states(source[1][:1], find_format("verl"), tmp_path)
    state, module = source[1][0], hook(tmp_path)
    row = rows_of(tmp_path / "prompts.parquet")[0]
    truth = row["reward_model"]["ground_truth"]
    paid = module.compute_score(row["data_source"], state.answer, truth, extra_info=row["extra_info"])
    assert paid == score(state.task, state.answer)
    broken = Task(state.task.env_id, {"reward": "tests.toy:broken"}, state.task.index, ()).as_text()
    with pytest.raises(RuntimeError, match="could not be scored"):
        module.compute_score(row["data_source"], "x", broken)


def test_the_command_exports_an_environment_and_rows_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["export", "--to", "trl", "--out", str(out), "--episodes", "2"]) == 0
    assert "prompts.jsonl" in capsys.readouterr().out
    assert str(out.name) in (out / "README.md").read_text()
    pair = json.loads((out / "pairs.jsonl").read_text().splitlines()[0])
    (tmp_path / "own.jsonl").write_text(json.dumps(pair) + "\n")
    swift = ["export", "--to", "ms-swift", "--out", str(tmp_path / "swift"), "--data"]
    assert main([*swift, str(tmp_path / "own.jsonl"), "--data", str(out / "sft.jsonl")]) == 0
    assert len(rows_of(tmp_path / "swift" / "sft.jsonl")) == 2
    (row,) = rows_of(tmp_path / "swift" / "pairs.jsonl")
    assert row["rejected_response"] == pair["rejected"][0]["content"]
    assert main(["export", "--to", "verl", "--out", str(out), "--data", str(tmp_path / "own.jsonl")]) == 2
    assert "trains on no pairs" in capsys.readouterr().err


def test_a_task_names_no_module_and_an_engine_must_exist() -> None:
    with pytest.raises(UsageError, match="names a module"):
        Task.of_text(json.dumps({"env": "os:system", "settings": {}, "index": 0, "actions": []}))
    with pytest.raises(UsageError, match="no task"):
        Task.of_text("[]")
    with pytest.raises(UnknownNameError, match="did you mean 'trl'"):
        find_format("tlr")
