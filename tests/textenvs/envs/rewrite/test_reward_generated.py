"""What the issue asks of the default reward on generated items, measured on hundreds of them in each language."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from textenvs.envs.rewrite.env import MultiTurnRewrite
from textenvs.envs.rewrite.reward import PENALTY, answer_key, assess
from textenvs.envs.rewrite.types import RewriteTruth
from textenvs.messages import Turn
from textenvs.rewards.measures import words

DIALOGUES = 150
NOISE = (0.0, 0.1, 0.2, 0.35, 0.5, 0.8)
"""Share of the words that are replaced, and five levels of it."""


@pytest.fixture(scope="module", params=["zh", "en"])
def turns(request: pytest.FixtureRequest) -> list[Turn]:
    """The turns of dialogues in which the oracle plays."""
    env = MultiTurnRewrite(language=request.param)
    played: list[Turn] = []
    for index in range(DIALOGUES):
        env.reset(options={"index": index})
        ended = False
        while not ended:
            played.append(env.advance(env.oracle_action()))
            ended = played[-1].last
    assert len(played) > 500
    return played


@pytest.fixture(scope="module")
def reduced(turns: list[Turn]) -> list[Turn]:
    """Those turns that need a rewrite."""
    return [turn for turn in turns if turn.truth.needs_rewrite]


def joined(parts: list[str], truth: RewriteTruth) -> str:
    return ("" if truth.language == "zh" else " ").join(parts)


def test_gold_is_worth_one(turns: list[Turn]) -> None:
    assert {assess(turn.truth, turn.truth.gold).value for turn in turns} == {1.0}


def test_copy_is_worth_nothing_where_a_rewrite_is_needed_and_one_elsewhere(turns: list[Turn]) -> None:
    assert {assess(t.truth, t.truth.utterance).value for t in turns if t.truth.needs_rewrite} == {0.0}
    assert {assess(t.truth, t.truth.utterance).value for t in turns if not t.truth.needs_rewrite} == {1.0}


def test_dumping_the_history_does_not_pay(reduced: list[Turn]) -> None:
    for turn in reduced:
        history = " ".join(message.content for message in turn.history)
        assert assess(turn.truth, history).value <= 0.1
        assert assess(turn.truth, f"{history} {turn.truth.gold}").value <= 0.1


def test_a_wrong_antecedent_does_not_pay(reduced: list[Turn]) -> None:
    tried = 0
    for truth in (turn.truth for turn in reduced):
        for slot in truth.restored:
            said = next((alias for alias in slot.aliases if alias in truth.gold), None)
            for rival in slot.rivals if said else ():
                tried += 1
                assert assess(truth, truth.gold.replace(said, rival)).value <= 0.0, (truth.gold, said, rival)
    assert tried > 200


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_gold_with_a_repeated_tail_is_below_the_weakest_honest_answer(reduced: list[Turn], length: int) -> None:
    for truth in (turn.truth for turn in reduced):
        tail = words(truth.gold, truth.language)[-length:]
        attack = assess(truth, joined([truth.gold.rstrip("?.？。"), *tail], truth)).value
        weakest = min(assess(truth, answer).value for answer in truth.graded)
        assert attack < weakest, (truth.gold, tail)


def test_keyword_lists_and_hidden_characters_do_not_pay(reduced: list[Turn]) -> None:
    lists = [assess(t.truth, joined([s.aliases[0] for s in t.truth.restored], t.truth)) for t in reduced]
    assert statistics.mean(judged.value for judged in lists if not judged.exact) < 0.02
    assert all(assess(t.truth, t.truth.gold[:2] + "\u200b" + t.truth.gold[2:]).value < 0.0 for t in reduced)


def test_missing_words_at_the_end_of_a_copy_are_below_the_weakest_honest_answer(reduced: list[Turn]) -> None:
    """Where the end is not their place, that is: "buy two" and the thing's name make an accepted rewrite."""
    attacks: list[float] = []
    weakest: list[float] = []
    for truth in (turn.truth for turn in reduced):
        missing = [slot.aliases[-1] for slot in truth.restored]
        judged = assess(truth, joined([truth.utterance.rstrip("?.？。"), *missing], truth))
        if not judged.exact:
            attacks.append(judged.value)
            weakest.append(min(assess(truth, answer).value for answer in truth.graded))
    assert len(attacks) > 300
    assert statistics.mean(attacks) < 0.75 * statistics.mean(weakest)


def test_two_things_of_one_type_in_each_others_place_do_not_pay(turns: list[Turn]) -> None:
    tried = 0
    for truth in (turn.truth for turn in turns):
        for group in truth.alike:
            said = [next((form for form in forms if truth.gold.count(form) == 1), "") for forms in group]
            if all(said):
                tried += 1
                swapped = truth.gold.replace(said[0], "\n").replace(said[1], said[0]).replace("\n", said[1])
                assert assess(truth, swapped).value < 0.0, (truth.gold, swapped)
    assert tried > 50


def test_the_mean_falls_with_every_level_of_noise(turns: list[Turn]) -> None:
    pool = [word for turn in turns for word in words(turn.truth.gold, turn.truth.language)]

    def noisy(truth: RewriteTruth, share: float, seed: int) -> str:
        generator, parts = np.random.default_rng(seed), words(truth.gold, truth.language)
        for place in generator.choice(len(parts), size=round(share * len(parts)), replace=False):
            parts[place] = pool[generator.integers(len(pool))]
        return joined(parts, truth)

    means = [
        statistics.mean(
            assess(turn.truth, noisy(turn.truth, share, seed) if share else turn.truth.gold).value
            for seed, turn in enumerate(turns)
        )
        for share in NOISE
    ]
    assert means == sorted(means, reverse=True)
    assert len(set(means)) == len(NOISE)
    assert means[0] == 1.0


def test_rambling_does_not_pay(turns: list[Turn]) -> None:
    for turn in turns[:50]:
        assert assess(turn.truth, turn.truth.gold + " and" * 2_000).value == -PENALTY


def test_phrasings_mention_things_in_every_accepted_order(turns: list[Turn]) -> None:
    for turn in turns[:40]:
        truth: RewriteTruth = turn.truth
        find = answer_key(truth).mentions.find
        accepted = {tuple(find(words(text, truth.language))) for text in truth.accepted}
        assert {tuple(find(words(text, truth.language))) for text in truth.phrasings} == accepted


def test_what_is_unknown_is_what_no_source_of_known_words_holds(turns: list[Turn]) -> None:
    for turn in turns[:40]:
        known, asked = turn.truth.known, {*words(turn.truth.gold, turn.truth.language), "qx", *turn.truth.known}
        assert {*asked} - known == {word for word in asked if word not in known} == {"qx"}


def test_a_known_word_with_its_own_end_glued_on_again_is_degenerate(turns: list[Turn]) -> None:
    stutters = 0
    for turn in turns[:60]:
        gold = turn.truth.gold.lower()
        for word in {
            word for word in words(gold, turn.truth.language) if word.isascii() and len(word) > 3 and word in gold
        }:
            assert assess(turn.truth, gold.replace(word, word + word[-3:])).fluency == 0.0
            stutters += 1
    assert stutters > 10
