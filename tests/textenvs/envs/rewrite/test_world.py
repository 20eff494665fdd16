"""The generated world: rates, dials, splits, and no item twice."""

from __future__ import annotations

import collections
import functools

import numpy as np
import pytest

from textenvs.envs.rewrite.dials import LEVELS, Dials, dials_of
from textenvs.envs.rewrite.env import MultiTurnRewrite
from textenvs.envs.rewrite.grammar.entities import WORD_TYPES
from textenvs.envs.rewrite.grammar.menu import OPERATORS
from textenvs.envs.rewrite.grammar.reduction import holds, say, say_in_full
from textenvs.envs.rewrite.grammar.surface import surface
from textenvs.envs.rewrite.world import World
from textenvs.errors import ConfigError, UnknownNameError

SPLITS = ("train", "valid", "test")
LANGUAGES = ("zh", "en")


def draw(n, seed=0, **settings):
    world = World(**settings)
    return [world.draw(np.random.default_rng((seed, i))) for i in range(n)]


def truths(n, **settings):
    """The truths of every turn of n dialogues in which the oracle plays."""
    env = MultiTurnRewrite(**settings)
    for index in range(n):
        env.reset(options={"index": index})
        ended = False
        while not ended:
            turn = env.advance(env.oracle_action())
            yield turn.truth
            ended = turn.last


@pytest.fixture(scope="module", params=LANGUAGES)
def default(request):
    return list(truths(1200, language=request.param))


def shares(truths):
    """The shares of turns with a reference, with an ellipsis, and with neither."""
    kinds = [{slot.kind for slot in truth.restored} for truth in truths]
    return [
        np.mean([wanted(found) for found in kinds]) for wanted in (has("reference"), has("ellipsis"), lambda k: not k)
    ]


def has(kind):
    return lambda found: kind in found


class TestRates:
    def test_references_ellipses_and_unchanged_turns_have_their_shares(self, default):
        reference, ellipsis, unchanged = shares(default)
        assert 0.35 <= reference <= 0.40
        assert 0.40 <= ellipsis <= 0.60
        assert 0.10 <= unchanged <= 0.40

    @pytest.mark.parametrize("split", ["valid", "test"])
    @pytest.mark.parametrize("difficulty", ["tiny", "medium"])
    def test_what_is_held_out_has_the_same_shares(self, default, split, difficulty):
        language = default[0].language
        trained_on = default if difficulty == "medium" else truths(500, language=language, difficulty=difficulty)
        held_out = truths(500, language=language, difficulty=difficulty, split=split)
        assert shares(held_out) == pytest.approx(shares(trained_on), abs=0.04)

    def test_every_operator_is_at_work(self, default):
        seen = {name for truth in default for name in truth.operators}
        expected = {*OPERATORS, "shift", "several"} - ({"one"} if default[0].language == "zh" else set())
        assert seen == expected

    def test_antecedents_and_distractors_spread_over_their_range(self, default):
        slots = [slot for truth in default for slot in truth.restored]
        assert {slot.turns_back for slot in slots} >= {1, 2, 3, 4, 5}
        assert min(slot.turns_back for slot in slots) >= 1
        assert max(slot.turns_back for slot in slots) <= 7
        assert any(slot.rivals for slot in slots)

    def test_dialogues_have_two_to_eight_turns_and_open_in_full(self):
        for level, dials in LEVELS.items():
            lengths = set()
            for item in draw(60, difficulty=level):
                lengths.add(len(item.utterances) - item.prelude)
                assert not item.utterances[0].reduced
            assert min(lengths) >= dials.turns[0] >= 2
            assert max(lengths) <= dials.turns[1] <= 8

    def test_the_farthest_antecedents_stand_eight_turns_back(self):
        back = {slot.turns_back for truth in truths(400, difficulty="hard") for slot in truth.restored}
        assert max(back) >= 8


class TestDials:
    def test_no_distractors(self):
        dials = Dials(distractors=0)
        assert not any(slot.rivals for truth in truths(60, difficulty=dials) for slot in truth.restored)

    @pytest.mark.parametrize("most", [1, 2, 4])
    def test_distractors_have_a_limit(self, most):
        counts = {0}
        for item in draw(120, difficulty=Dials(distractors=most)):
            heard = {thing for event in item.discourse for things in event.things.values() for thing in things}
            things = collections.Counter(entity.type for entity in heard)
            counts.update(number - 1 for number in things.values())
        assert max(counts) == most

    @pytest.mark.parametrize("reach", [1, 2, 4])
    def test_reach_has_a_limit(self, reach):
        back = {slot.turns_back for t in truths(80, difficulty=Dials(reach=reach)) for slot in t.restored}
        assert max(back) == reach

    def test_all_unchanged(self):
        dials = Dials(reference=0.0, ellipsis=0.0, unchanged=1.0)
        assert not any(truth.needs_rewrite for truth in truths(40, difficulty=dials))

    def test_only_the_operators_in_use(self):
        seen = {name for truth in truths(150, difficulty="tiny") for name in truth.operators}
        assert seen == {"pronoun", "zero", "vp_ellipsis", "correction"}

    def test_tiny_prompts_are_short(self):
        env = MultiTurnRewrite(difficulty="tiny", language="zh")
        for index in range(40):
            env.reset(options={"index": index})
            turn = env.advance(env.oracle_action())
            assert sum(len(message.content) for message in (*turn.history, *turn.replies)) <= 70

    @pytest.mark.parametrize(
        "wrong",
        [{"turns": (0, 3)}, {"turns": (5, 4)}, {"turns": (2, 9)}, {"reference": 1.5}, {"reach": 0}],
    )
    def test_out_of_range_is_refused_by_name(self, wrong):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            Dials(**wrong)

    def test_unknown_names_are_refused_with_the_nearest(self):
        with pytest.raises(UnknownNameError, match="'medium'"):
            dials_of("midium")
        with pytest.raises(UnknownNameError, match="arrive"):
            Dials(intents=("arive",))
        with pytest.raises(UnknownNameError, match="pronoun"):
            Dials(operators=("pronouns",))


@functools.cache
def drawn_in_splits(language, difficulty):
    size = {"train": 1000, "valid": 250, "test": 250}
    return {s: draw(size[s], language=language, difficulty=difficulty, split=s) for s in SPLITS}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("difficulty", ["tiny", "medium"])
class TestSplits:
    """Names, templates and operator combinations are held out; the parts they are made of are not."""

    @pytest.fixture
    def items(self, language, difficulty):
        return drawn_in_splits(language, difficulty)

    @staticmethod
    def disjoint(sets):
        return sets["train"] and not (
            sets["train"] & sets["valid"] | sets["train"] & sets["test"] | sets["valid"] & sets["test"]
        )

    def test_names_are_new_combinations_of_known_parts(self, items, language):
        plain = {*WORD_TYPES, "day"}
        names = {
            split: {e.name for item in drawn for e in item.knowledge.cast if e.type not in plain}
            for split, drawn in items.items()
        }
        assert self.disjoint(names)
        characters = {split: set("".join(found)) for split, found in names.items()}
        assert characters["valid"] | characters["test"] <= characters["train"]

    def test_templates_are_new_combinations_of_known_openers_and_cores(self, items):
        templates = {
            split: {
                (part.clause.intent.name, part.core, part.opener)
                for item in drawn
                for utterance in item.utterances
                for part in utterance.parts
            }
            for split, drawn in items.items()
        }
        assert self.disjoint(templates)
        for split in ("valid", "test"):
            assert {t[:2] for t in templates[split]} <= {t[:2] for t in templates["train"]}
            assert {t[2] for t in templates[split]} <= {t[2] for t in templates["train"]}

    def test_operator_combinations_are_new_combinations_of_known_operators(self, items):
        combinations = {
            split: {
                (
                    part.clause.intent.name,
                    part.core,
                    part.reduction.operators,
                    part.reduction.variant if part.reduction.shell else 0,
                )
                for item in drawn
                for utterance in item.utterances
                for part in utterance.parts
                if part.reduction.operators
            }
            for split, drawn in items.items()
        }
        assert self.disjoint(combinations)
        operators = {split: {o for c in found for o in c[2]} for split, found in combinations.items()}
        assert operators["valid"] | operators["test"] <= operators["train"]


@pytest.mark.parametrize("difficulty", ["tiny", "medium"])
def test_no_item_twice_between_splits_and_seeds(difficulty):
    assert_no_item_twice(difficulty, 500)


@pytest.mark.slow
@pytest.mark.parametrize("difficulty", ["tiny", "medium"])
def test_no_item_twice_in_ten_thousand_draws(difficulty):
    assert_no_item_twice(difficulty, 10_000)


def assert_no_item_twice(difficulty, draws):
    seen = {}
    for split, seed in (("train", 0), ("train", 1), ("valid", 0), ("test", 0)):
        env = MultiTurnRewrite(difficulty=difficulty, split=split)
        env.reset(seed=seed)
        hashes = set()
        for _ in range(draws):
            hashes.add(env.item_hash())
            env.reset()
        seen[split, seed] = hashes
    everything = collections.Counter(h for hashes in seen.values() for h in hashes)
    assert sum(len(hashes) for hashes in seen.values()) == 4 * draws
    assert max(everything.values()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
class TestPlans:
    def test_whatever_is_left_out_has_one_antecedent(self, language):
        for item in draw(150, language=language, difficulty="hard"):
            for number, utterance in enumerate(item.utterances):
                assert holds(utterance, item.discourse[:number])

    def test_the_complete_sentence_asks_what_is_meant(self, language):
        tables = surface(language)
        for item in draw(150, language=language, difficulty="hard"):
            for utterance in item.utterances:
                reading = item.recognizer.read(say_in_full(tables, utterance))
                assert reading.clauses == utterance.frame
                assert reading.exact

    def test_what_is_said_does_not_ask_it_where_something_is_left_out(self, language):
        tables = surface(language)
        for item in draw(150, language=language, difficulty="hard"):
            for utterance in item.utterances:
                asked = item.recognizer.read(say(tables, utterance)).clauses
                assert (asked == utterance.frame) is not utterance.reduced

    def test_nothing_is_asked_twice(self, language):
        for item in draw(100, language=language):
            clauses = [clause for utterance in item.utterances for clause in utterance.frame]
            assert len(set(clauses)) == len(clauses)

    def test_zh_and_en_share_frames(self, language):
        mine = {c.intent.name for item in draw(200, language=language) for u in item.utterances for c in u.frame}
        other = "en" if language == "zh" else "zh"
        theirs = {c.intent.name for item in draw(200, language=other) for u in item.utterances for c in u.frame}
        assert mine == theirs
