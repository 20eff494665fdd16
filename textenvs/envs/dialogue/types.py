"""What a service dialogue is made of, whatever it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textenvs.envs.dialogue.beliefs import Belief
from textenvs.envs.dialogue.knowledge import KnowledgeBase
from textenvs.users.agenda import Persona
from textenvs.users.core import Act, Move, Verdict
from textenvs.users.habits import Habits

Language = Literal["zh", "en"]
Mood = Literal["calm", "angry", "chatty"]


@dataclass(frozen=True, slots=True)
class ValueWords:
    """What a value is called in one language.

    Attributes:
        name: alone, such as ``"cheap"``.
        phrase: beside the thing that has it, such as ``"that is cheap"``.
    """

    name: str
    phrase: str


@dataclass(frozen=True, slots=True)
class SlotWords:
    """What a slot is called in one language.

    Attributes:
        name: such as ``"price"``.
        values: in their order.
        forms: other words by which a question about it can be told.
    """

    name: str
    values: tuple[ValueWords, ...]
    forms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A knowledge base in words.

    Attributes:
        language: of the words.
        noun: what the candidates are, such as ``"restaurant"``.
        slots: in the order of the knowledge base.
        names: of the candidates, in its order.
        details: of the candidates, in its order: what is told who wants one explained.
        kb: the frames.
    """

    language: Language
    noun: str
    slots: tuple[SlotWords, ...]
    names: tuple[str, ...]
    details: tuple[str, ...]
    kb: KnowledgeBase


@dataclass(frozen=True, slots=True)
class Item:
    """A dialogue that is about to take place.

    Attributes:
        catalogue: what there is.
        persona: the user.
        mood: how it talks; an angry one bears less, too.
        habits: of the bank that it is from.
        wordings: the numbers of the wordings that it may use.
        start: which of them comes first.
        openings: its requests in words of their own, by goal; those beyond are worded by the world.
        name: of the item, where it has one.
    """

    catalogue: Catalogue
    persona: Persona
    mood: Mood
    habits: Habits
    wordings: tuple[int, ...]
    start: int
    openings: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """How a conversation ended.

    Attributes:
        met: goals that were met.
        goals: goals that the user had.
        strain: of the user.
        left: whether it left.
        tidy: whether every message of the agent was tidy, see `textenvs.tidiness`; True where nobody looks at that.
    """

    met: int
    goals: int
    strain: int
    left: bool
    tidy: bool = True

    @property
    def completion(self) -> float:
        """Share of the goals that were met."""
        return self.met / self.goals


@dataclass(frozen=True, slots=True)
class TurnTruth:
    """The hidden truth of one turn, for the reward and for evaluation.

    Attributes:
        item: the dialogue.
        belief: what the agent could know before its move.
        turns: how many were left then, this one included.
        move: what its words were understood to do.
        verdict: whether that was right.
        needless: whether it asked what could not change the answer.
        said: what the user did next; empty where the agent ended the conversation.
        closing: how the conversation ended; None while it goes on.
        fault: whether the simulated user failed.
    """

    item: Item
    belief: Belief
    turns: int
    move: Move
    verdict: Verdict
    needless: bool
    said: tuple[Act, ...]
    closing: Closing | None
    fault: bool = False

    @property
    def wrong(self) -> bool:
        """Whether the agent gave an answer, or a refusal, that was not right."""
        return self.verdict in ("wrong", "other_kind")
