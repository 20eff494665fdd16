"""The grammar: tables that fit together, and a recognizer that is the inverse of the wordings."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textenvs.dice import Dice
from textenvs.envs.rewrite.grammar.discourse import antecedents, event
from textenvs.envs.rewrite.grammar.entities import WORD_TYPES, Cast
from textenvs.envs.rewrite.grammar.frames import INTENTS, Clause
from textenvs.envs.rewrite.grammar.lexicon import LEXICONS
from textenvs.envs.rewrite.grammar.recognizer import Recognizer
from textenvs.envs.rewrite.grammar.skeletons import grammar, letter_of
from textenvs.envs.rewrite.grammar.surface import surface
from textenvs.envs.rewrite.grammar.templates import parse_template
from textenvs.envs.rewrite.truth import Accepted, wordings
from textenvs.partition import MODULUS
from textenvs.rewards.measures import normalize

LANGUAGES = ("zh", "en")


def cast_for(language, intents, seed=0, split="train"):
    cast = Cast(language, split, Dice(np.random.default_rng(seed)))
    clauses = [Clause(intent, tuple(cast.draw(kind) for kind in intent.types)) for intent in intents]
    return cast.entities, clauses


@pytest.mark.parametrize("text", ["no hole", "{city} and {city}", "{planet}"])
def test_a_template_holds_every_slot_once(text):
    with pytest.raises(ValueError, match=r"exactly once|not in tuple"):
        parse_template(text, ("city",))


def test_intents_and_words_are_the_same_wherever_they_come_again():
    for intent in INTENTS.values():
        assert pickle.loads(pickle.dumps(intent)) is intent  # noqa: S301
    cast = Cast("en", "train", Dice(np.random.default_rng(3)))
    colours = [cast.draw("colour") for _ in range(20)]
    assert len(set(colours)) == len({colour.stem for colour in colours}) < 20


@pytest.mark.parametrize("language", LANGUAGES)
class TestTables:
    def test_every_intent_has_one_core_for_each_residue_and_all_hold_a_cue(self, language):
        words = surface(language).words
        assert set(words.cores) == set(words.cues) == set(INTENTS)
        for name, cores in words.cores.items():
            assert len(cores) == MODULUS, name
            for core in cores:
                assert any(cue in core for cue in words.cues[name]), core

    def test_forbidding_cores_negate_and_no_other_core_does(self, language):
        words = surface(language).words
        for name, cores in words.cores.items():
            for core in cores:
                negated = any(negation in core for negation in words.negations)
                assert negated == (INTENTS[name].act == "forbid"), core

    def test_every_act_has_one_opener_for_each_residue(self, language):
        for openers in surface(language).words.openers.values():
            assert len(openers) == MODULUS
            assert openers[0].text == ""

    def test_every_shell_has_one_wording_for_each_residue(self, language):
        words = surface(language).words
        for shell in ("vp_ellipsis", "correction", "fragment"):
            assert len(set(words.shells[shell])) == MODULUS
        assert len(set(words.likewise)) == MODULUS

    def test_no_two_templates_read_alike(self, language):
        assert len(grammar(language).full) == MODULUS * len(INTENTS)

    def test_every_request_is_the_only_one_that_its_own_words_make(self, language):
        """Who asks one thing, however clumsily, is not taken to ask for several."""
        entities, clauses = cast_for(language, INTENTS.values(), 3)
        recognizer = Recognizer(language, entities)
        for clause in clauses:
            for text in wordings(surface(language), (clause,)):
                reading = recognizer.read(f"嗯{text}" if language == "zh" else f"well {text}")
                assert reading.intent is not None, text
                assert not reading.exact, text

    def test_every_answer_and_noun_has_words(self, language):
        words = surface(language).words
        assert {intent.answer for intent in INTENTS.values()} <= set(words.replies)
        assert {kind for intent in INTENTS.values() for kind in intent.types} <= set(words.nouns)

    def test_no_plain_word_lies_within_a_template(self, language):
        """A colour or a count inside another word would be taken for a thing that was named."""
        words = surface(language).words
        for kind, list_of in WORD_TYPES.items():
            for word in list_of(LEXICONS[language]):
                for core in itertools.chain.from_iterable(words.cores.values()):
                    assert word not in core, (kind, core)

    def test_no_stem_lies_within_a_template(self, language):
        lexicon = LEXICONS[language]
        stems = {
            head + tail
            for heads, tails in (
                (lexicon.surnames, lexicon.given),
                *((lexicon.heads, tails) for tails in (lexicon.cities, lexicon.hotels, lexicon.shops, lexicon.brands)),
            )
            for head, tail in itertools.product(heads, tails)
        }
        texts = [normalize(core, language) for cores in surface(language).words.cores.values() for core in cores]
        assert not [stem for stem in stems if any(stem.lower() in text for text in texts)]

    def test_the_lists_of_name_parts_fill_every_residue(self, language):
        lexicon = LEXICONS[language]
        for name in ("surnames", "given", "heads", "cities", "hotels", "shops", "brands"):
            parts = getattr(lexicon, name)
            assert len(parts) % MODULUS == 0, name
            assert len(set(parts)) == len(parts), name


@pytest.mark.parametrize("language", LANGUAGES)
class TestRecognizer:
    def test_reads_every_wording_of_every_intent_as_what_it_means(self, language):
        for seed in range(3):
            entities, clauses = cast_for(language, INTENTS.values(), seed)
            recognizer = Recognizer(language, entities)
            for clause in clauses:
                for text in wordings(surface(language), (clause,)):
                    reading = recognizer.read(text)
                    assert reading.clauses == (clause,), text
                    assert reading.exact, text
                    assert recognizer.fluency(text) == 1.0

    def test_membership_and_iteration_agree(self, language):
        entities, clauses = cast_for(language, INTENTS.values(), 4)
        recognizer = Recognizer(language, entities)
        for clause in clauses:
            gold = next(wordings(surface(language), (clause,)))
            accepted = Accepted(recognizer, (clause,), gold)
            assert 5 <= len(accepted) <= 200
            assert all(text in accepted for text in accepted)
            others = [other for other in clauses if other is not clause]
            assert not any(normalize(next(wordings(surface(language), (o,))), language) in accepted for o in others)

    def test_two_requests_in_one_utterance(self, language):
        entities, clauses = cast_for(language, (INTENTS["arrive"], INTENTS["price"]), 5)
        recognizer = Recognizer(language, entities)
        text = next(wordings(surface(language), tuple(clauses)))
        assert recognizer.read(text).clauses == tuple(clauses)
        assert normalize(text, language) in Accepted(recognizer, tuple(clauses), text)
        assert normalize(text, language) not in Accepted(recognizer, (clauses[0],), "x")

    def test_names_are_keyed_as_normalize_leaves_them(self, language):
        entities, _ = cast_for(language, INTENTS.values(), 6)
        for entity in entities:
            assert entity.keys == tuple(normalize(name, language) for name in entity.names)

    def test_spots_intent_and_slots_in_a_wording_of_its_own(self, language):
        entities, (clause,) = cast_for(language, (INTENTS["reroute"],), 7)
        parcel, city = (entity.name for entity in clause.fill)
        text = (
            f"嗯{city}改寄包裹就是{parcel}" if language == "zh" else f"so {parcel} should be redirected, {city} it is"
        )
        reading = Recognizer(language, entities).read(text)
        assert reading.clauses == (clause,)
        assert not reading.exact

    def test_who_asks_for_several_things_at_once_asks_for_none_of_them(self, language):
        entities, (clause,) = cast_for(language, (INTENTS["arrive"],), 13)
        tables = surface(language)
        arrive = next(wordings(tables, (clause,)))
        weight = next(wordings(tables, (Clause(INTENTS["weight"], clause.fill),)))
        recognizer = Recognizer(language, entities)
        assert recognizer.read(f"{arrive} {tables.sentence('', '')}").clauses == (clause,)
        for text in (f"{arrive} {weight}", f"{arrive}? {weight}?", f"{arrive}? {arrive}?"):
            assert recognizer.read(text).clauses == ()
            assert recognizer.read(text).missing is None

    def test_a_missing_slot_is_asked_for_and_nothing_is_understood_in_noise(self, language):
        entities, (clause,) = cast_for(language, (INTENTS["arrive"],), 8)
        cue = surface(language).words.cues["arrive"][0]
        recognizer = Recognizer(language, entities)
        assert recognizer.read(cue).missing == "parcel"
        assert recognizer.read("???").clauses == ()
        assert recognizer.read("???").missing is None
        assert recognizer.read(cue).intent == clause.intent

    @given(text=st.text(max_size=60))
    def test_any_text_has_a_reading_and_a_fluency(self, language, text):
        entities, _ = cast_for(language, (INTENTS["train"], INTENTS["tint"]), 9)
        recognizer = Recognizer(language, entities)
        recognizer.read(text)
        assert 0.0 <= recognizer.fluency(text) <= 1.0

    def test_private_characters_name_nobody(self, language):
        entities, (clause,) = cast_for(language, (INTENTS["arrive"],), 10)
        text = next(wordings(surface(language), (clause,))).replace(clause.fill[0].name, "\ue000")
        assert Recognizer(language, entities).read(text).clauses == ()

    def test_fluency_falls_with_every_word_that_is_moved(self, language):
        entities, (clause,) = cast_for(language, (INTENTS["ship"],), 11)
        recognizer = Recognizer(language, entities)
        gold = next(wordings(surface(language), (clause,)))
        units = list(gold) if language == "zh" else gold.split()
        joint = "" if language == "zh" else " "
        reversed_text = joint.join(reversed(units))
        swapped = joint.join([*units[:-2], units[-1], units[-2]])
        assert 1.0 > recognizer.fluency(swapped) > recognizer.fluency(reversed_text)

    def test_a_name_is_never_read_as_the_shorter_one_that_it_holds(self, language):
        entities, _ = cast_for(language, INTENTS.values(), 12)
        recognizer = Recognizer(language, entities)
        for entity in entities:
            for key, form in zip(entity.keys, entity.forms, strict=True):
                assert recognizer.skeleton(key) == (letter_of(entity.type, form), (entity,))


class TestAntecedents:
    """Each rule of `discourse`, on hand-made turns."""

    @pytest.fixture
    def things(self):
        cast = Cast("en", "train", Dice(np.random.default_rng(1)))
        return [cast.draw(kind) for kind in ("parcel", "parcel", "hotel", "hotel", "city", "city")]

    @staticmethod
    def turn(*asked, told=(), listed=()):
        return event((Clause(INTENTS["where"], asked),), tuple(told), tuple(listed), frozenset())

    def test_the_most_recent_turn_with_a_candidate_decides(self, things):
        first, second, *_ = things
        assert antecedents((self.turn(first), self.turn(second)), "demonstrative", "parcel") == (second,)

    def test_two_candidates_in_that_turn_are_one_too_many(self, things):
        first, second, *_ = things
        assert antecedents((self.turn(first, told=[second]),), "pronoun", "parcel") == ()
        assert antecedents((self.turn(first, second),), "zero", "parcel") == ()

    def test_it_is_no_parcel_once_a_hotel_was_spoken_of(self, things):
        parcel, _, hotel, *_ = things
        talk = (self.turn(parcel), self.turn(hotel))
        assert antecedents(talk, "pronoun", "parcel") == ()
        assert antecedents(talk, "demonstrative", "parcel") == (parcel,)
        assert antecedents(talk, "return", "parcel") == (parcel,)

    def test_nothing_returns_from_the_turn_before(self, things):
        parcel = things[0]
        assert antecedents((self.turn(parcel),), "return", "parcel") == ()

    def test_what_is_silent_was_in_the_last_turn(self, things):
        parcel, _, hotel, *_ = things
        assert antecedents((self.turn(parcel), self.turn(hotel)), "zero", "parcel") == ()

    def test_a_man_and_a_woman_are_told_apart(self):
        cast = Cast("en", "train", Dice(np.random.default_rng(2)))
        people = [cast.draw("person") for _ in range(12)]
        man, other_man = [person for person in people if person.gender == "m"][:2]
        woman = next(person for person in people if person.gender == "f")
        assert antecedents((self.turn(woman, man),), "pronoun", "person") == (man, woman)
        assert antecedents((self.turn(man, other_man, woman),), "pronoun", "person") == (woman,)
        assert antecedents((self.turn(man), self.turn(other_man)), "pronoun", "person") == (other_man,)

    def test_ordinals_count_in_the_last_list(self, things):
        hotels, cities = tuple(things[2:4]), things[4:6]
        talk = (self.turn(cities[0], told=hotels, listed=hotels), self.turn(cities[1]))
        assert antecedents(talk, "ordinal", "hotel") == hotels
        assert antecedents(talk, "ordinal", "parcel") == ()

    def test_nobody_was_mentioned_before_the_first_turn(self):
        assert antecedents((), "pronoun", "parcel") == ()
