"""One generated dialogue being played: user, agent and service take turns."""

from __future__ import annotations

import copy
from typing import Self

from textenvs.envs.rewrite.grammar.discourse import event
from textenvs.envs.rewrite.grammar.frames import Frame
from textenvs.envs.rewrite.grammar.recognizer import Reading
from textenvs.envs.rewrite.grammar.reduction import Utterance, holds, in_full, say, say_in_full, spoken
from textenvs.envs.rewrite.grammar.surface import surface
from textenvs.envs.rewrite.service import respond
from textenvs.envs.rewrite.truth import LazyTruth, Situation
from textenvs.envs.rewrite.types import LONGEST
from textenvs.envs.rewrite.user import react
from textenvs.envs.rewrite.world import Item
from textenvs.episode import Outcome
from textenvs.messages import Message, Stop, strip_thinking
from textenvs.seeding import Split


class Dialogue:
    """A dialogue in which the service hears only what the agent makes of the user's words.

    The turn budget is the number of planned requests, so a request that fails costs the turn in which a later one
    would have been made: failing and trying again earns at most what going right at once does.

    As long as nothing goes wrong the dialogue follows the plan, whose words are ready.

    Args:
        item: the dialogue as planned.
        task_id: its name.
        split: whose operator combinations the user's reactions keep to.
        instruction: what the agent is told to do; None takes the language's own.
    """

    tools: tuple[str, ...] = ()

    def __init__(self, item: Item, task_id: str, split: Split, instruction: str | None = None) -> None:
        self.task_id = task_id
        self._item = item
        self._split: Split = split
        self._tables = surface(item.language)
        self.instruction = self._tables.words.instruction if instruction is None else instruction
        self._turns_left = len(item.utterances) - item.prelude
        self._wrong = 0
        self._next = item.prelude
        self._discourse = item.discourse[: item.prelude]
        self._utterance = item.utterances[item.prelude]
        self._said, self._gold = item.lines[item.prelude].said, item.lines[item.prelude].gold
        self.opening = (Message("user", self._before() + self._said),)
        self._texts: tuple[str, ...] = (self.opening[0].content,)

    @property
    def truth(self) -> LazyTruth:
        """The hidden truth of what the user said last."""
        return LazyTruth(
            Situation(self._utterance, self._said, self._gold, self._discourse, self._item.recognizer, self._texts)
        )

    def act(self, action: str) -> Outcome:
        """Let the service answer the rewrite, and the user speak again."""
        rewrite, truth = strip_thinking(action), self.truth
        self._turns_left -= 1
        if rewrite == self._gold:
            reply = self._go_on()
        else:
            reading = self._item.recognizer.read(rewrite[: len(self._gold) + LONGEST])
            reply = self._go_on() if _same(reading.clauses, self._utterance.frame) else self._go_wrong(reading)
        stop = self._stop()
        service, user = self._tables.words.speakers
        said = self._said if stop is Stop.RUNNING else self._last_words(stop)
        message = Message("user", f"{service}{reply}\n{user}{said}")
        self._texts = (*self._texts, message.content)
        return Outcome((message,), truth, stop, stop is Stop.SUCCESS, not rewrite)

    def oracle(self) -> str:
        """Return the gold rewrite of what the user said last."""
        return self._gold

    def content(self) -> str:
        """Return what is asked, in which words, and what there is to know."""
        lines = [f"{line.said}\n{line.gold}\n{line.reply}" for line in self._item.lines]
        return "\n".join([self._item.language, str(self._item.prelude), *lines])

    def fork(self) -> Self:
        """Return an independent copy: everything inside is immutable."""
        return copy.copy(self)

    # What comes next

    def _go_on(self) -> str:
        """Let the service answer what was meant, and the user make the next request."""
        item, number = self._item, self._next
        turn = item.discourse[number]
        if self._utterance is not item.utterances[number]:
            turn = turn._replace(named=spoken(self._utterance).union([entity.stem for entity in turn.told]))
        self._discourse = (*self._discourse, turn)
        self._next = number + 1
        if self._next < len(item.utterances):
            self._request()
        return item.lines[number].reply

    def _request(self) -> None:
        """Make the next planned request; in full, if what it would leave out is no longer clear."""
        planned, line = self._item.utterances[self._next], self._item.lines[self._next]
        self._utterance, self._said, self._gold = planned, line.said, line.gold
        if self._wrong and not holds(planned, self._discourse):
            self._speak(planned._replace(parts=in_full(planned)))

    def _go_wrong(self, reading: Reading) -> str:
        """Let the service answer what it understood, and the user react."""
        reply = respond(self._tables, self._item.knowledge, reading)
        named = spoken(self._utterance).union([entity.stem for entity in reply.told])
        self._discourse = (*self._discourse, event(self._utterance.frame, reply.told, reply.listed, named))
        self._wrong += 1
        self._speak(react(self._item.language, self._split, self._utterance, reading, self._discourse, self._wrong))
        return reply.text

    def _speak(self, utterance: Utterance) -> None:
        self._utterance = utterance
        self._said, self._gold = say(self._tables, utterance), say_in_full(self._tables, utterance)

    def _stop(self) -> Stop:
        if self._next == len(self._item.utterances):
            return Stop.SUCCESS
        if self._turns_left == 0:
            return Stop.TURN_BUDGET
        return Stop.USER_LEFT if self._wrong >= self._item.patience else Stop.RUNNING

    # Words

    def _before(self) -> str:
        """Return the exchanges that took place before the agent came in, ready to stand before the utterance."""
        service, user = self._tables.words.speakers
        before = self._item.lines[: self._item.prelude]
        return "".join([f"{user}{line.said}\n{service}{line.reply}\n" for line in before]) + (user if before else "")

    def _last_words(self, stop: Stop) -> str:
        words = self._tables.words
        return words.thanks if stop is Stop.SUCCESS else words.farewells[stop is Stop.TURN_BUDGET]


def _same(read: Frame, meant: Frame) -> bool:
    """Say whether the same was asked, in whatever order."""
    return read == meant or (len(read) == len(meant) > 1 and set(read) == set(meant))
