"""One generated dialogue being played: user, agent and service take turns."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Self

from textenvs.envs.rewrite.grammar.discourse import Event
from textenvs.envs.rewrite.grammar.frames import Frame
from textenvs.envs.rewrite.grammar.recognizer import Reading
from textenvs.envs.rewrite.grammar.reduction import NOTHING, Utterance, holds, say, spoken
from textenvs.envs.rewrite.grammar.surface import surface
from textenvs.envs.rewrite.service import Reply, answer, respond
from textenvs.envs.rewrite.truth import truth_of
from textenvs.envs.rewrite.types import RewriteTruth
from textenvs.envs.rewrite.user import react
from textenvs.envs.rewrite.world import Item
from textenvs.episode import Outcome
from textenvs.messages import Message, Stop, strip_thinking
from textenvs.rewards.measures import words
from textenvs.seeding import Split


class Dialogue:
    """A dialogue in which the service hears only what the agent makes of the user's words.

    The turn budget is the number of planned requests, so a request that fails costs the turn in which a later one
    would have been made: failing and trying again earns at most what going right at once does.

    Args:
        item: the dialogue as planned.
        task_id: its name.
        split: whose operator combinations the user's reactions keep to.
    """

    tools: tuple[str, ...] = ()

    def __init__(self, item: Item, task_id: str, split: Split) -> None:
        self.task_id = task_id
        self._item = item
        self._split: Split = split
        self._tables = surface(item.language)
        self.instruction = self._tables.words.instruction
        self._budget = len(item.utterances) - item.prelude
        self._turn = 0
        self._next = item.prelude
        self._wrong = 0
        self._utterance = item.utterances[item.prelude]
        self._discourse = item.discourse[: item.prelude]
        text = self._before() + say(self._tables, self._utterance)
        self.opening = (Message("user", text),)
        self._heard = frozenset(words(text, item.language))
        self._truth = self._true()

    def act(self, action: str) -> Outcome:
        """Let the service answer the rewrite, and the user speak again."""
        rewrite, truth = strip_thinking(action), self._truth
        reading = self._item.recognizer.read(rewrite)
        right = _same(reading.clauses, self._utterance.frame)
        echo = self._item.echoes[self._next] if right else True
        reply = respond(self._tables, self._item.knowledge, reading, echo=echo)
        self._remember(reply)
        self._turn += 1
        self._next += right
        self._wrong += not right
        stop = self._stop()
        if stop is Stop.RUNNING:
            self._utterance = self._speak(right, reading)
            line = say(self._tables, self._utterance)
        else:
            line = self._last_words(stop)
        service, user = self._tables.words.speakers
        text = f"{service}{reply.text}\n{user}{line}"
        if stop is Stop.RUNNING:
            self._heard = self._heard.union(words(text, self._item.language))
            self._truth = self._true()
        return Outcome((Message("user", text),), truth, stop, stop is Stop.SUCCESS, not rewrite)

    def oracle(self) -> str:
        """Return the gold rewrite of what the user said last."""
        return self._truth.gold

    def content(self) -> str:
        """Return what is asked, in which words, and what there is to know."""
        item, lines = self._item, [self._item.language]
        for utterance in item.utterances:
            lines.append(say(self._tables, utterance))
            lines += [f"{clause.intent.name} {[e.name for e in clause.fill]}" for clause in utterance.frame]
            lines.append(answer(self._tables, item.knowledge, utterance.frame, echo=True).text)
        return "\n".join(lines)

    def fork(self) -> Self:
        """Return an independent copy: everything inside is immutable."""
        return copy.copy(self)

    def _true(self) -> RewriteTruth:
        return truth_of(self._tables, self._utterance, self._discourse, self._item.recognizer, self._heard)

    def _before(self) -> str:
        """Return the exchanges that took place before the agent came in, ready to stand before the utterance."""
        service, user = self._tables.words.speakers
        lines: list[str] = []
        for number in range(self._item.prelude):
            utterance = self._item.utterances[number]
            reply = answer(self._tables, self._item.knowledge, utterance.frame, echo=self._item.echoes[number])
            lines += [user + say(self._tables, utterance), service + reply.text]
        return "".join([line + "\n" for line in lines]) + (user if lines else "")

    def _remember(self, reply: Reply) -> None:
        utterance = self._utterance
        asked = tuple([entity for clause in utterance.frame for entity in clause.fill])
        named = spoken(utterance).union([entity.stem for entity in reply.told])
        self._discourse = (*self._discourse, Event(utterance.frame, asked, reply.told, reply.listed, named))

    def _stop(self) -> Stop:
        if self._next == len(self._item.utterances):
            return Stop.SUCCESS
        if self._turn == self._budget:
            return Stop.TURN_BUDGET
        return Stop.USER_LEFT if self._wrong >= self._item.patience else Stop.RUNNING

    def _speak(self, right: bool, reading: Reading) -> Utterance:
        if not right:
            return react(self._utterance, reading, self._discourse, self._split, self._turn)
        planned = self._item.utterances[self._next]
        if self._wrong == 0 or holds(planned, self._discourse):
            return planned
        return replace(planned, parts=tuple([replace(part, reduction=NOTHING) for part in planned.parts]))

    def _last_words(self, stop: Stop) -> str:
        words_ = self._tables.words
        if stop is Stop.SUCCESS:
            return words_.thanks
        return words_.farewells[0 if stop is Stop.USER_LEFT else 1]


def _same(read: Frame, meant: Frame) -> bool:
    return read == meant or (len(read) == len(meant) > 1 and set(read) == set(meant))
