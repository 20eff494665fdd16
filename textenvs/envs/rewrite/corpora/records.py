"""What a corpus holds, whatever format it came in."""

from __future__ import annotations

from dataclasses import dataclass

from textenvs.rewards.measures import Language, normalize


@dataclass(frozen=True, slots=True)
class CorpusTurn:
    """One user turn of a recorded conversation.

    Attributes:
        utterance: what the user said.
        rewrites: the reference rewrites, the main one first; empty where the corpus has none, so that the turn is only
            context.
        reply: what the service said to it; ``""`` where the record ends or has none.
        relevant: names of the documents that answer it; empty where the corpus names none.
    """

    utterance: str
    rewrites: tuple[str, ...] = ()
    reply: str = ""
    relevant: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """One recorded conversation: an episode.

    Attributes:
        language: of all its texts.
        turns: in order; at least one has a rewrite, and so has the last.
        source: where it begins, as ``"file:line"``.
        topic: what both sides know before the first word; ``""`` where nothing.

    Raises:
        ValueError: if no turn has a rewrite, or the last one has none.
    """

    language: Language
    turns: tuple[CorpusTurn, ...]
    source: str
    topic: str = ""

    def __post_init__(self) -> None:
        if not any(turn.rewrites for turn in self.turns):
            raise ValueError("no turn has a rewrite")
        if not self.turns[-1].rewrites:
            raise ValueError("the last turn has no rewrite")

    @property
    def scored(self) -> tuple[int, ...]:
        """Positions of the turns that have a rewrite."""
        return tuple(i for i, turn in enumerate(self.turns) if turn.rewrites)

    @property
    def content(self) -> tuple[str, ...]:
        """What was said, normalised and without the rewrites: equal for two records of the same conversation."""
        said = (text for turn in self.turns for text in (turn.utterance, turn.reply))
        return (self.topic, *(normalize(text, self.language) for text in said))
