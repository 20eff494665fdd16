"""The four parts and their fusion, on hand-made truths: honest answers are paid in order, attacks are not paid."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textenvs.envs.rewrite.answer_key import negations
from textenvs.envs.rewrite.reward import CEILING, PARTS, PENALTY, assess, default_reward, rewrite_reward
from textenvs.envs.rewrite.types import Language, Restored, RewriteTruth
from textenvs.messages import Turn
from textenvs.rewards import Score, build_reward
from textenvs.rewards.measures import normalize, words


def truth(
    language: Language,
    utterance: str,
    accepted: list[str],
    restored: list[Restored],
    kept: list[tuple[str, ...]],
    history: str = "",
    grammar: frozenset[str] | None = None,
) -> RewriteTruth:
    """A truth whose fluency is 1 for every text, or for the given ones and the accepted only."""
    known = frozenset(words(" ".join([history, utterance, *accepted]), language))
    return RewriteTruth(
        language,
        utterance,
        accepted[0],
        frozenset(normalize(text, language) for text in accepted),
        tuple(restored),
        tuple(kept),
        known,
        lambda text: 1.0 if grammar is None or normalize(text, language) in grammar else 0.0,
    )


HISTORY = "张三昨天下单了那个包裹。李四也下单了一个信封,要寄到北京。"
PARCEL = truth(
    "zh",
    "他把它寄到上海了吗?",
    ["张三把那个包裹寄到上海了吗?", "请问张三把那个包裹寄到上海了吗?"],
    [
        Restored("reference", "person", ("张三",), ("李四",)),
        Restored("reference", "thing", ("那个包裹", "包裹"), ("信封",)),
    ],
    [("寄",), ("上海",)],
    HISTORY,
)
HOTEL = truth(
    "en",
    "And on Friday?",
    ["How much is the Grand Hotel on Friday?", "On Friday, how much is the Grand Hotel?"],
    [
        Restored("ellipsis", "predicate", ("how much", "what price")),
        Restored("ellipsis", "hotel", ("Grand Hotel",), ("Park Hotel", "Grand Hotel Annex")),
    ],
    [("Friday",)],
    "How much is the Grand Hotel on Monday? And the Park Hotel, or the Grand Hotel Annex? Not cheap.",
)
COMPLETE = truth("zh", "上海今天有雨吗?", ["上海今天有雨吗?"], [], [("上海",), ("今天",), ("有雨",)], "北京昨天有雪。")


# Honest answers


@pytest.mark.parametrize("task", [PARCEL, HOTEL, COMPLETE])
def test_every_accepted_rewrite_is_worth_one(task: RewriteTruth) -> None:
    for text in (task.gold, *task.accepted):
        judged = assess(task, text)
        assert (judged.value, judged.coreference, judged.keywords, judged.consistency, judged.fluency) == (1,) * 5


@pytest.mark.parametrize("task", [PARCEL, HOTEL])
def test_copy_is_worth_nothing_where_a_rewrite_is_needed(task: RewriteTruth) -> None:
    judged = assess(task, task.utterance)
    assert judged.value == judged.coreference == judged.keywords == 0.0
    assert judged.consistency == judged.fluency == 1.0


def test_exact_copy_is_right_where_nothing_was_removed() -> None:
    assert assess(COMPLETE, "上海 今天有雨吗").value == 1.0


@pytest.mark.parametrize(
    ("task", "answer", "parts", "value"),
    [
        # coreference, keywords, consistency, fluency
        (PARCEL, "张三把它寄到上海了吗?", (0.5, 0.5, 1.0, 1.0), 0.5),
        (PARCEL, "他把包裹寄到上海了吗?", (0.5, 0.5, 1.0, 1.0), 0.5),
        (PARCEL, "张三把包裹寄到了吗?", (1.0, 1.0, 0.5, 1.0), 0.5),  # 上海 lost
        (PARCEL, "张三把包裹寄到上海了呢?", (1.0, 1.0, 5 / 6, 1.0), 5 / 6),  # 呢 against the gold's six new words
        (PARCEL, "张三把包裹寄到上海了吗?", (1.0, 1.0, 1.0, 1.0), CEILING),  # an alias, but not an accepted rewrite
        (HOTEL, "Grand Hotel on Friday?", (0.5, 0.5, 1.0, 1.0), 0.5),
        (HOTEL, "How much on Friday?", (0.5, 0.5, 1.0, 1.0), 0.5),
        (HOTEL, "What price is the Grand Hotel?", (1.0, 1.0, 0.0, 1.0), 0.0),
    ],
)
def test_incomplete_answers_are_paid_for_what_they_restore(
    task: RewriteTruth, answer: str, parts: tuple[float, float, float, float], value: float
) -> None:
    judged = assess(task, answer)
    assert (judged.coreference, judged.keywords, judged.consistency, judged.fluency) == pytest.approx(parts)
    assert judged.value == pytest.approx(value)


def test_thinking_is_not_scored() -> None:
    turn = Turn("", (), f"<think>张三? 李四?</think>\n{PARCEL.gold}", truth=PARCEL)
    assert rewrite_reward(turn).value == 1.0
    assert all(part(turn) == 1.0 for part in PARTS.values())


# Attacks

WEAKEST_HONEST = {id(PARCEL): 0.5, id(HOTEL): 0.5}


@pytest.mark.parametrize(
    ("task", "attack", "at_most"),
    [
        (PARCEL, HISTORY + PARCEL.utterance, -0.01),  # the whole history
        (PARCEL, HISTORY + PARCEL.gold, -0.01),
        (PARCEL, "李四把它寄到上海了吗?", -0.1),  # wrong antecedents
        (PARCEL, "李四把信封寄到上海了吗?", -PENALTY),
        (PARCEL, "张三把信封寄到上海了吗?", -0.1),
        (PARCEL, "王五把它寄到上海了吗?", -0.1),  # an entity that the dialogue does not hold
        (PARCEL, "张三李四把那个包裹寄到上海了吗?", -0.1),  # several answers
        (PARCEL, "李四把那个包裹寄到上海了吗? 张三把那个包裹寄到上海了吗?", -0.1),
        (PARCEL, "张三没把那个包裹寄到上海了吗?", 0.0),  # negated
        (PARCEL, PARCEL.gold + "吗", -PENALTY),  # repeated tails
        (PARCEL, PARCEL.gold + "上海了吗?", -PENALTY),
        (PARCEL, PARCEL.gold * 3, -PENALTY),
        (PARCEL, PARCEL.gold + "\u200b", -PENALTY),  # hidden characters
        (PARCEL, "张\u200b三把那个包裹寄到上海了吗?", -PENALTY),
        (PARCEL, "", 0.0),
        (PARCEL, "???", 0.0),
        (HOTEL, "How much is the Park Hotel on Friday?", -0.1),
        (HOTEL, "How much is the Grand Hotel Annex on Friday?", -0.1),  # a longer name is another entity
        (HOTEL, "How much is the Grand Hotel or the Park Hotel on Friday?", -0.1),
        (HOTEL, "How much is not the Grand Hotel on Friday?", 0.0),
        (HOTEL, HOTEL.gold + " on Friday?", -PENALTY),
        (HOTEL, "How much much is the Grand Hotel on Friday", -PENALTY),
    ],
)
def test_attacks_are_worth_less_than_the_weakest_honest_answer(task: RewriteTruth, attack: str, at_most: float) -> None:
    value = assess(task, attack).value
    assert value <= at_most
    assert value < WEAKEST_HONEST[id(task)]


def test_keyword_list_is_left_to_the_grammar() -> None:
    strict = truth(
        "zh",
        PARCEL.utterance,
        [PARCEL.gold],
        list(PARCEL.restored),
        list(PARCEL.kept),
        HISTORY,
        grammar=frozenset(["张三把它寄到上海了吗"]),
    )
    assert assess(strict, "张三 包裹 寄 上海").value == 0.0
    assert assess(strict, "张三把它寄到上海了吗").value == 0.5


@pytest.mark.parametrize("tail", range(1, 12))
def test_gold_with_any_repeated_tail_is_below_the_copy(tail: int) -> None:
    assert assess(PARCEL, PARCEL.gold.rstrip("?") + PARCEL.gold.rstrip("?")[-tail:]).value < 0.0


@pytest.mark.parametrize(("gold", "tail"), [("我教你玩dota2", "2"), ("黄淮是gay", "gay"), ("爽文就是yy", "y")])
def test_a_tail_glued_to_a_word_is_seen(gold: str, tail: str) -> None:
    task = truth("zh", "我教你", [gold], [Restored("ellipsis", "span", (gold[:2],))], [])
    assert assess(task, gold + tail).value == -PENALTY


def test_a_repetition_of_the_utterance_licenses_no_other() -> None:
    task = truth("zh", "那天天气怎么样", ["5月1日天气怎么样"], [Restored("reference", "day", ("5月1日",))], [("天气",)])
    assert assess(task, "5月1日天气怎么样样").value == -PENALTY


def test_words_that_repeat_by_nature_are_no_repetition() -> None:
    task = truth("zh", "看看它", ["看看妹妹"], [Restored("reference", "x", ("妹妹",))], [("看看",)])
    assert assess(task, "看看妹妹呀").fluency == 1.0
    assert assess(task, "看看妹妹妹妹").fluency == 0.0


@pytest.mark.parametrize(
    ("answer", "value"),
    [("上海今天有雨吗北京昨天有雪", -PENALTY), ("请问上海今天有雨吗", -PENALTY), ("上海今天有雨吗吗", -PENALTY)],
)
def test_added_content_costs_where_nothing_was_removed(answer: str, value: float) -> None:
    assert assess(COMPLETE, answer).value == value


def test_dropped_content_costs_where_nothing_was_removed() -> None:
    assert assess(COMPLETE, "上海有雨吗").value == pytest.approx(2 / 3)


# What counts as restored


def test_a_form_that_the_utterance_holds_has_to_come_once_more() -> None:
    task = truth(
        "zh", "张三说他来吗", ["张三说张三来吗"], [Restored("reference", "person", ("张三",))], [("张三",), ("来",)]
    )
    assert assess(task, "张三说他来吗").keywords == 0.0
    assert assess(task, "他说张三来吗").keywords == 0.0
    assert assess(task, "张三说张三来呀").keywords == 1.0


def test_the_same_thing_removed_twice_has_to_come_twice() -> None:
    twice = Restored("reference", "person", ("女友",))
    task = truth("zh", "我爱她我想她", ["我爱女友我想女友"], [twice, twice], [("爱",), ("想",)])
    assert assess(task, "我爱女友我想她").keywords == 0.5
    assert assess(task, "我爱她我想女友").keywords == 0.5


def test_entities_in_each_others_place_are_wrong() -> None:
    pair = [Restored("reference", "from", ("上海",), ("北京",)), Restored("reference", "to", ("北京",), ("上海",))]
    task = truth("zh", "从那里到那里", ["从上海到北京", "请从上海到北京"], pair, [])
    assert assess(task, "从上海到北京吧").value > 0.0
    swapped = assess(task, "从北京到上海")
    assert (swapped.coreference, swapped.keywords, swapped.value) == (0.0, 1.0, -PENALTY)


def test_a_rival_that_belongs_elsewhere_is_wrong_in_a_second_place() -> None:
    slot = Restored("ellipsis", "from", ("上海",), ("北京",))
    task = truth("zh", "到北京几点", ["从上海到北京几点"], [slot], [("北京",)])
    assert assess(task, "从北京到北京几点").value == -PENALTY


def test_any_order_of_an_accepted_rewrite_is_right() -> None:
    pair = [Restored("reference", "a", ("张三",), ("李四",)), Restored("reference", "b", ("李四",), ("张三",))]
    task = truth("zh", "他和他来吗", ["张三和李四来吗", "李四和张三来吗"], pair, [("来",)])
    assert assess(task, "李四和张三来呀").value > 0.0


def test_an_entity_in_the_place_of_one_that_was_said_is_wrong() -> None:
    task = truth("zh", "李四问他", ["李四问张三"], [Restored("reference", "person", ("张三",), ("李四",))], [("李四",)])
    assert assess(task, "张三问李四").value == -PENALTY


def test_words_out_of_their_place_restore_nothing() -> None:
    slot = Restored("ellipsis", "span", ("西安",), places=("西安明",))
    task = truth("zh", "明天有雨吗", ["西安明天有雨吗"], [slot], [("雨",)])
    appended = assess(task, "明天有雨吗西安")
    assert (appended.coreference, appended.keywords, appended.value) == (0.0, 0.0, 0.0)
    assert assess(task, "请问西安明天有雨吗").keywords == 1.0


def test_a_thing_said_once_more_than_asked_for_is_added() -> None:
    assert assess(PARCEL, "张三把包裹寄到上海了吗张三").consistency == pytest.approx(5 / 6)


def test_things_that_were_said_and_changed_places_do_not_both_count_as_kept() -> None:
    day = Restored("reference", "day", ("5月1日",))
    kept = [("上海",), ("北京",), ("火车",)]
    task = truth("zh", "那天从上海到北京的火车", ["5月1日从上海到北京的火车", "从上海到北京5月1日的火车"], [day], kept)
    assert assess(task, "5月1日从北京到上海的火车").consistency == pytest.approx(2 / 3)
    assert assess(task, "5月1日的火车从上海到北京").consistency == pytest.approx(2 / 3)
    assert assess(task, "5月1日从上海到北京的火车吧").consistency == 0.75  # one word against four new ones


def alike(task: RewriteTruth, *things: str) -> RewriteTruth:
    return dataclasses.replace(task, alike=(tuple((thing,) for thing in things),))


def test_things_of_one_type_that_were_said_and_changed_places_are_wrong() -> None:
    day = Restored("reference", "day", ("5月1日",))
    accepted = ["5月1日从上海到北京的火车", "从上海到北京5月1日的火车"]
    task = alike(truth("zh", "那天从上海到北京的火车", accepted, [day], [("上海",), ("北京",)]), "上海", "北京")
    assert assess(task, "5月1日从北京到上海的火车").value == -PENALTY
    assert assess(task, "那天从北京到上海的火车").value == -PENALTY
    assert assess(task, "5月1日从上海到北京的火车吧").value > 0.0
    assert assess(task, "5月1日到北京的火车").value > 0.0  # left out, not misplaced


def test_things_of_one_type_may_stand_in_any_accepted_order() -> None:
    accepted = ["从上海到北京几点", "到北京从上海几点"]
    task = alike(truth("zh", "从上海到北京几点", accepted, [], [("上海",), ("北京",)]), "上海", "北京")
    assert assess(task, "到北京几点从上海").value > 0.0


def test_things_of_one_type_may_not_change_places_where_nothing_was_removed() -> None:
    task = alike(truth("zh", "从上海到北京几点", ["从上海到北京几点"], [], [("上海",), ("北京",)]), "上海", "北京")
    assert assess(task, "从北京到上海几点").value == -PENALTY


def test_a_thing_that_was_said_is_wrong_in_the_place_of_one_that_was_not() -> None:
    slots = [Restored("ellipsis", "from", ("上海",)), Restored("reference", "day", ("周一",))]
    task = alike(truth("zh", "那天到北京几点", ["周一从上海到北京几点"], slots, [("北京",)]), "上海", "北京")
    judged = assess(task, "周一从北京到北京几点")
    assert (judged.coreference, judged.fault) == (1.0, 0.5)
    assert judged.value < 0.0


def test_kept_things_may_stand_as_in_the_utterance_or_as_in_the_reference() -> None:
    slot = Restored("reference", "from", ("上海",))
    task = truth("zh", "几点到北京,从那里", ["从上海到北京几点"], [slot], [("几点",), ("北京",)])
    assert assess(task, "几点从上海到北京呢").consistency == assess(task, "从上海到北京几点呢").consistency == 0.5
    assert assess(task, "从上海到北京").consistency == 0.5


def test_coreference_counts_references_and_keywords_everything() -> None:
    slots = [Restored("reference", "person", ("张三",)), Restored("ellipsis", "city", ("上海",))]
    task = truth("zh", "他在吗", ["张三在上海吗"], slots, [("在",)])
    only_reference, only_ellipsis = assess(task, "张三在吗"), assess(task, "他在上海吗")
    assert (only_reference.coreference, only_reference.keywords) == (1.0, 0.5)
    assert (only_ellipsis.coreference, only_ellipsis.keywords) == (0.0, 0.5)


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("我不去", "zh", ["不"]),
        ("你去不去", "zh", []),
        ("是不是没有不", "zh", ["没", "不"]),
        ("I don't, never", "en", ["n't", "never"]),
        ("", "en", []),
    ],
)
def test_negations(text: str, language: Language, found: list[str]) -> None:
    assert negations(words(text, language), language) == found


def test_another_negation_than_the_one_that_was_said_is_added() -> None:
    task = truth("en", "No, I meant tea.", ["Buy tea."], [Restored("ellipsis", "predicate", ("buy",))], [("tea",)])
    assert assess(task, "No, buy tea.").consistency == 1.0
    assert assess(task, "Buy tea, not.").consistency == 0.0


def test_a_negation_that_was_said_may_not_move_elsewhere() -> None:
    hotel = Restored("ellipsis", "predicate", ("含早餐",))
    task = truth("zh", "不对,是南居酒店", ["南居酒店含早餐吗"], [hotel], [("南居酒店",)])
    assert assess(task, "不对,南居酒店含早餐呢").consistency > 0.0
    assert assess(task, "南居酒店不含早餐吗").consistency == 0.0


def graded(task: RewriteTruth, *answers: str) -> RewriteTruth:
    return dataclasses.replace(task, graded=answers)


def test_a_slot_beside_what_stood_for_it_is_not_restored() -> None:
    day = Restored("reference", "day", ("6月17日",))
    task = graded(truth("zh", "那天长州有雨吗", ["6月17日长州有雨吗"], [day], [("长州",)]), "那天长州有雨吗")
    assert assess(task, "6月17日那天长州有雨吗").keywords == 0.0
    assert assess(task, "6月17日长州有雨呢").keywords == 1.0


def test_of_two_slots_with_one_stand_in_left_one_is_restored() -> None:
    twice = Restored("reference", "person", ("女友",))
    task = graded(
        truth("zh", "我爱她我想她", ["我爱女友我想女友"], [twice, twice], []), "我爱她我想女友", "我爱女友我想她"
    )
    assert assess(task, "我爱女友我想她").keywords == 0.5
    assert assess(task, "我爱女友我想女友呢").keywords == 1.0


@pytest.mark.parametrize("more", [" Correct!", " or something else", " / And on Friday?"])
def test_the_reference_beside_something_else_is_worth_nothing(more: str) -> None:
    assert assess(HOTEL, HOTEL.gold + more).value <= 0.0
    assert assess(HOTEL, f"{more} {HOTEL.gold}").value <= 0.0


def test_a_lost_negation_is_inconsistent() -> None:
    task = truth("zh", "别寄它", ["别寄包裹"], [Restored("reference", "thing", ("包裹",))], [("寄",)])
    assert assess(task, "寄包裹").value == 0.0


# The protocol

ANSWERS = st.text(alphabet="张三李四把那个包裹信封寄到上海了吗他它没? \u200b") | st.text()


@given(ANSWERS, st.sampled_from([PARCEL, HOTEL, COMPLETE]))
def test_every_text_has_a_value_in_range(answer: str, task: RewriteTruth) -> None:
    score = rewrite_reward(Turn("", (), answer, truth=task))
    assert score.valid
    assert -PENALTY <= score.value <= 1.0
    assert tuple(score.parts) == tuple(PARTS)
    assert all(0.0 <= part <= 1.0 for part in score.parts.values())
    assert score.value <= CEILING or normalize(answer, task.language) in task.accepted


@given(ANSWERS)
def test_repeating_an_answer_never_pays(answer: str) -> None:
    once, twice = assess(PARCEL, answer), assess(PARCEL, answer + answer)
    assert twice.value <= max(once.value, 0.0)


def test_parts_can_be_named_in_configurations() -> None:
    reward = build_reward({"coreference": 0.4, "keywords": 0.6}, PARTS)
    score = reward(Turn("", (), "张三把它寄到上海了吗?", truth=PARCEL))
    assert score.value == pytest.approx(0.5)
    assert dict(score.parts) == {"coreference": 0.5, "keywords": 0.5}


def test_default_reward_travels_and_names_its_parts() -> None:
    turn = Turn("", (), PARCEL.gold, truth=PARCEL)
    for reward in (default_reward(), copy.deepcopy(default_reward()), pickle.loads(pickle.dumps(default_reward()))):  # noqa: S301
        assert reward(turn) == Score(1.0, dict.fromkeys(PARTS, 1.0))
        assert reward.part_names == tuple(PARTS)


def test_a_turn_without_truth_is_missing_and_not_zero() -> None:
    score = default_reward()(Turn("", (), "text"))
    assert not score.valid
    assert all(math.isnan(part) for part in score.parts.values())


def test_scoring_takes_linear_time() -> None:
    def seconds(times: int) -> float:
        answer = "".join(f"张三寄{i}个包裹到上海" for i in range(times))
        start = time.perf_counter()
        assess(PARCEL, answer)
        return time.perf_counter() - start

    assess(PARCEL, PARCEL.utterance)
    assert min(seconds(4000 + i) for i in range(3)) < 40 * min(seconds(400 + i) for i in range(3))
