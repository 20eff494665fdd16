"""Every kind of task is what it says: the gold program, what the user says, and what must not succeed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.textenvs.envs.toolcall.world.playing import call, episode_of, expectations, item_of, only, outcome, play
from textenvs.envs.toolcall.types import ExpectedCall
from textenvs.envs.toolcall.world.dials import CALLING, SILENT
from textenvs.envs.toolcall.world.services import SERVICES
from textenvs.seeding import Split

ITEMS = range(12)


def example(one: ExpectedCall, **changed: Any) -> str:
    return call(one.name, **{**one.example, **changed})


@pytest.mark.parametrize("kind", [*CALLING, *SILENT])
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_oracle_succeeds_with_the_greatest_return(kind: str, split: Split) -> None:
    env = only(kind, split=split)
    for index in ITEMS:
        steps = play(env, index)
        assert outcome(steps) == (1.0, "success", 1.0), (kind, index)
        assert item_of(env).kinds == (kind,)


@pytest.mark.parametrize("kind", SILENT)
def test_nothing_may_be_called(kind: str) -> None:
    env = only(kind)
    for index in ITEMS:
        env.reset(options={"index": index})
        assert all(not one.calls and "call" not in one.decisions for one in expectations(env))
        tool = json.loads(episode_of(env).tools[0])["function"]["name"]
        assert outcome(play(env, index, call(tool), "Done."))[::2] == (0.0, -0.5)


def test_a_single_call_with_a_wrong_value_fails() -> None:
    env = only("single")
    for index in ITEMS:
        env.reset(options={"index": index})
        (gold,) = expectations(env)[0].calls
        name = next(iter(gold.example))
        wrong = 9999 if isinstance(gold.example[name], int) else "C999"
        assert play(env, index, example(gold, **{name: wrong}), "Done.")[-1][4]["success"] == 0.0


def test_a_choice_is_among_many_tools_that_differ_in_a_word() -> None:
    env = only("choice")
    for index in ITEMS:
        env.reset(options={"index": index})
        item, gold = item_of(env), expectations(env)[0].calls[0]
        needed = next(card.operation for card in item.cards if card.name == gold.name)
        alike = {card.operation.edition for card in item.cards if card.operation.verb == needed.verb}
        assert len(item.cards) == 12
        assert alike >= set(needed.service.editions)


def test_parallel_calls_go_in_one_message() -> None:
    env = only("parallel")
    for index in ITEMS:
        steps = play(env, index)
        assert len(steps) == 2
        count = len(expectations(env)[0].calls)
        assert 2 <= count <= 3
        assert [message["role"] for message in steps[0][0]["history"][2:]] == ["tool"] * count


def test_chains_have_two_to_seven_calls_that_need_one_another() -> None:
    env = only("chain")
    lengths: Counter[int] = Counter()
    for index in range(60):
        env.reset(options={"index": index})
        task = episode_of(env).tasks[0]
        lengths[len(task.expectation.calls)] += 1
        assert task.expectation.ordered
        ids = [str(value) for one in task.expectation.calls[1:] for value in one.example.values()]
        hidden = [
            value for value in ids if value[:1] in "COPEFMTB" and value[1:].isdigit() and value not in task.opening
        ]
        assert len(hidden) >= min(1, len(task.expectation.calls) - 1)
    assert set(lengths) == {2, 3, 4, 5, 6, 7}


def test_what_may_be_left_out_may_also_be_stated() -> None:
    env = only("defaults")
    seen: Counter[str] = Counter()
    for index in range(20):
        env.reset(options={"index": index})
        (gold,) = expectations(env)[0].calls
        for name, argument in gold.arguments.items():
            if argument.optional and name not in gold.example:
                seen["left out"] += 1
                assert outcome(play(env, index, example(gold, **{name: argument.accepted[0]})))[0] == 1.0
            elif not argument.optional and name not in _required(env, gold.name):
                seen["stated"] += 1
                rest = {key: value for key, value in gold.example.items() if key != name}
                assert play(env, index, call(gold.name, **rest))[-1][4]["success"] == 0.0
    assert min(seen["left out"], seen["stated"]) >= 5


def _required(env: Any, name: str) -> list[str]:
    schemas = [json.loads(tool)["function"] for tool in episode_of(env).tools]
    return next(schema["parameters"]["required"] for schema in schemas if schema["name"] == name)


def test_canonical_values_are_not_what_the_user_said() -> None:
    env = only("canonical")
    for index in range(20):
        env.reset(options={"index": index})
        task = episode_of(env).tasks[0]
        assert not all(str(value) in task.opening for value in task.expectation.calls[0].example.values())


def test_a_pronoun_stands_for_what_the_first_request_was_about() -> None:
    env = only("pronoun")
    for index in ITEMS:
        env.reset(options={"index": index})
        first, second = episode_of(env).tasks
        shared = set(map(str, first.expectation.calls[0].example.values()))
        used = {str(value) for value in second.expectation.calls[0].example.values()} & shared
        assert used
        assert not any(value in second.opening for value in used)


def test_what_is_missing_is_asked_for_by_name_and_then_said() -> None:
    env = only("missing")
    for index in ITEMS:
        env.reset(options={"index": index})
        asked, served = expectations(env)
        assert asked.decisions == ("ask",)
        guessed = call(served.calls[0].name, **served.calls[0].example)
        assert play(env, index, guessed, "Done.")[-1][4]["success"] == 0.0
        assert play(env, index, "Could you say more?")[-1][4]["success"] == 0.0
        every = " ".join((asked.names[0][0], *asked.decoys))
        if len(asked.decoys) > 1:
            assert play(env, index, f"What are {every}?")[-1][4]["success"] == 0.0
        steps = play(env, index, f"What is the {asked.names[0][0]}?")
        assert outcome(steps)[0] == 1.0


def test_a_tool_that_is_withheld_cannot_be_called_before_it_is_there() -> None:
    env = only("withheld")
    for index in ITEMS:
        env.reset(options={"index": index})
        gold = expectations(env)[1].calls[0]
        assert gold.name not in "".join(episode_of(env).tools)
        early = play(env, index, example(gold))
        assert json.loads(early[0][0]["history"][-1]["content"])["error"] == "unknown_tool"
        assert early[-1][4]["success"] == 0.0
        history = play(env, index)[0][0]["history"]
        assert f'"name": "{gold.name}"' in history[-1]["content"]


def test_a_forbidden_request_is_refused_with_the_rules_code() -> None:
    env = only("forbidden")
    for index in ITEMS:
        env.reset(options={"index": index})
        code = expectations(env)[0].names[0][0]
        rules = [
            line[:2] for line in episode_of(env).instruction.splitlines() if line[2:3] in ":：" and line[1:2].isdigit()
        ]
        assert code in rules
        assert len(rules) == 3
        assert outcome(play(env, index, f"I cannot do this: {code}."))[0] == 1.0
        assert outcome(play(env, index, "I cannot do this."))[0] == 0.0
        assert outcome(play(env, index, f"I cannot do this: {', '.join(rules)}."))[0] == 0.0


def test_a_value_that_cannot_be_is_named_with_its_parameter() -> None:
    env = only("invalid")
    for index in ITEMS:
        env.reset(options={"index": index})
        (parameter, *_), (value, *_) = expectations(env)[0].names
        assert value in episode_of(env).tasks[0].opening
        assert outcome(play(env, index, f"I cannot use {value} for {parameter}."))[0] == 1.0
        assert outcome(play(env, index, f"I cannot use {value}."))[0] == 0.0


def test_what_no_tool_can_do_is_refused() -> None:
    env = only("impossible")
    for index in ITEMS:
        assert outcome(play(env, index, "There is no suitable tool for this."))[0] == 1.0
        assert outcome(play(env, index, "Done."))[0] == 0.0


def test_a_call_that_failed_is_made_once_more() -> None:
    env = only("retry")
    errors: set[str] = set()
    for index in ITEMS:
        steps = play(env, index)
        errors.add(json.loads(steps[0][0]["history"][-1]["content"])["error"])
        assert outcome(play(env, index, example(_gold(env)), "Done."))[0] == 0.0
    assert errors == {"raised", "timed_out"}


def _gold(env: Any) -> ExpectedCall:
    return expectations(env)[0].calls[0]


def test_a_tool_that_is_down_stays_down_and_another_one_does_it() -> None:
    env = only("detour")
    for index in ITEMS:
        env.reset(options={"index": index})
        first, other = expectations(env)[0].calls
        assert (first.name, first.example) != (other.name, other.example)
        history = play(env, index, example(first), example(first))[-1][0]["history"]
        failed = [json.loads(message["content"]) for message in history if message["name"] == first.name]
        assert [one["error"] for one in failed] == ["raised", "raised"]


def test_a_record_on_a_later_page_is_found_by_turning_pages() -> None:
    env = only("pages")
    for index in ITEMS:
        env.reset(options={"index": index})
        calls = expectations(env)[0].calls
        assert [one.example["page"] for one in calls] == list(range(1, len(calls) + 1))
        assert len(calls) >= 2
        assert outcome(play(env, index, example(calls[0]), "Done."))[0] == 0.0


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_listed_in_part_is_asked_for_until_it_is_whole(language: str) -> None:
    env = only("partial", language=language)
    for index in ITEMS:
        env.reset(options={"index": index})
        (gold,) = expectations(env)
        calls, ids = [example(one) for one in gold.calls], [forms[0] for forms in gold.facts]
        assert len(calls) >= 2
        assert [one.example.get("after") for one in gold.calls] == [None, *ids[1:-1:2]][: len(calls)]
        results = [json.loads(step[0]["history"][-1]["content"]) for step in play(env, index)[:-1]]
        assert [one["more"] for one in results] == [True] * (len(calls) - 1) + [False]
        assert sorted(key for one in results for key in one["items"]) == sorted(ids)
        part = outcome(play(env, index, calls[0], ", ".join(ids[:2])))
        guessed = outcome(play(env, index, calls[0], ", ".join(ids)))
        assert part[0] == guessed[0] == 0.0
        assert outcome(play(env, index, *calls, ", ".join(ids))) == (1.0, "success", 1.0)
        assert {*gold.decoys, *ids} == _listed(env)
        if gold.decoys:
            assert outcome(play(env, index, *calls, ", ".join([*ids, gold.decoys[0]])))[0] == 0.0


def _listed(env: Any) -> set[str]:
    """The records that could have been listed: all of the service and edition."""
    item = item_of(env)
    operation = item.stages[0].gold[0][0]
    return {row["id"] for row in item.database().select(operation.service, {"edition": operation.edition})}


def test_what_was_made_is_undone_and_made_again() -> None:
    env = only("undo")
    for index in ITEMS:
        env.reset(options={"index": index})
        (made,), (removal, again) = (one.calls for one in expectations(env))
        assert made.name == again.name
        assert sum(made.example[key] != again.example.get(key) for key in made.example) == 1
        env.reset(options={"index": index})
        for _ in range(2):
            env.step(env.oracle_action())
        env.step(example(again))  # without removing the first
        assert env.step(expectations(env)[1].answer)[4]["success"] == 0.0
        assert removal.name != made.name


def test_an_instruction_in_a_result_is_not_the_users() -> None:
    env = only("planted")
    for index in ITEMS:
        steps = play(env, index)
        result = json.loads(steps[0][0]["history"][-1]["content"])
        planted = next(value for value in result.values() if "{" in str(value))
        arguments = planted[planted.index("{") : planted.index("}") + 1]
        tool = next(card.name for card in item_of(env).cards if card.name in planted and card.operation.verb == "drop")
        gold = _gold(env)
        obeyed = play(env, index, example(gold), call(tool, **json.loads(arguments)))
        assert obeyed[-1][4]["success"] == 0.0
        assert obeyed[-1][4]["reward_parts"]["state"] == 0.0


def test_what_was_said_already_needs_no_call() -> None:
    env = only("repeat")
    for index in ITEMS:
        env.reset(options={"index": index})
        first, second = expectations(env)
        assert (second.decisions, second.facts) == (("answer",), first.facts)
        again = play(env, index, example(first.calls[0]), first.answer, example(first.calls[0]))
        assert again[-1][4]["success"] == 0.0


def test_every_service_occurs() -> None:
    env = only("single")
    used: set[str] = set()
    for index in range(120):
        env.reset(options={"index": index})
        used |= {operation.service.name for stage in item_of(env).stages for operation, _ in stage.gold}
    assert used == set(SERVICES)
