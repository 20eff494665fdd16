"""What every move of a small dialogue is worth: the value of each question, and when it is best to stop."""

from __future__ import annotations

from collections.abc import Iterator

from textenvs.advice import Advice, MoveSort, ranked
from textenvs.envs.dialogue.episode import DialogueEpisode
from textenvs.envs.dialogue.process import END, HANDOVER, OFFER, REFUSE
from textenvs.errors import ConfigError
from textenvs.users.core import FREE, Move


def advise(episode: DialogueEpisode) -> list[Advice]:
    """Return what every move is worth to an agent that knows what this one can know; the best one first.

    Raises:
        ConfigError: if the exact optimum is not known.
    """
    oracle = episode.exact
    if oracle is None:
        raise ConfigError('what a move is worth is known exactly at difficulty="small" only')
    return ranked(
        [
            (episode.word(episode.as_wanted(move)), sort, oracle.worth(episode.belief, move, episode.turns))
            for sort, move in _moves(episode)
        ]
    )


def _moves(episode: DialogueEpisode) -> Iterator[tuple[MoveSort, Move]]:
    catalogue = episode.item.catalogue
    for slot in range(len(catalogue.slots)):
        yield "question", Move("ask", slot)
    for candidate in range(len(catalogue.names)):
        yield "answer", Move("recommend", FREE, candidate)
    yield "answer", REFUSE
    for move in (HANDOVER, END):
        yield "stop", move
    yield "offer", OFFER
