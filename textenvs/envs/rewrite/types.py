"""What a rewriting task knows about one utterance: the currency between world, corpora and reward.

The generator (`world`, `truth`) and the corpus readers (`corpora`) both produce `RewriteTruth`; the four
reward parts (`reward`) read nothing else. So one formula scores generated dialogues and real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from typing import Any, Literal

LONGEST = 4_000
"""Most characters that a rewrite may have beyond its reference: nobody reads more, and one that has more rambles."""

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Restored:
    """One thing that the reduction took out of the utterance and a rewrite has to bring back.

    Attributes:
        kind: ``"reference"`` if a pronoun or demonstrative stood for it, ``"ellipsis"`` if nothing did.
        slot: the frame's role, such as ``"city"``; for corpora ``"span"``.
        aliases: surface forms any of which counts as restored; never empty.
        rivals: surface forms of *other* entities of the same type that the dialogue holds; a rewrite
            that puts one of them in this place has the wrong antecedent.
        turns_back: how many user turns back the antecedent stands, from 1; 0 where unknown.
        places: forms with a neighbour, one of which shows that the slot was restored in its place; empty where
            `RewriteTruth.fluency` already refuses every wrong place.
    """

    kind: Literal["reference", "ellipsis"]
    slot: str
    aliases: tuple[str, ...]
    rivals: tuple[str, ...] = ()
    turns_back: int = 0
    places: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class RewriteTruth:
    """The hidden truth of one turn of rewriting.

    Compared and hashed by identity: it holds a callable, and the reward keeps what it derives from a truth
    under the truth itself.

    Attributes:
        language: of the utterance.
        utterance: what the user said, reduced.
        gold: the reference rewrite; equal to `utterance` where nothing was removed.
        accepted: every rewrite that counts as exact, normalised by `measures.normalize`; holds `gold`. The
            generated world's set answers membership by parsing and makes its members only when it is iterated.
        restored: what was removed, in order of appearance in `gold`; empty where no rewrite is needed.
        kept: content words, negations and quantities of the utterance that must survive, each as a
            tuple of surface forms any of which counts.
        known: the word tokens (`measures.words`) that a rewrite may use without adding anything: those of the
            dialogue up to now, of every accepted rewrite, and the function words of the grammar. For corpora the
            references stand for what the dialogue allows: those of the utterance and of the references, and
            function words.
        fluency: judges the form alone: maps a text to [0, 1]. The generated world asks its grammar,
            a corpus its n-gram model.
        graded: honest but incomplete rewrites: entry i leaves `restored[i]` out and restores the rest.
        alike: the things of one type that the meaning holds, said or removed, in groups of two or more; each thing
            as its surface forms. Where they stand as in no accepted rewrite, one is in another's place. Empty for
            corpora, which know no types.
        operators: names of the reduction operators that made the utterance; empty for corpora.
        frame: the meaning, for the simulated assistant; None for corpora.
        relevant: names of the documents that answer the utterance, where a corpus says so; see
            `textenvs.rewards.retrieval`.
    """

    language: Language
    utterance: str
    gold: str
    accepted: Set[str]
    restored: tuple[Restored, ...]
    kept: tuple[tuple[str, ...], ...]
    known: Set[str]
    fluency: Callable[[str], float]
    graded: tuple[str, ...] = field(default_factory=tuple[str, ...])
    alike: tuple[tuple[tuple[str, ...], ...], ...] = field(default_factory=tuple[tuple[tuple[str, ...], ...], ...])
    operators: tuple[str, ...] = field(default_factory=tuple[str, ...])
    frame: Any = None
    relevant: frozenset[str] = frozenset()

    @property
    def phrasings(self) -> Iterable[str]:
        """Texts that, between them, mention things in every order in which an accepted rewrite does."""
        return self.accepted

    @property
    def needs_rewrite(self) -> bool:
        """Whether anything was removed: if not, the utterance already stands alone."""
        return bool(self.restored)
