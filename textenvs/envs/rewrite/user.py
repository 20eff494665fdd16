"""How the simulated user reacts to an answer that was not what they asked for."""

from __future__ import annotations

from textenvs.envs.rewrite.grammar.discourse import Discourse
from textenvs.envs.rewrite.grammar.language import Shell
from textenvs.envs.rewrite.grammar.menu import shell_wordings
from textenvs.envs.rewrite.grammar.recognizer import Reading
from textenvs.envs.rewrite.grammar.reduction import Part, Reduction, Utterance, changed_slot, holds, in_full
from textenvs.envs.rewrite.types import Language
from textenvs.seeding import Split


def react(
    language: Language, split: Split, meant: Utterance, reading: Reading, discourse: Discourse, variant: int
) -> Utterance:
    """Return what the user says after a wrong answer or a question back.

    Asked for one thing, they name it; answered about another thing, they correct it; otherwise they say the
    same again, if it is still clear, or complain. None of these stands alone, so failing never makes the next
    turn an easy one. Two requests at once are repeated in full.

    Args:
        language: of the dialogue.
        split: whose operator combinations.
        meant: what they had asked.
        reading: how the service understood it.
        discourse: the turns so far, the failed one included.
        variant: which wordings, any number.
    """
    part, *others = meant.parts
    if others:
        return Utterance(in_full(meant), repeat=variant)
    shell, kept = _pointed(part, reading)
    if shell is not None:
        wordings = shell_wordings(language, split, part.clause.intent, part.core, shell)
        if wordings:
            reduction = Reduction((), shell, kept, wordings[variant % len(wordings)])
            return Utterance((part._replace(reduction=reduction),))
    again = Utterance(meant.parts, repeat=variant)
    if part.reduction.cuts and part.reduction.shell is None and holds(again, discourse):
        return again
    return Utterance((part._replace(reduction=Reduction((), "complaint", -1, variant)),))


def _pointed(part: Part, reading: Reading) -> tuple[Shell | None, int]:
    """Return how to name the one thing that went wrong, and its slot."""
    clause = part.clause
    if reading.intent == clause.intent and reading.missing is not None:
        return "fragment", clause.intent.types.index(reading.missing)
    if len(reading.clauses) == 1:
        slot = changed_slot(reading.clauses[0], clause)
        if slot is not None:
            return "correction", slot
    return None, -1
