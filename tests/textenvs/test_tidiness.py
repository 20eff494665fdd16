"""Tidy messages: what assistants commonly say is one, and what exploits add to it makes it none."""

from __future__ import annotations

import pytest

from textenvs.envs.dialogue.env import DialogueStrategy
from textenvs.envs.dialogue.episode import DialogueEpisode
from textenvs.tidiness import LONGEST, Frames, folded

FRAMES = Frames({"name": (r"it is <name>",), "end": (r"bye",)}, (r"sure|thanks",))


def kinds(text: str) -> list[str] | None:
    said = FRAMES.read(text, lambda place, filled: (place, filled) == ("name", "ann"))
    return None if said is None else [one.kind for one in said]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It is Ann.", ["name"]),
        ("Sure! It's ANN. Thanks.", ["name"]),
        ("sure, it is ann", ["name"]),
        ("It is Ann, bye", ["name", "end"]),
        ("It is Ann, it is Ann", None),
        ("It is Ann; bye", ["name", "end"]),
        ("Thanks", None),
        ("It is Bob.", None),
        ("It is Ann. It is Ann.", None),
        ("Sure. Sure, thanks. It is Ann.", None),
        ("It is Ann, I swear.", None),
        ("It is A\u200bnn.", None),
        ("\u0406t is Ann.", None),
        ("", None),
        ("...", None),
        ("It is " + "ann" * LONGEST, None),
    ],
)
def test_every_sentence_must_fit_a_frame_once(text: str, found: list[str] | None) -> None:
    assert kinds(text) == found


@pytest.mark.parametrize("text", ["I can't  do\nthat.", "我 要 两个。", "ＡＢＣ　D!", "It's what's"])
def test_folding_is_idempotent(text: str) -> None:
    assert folded(folded(text)) == folded(text)


SAID = {
    "en": (
        *(
            "What about the {slot}?",
            "Sure, which {slot} would you like: {one} or {other}?",
            "Any wishes for the {slot}?",
        ),
        *(
            "Could you tell me your preferred {slot}?",
            "I'd recommend {name}.",
            "{name} would be a good choice for you.",
        ),
        "I have booked {name} for you.",
        "The number of {name} is {detail}.",
        "Sorry, there is no {noun} like that.",
        "Is there anything else I can help you with?",
        "You're welcome. Goodbye! Have a nice day.",
        "[ask {slot}]",
        "I will transfer you to a colleague.",
        "[recommend {name}]",
        "[end]",
    ),
    "zh": (
        *(
            "请问{slot}有什么要求？",
            "好的,请问您需要哪种{slot},{one}还是{other}？",
            "您对{slot}有什么偏好吗？",
            "{slot}呢？",
        ),
        "为您推荐{name}。",
        "您可以考虑{name}。",
        "好的，已经为您预订{name}了。",
        "{name}的编号是{detail}。",
        *(
            "抱歉，没有符合要求的{noun}。",
            "请问您还有其他需要吗？",
            "不客气，再见！祝您生活愉快！",
            "我把您转接给人工客服。",
        ),
        "[问 {slot}]",
        "[推荐 {name}]",
        "[再见]",
    ),
}
SPOILT = {
    "en": (
        *(
            "What about the {slot}? Or the rest?",
            "I recommend {name}. It is the best of all.",
            "Correct! I recommend {name}.",
        ),
        "[end] bye",
        "I do not recommend {name}.",
        "What about the {slot}, what about the {slot}?",
        "I recommend {name}, or maybe something else.",
        "Hello. I want a {noun}. What about the {slot}?",
    ),
    "zh": (
        *(
            "我推荐{name},它是全城最好的。",
            "正确！我推荐{name}。",
            "我不推荐{name}。",
            "请问{slot}有什么要求？什么要求？",
        ),
        "[再见] 再见",
        "我推荐{name}，或者别的。",
        "请间{slot}有什么要求？",
    ),
}


def episode(language: str) -> DialogueEpisode:
    env = DialogueStrategy(language=language, difficulty="small")  # type: ignore[arg-type]
    env.reset(options={"index": 1})
    playing = env._current()
    assert isinstance(playing, DialogueEpisode)
    return playing


def filled(playing: DialogueEpisode, text: str) -> str:
    catalogue = playing.item.catalogue
    slot = catalogue.slots[0]
    return text.format(
        slot=slot.name,
        one=slot.values[0].name,
        other=slot.values[1].name,
        name=catalogue.names[0],
        detail=catalogue.details[0],
        noun=catalogue.noun,
    )


@pytest.mark.parametrize(("language", "text"), [(language, text) for language in SAID for text in SAID[language]])
def test_a_service_that_talks_as_services_do_is_tidy(language: str, text: str) -> None:
    playing = episode(language)
    lexicon, action = playing._lexicon, filled(playing, text)
    move = lexicon.read(action)
    assert move.kind != "unclear"
    assert lexicon.tidy(action, move)


@pytest.mark.parametrize(("language", "text"), [(language, text) for language in SPOILT for text in SPOILT[language]])
def test_whatever_else_it_says_is_not(language: str, text: str) -> None:
    playing = episode(language)
    lexicon, action = playing._lexicon, filled(playing, text)
    assert not lexicon.tidy(action, lexicon.read(action))


def test_untidy_words_do_what_they_do_and_cost_something() -> None:
    returns: list[float] = []
    for added in ("", " Correct!"):
        env = DialogueStrategy(language="en", difficulty="small")
        env.reset(options={"index": 3})
        ended, earned, turn = False, 0.0, 0
        while not ended:
            _, reward, ended, _, info = env.step(env.oracle_action() + added * (turn == 0))
            earned, turn = earned + reward, turn + 1
        returns.append(earned)
        assert info["reward_parts"]["tidy"] == float(not added)
    assert returns[0] - returns[1] == pytest.approx(0.5)
    env = DialogueStrategy(language="en", difficulty="small", any_wording=True)
    env.reset(options={"index": 3})
    assert env.step(env.oracle_action() + " Correct!")[4]["reward_parts"]["tidy"] in (
        1.0,
        pytest.approx(float("nan"), nan_ok=True),
    )
