"""Whole episodes: users that go on, splits, levels, trivial policies."""

from __future__ import annotations

import json
import pickle
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.benchmarks.trivial import MOVES, attempt
from tests.textenvs.envs.toolcall.world.playing import call, episode_of, expectations, item_of, only, outcome, play
from textenvs.envs.toolcall.env import ToolCall
from textenvs.envs.toolcall.world.dials import LEVELS, SILENT, Dials
from textenvs.envs.toolcall.world.phrases import RULES
from textenvs.envs.toolcall.world.services import SERVICES
from textenvs.envs.toolcall.world.world import World
from textenvs.errors import ConfigError, UnknownNameError
from textenvs.seeding import SPLITS, Split, item_generator

LONG = Dials(kinds=("single", "undo", "talk"), requests=(3, 3), silent=0.0, patience=2, tools=(4, 8))


def test_the_user_puts_a_wrong_request_right_and_goes_on() -> None:
    env = ToolCall(difficulty=LONG, language="en")
    for index in range(20):
        steps = play(env, index, "Done.")
        success, stop, total = outcome(steps)
        share = 1 / len(episode_of(env).tasks)
        gained = 1 - share if expectations(env)[0].calls else 1.0
        assert (success, stop) == ((0.0, "failure") if expectations(env)[0].calls else (1.0, "success"))
        assert total == pytest.approx(gained - 0.5 * (1 - gained))


def test_a_user_whose_patience_is_over_leaves_and_the_rest_counts_as_wrong() -> None:
    env = ToolCall(difficulty=replace(LONG, patience=1, kinds=("single", "unclear")))
    for index in range(10):
        assert outcome(play(env, index, "Hm."))[1:] == ("user_left", -0.5)


def test_limits_count_for_each_request_and_name_the_end() -> None:
    kinds = replace(LONG, kinds=("single",))
    for limits, spent, stop in (
        ({"max_turns": 2}, 2, "turn_budget"),
        ({"max_calls": 1}, 2, "call_budget"),
        ({"max_malformed": 2}, 2, "invalid_actions"),
    ):
        env = ToolCall(difficulty=kinds, **limits)
        action = "<tool_call>{" if "max_malformed" in limits else call("no_such_tool")
        assert outcome(play(env, 0, *[action] * spent))[:2] == (0.0, stop)
        assert outcome(play(env, 0))[:2] == (1.0, "success")


def test_a_request_is_paid_its_share_when_it_is_served() -> None:
    env = ToolCall(difficulty=LONG)
    for index in range(10):
        steps = play(env, index)
        share = 1 / len(episode_of(env).tasks)
        ends = [step for step in steps if step[4]["reward_parts"]["decision"] == 1.0]
        assert len(ends) == len(episode_of(env).tasks)
        paid = np.cumsum([step[1] for step in steps])
        places = [place for place, step in enumerate(steps) if step[4]["reward_parts"]["decision"] == 1.0]
        assert [paid[place] for place in places] == pytest.approx([share * (i + 1) for i in range(len(places))])


def test_parts_of_the_whole_episode_are_at_most_one() -> None:
    for part in ("decision", "state", "facts"):
        env = ToolCall(difficulty=LONG, reward={part: 1.0})
        for index in range(5):
            assert sum(step[1] for step in play(env, index)) <= 1.0 + 1e-9


def test_snapshots_and_pickles_continue_in_the_middle() -> None:
    env = only("undo")
    for index in range(5):
        env.reset(options={"index": index})
        env.step(env.oracle_action())
        frozen = pickle.loads(pickle.dumps(env.snapshot()))  # noqa: S301 (our own)
        ends = []
        for _ in range(2):
            env.restore(frozen)
            steps = [env.step(env.oracle_action())]
            while not steps[-1][2]:
                steps.append(env.step(env.oracle_action()))
            ends.append(steps)
        assert ends[0] == ends[1]
        assert ends[0][-1][4]["success"] == 1.0


def test_a_write_that_nobody_asked_for_fails_even_if_it_is_undone() -> None:
    env = only("undo", dials={"services": ("transfer",)})
    env.reset(options={"index": 0})
    made, removal = expectations(env)[0].calls[0], expectations(env)[1].calls[0]
    actions = [call(one.name, **one.example) for one in (made, removal, made)]
    assert "T" in json.dumps(removal.example)
    play(env, 0, *actions[:2])
    assert outcome(play(env, 0, *actions, "Done."))[0] == 0.0


def test_a_write_that_left_no_trace_is_one_too() -> None:
    env = only("single", dials={"services": ("order",), "tools": (20, 20)})
    tried = 0
    for index in range(20):
        env.reset(options={"index": index})
        (gold,), item = expectations(env)[0].calls, item_of(env)
        if item.stages[0].gold[0][0].verb != "look":
            continue
        setter = next(card.name for card in item.cards if card.operation.verb == "change" and not card.backup)
        order = item.records[SERVICES["order"]][0]
        there, back = (call(setter, order_id=order["id"], quantity=number) for number in (99, order["quantity"]))
        assert outcome(play(env, index, call(gold.name, **gold.example)))[0] == 1.0
        assert outcome(play(env, index, there, back, call(gold.name, **gold.example)))[0] == 0.0
        tried += 1
    assert tried >= 3


def test_little_is_left_where_calls_are_sprayed() -> None:
    env, tried = only("parallel"), 0
    for index in range(60):
        env.reset(options={"index": index})
        first, *others = (call(one.name, **one.example) for one in expectations(env)[0].calls)
        if any(operation.writes for operation, _ in item_of(env).stages[0].gold):
            continue
        tried += 1
        answer = expectations(env)[0].answer
        assert outcome(play(env, index, first, *others, answer)) == (1.0, "success", 1.0)
        stray = first.replace('"arguments": {', '"arguments": {"no_such": 1, ')
        for spray in ([first + first, *others], [first + stray, *others], [first, "".join([*others, first])]):
            success, _, total = outcome(play(env, index, *spray, answer))
            assert success == 1.0
            assert total <= 0.1
    assert tried >= 3


@pytest.mark.parametrize("level", LEVELS)
def test_levels_keep_to_their_dials(level: str) -> None:
    dials, silent = LEVELS[level], 0
    decisions: Counter[str] = Counter()
    for index in range(200):
        item = World("mixed", level, "train").draw(item_generator("levels", "train", index))
        silent += not any(task.expectation.calls for task in item.tasks)
        decisions.update(task.expectation.decisions[0] for task in item.tasks)
        assert len(item.cards) <= max(dials.tools[1], 4)
        assert set(item.kinds) <= set(dials.kinds)
    assert 0.2 <= silent / 200 <= 0.32  # 0.25, within three standard deviations below and two above
    assert set(decisions) == {"call", "ask", "answer", "refuse"}


def test_masked_names_say_nothing() -> None:
    env = ToolCall(mask_names=True)
    for index in range(20):
        assert outcome(play(env, index))[0] == 1.0
        names = [json.loads(tool)["function"]["name"] for tool in episode_of(env).tools]
        assert all(re.fullmatch(r"tool_\d+", name) for name in names)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_names_of_tools_and_frames_of_sentences_are_held_out(language: str) -> None:
    names: dict[Split, set[str]] = {}
    openings: dict[Split, set[str]] = {}
    for split in SPLITS:
        env = ToolCall(language=language, split=split, difficulty=Dials(kinds=("talk",), silent=1.0, rules=0.0))
        names[split], openings[split] = set(), set()
        for index in range(150):
            env.reset(options={"index": index})
            openings[split].add(episode_of(env).tasks[0].opening)
            names[split] |= {card.name for card in item_of(env).cards}
    for one, other in (("train", "valid"), ("train", "test"), ("valid", "test")):
        assert not names[one] & names[other]
        assert not openings[one] & openings[other]


def test_rules_in_other_tasks_forbid_nothing_that_was_asked() -> None:
    dials = Dials(kinds=("single", "defaults", "undo"), silent=0.0, rules=1.0)
    env = ToolCall(difficulty=dials, language="en")
    ruled = 0
    for index in range(40):
        env.reset(options={"index": index})
        instruction = episode_of(env).instruction
        ruled += RULES["en"] in instruction
        for noun, label, limit in re.findall(r": no (.+) with (\w+) above (\d+)", instruction):
            for stage in item_of(env).stages:
                for operation, arguments in stage.gold:
                    service = operation.service
                    if operation.verb == "add" and noun.endswith(service.noun["en"]):
                        fields = [one for one in operation.parameters if one.label["en"] == label]
                        assert all(arguments.get(one.name, 0) <= int(limit) for one in fields)
    assert ruled >= 35


@pytest.mark.parametrize("level", ["small", "medium"])
@pytest.mark.parametrize("split", SPLITS)
def test_trivial_policies_succeed_only_where_their_move_is_right(level: str, split: Split) -> None:
    trial = attempt(level, split, 60)
    informed = {"oracle", "careless", "random"}  # two know what to do, and what the third decides is carried out for it
    assert set(ToolCall().baselines()) - informed == set(MOVES)
    for name in MOVES:
        assert trial.needed[name] <= 0.05 * trial.needing, name
        assert trial.succeeded[name] <= trial.right[name] + 0.02 * trial.items, name


@pytest.mark.parametrize(("language", "own"), [("zh", r"^[^A-Za-z]+$"), ("en", r"^[ -~]+$")])
def test_policies_that_know_nothing_speak_the_users_language(language: str, own: str) -> None:
    env = ToolCall(language=language)  # type: ignore[arg-type]
    observation, _ = env.reset(options={"index": 0})
    spoken = {env.baselines()[name](observation) for name in ("do_nothing", "always_ask")}
    said = {env.menu().say(env.menu().moves.index(name)) for name in ("ask", "answer", "refuse")}
    assert len(spoken) == 2
    assert all(re.match(own, text) for text in spoken | said)


def test_dials_that_cannot_be_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="'single'"):
        Dials(kinds=("singel",))
    with pytest.raises(UnknownNameError, match="'order'"):
        Dials(services=("ordr",))
    with pytest.raises(ConfigError, match="tools"):
        Dials(tools=(3, 2))
    with pytest.raises(ConfigError, match="a kind that calls"):
        Dials(kinds=SILENT)
    with pytest.raises(UnknownNameError, match="'small'"):
        ToolCall(difficulty="smal")
    with pytest.raises(UnknownNameError, match="language"):
        ToolCall(language="fr")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="allow no task"):
        ToolCall(difficulty=Dials(kinds=("undo",), services=("rate",), silent=0.0)).reset(seed=0)


def test_what_an_earlier_request_took_away_is_not_looked_for_in_pages() -> None:
    dials = replace(
        LEVELS["hard"], kinds=("single", "pages", "talk"), silent=0.0, requests=(2, 2), services=("booking",)
    )
    drawn = [World("en", dials, "test").draw(item_generator("p", "test", index)) for index in range(150)]
    assert any({"single", "pages"} <= set(item.kinds) for item in drawn)


@pytest.mark.parametrize(
    ("kinds", "services"), [(("parallel",), ("transfer",)), (("single", "chain"), ("order", "parcel"))]
)
def test_what_is_gone_is_not_asked_for_where_records_run_out(kinds: tuple[str, ...], services: tuple[str, ...]) -> None:
    dials = Dials(kinds=kinds, services=services, records=(4, 4), requests=(5, 5), silent=0.0, rules=0.0)
    for index in range(200):
        item = World("en", dials, "train").draw(item_generator("b", "train", index))
        assert item.database(len(item.stages)).writes == sum(
            operation.writes for stage in item.stages for operation, _ in stage.gold
        )


def test_a_title_that_is_asked_for_belongs_to_one_record() -> None:
    dials = Dials(kinds=("defaults", "pages"), services=("booking",), records=(8, 12), requests=(5, 5), silent=0.0)
    asked = 0
    for index in range(40):
        item = World("en", dials, "test").draw(item_generator("x", "test", index))
        for number, (stage, task) in enumerate(zip(item.stages, item.tasks, strict=True)):
            operation = stage.gold[0][0]
            if operation.verb == "browse":
                rows = item.database(number).select(operation.service, {"edition": operation.edition})
                (city,) = (row["city"] for row in rows if row["id"] == task.expectation.facts[0][0])
                assert [row["city"] for row in rows].count(city) == 1
                asked += 1
    assert asked >= 40


def test_a_chain_begins_with_a_title_that_only_one_record_has() -> None:
    dials = Dials(kinds=("defaults", "chain"), services=("event",), records=(8, 12), requests=(5, 5), silent=0.0)
    found = 0
    for index in range(60):
        item = World("en", dials, "test").draw(item_generator("x", "test", index))
        for number, stage in enumerate(item.stages):
            operation, arguments = stage.gold[0]
            if operation.verb == "find":
                where = {"edition": operation.edition, "title": arguments["title"]}
                assert len(item.database(number).select(operation.service, where)) == 1
                found += 1
    assert found >= 40
