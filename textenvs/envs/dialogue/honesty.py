"""What honest agents do who are not perfect: they ask one question too many."""

from __future__ import annotations

from textenvs.core import Honest
from textenvs.envs.dialogue.episode import DialogueEpisode
from textenvs.messages import Stop
from textenvs.users.core import FREE, Move


def honest_of(episode: DialogueEpisode) -> Honest:
    """Return the honest moves at one point of a dialogue: the best one, and a needless question that the user bears."""
    best = episode.best()
    return Honest(
        (_needless(episode) or episode.word(best),),
        lambda action: episode.does(action, best),
        tuple(episode.word(move) for move in _rivals(episode, best)),
    )


def _needless(episode: DialogueEpisode) -> str:
    """Return a question that changes nothing; empty where there is none, or where the user would leave for it."""
    if episode.belief.course.phase != "goal":
        return ""
    useful = episode.process.posterior.useful(episode.belief)
    for slot in range(len(episode.item.catalogue.slots)):
        if slot not in useful:
            words = episode.word(Move("ask", slot))
            if _bears(episode.fork(), words):
                return words
    return ""


def _bears(episode: DialogueEpisode, words: str) -> bool:
    """Say whether the user stays after these words, if all that follows is right."""
    stop = episode.act(words).stop
    while stop is Stop.RUNNING:
        stop = episode.act(episode.oracle()).stop
    return stop is not Stop.USER_LEFT


def _rivals(episode: DialogueEpisode, best: Move) -> list[Move]:
    """Return the same kind of answer about other candidates, which are wrong."""
    if best.candidate == FREE:
        return []
    answers = (Move(best.kind, FREE, other) for other in range(len(episode.item.catalogue.names)))
    return [move for move in answers if episode.verdict(move) == "wrong"]
