"""Tidy messages: what assistants commonly say is one, and what exploits add to it makes it none."""

from __future__ import annotations

import pytest

from textenvs.envs.dialogue.env import DialogueStrategy
from textenvs.envs.dialogue.episode import DialogueEpisode
from textenvs.tidiness import LONGEST, Frames, folded
from textenvs.users.core import FREE, Move

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
    "en": {
        "ask": (
            "What about the {slot}?|Sure, which {slot} would you like: {one} or {other}?|Any wishes for the {slot}?"
            "|Could you tell me your preferred {slot}?|What {slot} are you looking for?|{one} or {other}?"
            "|Do you have a preference for the {slot}?|Would you prefer the {one} or the {other}?|[ask {slot}]"
        ),
        "recommend": (
            "I'd recommend {name}.|{name} would be a good choice for you.|May I suggest {name}?|I found {name} for you."
            "|{name} matches your request.|[recommend {name}]"
        ),
        "book": "I have booked {name} for you.|Done, I have reserved a place at {name}.",
        "explain": "The number of {name} is {detail}.|{name}'s number is {detail}.",
        "refuse": (
            "Sorry, there is no {noun} like that.|Sorry, there is nothing that matches.|There are no matching {noun}s."
            "|Unfortunately, no {noun} matches your wishes.|I could not find a {noun} like that."
        ),
        "handover": "I will transfer you to a colleague.|Let me connect you to a human agent.",
        "offer": "Is there anything else I can help you with?|What else can I do for you?",
        "end": "You're welcome. Goodbye! Have a nice day.|Thanks for contacting us, goodbye.|[end]",
    },
    "zh": {
        "ask": (
            "请问{slot}有什么要求？|好的,请问您需要哪种{slot},{one}还是{other}？|您对{slot}有什么偏好吗？|{slot}呢？"
            "|请问您的{slot}偏好是什么？|{slot}大概是多少呢？|您更喜欢哪种{slot}？|请问您想要{one}还是{other}的？"
            "|请问您想要哪个{slot}的{noun}？|[问 {slot}]"
        ),
        "recommend": "为您推荐{name}。|您可以考虑{name}。|我为您找到了{name}。|那就{name}吧。|[推荐 {name}]",
        "book": "好的，已经为您预订{name}了。|我来为您预订{name}。",
        "explain": "{name}的编号是{detail}。|{name}，编号{detail}。",
        "refuse": (
            "抱歉，没有符合要求的{noun}。|很抱歉，没找到合适的。|很遗憾，没有合适的{noun}。|对不起，我们没有这样的{noun}。"
            "|抱歉，没有找到符合条件的{noun}。"
        ),
        "handover": "我把您转接给人工客服。|请稍等，我为您转接人工。",
        "offer": "请问您还有其他需要吗？|请问还有什么可以帮到您的吗？|还有别的事吗？",
        "end": "不客气，再见！祝您生活愉快！|感谢您的来电，再见。|[再见]",
    },
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


@pytest.mark.parametrize(("language", "kind"), [(language, kind) for language in SAID for kind in SAID[language]])
def test_a_service_that_talks_as_services_do_is_understood_and_tidy(language: str, kind: str) -> None:
    playing = episode(language)
    for text in SAID[language][kind].split("|"):
        action = filled(playing, text)
        move = playing._lexicon.read(action)
        assert (move.kind, move.slot) == (kind, 0 if kind == "ask" else FREE), action
        assert playing._lexicon.tidy(action, move), action


def test_a_question_between_values_is_about_their_slot_if_it_is_one() -> None:
    lexicon, slots = episode("en")._lexicon, episode("en").item.catalogue.slots
    first, second, other = slots[0].values[0].name, slots[0].values[1].name, slots[1].values[0].name
    assert lexicon.read(f"Is it to be {first}, or rather {second}?") == Move("ask", 0)
    assert lexicon.read(f"Is it to be {first}, or {second}, or {other}?") == Move("ask", FREE)
    assert lexicon.read(f"Is it not too {first}?") == Move("ask", FREE)


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
