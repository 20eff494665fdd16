"""How an assistant puts its final words: the frames of tidy answers, questions and refusals, in two languages.

The words of `MADE`, `FACT` and the other tables of the generated world are among them, and so is what assistants
commonly say; a thing may be named as the conversation has named it. See `textenvs.tidiness`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from textenvs.envs.toolcall.types import Decision, Expectation, Language
from textenvs.envs.toolcall.wording import decision_of, says
from textenvs.tidiness import Frames, Sentence, folded

_DECISIONS: Mapping[str, Decision] = {
    "fact": "answer",
    "done": "answer",
    "welcome": "answer",
    "ask": "ask",
    "refuse": "refuse",
    "reason": "refuse",
}
"""What a sentence of each kind decides."""

_LONGEST_THING = 48
"""Most characters of a thing's name."""

_LISTED = re.compile(r", and |, | and |、|和|及|,")
_UNITS = {"degrees", "degree", "celsius", "°c", "g", "kg", "grams", "kb", "mb", "yuan", "度", "克", "公斤", "元"}

_THE = r"(?:the |its |your |this |that |their )?"
_PAST = (
    r"(?:made|created|booked|sent|cancell?ed|deleted|removed|updated|changed|set|shipped|transferred|reserved|ordered|"
    r"added|saved|placed|scheduled|completed|finished|moved|issued|done|processed)"
)
_CAN_NOT = (
    r"(?:(?:i am )?(?:sorry|afraid),? ?(?:but |that )?|unfortunately,? )?i (?:can|could|may|am|do) not"
    r"(?: able to| allowed to| permitted to| have a tool (?:to|that can))?"
)
_REQUEST = r"(?:the|this|your) request"
_TELL = r"(?:tell me|give me|provide|specify|let me know|share|confirm)"

ENGLISH = Frames(
    {
        "fact": (
            rf"(?:the id|its id|it|{_THE}<thing>) (?:is|was|are|costs|will be) <value>",
            r"<value>",
            rf"{_THE}<thing>: <value>",
            r"(?:the |its )?id: <value>",
            rf"<value> is {_THE}(?:<thing>|id)",
            r"(?:(?:the|their|all) ids|they|these) are <values>",
            r"<values>",
        ),
        "done": (
            r"(?:all |it is |that is |everything is )?done",
            rf"(?:it|that|everything|your request|{_THE}<thing>) (?:is|has been|was)(?: now)?(?: successfully)? {_PAST}"
            r"(?: successfully)?",
            rf"i have(?: now)?(?: successfully)? {_PAST} (?:it|that|{_THE}<thing>)(?: for you)?",
        ),
        "welcome": (r"you are (?:very )?welcome", r"my pleasure", r"any ?time"),
        "ask": (
            rf"what should i use for {_THE}<named>",
            rf"(?:what|which|who) (?:is|are) {_THE}<named>",
            r"(?:what|which) <named>(?: should i use| do you want| would you like)?",
            rf"(?:could|can|would|will) you(?: please)? {_TELL} {_THE}<named>",
            rf"(?:please )?{_TELL} {_THE}<named>(?: please)?",
            rf"i(?: still)? need {_THE}<named>(?: to (?:do|continue with) (?:this|that|it))?",
        ),
        "refuse": (
            rf"{_CAN_NOT} (?:do|complete|carry out|perform|help with|fulfil)(?: (?:this|that|it|so|{_REQUEST}))?"
            r"(?: for you)?(?:(?:[,:]| because(?: of)?| due to| under| by)?(?: the)?(?: rule| policy)? <named>"
            r"(?: forbids it| does not allow it)?)?",
            r"(?:there is|i have) no(?: suitable| matching)? tool (?:for|that can do) (?:this|that|it)",
        ),
        "reason": (
            r"<named>",
            r"(?:the )?(?:rule|policy|code)? ?<named> (?:forbids|prohibits|does not allow) (?:it|this|that)",
            rf"{_THE}<named> (?:is|are|can) not (?:valid|possible|right|allowed|be right)",
            rf"{_THE}<named> is (?:in)?valid",
        ),
    },
    (
        r"done|okay|ok|sure|of course|certainly|all right|sorry|i am sorry|hello|hi|great",
        r"thanks|thank you|you are welcome",
        r"let me know if you need anything else|is there anything else i can help(?: you)? with",
    ),
)

_ASKED = r"(?:请问|请告诉我|请提供|麻烦(?:告诉我|提供))"
_NOW = r"(?:已经?|都已经?)?(?:为您|帮您|给您)?"
_MADE = r"(?:办好|完成|处理好?|提交|创建|预订|发送|取消|修改|更新|删除|添加|安排|下单|寄出|设置|改好|办理)"

CHINESE = Frames(
    {
        "fact": (
            r"(?:它?的?编号|今天|它|结果|<thing>)(?:是|为|:)<value>",
            rf"<thing>{_NOW}{_MADE}(?:成功)?了?,(?:编号|<thing>)(?:是|为|:)<value>",
            r"<value>",
            r"<value>是<thing>",
            r"(?:它们的)?编号(?:有|是|为|分别是|:)<values>",
            r"<values>",
        ),
        "done": (
            r"好的?",
            rf"(?:<thing>|请求)?{_NOW}{_MADE}(?:完成|成功)?了?",
            rf"{_NOW}{_MADE}了?<thing>",
        ),
        "welcome": (r"不(?:用|必)?(?:客气|谢)", r"很高兴(?:为您服务|能?帮到您)"),
        "ask": (
            rf"{_ASKED}(?:您的?)?<named>(?:是什么|是多少|是哪个|呢)?",
            r"(?:您的?)?<named>(?:是什么|是多少|是哪个|呢)",
            r"(?:请问)?(?:需要|要用|用|选)?(?:什么|哪个|多少)<named>(?:呢)?",
        ),
        "refuse": (
            r"(?:抱歉|对不起|不好意思)?,?(?:我|目前|这里)?(?:无法|不能|没法)(?:完成|做到?|办理|处理|执行)?"
            r"(?:(?:这个|该|此|您的|这项)?(?:请求|要求|操作|事))?(?:[,:](?:因为)?(?:规定|违反)?<named>(?:不允许)?)?",
            r"(?:抱歉|对不起)?,?(?:我)?没有(?:合适|相应|可用|能做到)的?工具",
        ),
        "reason": (
            r"<named>",
            r"(?:规定|违反(?:了)?(?:规定)?)?<named>(?:不允许|禁止)?",
            r"<named>(?:不(?:对|正确|可能|合理|存在|允许)|无效)",
        ),
    },
    (r"好的?|可以|当然|没问题|抱歉|对不起|不好意思|您好|你好|谢谢(?:您|你)?|不客气", r"还有什么可以帮您的?吗?"),
)

FRAMES: Mapping[Language, Frames] = {"en": ENGLISH, "zh": CHINESE}
"""By language."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What final words do.

    Attributes:
        decision: see `Decision`.
        tidy: whether they do nothing else.
    """

    decision: Decision
    tidy: bool


def read_answer(text: str, expectation: Expectation, language: Language, known: str) -> Reading:
    """Read final words.

    Args:
        text: the words.
        expectation: whose names and facts they may hold.
        language: that they must be in.
        known: everything that the conversation has held, after which things may be named.
    """
    said = FRAMES[language].read(text, _Places(expectation, known).fits)
    kinds = [one.kind for one in said or ()]
    decisions: set[Decision] = {_DECISIONS[kind] for kind in kinds}
    if said is None or len(decisions) > 1:
        return Reading(decision_of(text), False)
    one_of_each = all(count == 1 for kind, count in Counter(kinds).items() if kind != "fact")
    decision: Decision = decisions.pop() if decisions else "answer"
    return Reading(decision, one_of_each and _each_once(said, expectation))


def _each_once(said: tuple[Sentence, ...], expectation: Expectation) -> bool:
    """Say whether every fact is stated once at most."""
    stated = [text for one in said for place, text in one.filled if place in ("value", "values")]
    return all(sum(says(text, forms) for text in stated) <= 1 for forms in expectation.facts)


class _Places:
    """Tells what may stand in the places of a frame.

    Args:
        expectation: gives ``value``, a fact, ``values``, several of them, and ``named``, what must be named.
        known: gives ``thing``.
    """

    def __init__(self, expectation: Expectation, known: str) -> None:
        self._facts = [tuple(map(folded, forms)) for forms in expectation.facts]
        self._names = {folded(form) for forms in expectation.names for form in forms}
        self._known = folded(known).replace("_", " ")

    def fits(self, place: str, text: str) -> bool:
        """Say whether a text may stand in a place."""
        if place == "value":
            return self._states(text)
        parts = [part for part in _LISTED.split(text) if part]
        if place == "values":
            return len(parts) == len(set(parts)) > 1 and all(map(self._states, parts))
        if place == "named":
            return bool(parts) and any(part in self._names for part in parts) and all(map(self._may_be_named, parts))
        return self._is_thing(text)

    def _states(self, text: str) -> bool:
        return any(self._is_value(text, form) for forms in self._facts for form in forms)

    def _is_value(self, text: str, form: str) -> bool:
        return text == form or (text.startswith(form) and text[len(form) :].strip() in _UNITS)

    def _may_be_named(self, text: str) -> bool:
        return text in self._names or self._is_thing(text)

    def _is_thing(self, text: str) -> bool:
        """Say whether the conversation has named something in these words, and they state no fact."""
        stated = any(says(text, forms) for forms in self._facts)
        return len(text) <= _LONGEST_THING and not stated and says(self._known, (text.replace("_", " "),))
