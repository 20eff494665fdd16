"""Reading single texts: what is named, and where something is left out."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest

import textenvs  # noqa: F401 (registers the ids)
from textenvs.dice import Dice
from textenvs.envs.rewrite.dialogue import Dialogue
from textenvs.envs.rewrite.grammar.entities import Cast
from textenvs.envs.rewrite.grammar.frames import Type
from textenvs.envs.rewrite.reading import GAP, SAID, STANDS, PhraseReader, WordingReader, transcript
from textenvs.envs.rewrite.types import Language
from textenvs.messages import Message
from textenvs.seeding import Split, item_generator
from textenvs.settlement import Observation

TYPES: tuple[Type, ...] = (
    *("person", "parcel", "order", "product", "city", "hotel", "shop", "day", "colour", "count", "nights"),
)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_every_name_that_can_be_drawn_is_spotted_as_what_it_is(language: Language, split: Split) -> None:
    cast = Cast(language, split, Dice(item_generator("names", split, 0)))
    for kind in TYPES * 20:
        entity = cast.draw(kind)
        for form in ("", "plural", "head"):
            said = entity.name_in(form)
            (thing,) = WordingReader().things(f"({said})", language)
            assert (thing.kind, thing.name, thing.gender) == (kind, entity.name, entity.gender)
            assert thing.formed(form, language) == said
        if language == "en" and kind not in ("city", "colour", "count", "nights"):
            (thing,) = WordingReader().things(entity.name[0].upper() + entity.name[1:], language)
            assert thing.name == entity.name


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_utterance_of_the_world_is_read_and_written_again(language: Language, split: Split) -> None:
    env: Any = gym.make("MultiTurnRewrite-v0", language=language, split=split, difficulty="hard").unwrapped
    reader, states = WordingReader(), set[str]()
    for index in range(30):
        dialogue = env.make_episode(index)
        assert isinstance(dialogue, Dialogue)
        for line in dialogue._item.lines:
            gold = reader.sketch(line.gold, language)
            assert gold.text({}, language).lower() in line.gold.lower()  # but for the lead
            assert {slot.state for slot in gold.slots} == {SAID}, line
            said = reader.sketch(line.said, language)
            states |= {slot.state for slot in said.slots}
            assert said.slots or said.shell, line
            assert bool(said.numbers(STANDS, GAP) or said.shell) == (line.said != line.gold), line
    assert states == {SAID, STANDS, GAP}


@pytest.mark.parametrize(
    ("language", "said", "shell", "slot"),
    [
        ("en", "And to Harport?", "vp_ellipsis", ("city", "to", "to Harport", SAID)),
        ("en", "No, I meant parcel C334.", "correction", ("parcel", "", "parcel C334", SAID)),
        ("en", "How about the fourth one?", "vp_ellipsis", ("", "", "the fourth one", STANDS)),
        ("zh", "那周嘉安先生呢?", "vp_ellipsis", ("person", "", "周嘉安先生", SAID)),
        ("zh", "更正一下,两晚。", "correction", ("nights", "", "两晚", SAID)),
        ("en", "Is there her phone number?", "", None),
        ("en", "What is her phone number?", "", ("person", "'s", "her", STANDS)),
        ("en", "About that order again, can I ask, what is the total?", "", ("order", "for", "", GAP)),
        ("zh", "另外,请问那家含早餐吗?", "", ("hotel", "", "那家", STANDS)),
    ],
)
def test_what_is_left_out(language: Language, said: str, shell: str, slot: tuple[str, ...] | None) -> None:
    sketch = WordingReader().sketch(said, language)
    assert sketch.shell == shell
    assert [one[:4] for one in sketch.slots] == ([] if slot is None else [slot])


def test_real_words_have_phrases_and_words_that_stand_for_them() -> None:
    reader = PhraseReader()
    assert [thing.name for thing in reader.things("When did Frank Zappa's band leave the Garden of Eden?", "en")] == [
        "Frank Zappa",
        "Garden of Eden",
    ]
    assert "西安天气" in [thing.name for thing in reader.things("西安天气", "zh")]
    assert [thing.name for thing in reader.things("你听说过什么水浒传吗", "zh")] == ["水浒传"]
    sketch = reader.sketch("Did he like his job?", "en")
    assert [(slot.text, slot.form, slot.state) for slot in sketch.slots] == [
        ("he", "", STANDS),
        ("his", "'s", STANDS),
        ("", "of", GAP),
    ]
    assert sketch.text({}, "en") == "Did he like his job?"
    assert sketch.text({0: "Ann", 1: "Ann's"}, "en") == "Did Ann like Ann's job?"
    assert sketch.text({2: "of Ann"}, "en") == "Did he like his job of Ann?"
    asked = reader.sketch("明天他们有雨吗?", "zh")
    assert asked.text({0: "西安", 1: "张三"}, "zh") == "西安明天张三有雨吗?"


def seen(*messages: tuple[str, str]) -> Observation:
    return {"instruction": "", "tools": (), "history": tuple(Message(role, text) for role, text in messages)}


def test_a_conversation_is_read_by_its_labels() -> None:
    read = transcript(
        seen(
            ("user", "User: Where is it?\nService: Which parcel do you mean?\nUser: Parcel C334."),
            ("assistant", "Where is parcel C334?"),
            ("user", "Service: In Rome.\nOr near.\nUser: You got me wrong."),
        )
    )
    assert (read.said, read.utterance) == ("You got me wrong.", "Parcel C334.")
    assert [line.speaker for line in read.before] == ["user", "service"]
    assert read.requests == ("Where is it?",)
    assert (read.reply, read.rewrites, read.language) == ("In Rome.\nOr near.", 1, "en")
    alone = transcript(seen(("user", "现在几点?")))
    assert (alone.said, alone.before, alone.requests, alone.language) == ("现在几点?", (), (), "zh")
    topic = transcript(seen(("user", "[Frank Zappa]\nUser: Who was he?")))
    assert [line.speaker for line in topic.before] == ["topic"]
    assert (topic.said, topic.requests) == ("Who was he?", ())


def test_a_rewrite_takes_the_place_of_what_was_said() -> None:
    read = transcript(seen(("user", "And Rome?"), ("assistant", "Is it hot in Rome?"), ("user", "User: And Oslo?")))
    assert read.requests == ("Is it hot in Rome?",)
