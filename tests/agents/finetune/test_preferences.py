"""Preferences: files are read strictly, environments grade their own answers, a judge may decide anew."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from rich.console import Console

from agents.cli.preference_data import find_judge, judge_anew
from agents.feedback.signals import signals
from agents.feedback.store import Interaction
from agents.finetune.graded import GRADES, graded_answers, graded_pairs
from agents.finetune.preference_rows import parse_label, parse_pair, read_labels, read_pairs, write_rows
from agents.finetune.preferences import Answers, LabelledAnswer, PreferencePair, judged_pairs
from agents.rows.on_demand import Joined
from tests.agents.feedback.records import event, shown
from textenvs.core import TextEnv
from textenvs.errors import ConfigError, CorpusError, EndpointError, UsageError
from textenvs.messages import Message
from textenvs.rewards.judge import PairwiseJudge

PROMPT = [{"role": "system", "content": "Rewrite."}, {"role": "user", "content": "那上海呢?"}]
GOOD = [{"role": "assistant", "content": "上海天气怎么样?"}]
BAD = [{"role": "assistant", "content": "那上海呢?"}]
REWRITING = {"language": "zh", "difficulty": "tiny"}


def pair(**changes: Any) -> dict[str, Any]:
    return {"prompt": PROMPT, "chosen": GOOD, "rejected": BAD, **changes}


def label(**changes: Any) -> dict[str, Any]:
    return {"prompt": PROMPT, "completion": GOOD, "label": True, **changes}


def file_of(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    prompt = (Message("system", "Rewrite."), Message("user", "那上海呢?"), Message("tool", "ok", "search", "c1"))
    rows = [
        PreferencePair(prompt, "好", "坏", 0.5, ('{"name": "search"}',), "rows.jsonl:1", "tool_call"),
        PreferencePair(prompt[:2], "a\n", "", 0.0, (), "rows.jsonl:2"),
    ]
    write_rows(tmp_path / "rows.jsonl", rows)
    assert list(read_pairs(tmp_path / "rows.jsonl")) == rows
    write_rows(tmp_path / "rows.jsonl", Answers(rows))
    assert list(read_labels(tmp_path / "rows.jsonl")) == [
        LabelledAnswer(row.prompt, text, good, row.tools, f"rows.jsonl:{number}", row.kind)
        for number, (row, text, good) in enumerate(
            [(row, text, good) for row in rows for text, good in ((row.chosen, True), (row.rejected, False))], 1
        )
    ]


def test_both_answers_of_a_pair_can_be_labels(tmp_path: Path) -> None:
    found = read_labels(file_of(tmp_path, pair(), pair(margin=2)))
    assert [(row.completion, row.label) for row in found] == [("上海天气怎么样?", True), ("那上海呢?", False)] * 2
    assert [row.origin for row in found] == ["rows.jsonl:1"] * 2 + ["rows.jsonl:2"] * 2


def test_a_file_of_rows_is_read_when_they_are_asked_for(tmp_path: Path) -> None:
    path = file_of(tmp_path, *(pair(margin=margin) for margin in range(3)))
    pairs, labels = read_pairs(path), read_labels(path)
    assert (len(pairs), len(labels)) == (3, 6)
    assert [one.margin for one in pairs[1:]] == [1.0, 2.0]
    assert (pairs[-1].margin, labels[-1].origin, labels[-1].label) == (2.0, "rows.jsonl:3", False)
    both = Joined([pairs, pairs[:1]])
    assert [one.margin for one in both] == [0.0, 1.0, 2.0, 0.0]
    with pytest.raises(IndexError):
        labels[6]
    path.write_text(path.read_text().replace('"margin": 1', '"margin": 7'), encoding="utf-8")
    assert pairs[1].margin == 7.0


def test_what_feedback_gives_is_read_as_it_is() -> None:
    found = signals([Interaction(shown(answers=("a", "b")), [event("correction", position=1, text="better")])])
    (one,) = map(parse_pair, found.preference)
    assert (one.chosen, one.rejected, one.margin) == ("better", "b", 1.0)
    assert {(row.completion, row.label) for row in map(parse_label, found.unpaired)} == {("b", False), ("better", True)}
    assert [message.role for message in one.prompt] == ["system", "user"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (pair(margin=-1), "margin: -1 is no number >= 0"),
        (pair(margin=True), "margin: True is no number"),
        (pair(margin=float("nan")), "margin: nan is no number"),
        (pair(chosen=[]), "chosen"),
        (pair(chosen="text"), "chosen"),
        (pair(chosen=[*PROMPT, *GOOD]), "chosen: 3 messages; an answer is one"),
        (pair(rejected=PROMPT[1:]), "rejected: the last message must be the assistant's"),
        (pair(prompt=[*PROMPT, *GOOD]), "prompt: the last message is by 'assistant'"),
        (pair(prompt=[]), "prompt"),
        (pair(prompt=[{"role": "human", "content": "x"}]), "prompt"),
        (pair(tools=["{"]), r"tools\[0\]: not valid JSON"),
        ({"prompt": PROMPT, "chosen": GOOD}, "'rejected' is a required property"),
        (label(), "'chosen' is a required property"),
    ],
)
def test_a_malformed_row_is_named_with_file_and_line(row: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = file_of(tmp_path, pair(), row)
    with pytest.raises(CorpusError, match=rf"1 malformed records (?s:.)*rows\.jsonl:2: .*{words}"):
        read_pairs(path)


def test_a_label_is_true_or_false(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"rows\.jsonl:1: label"):
        read_labels(file_of(tmp_path, label(label="good")))


def test_files_that_hold_nothing_are_refused(tmp_path: Path) -> None:
    path = file_of(tmp_path)
    with pytest.raises(CorpusError, match="has no rows"):
        read_pairs(path)
    with pytest.raises(CorpusError, match=r"did you mean rows\.jsonl"):
        read_pairs(tmp_path / "row.jsonl")


# Pairs that an environment makes


def test_every_answer_has_the_grade_that_the_reward_gives_its_kind() -> None:
    env = gym.make("MultiTurnRewrite-v0", disable_env_checker=True, language="zh", difficulty="medium").unwrapped
    assert isinstance(env, TextEnv)
    worth: dict[str, list[float]] = {kind: [] for kind in GRADES}
    for index in range(12):
        observation, _ = env.reset(options={"index": index})
        ended = False
        while not ended:
            before = env.snapshot()
            answers = graded_answers(env, observation, np.random.default_rng(index))
            assert env.snapshot().history == before.history, "grading does not move the episode"
            assert answers[0].text == env.oracle_action()
            assert len({answer.text for answer in answers}) == len(answers)
            for answer in answers:
                worth[answer.kind].append(env.step(answer.text)[1])
                env.restore(before)
            observation, _, ended, _, _ = env.step(env.oracle_action())
    means = {kind: np.mean(values) for kind, values in worth.items()}
    assert min(worth["right"]) == 1.0 > max(worth["rival"] + worth["baseline"] + worth["exploit"])
    assert means["right"] > means["weaker"] > means["slip"] > means["baseline"] > means["exploit"]
    assert min(map(len, worth.values())) > 10


def test_pairs_prefer_the_better_grade_and_follow_the_seed() -> None:
    pairs = graded_pairs("MultiTurnRewrite-v0", REWRITING, n=60, seed=3)
    assert pairs == graded_pairs("MultiTurnRewrite-v0", REWRITING, n=60, seed=3)
    assert pairs != graded_pairs("MultiTurnRewrite-v0", REWRITING, n=60, seed=4)
    assert len(pairs) == 60
    assert all(0 < one.margin <= 1 and one.chosen != one.rejected for one in pairs)
    assert all(one.prompt[0].role == "system" and one.prompt[-1].role == "user" for one in pairs)
    assert len({one.origin.partition("#")[0] for one in pairs}) > 5
    assert {len(one.prompt) for one in pairs} >= {2, 4}, "later turns are compared too"


def test_after_a_lapse_the_conversation_goes_on_from_the_mistake() -> None:
    def mistakes(lapses: float) -> int:
        """First answers that are not the first utterance itself, which at this level needs no rewriting."""
        pairs = graded_pairs("MultiTurnRewrite-v0", REWRITING, n=120, lapses=lapses)
        later = [one.prompt for one in pairs if len(one.prompt) > 3]
        assert later
        return sum(prompt[2].content != prompt[1].content for prompt in later)

    assert mistakes(0.0) == 0
    assert mistakes(0.9) > 10


@pytest.mark.parametrize(("env_id", "settings"), [("ToolCall-v0", {"language": "en"}), ("DialogueStrategy-v0", {})])
def test_other_families_make_pairs_too(env_id: str, settings: dict[str, Any]) -> None:
    pairs = graded_pairs(env_id, settings, n=6)
    assert len(pairs) == 6
    if env_id == "ToolCall-v0":
        assert all(one.tools for one in pairs)


def test_what_cannot_make_pairs_is_refused() -> None:
    with pytest.raises(ConfigError, match="no right answers"):
        graded_pairs("CartPole-v1", n=1)
    with pytest.raises(ConfigError, match=r"lapses=1\.0"):
        graded_pairs("MultiTurnRewrite-v0", n=1, lapses=1.0)


# A judge


@pytest.fixture
def longer_is_better() -> Iterator[str]:
    pytest.importorskip("httpx2", reason="the extra textenvs[judge] is not installed")
    pytest.importorskip("tenacity", reason="the extra textenvs[judge] is not installed")
    from tests.textenvs.chat_client.server import chat_server, says
    from textenvs.chat_client import close_clients

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, str], str]:
        fenced = re.findall(r"<data (\w+)>\n(.*?)\n</data \1>", body["messages"][0]["content"], re.DOTALL)
        if not fenced:
            return says("yes")
        first, second = (len(json.loads(text)) for _, text in fenced[-2:])
        return says("?") if min(first, second) == 0 else says(json.dumps({"better": "A" if first > second else "B"}))

    with chat_server(answer) as running:
        yield f"{running.url}#m"
        close_clients()


def test_a_judge_decides_anew_and_what_it_leaves_open_is_counted(longer_is_better: str) -> None:
    prompt = (Message("system", "Rewrite."), Message("user", "x"))
    pairs = [
        PreferencePair(prompt, *answers, margin=1.0) for answers in (("aa", "b"), ("b", "aa"), ("a", "b"), ("", "a"))
    ]
    kept, dropped = judged_pairs(PairwiseJudge(longer_is_better), pairs)
    assert [(one.chosen, one.rejected, one.margin) for one in kept] == [("aa", "b", 0.0)] * 2
    assert dropped == {"the judge prefers neither": 1, "the judge gave no verdict": 1}


def test_a_command_has_a_judge_decide_and_says_what_it_left_open(longer_is_better: str) -> None:
    console = Console(record=True, width=200)
    pairs = [PreferencePair((Message("user", "x"),), *answers) for answers in (("b", "aa"), ("a", "b"))]
    judge = find_judge(longer_is_better, None)
    assert judge is not None
    assert [one.chosen for one in judge_anew(judge, pairs, console)] == ["aa"]
    assert "The judge decided 1 of 2 pairs; 1: the judge prefers neither." in console.export_text()
    with pytest.raises(EndpointError):
        judge_anew(PairwiseJudge("http://127.0.0.1:9/v1#m"), pairs, console)


def test_a_constitution_is_what_the_judge_goes_by(longer_is_better: str, tmp_path: Path) -> None:
    constitution = tmp_path / "constitution.txt"
    constitution.write_text("Never prefer a lie. Which is the shorter one?\n$second\n$first", encoding="utf-8")
    judge = find_judge(longer_is_better, constitution)
    assert judge is not None
    pairs = [PreferencePair((Message("user", "x"),), "aa", "b")]
    assert [one.chosen for one in judge_anew(judge, pairs, Console(quiet=True))] == ["b"]
    constitution.write_text("Prefer $first.", encoding="utf-8")
    with pytest.raises(UsageError, match=r"does not mention \$second"):
        find_judge(longer_is_better, constitution)
    with pytest.raises(UsageError, match="--judge URL#MODEL"):
        find_judge(None, constitution)
    assert find_judge(None, None) is None
