"""One's own goals and recorded conversations through the same id."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from statistics import fmean
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env

from tests.conftest import ROOT
from textenvs.envs.dialogue.env import DialogueStrategy
from textenvs.envs.dialogue.recorded.decisions import asks
from textenvs.errors import ConfigError, CorpusError
from textenvs.wrappers import Choices

EXAMPLE = ROOT / "examples" / "goals.json"
DATA: dict[str, Any] = json.loads(EXAMPLE.read_text(encoding="utf-8"))


def play(env: Any, policy: str, index: int) -> tuple[float, dict[str, Any], Any]:
    act = env.baselines()[policy]
    observation, info = env.reset(options={"index": index})
    total, ended = 0.0, False
    while not ended:
        observation, reward, ended, _, info = env.step(act(observation))
        total += reward
    return total, info, observation


def test_the_example_is_played_as_it_is_written() -> None:
    env = DialogueStrategy(goals=EXAMPLE)
    assert env.n_items == 3
    openings = []
    for index in range(3):
        _, info, observation = play(env, "oracle", index)
        assert info["success"] == 1.0
        openings.append((info["task_id"], observation["history"][0]["content"]))
        assert "low, noon, direct: Lunch Hopper, number LH 55" in observation["instruction"]
    assert openings[1][1] == "I have to fly in the morning. What have you got."
    assert "at a low fare" in openings[0][1]
    assert "at noon" in openings[0][1]
    assert "evening" not in openings[2][1]
    check_env(DialogueStrategy(goals=EXAMPLE, render_mode="ansi"), skip_render_check=True)
    assert Choices(gym.make("DialogueStrategy-v0", goals=str(EXAMPLE), difficulty="small")).reset(seed=0)


def changed(path: list[str | int], value: object) -> dict[str, Any]:
    data = copy.deepcopy(DATA)
    inner: Any = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (["goals"], [], r"goals: \[\]"),
        (["candidates"], [], r"candidates: \[\]"),
        (["slots", 0, "values"], ["low"], r"slots\[0\].values"),
        (["slots", 1, "name"], "fare", r"slots\[1\]: 'fare' is there twice"),
        (["slots", 1, "values"], ["noon", "noon"], r"slots\[1\].values\[1\]: 'noon' is there twice"),
        (["slots", 1, "phrases"], ["at noon"], r"slots\[1\].phrases: there are 1 for 3 values"),
        (["goals", 1, "wants"], {"far": "low"}, r"goals\[1\].wants: there is no slot 'far'; did you mean 'fare'"),
        (["goals", 1, "wants"], {"fare": "lo"}, r"goals\[1\].wants.fare: there is no value 'lo'; did you mean 'low'"),
        (["goals", 0, "stated"], ["stops"], r"goals\[0\].stated: 'stops' is not among what is wanted"),
        (["goals", 0, "intent"], "buy", r"goals\[0\].intent"),
        (["goals", 0, "extra"], 1, r"goals\[0\]: .*extra"),
        (
            ["candidates", 2, "values"],
            {"fare": "low"},
            r"candidates\[2\].values: there is no value for departure, stops",
        ),
        (["candidates", 1, "name"], "Early Bird", r"candidates\[0\]: 'Early Bird' cannot be told"),
        (["candidates", 1, "name"], "Bird", r"candidates\[0\]: 'Early Bird' cannot be told"),
    ],
)
def test_what_is_wrong_is_named_by_its_entry(tmp_path: Path, path: list[str | int], value: object, named: str) -> None:
    file = tmp_path / "goals.json"
    file.write_text(json.dumps(changed(path, value)))
    with pytest.raises(CorpusError, match=named):
        DialogueStrategy(goals=file)


def test_an_impossible_goal_that_shows_late_is_refused_when_it_does(tmp_path: Path) -> None:
    file, wants = tmp_path / "goals.json", {"fare": "low", "departure": "evening"}
    file.write_text(json.dumps(DATA | {"goals": [{"intent": "book", "wants": wants, "split": "train"}] * 12}))
    env = DialogueStrategy(goals=file)
    for index in range(12):
        assert play(env, "oracle", index)[1]["success"] == 1.0
    with pytest.raises(ConfigError, match=r"none of its 12 goals is in split='test'"):
        DialogueStrategy(goals=file, split="test")


def test_a_slot_that_could_not_be_asked_about_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "goals.json"
    file.write_text(json.dumps(DATA).replace('"fare"', '"colleague"'))
    with pytest.raises(CorpusError, match=r"slots\[0\]: a question about 'colleague'"):
        DialogueStrategy(goals=file)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"goals": 1, "goals": 2}'])
def test_a_broken_file_is_a_clear_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "goals.json"
    file.write_text(text)
    with pytest.raises(CorpusError):
        DialogueStrategy(goals=file)
    with pytest.raises(CorpusError):
        DialogueStrategy(corpus=file)


def question(text: str, answer: Any, ask: Any = False) -> dict[str, Any]:
    return {"question": text, "answer": answer, "req_clari": ask, "scale": ""}


def recorded(tmp_path: Path, questions: list[dict[str, Any]], count: int = 30) -> Path:
    file = tmp_path / "pacific.json"
    tables = [{"uid": str(n), "table": [["year", "sales"], ["2019", "7"]]} for n in range(count)]
    entries = [{"table": table, "paragraphs": [{"text": "Sales."}], "questions": questions} for table in tables]
    file.write_text(json.dumps(entries))
    return file


def test_a_record_goes_on_whatever_is_said_and_pays_decisions(tmp_path: Path) -> None:
    questions = [question("Sales?", ["Which year?"], True), question("2019", 7), question("Why?", ["a", "b"])]
    env = DialogueStrategy(corpus=recorded(tmp_path, questions), reward_timing="turn")
    observation, _ = env.reset(options={"index": 0})
    assert "2019 | 7" in observation["instruction"]
    # One question of three is to be asked back, so it weighs as much as the two others.
    steps = [env.step(said) for said in ("Which one?", "What?", "b")]
    assert [step[1] for step in steps] == [pytest.approx(0.5), pytest.approx(-0.25), pytest.approx(0.25)]
    assert steps[0][0]["history"][-1]["content"] == "Assistant: Which year?\nUser: 2019"
    assert steps[-1][4]["reward_parts"]["completion"] == pytest.approx(0.75)
    assert (steps[-1][2], steps[-1][4]["success"], steps[-1][4]["stop"]) == (True, 0.0, "failure")
    assert play(env, "oracle", 0)[:2][0] == pytest.approx(1.0)
    check_env(DialogueStrategy(corpus=recorded(tmp_path, questions), render_mode="ansi"), skip_render_check=True)
    with pytest.raises(ConfigError, match="not both"):
        DialogueStrategy(corpus="x", goals="y")


def test_a_record_is_played_by_choosing(tmp_path: Path) -> None:
    questions = [question("Sales of Gizmo?", ["Which year?"], True), question("2019", 7)]
    env = Choices(DialogueStrategy(corpus=recorded(tmp_path, questions), reward_timing="turn"))
    seen, _ = env.reset(options={"index": 0})
    shown = dict(zip(env.menu.features, seen.tolist(), strict=True))
    assert shown == pytest.approx({"turn": 0.0, "length": 0.075, "known": 1 / 3, "number": 0.0, "back_question": 0.0})
    seen, reward, *_ = env.step(env.menu.moves.index("ask"))
    assert reward > 0
    assert seen.tolist() == pytest.approx([0.1, 0.02, 1.0, 1.0, 1.0])
    _, reward, ended, _, info = env.step(env.menu.moves.index("answer"))
    assert (reward > 0, ended, info["success"]) == (True, True, 1.0)


def test_malformed_records_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"conversation 1 of the list: .*req_clari"):
        DialogueStrategy(corpus=recorded(tmp_path, [question("Sales?", 1, "yes")]))
    with pytest.raises(CorpusError, match="it has no questions"):
        DialogueStrategy(corpus=recorded(tmp_path, []))


def test_asking_is_told_from_answering() -> None:
    assert all(map(asks, ("Which?", "哪一年？", "[ask year]", "<think>no</think> [ask]", "[问 年份]")))
    assert not any(map(asks, ("7", "", "[answer 7]", "<think>which?</think> 7", "<think>which?")))


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_pacific_pays_decisions_and_no_habit(data_dir: Path, split: Any) -> None:
    env = DialogueStrategy(corpus=data_dir / "dialogue" / "pacific_validation.json", split=split)
    returns = {
        p: fmean(play(env, p, i)[0] for i in range(env.n_items or 0)) for p in ("oracle", "always_ask", "never_ask")
    }
    assert returns["oracle"] == pytest.approx(1.0)
    assert max(returns["always_ask"], returns["never_ask"]) < 0.25
