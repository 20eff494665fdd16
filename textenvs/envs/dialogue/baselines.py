"""Scripted policies to compare with: functions of what the agent can see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from textenvs.core import Baseline, Observation
from textenvs.envs.dialogue.types import Language
from textenvs.envs.dialogue.wording import WORDS


def _language(observation: Observation) -> Language:
    return "zh" if re.search(r"[\u4e00-\u9fff]", observation["history"][0]["content"]) else "en"


def _turn(observation: Observation) -> int:
    return sum(message["role"] == "assistant" for message in observation["history"])


def always_ask(observation: Observation) -> str:
    """Ask about one slot after the other, round and round."""
    language = _language(observation)
    agent = WORDS[language].agent
    head, tail = agent.slot.format(slot="\0", values="\1").split("\0")[1].split("\1")
    listed = rf"([^\s：:，,）)]+){re.escape(head)}[^{re.escape(tail)}]*{re.escape(tail)}"
    slots = re.findall(listed, observation["instruction"]) or [""]
    return agent.moves["ask"].format(slot=slots[_turn(observation) % len(slots)])


def never_ask(observation: Observation) -> str:
    """Answer with one candidate after the other, in the way that was asked for."""
    language = _language(observation)
    words, request = WORDS[language], observation["history"][0]["content"]
    name, detail = _row(observation, language)
    if re.search(words.cues.book, request, re.IGNORECASE):
        return words.agent.moves["book"].format(name=name)
    kind = "explain" if ("number" if language == "en" else "编号") in request else "recommend"
    return words.agent.moves[kind].format(name=name, detail=detail)


def _row(observation: Observation, language: Language) -> tuple[str, str]:
    """Return name and detail of the candidate whose turn it is."""
    pattern = re.escape(WORDS[language].agent.row).replace(r"\{name\}", "(.+?)").replace(r"\{values\}", ".+")
    rows = re.findall(pattern.replace(r"\{detail\}", "(.+)"), observation["instruction"]) or [("", "")]
    return rows[_turn(observation) % len(rows)]


def end_at_once(observation: Observation) -> str:
    """Say goodbye."""
    return WORDS[_language(observation)].agent.moves["end"]


def echo(observation: Observation) -> str:
    """Say what the user said last."""
    return observation["history"][-1]["content"]


BASELINES: Mapping[str, Baseline] = MappingProxyType(
    {"always_ask": always_ask, "never_ask": never_ask, "end_at_once": end_at_once, "echo": echo}
)
"""The baselines that need nothing but the observation."""
