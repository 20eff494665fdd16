"""Turns: what an observation holds, how a conversation grows and how an episode ends."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from typing import Any

import jsonschema

from textenvs.checker.examination import Examination
from textenvs.checker.plays import TURN_LIMIT, begin, show, take
from textenvs.checker.rule import rule
from textenvs.messages import Stop


@rule("Build observations of instruction, tools and history, as textenvs.spaces.observation_space says.")
def observations_fit_the_space(exam: Examination) -> Iterator[str]:
    """Every observation lies in the observation space and has instruction, tools and history."""
    space = exam.make().observation_space
    for played in exam.plays:
        for turn, state in enumerate(played.states):
            if not space.contains(state.observation):
                yield f"{played.at(turn)}: not in {space}"
            elif missing := {"instruction", "tools", "history"} - set(state.observation):
                yield f"{played.at(turn)}: without {sorted(missing)}"


@rule("Append messages; what has been said stays as it was said.")
def history_only_grows(exam: Examination) -> Iterator[str]:
    """Within an episode every history begins with the one before."""
    for played in exam.plays:
        for turn, (before, after) in enumerate(zip(played.states, played.steps, strict=False), 1):
            if after.history[: len(before.history)] != before.history:
                yield f"{played.at(turn)}: the past has been rewritten"


@rule("Return a tuple of textenvs.Message, which cannot be changed, never a list that grows.")
def observations_stay_as_they_were(exam: Examination) -> Iterator[str]:
    """An observation that was returned does not change afterwards."""
    for played in exam.plays:
        for turn, state in enumerate(played.states):
            full = (state.observation, state.info) if turn == 0 else _result(state)
            if show(full) != state.shown:
                yield f"{played.at(turn)}: it was changed by a later step"


@rule("Append Message('assistant', action) before the replies; TextEnv does.")
def action_is_kept_verbatim(exam: Examination) -> Iterator[str]:
    """The first message after the action is the action itself, as the assistant's, character by character."""
    for played in exam.plays:
        for turn, (before, after) in enumerate(zip(played.states, played.steps, strict=False), 1):
            new = after.history[len(before.history) :]
            if not new or (new[0]["role"], new[0]["content"]) != ("assistant", after.action):
                yield f"{played.at(turn)}: {str(new[:1])[:200]} in place of the action"


@rule("Give the world's replies the roles user, tool or system.")
def world_never_speaks_as_the_agent(exam: Examination) -> Iterator[str]:
    """What the world replies never has the role assistant: that is what the agent wrote."""
    for played in exam.plays:
        for turn, (before, after) in enumerate(zip(played.states, played.steps, strict=False), 1):
            if any(message["role"] == "assistant" for message in after.history[len(before.history) + 1 :]):
                yield f"{played.at(turn)}: a reply with the role assistant"


@rule("Say what changes in the conversation, not in the instruction.")
def instruction_stays(exam: Examination) -> Iterator[str]:
    """The instruction is the same from the first to the last turn, so that a rendered prompt stays a prefix."""
    for played in exam.plays:
        if len({state.observation["instruction"] for state in played.states}) > 1:
            yield f"{played.at(0)}: it changes on the way"


@rule("Build them with textenvs.tools.schema, which takes a function's signature.")
def tools_are_schemas(exam: Examination) -> Iterator[str]:
    """Every tool on offer is the JSON text of a function's schema: a name, and parameters that are a JSON Schema."""
    for played in exam.plays:
        for turn, state in enumerate(played.states):
            for text in state.observation["tools"]:
                if fault := _tool_fault(text):
                    yield f"{played.at(turn)}: {fault}"


@rule("Count turns in the episode and return a Stop when the budget is used up.")
def episodes_end(exam: Examination) -> Iterator[str]:
    """Every episode ends by itself, whatever the agent says."""
    for played in exam.plays:
        if not played.ended and len(played.steps) == TURN_LIMIT:
            yield f"{played.at(TURN_LIMIT)}: it goes on"


@rule("Let the task's own budget terminate (Stop.TURN_BUDGET); leave truncation to limits from outside.")
def own_budget_terminates(exam: Examination) -> Iterator[str]:
    """An environment ends by terminated alone: truncated is for limits from outside, and bootstraps."""
    for played in exam.plays:
        for turn, step in enumerate(played.steps, 1):
            if step.truncated:
                yield f"{played.at(turn)}: truncated{' and terminated' * step.terminated}"


@rule("Give the Outcome its Stop when the episode ends, and only then.")
def stop_says_why(exam: Examination) -> Iterator[str]:
    """info["stop"] is empty while the episode runs, and says why when it ends, by a value of textenvs.Stop."""
    for played in exam.plays:
        for turn, state in enumerate(played.states):
            stop = state.info.get("stop")
            if stop not in set(Stop) or (stop == Stop.RUNNING) == state.ended:
                yield f"{played.at(turn)}: stop={stop!r}, ended={state.ended}"


@rule("Raise ResetNeededError; TextEnv does.")
def needs_a_reset(exam: Examination) -> Iterator[str]:
    """A step before the first reset, or after the end of an episode, is refused by a RuntimeError."""
    fresh, ended = exam.make(), exam.make()
    begin(ended, 0)
    for turn in range(TURN_LIMIT):
        if take(ended, str(turn)).ended:
            break
    for env, when in ((fresh, "before the first reset"), (ended, "after the end of an episode")):
        try:
            env.step("hello")
        except RuntimeError:
            continue
        yield f"a step {when} is taken"


@rule("Raise a UsageError for an unknown option, or an index that is no integer >= 0.")
def refuses_bad_reset_options(exam: Examination) -> Iterator[str]:
    """Reset options that do not exist, or name no item, are refused by a ValueError."""
    env = exam.make_text_env()
    for options in ({"idnex": 0}, {"index": -1}, {"index": "first"}, {"index": True}, {"index": 0.5}):
        try:
            env.reset(options=options)
        except ValueError:
            continue
        yield f"options={options} are taken"


@rule("Move the world in advance(), make the 5-tuple in settle(), and leave step() alone.")
def step_is_settle_of_advance(exam: Examination) -> Iterator[str]:
    """step(action) equals settle(turn, reward(turn)) of advance(action), as vector environments take it apart."""
    whole, halves = exam.make_text_env(), exam.make_text_env()
    for index in range(exam.items):
        state = begin(whole, index)
        begin(halves, index)
        for turn in range(TURN_LIMIT):
            state = take(whole, str(turn))
            moved = halves.advance(str(turn))
            if show(halves.settle(moved, halves.reward(moved))) != state.shown:
                yield f"item {index}, turn {turn + 1}: the two halves give something else"
            if state.ended:
                break


@rule("Let Episode.fork() copy everything that act() changes.")
def snapshots_restore(exam: Examination) -> Iterator[str]:
    """An episode restored from a snapshot, in its middle and more than once, goes on as it did."""
    env = exam.make_text_env()
    for index in range(exam.items):
        for depth in (0, 1, 2):
            state = begin(env, index)
            for turn in range(depth):
                state = state if state.ended else take(env, str(turn))
            if state.ended:
                break
            frozen = env.snapshot()
            first = _rest(env)
            again = [_restored(env, frozen) for _ in range(2)]
            if any(one != first for one in again):
                yield f"item {index}: restored after {depth} turns, it goes on differently"


@rule("Keep open files, connections and lambdas out of the environment's attributes.")
def survives_pickling(exam: Examination) -> Iterator[str]:
    """An environment can be pickled in the middle of an episode, and the copy goes on as the original does."""
    env = exam.make()
    for index in range(2):
        begin(env, index)
        twin = pickle.loads(pickle.dumps(env))  # noqa: S301 (made a moment ago, by this process)
        if take(twin, "no").shown != take(env, "no").shown:
            yield f"item {index}: the unpickled copy goes on differently"


@rule("Make everything random in an episode from the item's own generator.")
def same_words_meet_the_same_world(exam: Examination) -> Iterator[str]:
    """Within an item the same actions meet the same world, whichever policy says them."""
    env = exam.make()
    for played in exam.plays[: 2 * exam.items]:
        if played.error:
            continue
        shown = [begin(env, played.index).shown, *(take(env, step.action).shown for step in played.steps)]
        if shown != [state.shown for state in played.states]:
            yield f"{played.at(0)}: the same actions met another world"


def _result(state: Any) -> tuple[Any, ...]:
    return (state.observation, state.reward, state.terminated, state.truncated, state.info)


def _rest(env: Any) -> list[str]:
    """Play on to the end and return what was shown."""
    shown: list[str] = []
    for turn in range(TURN_LIMIT):
        state = take(env, f"on {turn}")
        shown.append(state.shown)
        if state.ended:
            break
    return shown


def _restored(env: Any, frozen: Any) -> list[str]:
    env.restore(frozen)
    return _rest(env)


def _tool_fault(text: str) -> str:
    """Return what is wrong with a tool's schema; empty if nothing."""
    try:
        schema = json.loads(text)
        function = schema.get("function", schema)
        jsonschema.Draft202012Validator.check_schema(function["parameters"])
        return "" if function["name"] else "a tool without a name"
    except (ValueError, KeyError, AttributeError, jsonschema.SchemaError) as error:
        return f"{type(error).__name__}: {str(error)[:200]}: {text[:80]!r}"
