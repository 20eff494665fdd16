"""From played episodes to tasks: wherever the same conversation was answered in different ways, a choice to make."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from agents.evaluation.results import EpisodeScore
from agents.feedback.events import Candidate, Impression
from textenvs.messages import MESSAGE_KEYS, Message

Conversation = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """An episode, and who played it.

    Attributes:
        version: name of the policy.
        episode: what it did.
        instruction: what it was told; ``""`` where nothing.
        tools: JSON Schemas on offer, as JSON text.
    """

    version: str
    episode: EpisodeScore
    instruction: str = ""
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A conversation and the answers that it got.

    Attributes:
        conversation: before the answer; an instruction is a system message.
        tools: JSON Schemas on offer, as JSON text.
        answers: different texts, with the policy that gave each first; ``""`` where that is not known.
    """

    conversation: Conversation
    tools: tuple[str, ...] = ()
    answers: dict[str, str] = field(default_factory=dict[str, str])


def questions(played: Iterable[Played]) -> list[Question]:
    """Gather what the same conversations, at whatever turn, were answered with; in order of appearance."""
    found: dict[tuple[object, ...], Question] = {}
    for one in played:
        for conversation, answer in _answers(one):
            key = (one.episode.group, one.episode.index, one.episode.task_id, conversation, one.tools)
            found.setdefault(key, Question(conversation, one.tools)).answers.setdefault(answer, one.version)
    return list(found.values())


def task(question: Question, prefix: str, policy_version: str, time: float, *, most: int, seed: int) -> Impression:
    """Return a question as an impression, its answers in random order.

    The name follows from the conversation and its answers: the same question is the same task.

    Args:
        question: to be judged.
        prefix: what the name begins with.
        policy_version: of the impression; an answer's own goes with it.
        time: seconds since 1970.
        most: answers that are shown; of more, some are drawn.
        seed: of the order and the draw.
    """
    said = [dict(message) for message in question.conversation]
    facts = json.dumps([said, question.tools, sorted(question.answers)])
    digest = hashlib.blake2b(facts.encode(), digest_size=8)
    texts = sorted(question.answers)
    order = np.random.default_rng([seed, *digest.digest()]).permutation(len(texts))[:most]
    shown = [
        Candidate(text=texts[i], propensity=len(order) / len(texts), policy_version=question.answers[texts[i]])
        for i in order
    ]
    return Impression(
        id=f"{prefix}{digest.hexdigest()}",
        time=time,
        policy_version=policy_version,
        conversation=question.conversation,
        candidates=tuple(shown),
        tools=question.tools,
    )


def _answers(one: Played) -> Iterator[tuple[Conversation, str]]:
    """Yield what each action of an episode answered, and the action."""
    messages = [_message(message) for message in one.episode.messages if message["role"] != "system"]
    opening = (Message("system", one.instruction),) if one.instruction else ()
    spoken = [place for place, message in enumerate(messages) if message.role == "assistant"]
    for place in spoken[-len(one.episode.turns) :] if one.episode.turns else []:
        yield (*opening, *messages[:place]), messages[place].content


def _message(message: Mapping[str, str]) -> Message:
    return Message(**{key: message.get(key, "") for key in MESSAGE_KEYS})
