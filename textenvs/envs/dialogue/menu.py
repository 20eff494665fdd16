"""The strategy without the language: the moves that there are, and what can be known in numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from textenvs.envs.dialogue.beliefs import Belief
from textenvs.envs.dialogue.episode import DialogueEpisode
from textenvs.envs.dialogue.process import Process
from textenvs.envs.dialogue.stakes import ENOUGH
from textenvs.envs.dialogue.strategy import likeliest
from textenvs.users.agenda import TOLD, VAGUE
from textenvs.users.core import FREE, Move, MoveKind

_OTHERS: tuple[MoveKind, ...] = ("refuse", "handover", "offer", "end")


class DialogueMenu:
    """Moves and features of `DialogueStrategy`; see `textenvs.wrappers.Menu`.

    ``answer`` answers in the way that was asked for, with the candidate that is most probably right.

    Args:
        slots: how many slots there are.
        turns: most actions of an episode.
        playing: returns the episode being played.
    """

    def __init__(self, slots: int, turns: int, playing: Callable[[], DialogueEpisode]) -> None:
        self._slots = slots
        self._turns = turns
        self._playing = playing
        self.moves = (*(f"ask_{slot}" for slot in range(slots)), "answer", *_OTHERS)
        self.features = (
            *(f"{what}_{slot}" for slot in range(slots) for what in ("told", "vague", "useful", "open")),
            *("likeliest", "entropy", "impossible", "fresh", "goal_open", "waiting", "gone"),
            *("more_goals", "questions", "strain", "turn", "angry"),
            *(f"last_{move}" for move in self.moves),
        )

    def look(self) -> list[float]:
        """Return the features, each in [0, 1]."""
        episode = self._playing()
        last = [0.0] * len(self.moves)
        if episode.last is not None and (number := self._number(episode.last)) is not None:
            last[number] = 1.0
        turn = 1.0 - episode.turns / self._turns
        return [*_known(episode.process, episode.belief), turn, float(episode.process.angry), *last]

    def say(self, move: int) -> str:
        """Return the text of a move at this point."""
        return self._playing().word(self._move(move))

    def _move(self, number: int) -> Move:
        if number < self._slots:
            return Move("ask", number)
        if number > self._slots:
            return Move(_OTHERS[number - self._slots - 1])
        episode = self._playing()
        goals = episode.process.posterior.goals(episode.belief) if episode.belief.box else ()
        return Move(episode.intent, FREE, likeliest(episode.process, goals)[0])

    def _number(self, move: Move) -> int | None:
        """Return the number under which a move stands in the menu."""
        if move.kind == "ask":
            return None if move.slot == FREE else move.slot
        if move.kind in _OTHERS:
            return self._slots + 1 + _OTHERS.index(move.kind)
        return None if move.kind == "unclear" else self._slots


@lru_cache(maxsize=1 << 15)
def _known(process: Process, belief: Belief) -> tuple[float, ...]:
    """Return the features that follow from a belief."""
    course, posterior, slots = belief.course, process.posterior, range(len(process.kb.sizes))
    phases = [float(course.phase == phase) for phase in ("goal", "waiting", "gone")]
    more = process.more(course.goal) if course.phase == "waiting" else 0.0
    rest = [*phases, more, course.asked / process.habits.tolerance, min(1.0, course.strain / ENOUGH)]
    if course.phase != "goal":
        return (*[0.0] * (4 * len(slots)), 0.0, 0.0, 0.0, 0.0, *rest)
    goals, useful = posterior.goals(belief), posterior.useful(belief)
    told = [
        float(one)
        for slot in slots
        for one in (
            course.told[slot] == TOLD,
            course.told[slot] == VAGUE,
            slot in useful,
            len({wants[slot] for wants, _ in goals}) > 1,
        )
    ]
    entropy = -sum(p * math.log(p) for _, p in goals if p) / math.log(max(2, len(process.prior)))
    impossible = sum(p for wants, p in goals if not process.kb.possible(wants))
    right = likeliest(process, goals)[1]
    return (*told, min(1.0, right), min(1.0, entropy), min(1.0, impossible), float(belief.fresh != FREE), *rest)
