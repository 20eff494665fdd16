"""One service dialogue being played."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Self

from textenvs.envs.dialogue.beliefs import Belief, believe, follow, wants_in
from textenvs.envs.dialogue.descriptions import value_names
from textenvs.envs.dialogue.knowledge import KnowledgeBase, Wants
from textenvs.envs.dialogue.lexicon import Lexicon
from textenvs.envs.dialogue.oracle import Oracle, oracle_of
from textenvs.envs.dialogue.process import Process, process_of
from textenvs.envs.dialogue.strategy import best_known
from textenvs.envs.dialogue.types import Closing, Item, TurnTruth
from textenvs.envs.dialogue.voice import Voice
from textenvs.envs.dialogue.wording import WORDS
from textenvs.episode import Outcome
from textenvs.messages import Message, Stop
from textenvs.users.agenda import AgendaUser
from textenvs.users.core import ANSWERS, FREE, Heard, Move, MoveKind, Said, SimulatedUser, Verdict

Style = Literal["plain", "tags"]
"""How the agent is told to write: freely, or a tag a turn. Both are understood in any case."""

UserFactory = Callable[[Item], SimulatedUser]
"""Makes the user of a dialogue."""


def agenda_user(item: Item) -> SimulatedUser:
    """Return the user of rules of a dialogue."""
    intents: tuple[MoveKind, ...] = tuple(goal.intent for goal in item.persona.goals)
    voice = Voice(item.catalogue, intents, item.mood, item.wordings, item.start, item.openings)
    return AgendaUser(item.persona, item.catalogue.kb.sizes, voice.say)


@dataclass(frozen=True, slots=True)
class Conduct:
    """How dialogues are played, wherever they come from.

    Attributes:
        style: how the agent is told to write, and how the oracle does.
        make_user: makes the user.
        instruction: what the agent is told beside what there is, in place of the family's words; None keeps those.
        any_wording: whether nobody looks at how the agent puts things.
    """

    style: Style = "plain"
    make_user: UserFactory = agenda_user
    instruction: str | None = None
    any_wording: bool = False


class DialogueEpisode:
    """A dialogue between the agent and a simulated user.

    Args:
        item: what there is, and who comes.
        task_id: its name.
        turns: most actions.
        exact: whether the oracle is the exact optimum; else it is the best known policy.
        conduct: how it is played.

    Attributes:
        belief: what the agent can know by now.
        turns: how many actions are left.
        last: the agent's last move; None before the first.
    """

    tools: tuple[str, ...] = ()

    def __init__(
        self,
        item: Item,
        task_id: str,
        turns: int,
        exact: bool,
        conduct: Conduct = Conduct(),
    ) -> None:
        self.item = item
        self.task_id = task_id
        self.turns = turns
        self._exact = exact
        self._tags = conduct.style == "tags"
        self._lexicon = Lexicon(item.catalogue)
        self._user = conduct.make_user(item)
        self._met = 0
        self._any_wording = conduct.any_wording
        self._tidy = True
        self.last: Move | None = None
        opening = self._user.open()
        self._fault = opening.fault
        self.opening = (Message("user", opening.text),)
        self.instruction = _instruction(item, self._tags, conduct.instruction)
        self.belief: Belief = believe(self._kb, 0, opening.acts, 0)

    def act(self, action: str) -> Outcome:
        """Take one move, and let the user answer it."""
        before, left, move = self.belief, self.turns, self._lexicon.read(action)
        self.turns -= 1
        self.last = move
        if move.kind != "unclear" and not self._any_wording:  # what makes no sense strains the user, and that is all
            self._tidy = self._tidy and self._lexicon.tidy(action, move)
        heard = self._judge(action, move)
        said = self._speak(heard)
        stop = Stop.ERROR if self._fault else self._stop(move, said)
        closing = self._closing(said) if stop not in (Stop.RUNNING, Stop.ERROR) else None
        success = closing is not None and closing.met == closing.goals
        if stop is Stop.SUCCESS and not success:
            stop = Stop.FAILURE
        acts = said.acts if said else ()
        truth = TurnTruth(
            self.item, before, left, move, heard.verdict, heard.needless, acts, closing, fault=self._fault
        )
        replies = (Message("user", said.text),) if said else ()
        return Outcome(replies, truth, stop, success, move.kind == "unclear")

    def oracle(self) -> str:
        """Return the words of the best move, or of the best one known."""
        return self.word(self.best())

    def best(self) -> Move:
        """Return the best move at the small size, elsewhere that of the best known policy."""
        exact = self.exact
        return self.as_wanted(exact.best(self.belief, self.turns)) if exact else self.best_known()

    def best_known(self) -> Move:
        """Return the move of the best known policy."""
        return self.as_wanted(best_known(self.process, self.belief))

    def as_wanted(self, move: Move) -> Move:
        """Return an answer as one of the kind that was asked for last."""
        return move if move.kind != "recommend" else Move(self.intent, FREE, move.candidate)

    @cached_property
    def process(self) -> Process:
        """The decision process that the user belongs to."""
        return process_of(self._kb, self.item.habits, self.item.mood == "angry")

    @cached_property
    def exact(self) -> Oracle | None:
        """The exact optimum, where it is within reach."""
        return oracle_of(self._kb, self.item.habits, self.item.mood == "angry") if self._exact else None

    @property
    def intent(self) -> MoveKind:
        """The kind of answer that was asked for last."""
        return self.item.persona.goals[self.belief.course.goal].intent

    def does(self, action: str, move: Move) -> bool:
        """Say whether an action makes this move, and nothing else."""
        return self._lexicon.read(action) == move and self._lexicon.tidy(action, move)

    def word(self, move: Move) -> str:
        """Return words, or a tag, for a move."""
        return self._lexicon.write(move, self._tags)

    def describe(self, wants: Wants) -> str:
        """Return words, or a tag, for an answer of the kind that was asked for, by the values that are wanted.

        Args:
            wants: by slot, the value that is named, or `FREE`; at least one is.
        """
        return self._lexicon.describe(self.intent, wants, self._tags)

    def content(self) -> str:
        """Return what there is and who comes."""
        return repr(replace(self.item, name=""))

    def fork(self) -> Self:
        """Return an independent copy at this point."""
        twin = copy.copy(self)
        twin._user = self._user.fork()
        return twin

    # What happens in a turn

    @property
    def _kb(self) -> KnowledgeBase:
        return self.item.catalogue.kb

    @property
    def _wants(self) -> Wants:
        """What is wanted now: after a change of mind, what has been told."""
        changed = wants_in(self.belief.box, self._kb.sizes) if self.belief.course.changed else None
        return changed or self.item.persona.goals[self.belief.course.goal].wants

    def _judge(self, action: str, move: Move) -> Heard:
        """Compare a move with the hidden goal."""
        offered = self._kb.rows[move.candidate] if move.candidate != FREE else ()
        if self.belief.course.phase != "goal":
            return Heard(action, move, offered=offered)
        needless = move.kind == "ask" and move.slot not in self.process.posterior.useful(self.belief)
        return Heard(action, move, self.verdict(move), offered, needless)

    def verdict(self, move: Move) -> Verdict:
        """Say whether a move gives what is wanted, or not; empty where it gives nothing."""
        if move.kind in ANSWERS:
            if move.kind != self.intent:
                return "other_kind"
            return "right" if self._kb.right(move.candidate, self._wants) else "wrong"
        impossible = not self._kb.possible(self._wants)
        if move.kind == "refuse":
            return "right" if impossible else "wrong"
        return "right" if move.kind == "handover" and impossible else ""

    def _speak(self, heard: Heard) -> Said | None:
        """Let the user answer, and take in what it says; None where the agent has ended the conversation."""
        if self._fault:
            return None
        said = None if heard.move.kind in ("end", "handover") else self._user.hear(heard)
        if heard.verdict == "right" and not (said and said.did("change")):
            self._met += 1
        if said:
            self._fault = said.fault
            angry = self.item.mood == "angry"
            self.belief = follow(self._kb, self.belief, heard, said.acts, self.item.habits, angry)
        return said

    def _stop(self, move: Move, said: Said | None) -> Stop:
        if said is None:
            return Stop.SUCCESS
        if said.did("leave"):
            return Stop.USER_LEFT
        if said.did("thank"):
            return Stop.SUCCESS
        return Stop.RUNNING if self.turns else Stop.TURN_BUDGET

    def _closing(self, said: Said | None) -> Closing:
        left = said is not None and said.did("leave")
        return Closing(self._met, len(self.item.persona.goals), self.belief.course.strain, left, self._tidy)


def _instruction(item: Item, tags: bool, own: str | None) -> str:
    """Return what the agent is told: its task, what there is, how to write; or one's own words and what there is."""
    words, catalogue = WORDS[item.catalogue.language], item.catalogue
    agent = words.agent
    slots = [
        agent.slot.format(slot=slot.name, values=words.comma.join(value.name for value in slot.values))
        for slot in catalogue.slots
    ]
    rows = [
        agent.row.format(name=name, detail=detail, values=words.comma.join(value_names(catalogue, row)))
        for name, detail, row in zip(catalogue.names, catalogue.details, catalogue.kb.rows, strict=True)
    ]
    offered = agent.catalogue.format(slots=words.comma.join(slots), rows="\n".join(rows))
    if own is not None:
        return "\n".join(part for part in (own, offered) if part)
    return "\n".join((agent.instruction.format(noun=catalogue.noun), offered, agent.tags if tags else agent.plain))
