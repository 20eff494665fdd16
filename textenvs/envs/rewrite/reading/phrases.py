"""Reads real conversations, of which no grammar is known: phrases that could be names, and words that stand for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from textenvs.envs.rewrite.light_words import LIGHT_WORDS, STAND_INS
from textenvs.envs.rewrite.reading.sketch import SAID, STANDS, Sketch, Slot, Thing, parted
from textenvs.envs.rewrite.types import Language
from textenvs.rewards.measures import words

_LONGEST = 8
"""Most characters of a Chinese phrase that could name something; a longer one is half a sentence."""

_LIGHT_CHINESE = (
    "你我您咱谁啥呗都也很就又再太真才最还有不好想要看说会能去吃喝听爱玩过给被把跟对没嗯与或及叫让做读送见认买用懂"
)
_LIGHT_CHINESE_WORDS = (
    "什么 怎么 为什么 知道 觉得 喜欢 认识 可以 时候 听说 当然 应该 特别 非常 因为 所以 但是 虽然 如果 已经 "
    "一直 其实 反正 感觉 需要 哪个 哪里 多少 几个 一个 一下 一样 起来 出来 这样 那样 这么 那么 怎样 今天 明天 "
    "昨天 现在 毕竟 好像 只是 还是 或者"
)
_ASKING = "what when where who why how which yes no not ok okay thanks thank please sure"
_LIGHT_ENGLISH = LIGHT_WORDS["en"] | STAND_INS["en"] | frozenset(_ASKING.split())

_LIGHT = "".join(sorted(LIGHT_WORDS["zh"] | STAND_INS["zh"] | frozenset(_LIGHT_CHINESE)))
_PASSED = "|".join(_LIGHT_CHINESE_WORDS.split())
_PHRASE = {
    "zh": re.compile(f"{_PASSED}|(?P<name>(?:(?!{_PASSED})[^\\W{_LIGHT}]){{2,}})"),
    "en": re.compile(r"(?P<name>[A-Z][\w'-]*(?:,? (?:of |the |and |de )*[A-Z0-9][\w'-]*)*)"),
}
_STANDING = {
    "zh": re.compile("(?:他|她|它)们?|那里|这里|[那这]个|[那这]些|[那这]"),
    "en": re.compile(
        r"\b(?:(his|their|its|her(?= [a-z]))|he|she|they|it|him|her|them|(?:this|that|these|those)(?! [a-z])"
        r"|there(?=\W*$))\b",
        re.IGNORECASE,
    ),
}


class PhraseReader:
    """Knows a language's words that say little, and nothing else."""

    def things(self, text: str, language: Language) -> tuple[Thing, ...]:
        """Return the phrases of a text that could name something, in order."""
        return _phrases(text, language)

    def sketch(self, text: str, language: Language) -> Sketch:
        """Return an utterance with a slot for every phrase and every word that stands for one, and a gap beside it."""
        body, end = parted(text)
        gap = Slot("", "", "") if language == "zh" else Slot("", "of", "")
        literals, slots, at = [""], list[Slot](), 0
        for start, slot in sorted((*_standing(body, language), *_named(body, language))):
            if start >= at:
                literals[-1] += body[at:start]
                literals.append("")
                slots.append(slot)
                at = start + len(slot.text)
        literals[-1] += body[at:]
        if language == "zh":
            return Sketch(("", *literals[:-1], literals[-1] + end), (gap, *slots))
        return Sketch((*literals[:-1], literals[-1] + " ", end), (*slots, gap))


@lru_cache(maxsize=1 << 14)
def _phrases(text: str, language: Language) -> tuple[Thing, ...]:
    return tuple([Thing("", slot.text) for _, slot in _named(text, language)])


def _named(text: str, language: Language) -> Iterator[tuple[int, Slot]]:
    for found in _PHRASE[language].finditer(text):
        phrase = found["name"] or ""
        name = phrase if language == "zh" else _without_light_words(phrase)
        if name and (language == "en" or len(name) <= _LONGEST):
            yield found.end() - len(name), Slot("", "", name.removesuffix("'s"), SAID)


def _without_light_words(phrase: str) -> str:
    """Return an English phrase without the function words that a sentence begins with; ``""`` if it has no others."""
    first, _, rest = phrase.partition(" ")
    while first and _LIGHT_ENGLISH.issuperset(words(first, "en")):
        first, _, rest = rest.partition(" ")
    return f"{first} {rest}".strip()


def _standing(text: str, language: Language) -> Iterator[tuple[int, Slot]]:
    for found in _STANDING[language].finditer(text):
        form = "'s" if language == "en" and found[1] else ""
        yield found.start(), Slot("", form, found[0], STANDS)
