"""ToolCall over one's own tools: calls are run, the outcome is judged, every ending has its name."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import pytest
from gymnasium.utils.env_checker import check_env

from tests.textenvs.envs.toolcall.shop import Cart, broken, weather
from textenvs.envs.toolcall.env import ToolCall
from textenvs.errors import ConfigError, CorpusError, UsageError

TOOLS = (weather, broken, Cart)
SHOP = "tests.textenvs.envs.toolcall.shop"


def ask(said: str, **expected: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": said}], "split": "train", **expected}


def add(item: str, count: int) -> dict[str, Any]:
    return {"name": "add", "arguments": {"item": item, "count": count}}


ROWS = [
    ask("How warm is Rome?", calls=[{"name": "weather", "arguments": {"city": {"any_of": ["Rome", "Roma"]}}}]),
    ask("Degrees in Paris?", facts=[["15", "fifteen"]]),
    ask("Two pears, then one fig.", calls=[add("pear", 2), add("fig", 1)], ordered=True),
    ask("Put three figs in.", state={"items": {"fig": 3}}),
    ask("Add some pears.", names=["count"]),
    ask("Steal a car.", decision="refuse"),
    ask("Say hello nicely.", decision="answer", checker=f"{SHOP}:friendly", answer="Hello, please."),
    ask("Say hello.", decision="answer", checker=f"{SHOP}:failing"),
]
ROME, PARIS, ORDERED, STATE, MISSING, REFUSE, CHECKED, UNCHECKED = range(len(ROWS))


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    return write(tmp_path / "my.jsonl", ROWS)


@pytest.fixture
def env(tasks: Path) -> ToolCall:
    return ToolCall(tools=TOOLS, tasks=tasks)


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


def play(env: ToolCall, index: int, *actions: str) -> list[Any]:
    env.reset(options={"index": index})
    steps = [env.step(action) for action in actions]
    assert [step[2] for step in steps] == [False] * (len(steps) - 1) + [True]
    return steps


@pytest.mark.parametrize("index", [ROME, ORDERED, STATE, MISSING, REFUSE, CHECKED])
def test_the_oracle_succeeds(env: ToolCall, index: int) -> None:
    if index == STATE:  # the task does not say by which calls
        steps = play(env, index, call("add", item="fig", count=3), "Done.")
    else:
        env.reset(options={"index": index})
        steps = []
        while not steps or not steps[-1][2]:
            steps.append(env.step(env.oracle_action()))
    assert (steps[-1][4]["success"], steps[-1][4]["stop"]) == (1.0, "success")
    assert sum(step[1] for step in steps) == pytest.approx(1.0)


def test_calls_are_run_and_each_has_its_result(env: ToolCall) -> None:
    env.reset(options={"index": PARIS})
    both = call("weather", city="Paris") + call("weather", city="Rome")
    history = env.step(both)[0]["history"]
    assert [(message["role"], message["name"], message["call_id"]) for message in history[2:]] == [
        ("tool", "weather", "call_1"),
        ("tool", "weather", "call_2"),
    ]
    assert json.loads(history[2]["content"]) == {"city": "Paris", "day": "today", "degrees": 15}
    assert env.step("It is 15 degrees.")[4]["success"] == 1.0


def test_a_fact_must_come_from_somewhere_and_be_said(env: ToolCall) -> None:
    assert play(env, PARIS, "It is 15 degrees.")[-1][4]["success"] == 0.0  # guessed
    guessed = play(env, PARIS, call("weather", city="Rome"), "It is 15 degrees.")[-1][4]
    silent = play(env, PARIS, call("weather", city="Paris"), "It is 115 degrees.")[-1][4]
    assert guessed["reward_parts"]["facts"] == silent["reward_parts"]["facts"] == 0.0


def test_what_an_error_says_is_no_fact(env: ToolCall) -> None:
    steps = play(env, PARIS, call("broken", x=15), "It is 15 degrees.")
    assert "15" in steps[0][0]["history"][-1]["content"]
    assert steps[-1][4]["success"] == 0.0


def test_a_call_too_many_costs_and_one_that_was_refused_spoils_nothing_else(env: ToolCall) -> None:
    paris, rome = call("weather", city="Paris"), call("weather", city="Rome")
    for index, actions in ((PARIS, (paris, paris, "It is 15 degrees.")), (ROME, (call("weather"), rome, "Warm."))):
        steps = play(env, index, *actions)
        assert (steps[-1][4]["success"], steps[-1][4]["reward_parts"]["cost"]) == (1.0, 0.05)
        assert sum(step[1] for step in steps) == pytest.approx(0.95)


def test_failing_tools_and_bad_arguments_are_messages(env: ToolCall) -> None:
    env.reset(options={"index": PARIS})
    said = [
        env.step(action)[0]["history"][-1]["content"]
        for action in (call("broken", x=1), call("wether", city="x"), call("weather"), call("weather", city=3))
    ]
    assert [json.loads(text)["error"] for text in said] == [
        "raised",
        "unknown_tool",
        "invalid_arguments",
        "invalid_arguments",
    ]
    assert "out of order: 1" in said[0]
    assert "weather" in said[1]


def test_state_is_new_in_every_episode_and_in_every_copy(env: ToolCall) -> None:
    first = play(env, STATE, call("add", item="fig", count=3), "Done.")
    again = play(env, STATE, call("add", item="fig", count=3), "Done.")
    assert first[-1][4]["success"] == again[-1][4]["success"] == 1.0
    env.reset(options={"index": STATE})
    env.step(call("add", item="fig", count=1))
    frozen = env.snapshot()
    env.step(call("add", item="fig", count=2))
    assert env.step("Done.")[4]["success"] == 1.0
    for count, success in ((2, 1.0), (1, 0.0), (2, 1.0)):
        env.restore(frozen)
        env.step(call("add", item="fig", count=count))
        assert env.step("Done.")[4]["success"] == success


def test_dependent_calls_in_another_order_fail(env: ToolCall) -> None:
    pear, fig = call("add", item="pear", count=2), call("add", item="fig", count=1)
    assert play(env, ORDERED, pear, fig, "Done.")[-1][4]["success"] == 1.0
    assert play(env, ORDERED, fig, pear, "Done.")[-1][4]["success"] == 0.0


def test_a_wrong_decision_costs_the_same_both_ways(env: ToolCall) -> None:
    missing = play(env, ROME, "It is warm.")
    needless = play(env, REFUSE, call("weather", city="Rome"), "Done.")
    assert sum(step[1] for step in missing) == sum(step[1] for step in needless) == pytest.approx(-0.5)
    assert missing[-1][4]["reward_parts"]["decision"] == 0.0


def test_asking_names_what_is_missing(env: ToolCall) -> None:
    assert play(env, MISSING, "What count would you like?")[-1][4]["success"] == 1.0
    vague = play(env, MISSING, "Could you say more?")[-1]
    assert (vague[4]["success"], vague[1]) == (0.0, 0.0)


def test_a_spray_of_calls_is_worth_less_than_one_that_is_half_right(env: ToolCall) -> None:
    spray = "".join(call("weather", city=city) for city in ("Rome", "Oslo", "Bonn", "Bern", "Kiel", "Nice", "Lyon"))
    sprayed = sum(step[1] for step in play(env, ROME, spray, "Done."))
    half = sum(step[1] for step in play(env, ROME, call("weather", city="Rome", day="tomorrow"), "Done."))
    assert -0.5 <= sprayed < half == pytest.approx(0.8 * (1.0 + 0.5) / 2)


@pytest.mark.parametrize(
    ("actions", "stop"),
    [
        ([call("weather", city="Rome")] * 4, "turn_budget"),
        ([call("weather", city="Rome") * 7], "call_budget"),
        (["<tool_call>{"] * 3, "invalid_actions"),
        (["<tool_call>{", "", "<tool_call>{"], "invalid_actions"),
        (["<tool_call>{", call("weather", city="Rome"), "<tool_call>{", ""], "turn_budget"),
        (["Warm."], "failure"),
        ([call("weather", city="Roma"), "Warm."], "success"),
    ],
)
def test_every_ending_has_a_name(tasks: Path, actions: list[str], stop: str) -> None:
    env = ToolCall(tools=TOOLS, tasks=tasks, max_turns=4, max_calls=6)
    steps = play(env, ROME, *actions)
    assert steps[-1][4]["stop"] == stop
    assert steps[-1][4]["success"] == float(stop == "success")
    low, high = env.reward_range
    assert all(low <= step[1] <= high for step in steps)


def test_a_malformed_call_is_explained_counted_and_never_an_answer(env: ToolCall) -> None:
    env.reset(options={"index": ROME})
    observation, reward, terminated, _, info = env.step('<tool_call>{"name": "weather"')
    assert (terminated, info["invalid_action"]) == (False, 1.0)
    assert reward == pytest.approx(-0.1)
    assert "<tool_call>" in observation["history"][-1]["content"]
    steps = [env.step(call("weather", city="Rome")), env.step("Warm.")]
    assert steps[-1][4]["success"] == 1.0
    assert reward + sum(step[1] for step in steps) == pytest.approx(0.9)


def test_an_answer_without_end_is_none(env: ToolCall) -> None:
    env.reset(options={"index": REFUSE})
    observation, _, terminated, _, info = env.step("x" * 8001)
    assert (terminated, info["invalid_action"]) == (False, 1.0)
    assert "8001 characters" in observation["history"][-1]["content"]


def test_thinking_is_neither_run_nor_scored(env: ToolCall) -> None:
    env.reset(options={"index": REFUSE})
    thought = f"<think>{call('weather', city='Rome')} What? Which?</think>I cannot do that."
    assert env.step(thought)[4]["success"] == 1.0


def test_parts_are_there_at_every_step(env: ToolCall) -> None:
    _, info = env.reset(options={"index": STATE})
    names = list(info["reward_parts"])
    steps = play(env, STATE, call("add", item="fig", count=2), "Done.")
    assert all(list(step[4]["reward_parts"]) == names for step in steps)
    parts = steps[-1][4]["reward_parts"]
    assert (parts["decision"], parts["state"], parts["cost"]) == (1.0, 0.0, 0.0)
    assert all(math.isnan(parts[name]) for name in ("name", "arguments", "facts", "answer"))


def test_a_checker_decides_and_one_that_fails_is_missing(env: ToolCall) -> None:
    checked = play(env, CHECKED, "Hello.")[-1][4]
    assert (checked["success"], checked["reward_valid"]) == (0.0, 1.0)
    info = play(env, UNCHECKED, "Hello.")[-1][4]
    assert (info["success"], info["reward_valid"]) == (0.0, 0.0)


@pytest.mark.parametrize("checker", ["failing", "no_number", "quitting", "hanging"])
def test_a_checker_that_fails_or_hangs_leaves_its_task_unscored(tmp_path: Path, checker: str) -> None:
    rows = [ask("Say hello.", decision="answer", checker=f"{SHOP}:{checker}")]
    env = ToolCall(tools=TOOLS, tasks=write(tmp_path / "my.jsonl", rows), checker_timeout_s=0.05)
    for _ in range(2):  # the run goes on
        info = play(env, 0, "Hello.")[-1][4]
        assert (info["success"], info["reward_valid"]) == (0.0, 0.0)
        assert math.isnan(info["reward_parts"]["answer"])


def test_a_part_can_be_the_reward(tasks: Path) -> None:
    env = ToolCall(tools=TOOLS, tasks=tasks, reward={"arguments": 0.5, "decision": 0.5})
    assert [step[1] for step in play(env, ROME, call("weather", city="Rome"), "Warm.")] == [0.0, 1.0]


@pytest.mark.parametrize("form", ["hermes", "llama3", "mistral", "json"])
def test_every_call_format_is_played(tasks: Path, form: str) -> None:
    env = ToolCall(tools=TOOLS, tasks=tasks, call_format=form)
    env.reset(options={"index": ROME})
    env.step(env.oracle_action())
    assert env.step(env.oracle_action())[4]["success"] == 1.0


def test_it_is_a_text_environment(tasks: Path) -> None:
    env = ToolCall(tools=TOOLS, tasks=tasks, render_mode="ansi")
    check_env(env, skip_render_check=True)
    env.reset(options={"index": STATE})
    env.step(call("add", item="fig", count=1))
    thawed = pickle.loads(pickle.dumps(env.snapshot()))  # noqa: S301 (our own)
    env.restore(thawed)
    env.step(call("add", item="fig", count=2))
    assert env.step("Done.")[4]["success"] == 1.0


# What users get wrong


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "my.jsonl:2: no valid JSON"),
        ("[]", "my.jsonl:2: a row is a JSON object"),
        ({"messages": []}, "my.jsonl:2: messages"),
        (ask("Hi"), "my.jsonl:2: nothing is expected"),
        (ask("Hi", wrong=1), "my.jsonl:2: .*'wrong' was unexpected"),
        (ask("Hi", calls=[{"name": "wether"}]), "my.jsonl:2: calls: there is no tool 'wether'"),
        (ask("Hi", calls=[{"name": "weather", "arguments": {"city": 3}}]), "my.jsonl:2: calls: weather: .*city"),
        (ask("Hi", calls=[{"name": "weather", "arguments": {"city": {"any_of": []}}}]), "my.jsonl:2: .*any_of"),
        (ask("Hi", calls=[add("fig", 1)], decision="ask"), "my.jsonl:2: decision: 'ask' contradicts"),
        ({"messages": [{"role": "assistant", "content": "Hi"}], "decision": "ask"}, "must be the user's"),
    ],
)
def test_a_malformed_row_is_named_by_line(tmp_path: Path, row: Any, message: str) -> None:
    path = write(tmp_path / "my.jsonl", [ROWS[0], row])
    with pytest.raises(CorpusError, match=message):
        ToolCall(tools=TOOLS, tasks=path)


def test_what_cannot_be_made_is_refused(tasks: Path, tmp_path: Path) -> None:
    def untyped(x):
        """Do."""

    with pytest.raises(ConfigError, match="parameter 'x' of tool 'untyped'"):
        ToolCall(tools=[untyped], tasks=tasks)
    with pytest.raises(ConfigError, match="give corpus"):
        ToolCall(tools=TOOLS)
    with pytest.raises(ConfigError, match=r"tool .no\.such:thing"):
        ToolCall(tools=["no.such:thing"], tasks=tasks)
    with pytest.raises(ConfigError, match="max_turns=0"):
        ToolCall(tools=TOOLS, tasks=tasks, max_turns=0)
    with pytest.raises(ConfigError, match="checker_timeout_s=0"):
        ToolCall(tools=TOOLS, tasks=tasks, checker_timeout_s=0)
    with pytest.raises(ConfigError, match="split='test'"):
        ToolCall(tools=TOOLS, tasks=tasks, split="test")
    with pytest.raises(CorpusError, match="did you mean"):
        ToolCall(tools=TOOLS, tasks=tmp_path / "mine.jsonl")
    with pytest.raises(UsageError, match="call_format"):
        ToolCall(tools=TOOLS, tasks=tasks, call_format="hermess")


def test_tools_by_name(tasks: Path) -> None:
    env = ToolCall(tools=[f"{SHOP}:weather", f"{SHOP}:broken", f"{SHOP}:Cart"], tasks=tasks)
    assert play(env, ROME, call("weather", city="Rome"), "Warm.")[-1][4]["success"] == 1.0
