"""How demonstrators converse who answer by what was told, rather than by a name: with care, or without."""

from __future__ import annotations

from textenvs.envs.dialogue.beliefs import told_values
from textenvs.envs.dialogue.episode import DialogueEpisode
from textenvs.envs.dialogue.process import END
from textenvs.users.agenda import TOLD
from textenvs.users.core import ANSWERS, FREE, Move


def describing(episode: DialogueEpisode) -> str:
    """Do what the best known policy does, but leave it to a description to find the answer, or that there is none."""
    move = episode.best_known()
    return _answer(episode, move) if move.kind in (*ANSWERS, "refuse") else episode.word(move)


def careless(episode: DialogueEpisode) -> str:
    """Answer by whatever has been told, be it enough or not; ask only who has told nothing, and never offer more."""
    course = episode.belief.course
    if course.phase != "goal":
        return episode.word(END)
    untold = [slot for slot, told in enumerate(course.told) if told != TOLD]
    if untold and not _named(episode):
        return episode.word(Move("ask", untold[0]))
    return _answer(episode, episode.best_known())


def _named(episode: DialogueEpisode) -> bool:
    """Say whether a value has been told."""
    return any(value != FREE for value in told_values(episode.belief, episode.item.catalogue.kb.sizes))


def _answer(episode: DialogueEpisode, move: Move) -> str:
    """Describe what has all that was told; where no value was, which describes nothing, make the move."""
    if not _named(episode):
        return episode.word(move)
    return episode.describe(told_values(episode.belief, episode.item.catalogue.kb.sizes))
