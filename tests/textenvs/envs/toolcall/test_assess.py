"""What a policy's requests say about its tool use: against tables worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textenvs.core import Baseline
from textenvs.envs.toolcall.assess import assess, macro_f1
from textenvs.envs.toolcall.env import ToolCall
from textenvs.envs.toolcall.types import TurnTruth

LABELS = st.sampled_from(["call", "ask", "answer", "refuse"])


@pytest.fixture(scope="module")
def env() -> ToolCall:
    return ToolCall(difficulty="small", language="en")


def played(env: ToolCall, act: Baseline, episodes: int = 60) -> list[list[TurnTruth]]:
    return [_one(env, act, index) for index in range(episodes)]


def _one(env: ToolCall, act: Baseline, index: int) -> list[TurnTruth]:
    observation, _ = env.reset(options={"index": index})
    turn = env.advance(act(observation))
    truths: list[TurnTruth] = [turn.truth]
    while not turn.last:
        turn = env.advance(act({**observation, "history": turn.after}))
        truths.append(turn.truth)
    return truths


def test_the_oracle_is_right_in_everything(env: ToolCall) -> None:
    report = assess(played(env, lambda _: env.oracle_action()))
    assert (report.decision_f1, report.arguments, report.hallucinated) == (1.0, 1.0, 0.0)


def spoiled(env: ToolCall, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Baseline:
    """Return the oracle with every call's JSON changed."""

    def act(_: Any) -> str:
        before, call, after = env.oracle_action().partition('{"name"')
        if not call or '{"name"' in after:
            return before + call + after
        body, end = after.rsplit("\n</tool_call>", 1)
        return before + json.dumps(change(json.loads(call + body))) + "\n</tool_call>" + end

    return act


def test_an_argument_that_no_tool_has_is_counted(env: ToolCall) -> None:
    def invent(call: dict[str, Any]) -> dict[str, Any]:
        return {**call, "arguments": {**call["arguments"], "priority": 1}}

    episodes = played(env, spoiled(env, invent))
    report = assess(episodes)
    calls = [call for turns in episodes for truth in turns if truth.last for call in truth.after.calls]
    invented = sum("priority" in call.arguments for call in calls)
    assert invented > 10
    assert report.hallucinated == pytest.approx(invented / sum(len(call.arguments) for call in calls))


def test_arguments_of_another_value_are_not_right(env: ToolCall) -> None:
    def blank(call: dict[str, Any]) -> dict[str, Any]:
        return {**call, "arguments": dict.fromkeys(call["arguments"], "?")}

    report = assess(played(env, spoiled(env, blank)))
    assert report.arguments < 0.5
    assert report.decision_f1 > 0.9


def test_only_what_was_decided_counts(env: ToolCall) -> None:
    episodes = played(env, lambda _: "Done.")
    report, rights = assess(episodes), [truth.task.expectation.decisions for turns in episodes for truth in turns]
    answers = sum("answer" in right for right in rights)
    labels = {"answer" if "answer" in right else right[0] for right in rights}
    assert report.decision_f1 == pytest.approx(2 * answers / (answers + len(rights)) / len(labels))
    assert report.arguments == 0.0
    assert math.isnan(report.hallucinated)


def test_f1_by_hand() -> None:
    pairs = [("call", "call"), ("call", "ask"), ("ask", "ask"), ("refuse", "")]
    assert macro_f1(pairs) == pytest.approx((2 / 3 + 2 / 3 + 0.0) / 3)
    assert math.isnan(macro_f1([]))


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1))
def test_f1_is_a_share_and_one_only_for_what_is_right(pairs: Sequence[tuple[str, str]]) -> None:
    score = macro_f1(pairs)
    assert 0.0 <= score <= 1.0
    assert (score == 1.0) == all(right == given for right, given in pairs)
