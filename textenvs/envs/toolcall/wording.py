"""The words of the family: what the agent is told and shown, and what its own words mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textenvs.envs.toolcall.types import Decision, Expectation, Language, Task
from textenvs.rewards.measures import fold
from textenvs.tools import CallFormat


@dataclass(frozen=True, slots=True)
class Wording:
    """One language's words.

    Attributes:
        instruction: what the agent is told to do; ``{example}`` stands for a call in the format that is spoken.
        brief: the same in few words.
        speakers: labels of the user's and the assistant's lines in a record.
        question: the oracle's, with ``{names}``.
        refusal: the oracle's, with ``{names}``.
        done: the oracle's last words where nothing in particular has to be said, with ``{names}``.
        this: what is named by those who have nothing to name.
    """

    instruction: str
    brief: str
    speakers: Mapping[str, str]
    question: str
    refusal: str
    done: str
    this: str


WORDINGS: Mapping[str, Wording] = {
    "en": Wording(
        "You are an assistant with tools. Decide what the last request needs.\n"
        "- Call tools if they are needed and everything required is known; several calls may go in one message, each "
        "written like this:\n{example}\n"
        "- If a required value is missing, make no call. Ask for it in a question and name the parameter as the tool "
        "does.\n"
        "- If a given value cannot be right, make no call. Name the parameter and the value.\n"
        "- If no tool can do it, or it is not allowed, make no call and say that you cannot do it.\n"
        "- Otherwise answer in words.",
        "Call tools like this: {example}\nAsk for what is missing, by the parameter's name. Say what you cannot do.",
        {"user": "User: ", "assistant": "Assistant: ", "tool": "Tool: "},
        "What should I use for {names}?",
        "I cannot do this. {names}",
        "Done. {names}",
        "this",
    ),
    "zh": Wording(
        "你是一个可以使用工具的助手。请判断最后一个请求需要什么。\n"
        "- 需要工具并且必填信息齐全时，调用工具；一条消息里可以有多个调用，每个都这样写：\n{example}\n"
        "- 缺少必填信息时，不要调用，用问句询问，并写出工具里的参数名。\n"
        "- 给出的值不可能正确时，不要调用，写出参数名和这个值。\n"
        "- 没有工具能做到，或者不允许做时，不要调用，说明无法完成。\n"
        "- 其他情况直接用文字回答。",
        "这样调用工具：{example}\n缺值就问，写出参数名；做不到就说无法完成。",
        {"user": "用户：", "assistant": "助手：", "tool": "工具："},
        "请问{names}是什么？",
        "我无法完成这个请求。{names}",
        "好的。{names}",
        "这个",
    ),
}


def instruction(task: Task, form: CallFormat, own: str | None = None, *, brief: bool = False) -> str:
    """Return what the agent is told.

    Args:
        task: gives the language, and adds what belongs to it, such as the date.
        form: in which calls are written.
        own: the user's own instruction, in place of the family's words; None keeps those.
        brief: whether the family's words are few.
    """
    words = WORDINGS[task.language]
    told = (words.brief if brief else words.instruction).format(example=form.example) if own is None else own
    return "\n".join(part for part in (told, task.context) if part)


def record(said: Sequence[tuple[str, str]], language: Language) -> str:
    """Return a conversation that took place without the agent as one text; a lone utterance stands without a label.

    Args:
        said: role and words, in order.
        language: of the labels.
    """
    if len(said) == 1:
        return said[0][1]
    return "\n".join(WORDINGS[language].speakers[role] + words for role, words in said)


_SPACES = re.compile(r"\s+")
_REFUSAL = re.compile(
    r"\b(?:cannot|can't|can not|could not|couldn't|unable to|not able to|not allowed|not permitted|won't)\b"
    r"|\bno (?:suitable|available|matching|appropriate) (?:tool|function)\b|\blimitations of the function\b"
    r"|\bdo(?:es)?(?: not|n't) allow\b|\b(?:do not|don't) have (?:a|any)(?: [a-z]+)? tool\b"
    r"|\bnone of (?:my|the|these) tools\b|\bno tool (?:to|for|that)\b|\bnot something (?:that )?i can\b"
    r"|\b(?:breaks?|violates?) (?:the )?(?:rule|policy)\b"
    r"|无法|不能|没有.{0,8}(?:工具|函数|功能)|做不到|办不到|不允许|禁止|抱歉",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"\b(?:please|(?:could|can|would|will) you)(?: please)? "
    r"(?:(?:tell|give) me|provide|specify|share|let me know)(?! if)\b"
    r"|\bi(?: still)? need (?:to know )?(?:the|your) |还没有?(?:告诉我|提供)"
    r"|请(?:您|你)?(?:提供|补充|告知|告诉我)(?=[^\s。.!,])",
    re.IGNORECASE,
)
"""A question without its mark; "please let me know if you need more" is none."""


def decision_of(text: str) -> Decision:
    """Return what a text without calls does: a refusal says so, a question or request asks, everything else answers."""
    plain = fold(text)
    if _REFUSAL.search(plain):
        return "refuse"
    return "ask" if "?" in plain or _REQUEST.search(plain) else "answer"


def says(text: str, forms: Sequence[str]) -> bool:
    """Say whether a text holds one of these forms as a whole: ``12`` is not in ``120``, nor ``id`` in ``user_id``.

    Case, width and the number of spaces do not matter.
    """
    plain = _SPACES.sub(" ", fold(text))
    return any(re.search(_bounded(fold(form)), plain) for form in forms if form)


def _bounded(form: str) -> str:
    before = r"(?<![a-z0-9_])" if re.match(r"[a-z0-9_]", form) else ""
    after = r"(?![a-z0-9_]|[.,]\d)" if re.search(r"[a-z0-9_]\Z", form) else ""
    return before + re.escape(form) + after


def names_right(text: str, expectation: Expectation, opening: str) -> float:
    """Return how far a text names what it must, in [0, 1]; 0 where it names more decoys than such things.

    So a list of everything is no answer, and saying what is known beside what is missing is no mistake. What the
    opening says already is a condition and no merit, for an echo names it too: the result is the share named of that,
    times the share named of the rest.

    Args:
        text: the agent's final words.
        expectation: whose `names` and `decoys` count.
        opening: what the agent was asked.
    """
    named = {forms: says(text, forms) for forms in expectation.names}
    if sum(says(text, (name,)) for name in expectation.decoys) > sum(named.values()):
        return 0.0
    said = [right for forms, right in named.items() if says(opening, forms)]
    new = [right for forms, right in named.items() if not says(opening, forms)]
    return _share(said) * _share(new)


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 1.0


def oracle_text(expectation: Expectation, language: Language) -> str:
    """Return the final words that fulfil an expectation."""
    if expectation.answer:
        return expectation.answer
    words, comma = WORDINGS[language], "、" if language == "zh" else ", "
    names = comma.join(forms[0] for forms in (*expectation.names, *expectation.facts))
    if "call" in expectation.decisions or expectation.decisions == ("answer",):
        return words.done.format(names=names).strip()
    refused = "refuse" in expectation.decisions
    return (words.refusal if refused else words.question).format(names=names).strip()
