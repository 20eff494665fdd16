"""A recorded conversation as an episode: the agent rewrites, the record goes on."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, Self

from textenvs.envs.rewrite.corpora.alignment import truth_of
from textenvs.envs.rewrite.corpora.records import Conversation
from textenvs.envs.rewrite.types import RewriteTruth
from textenvs.episode import Outcome
from textenvs.messages import Message, Stop, strip_thinking
from textenvs.rewards.measures import normalize

HistorySource = Literal["original", "own"]

_truth_of = lru_cache(maxsize=1024)(truth_of)
"""Kept, because every member of a group meets the same turns."""


class CorpusEpisode:
    """One conversation being played. What the service and the user say is the record, whatever the agent answers.

    The agent sees each utterance in a labelled `user` message, after the service's reply to the one before; a first
    utterance with nothing before it stands alone.

    Args:
        conversation: the record.
        fluency: judges the form of a rewrite, such as `CorpusFluency`.
        instruction: what the agent is told to do.
        speakers: labels that begin a line of the service and of the user.
        history_source: what later turns see of an earlier utterance. ``"original"``: the user's words, as published
            figures have it. ``"own"``: the record is restated with the agent's rewrite before the service's reply,
            as a service would have seen it. Either way the agent's messages stay in the history, which only grows.
    """

    tools: tuple[str, ...] = ()

    def __init__(
        self,
        conversation: Conversation,
        fluency: Callable[[str], float],
        *,
        instruction: str,
        speakers: tuple[str, str],
        history_source: HistorySource = "original",
    ) -> None:
        self.conversation = conversation
        self.instruction = instruction
        self._fluency = fluency
        self._service, self._user = speakers
        self._history_source = history_source
        self._pending = list(conversation.scored)
        self._all_exact = True

    @property
    def task_id(self) -> str:
        """Where the record stands: ``"file:line"``."""
        return self.conversation.source

    @property
    def opening(self) -> tuple[Message, ...]:
        """Everything up to the first utterance that has a rewrite, in one message; without a label if it is alone."""
        first = self.conversation.scored[0]
        if first == 0 and not self.conversation.topic:
            return _message([self.conversation.turns[0].utterance])
        topic = [f"[{self.conversation.topic}]"] if self.conversation.topic else []
        return _message([*topic, *self._record(0, 2 * first + 1)])

    @property
    def truth(self) -> RewriteTruth:
        """The hidden truth of the current utterance."""
        return _truth_of(self.conversation, self._pending[0], self._fluency)

    def act(self, action: str) -> Outcome:
        """Take a rewrite of the current utterance and go on to the next one that has a reference."""
        truth, answer = self.truth, " ".join(strip_thinking(action).split())
        self._all_exact &= normalize(answer, truth.language) in truth.accepted
        reply_at = 2 * self._pending.pop(0) + 1
        restated = [self._user + answer] if self._history_source == "own" else []
        going_on = self._record(reply_at, 2 * self._pending[0] + 1 if self._pending else reply_at + 1)
        replies = _message([*restated, *going_on] if going_on else [])
        if self._pending:
            return Outcome(replies, truth, invalid=not answer)
        stop = Stop.SUCCESS if self._all_exact else Stop.FAILURE
        return Outcome(replies, truth, stop, success=self._all_exact, invalid=not answer)

    def _record(self, start: int, stop: int) -> list[str]:
        """Return a slice of the record, labelled: utterance i is entry 2 i, the reply to it entry 2 i + 1."""
        said = [entry for turn in self.conversation.turns for entry in (turn.utterance, turn.reply)]
        labels = (self._user, self._service)
        return [labels[i % 2] + said[i] for i in range(start, stop) if said[i]]

    def oracle(self) -> str:
        """Return the reference rewrite of the current utterance."""
        return self.truth.gold

    def content(self) -> str:
        """Return the conversation as canonical JSON, references included."""
        turns = [(turn.utterance, turn.rewrites, turn.reply) for turn in self.conversation.turns]
        return json.dumps([self.conversation.language, self.conversation.topic, turns], ensure_ascii=False)

    def fork(self) -> Self:
        """Return an independent copy at this point."""
        twin = copy.copy(self)
        twin._pending = list(self._pending)
        return twin


def _message(lines: list[str]) -> tuple[Message, ...]:
    return (Message("user", "\n".join(lines)),) if lines else ()
