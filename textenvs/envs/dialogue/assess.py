"""What a policy's dialogues say about its strategy, besides their return: see `Report`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

from textenvs.core import Observation, TextEnv
from textenvs.envs.dialogue.bounds import Clairvoyant
from textenvs.envs.dialogue.oracle import Oracle, oracle_of
from textenvs.envs.dialogue.process import Process, process_of
from textenvs.envs.dialogue.stakes import satisfaction
from textenvs.envs.dialogue.strategy import best_known
from textenvs.envs.dialogue.types import TurnTruth
from textenvs.users.core import ANSWERS, FREE, Move


@dataclass(frozen=True, slots=True)
class Report:
    """How a policy converses. Rates are NaN where there was nothing to be right or wrong about.

    Attributes:
        completion: share of users all of whose goals were met.
        satisfaction: mean, from 1 to 5.
        questions: mean number of questions in a dialogue.
        asked_when_needed: of the turns in which asking was best, the share in which it asked (recall).
        asked_when_not_needed: of the other turns with an open goal, the share in which it asked.
        regret: mean of what a dialogue lost to the optimum by its moves, each by its own: the value of the best move
            less that of the one made. NaN where the optimum is not known.
    """

    completion: float
    satisfaction: float
    questions: float
    asked_when_needed: float
    asked_when_not_needed: float
    regret: float


def should_ask(truth: TurnTruth, exact: bool) -> bool:
    """Say whether asking was best, by the exact optimum or by the best known policy."""
    if exact:
        return _oracle(truth).best(truth.belief, truth.turns).kind == "ask"
    return best_known(_process(truth), truth.belief).kind == "ask"


def regret(truth: TurnTruth) -> float:
    """Return by how much a move falls short of the best one, in expected return; >= 0, small size only."""
    oracle = _oracle(truth)
    worth = oracle.worth(truth.belief, _seen_by_oracle(truth), truth.turns)
    return max(0.0, oracle.value(truth.belief, truth.turns) - worth)


def _seen_by_oracle(truth: TurnTruth) -> Move:
    """Return a move as `Process` takes it, for which every request is one for a recommendation."""
    if truth.move.kind not in ANSWERS:
        return truth.move
    return Move("book" if truth.verdict == "other_kind" else "recommend", FREE, truth.move.candidate)


def upper_bound(truth: TurnTruth) -> float:
    """Return more than can be expected of the rest of a dialogue, at any size: what one would who knew all goals."""
    return _clairvoyant(_process(truth)).value(truth.belief)


def _oracle(truth: TurnTruth) -> Oracle:
    return oracle_of(truth.item.catalogue.kb, truth.item.habits, truth.item.mood == "angry")


def _process(truth: TurnTruth) -> Process:
    return process_of(truth.item.catalogue.kb, truth.item.habits, truth.item.mood == "angry")


@lru_cache(maxsize=64)
def _clairvoyant(process: Process) -> Clairvoyant:
    return Clairvoyant(process)


def converse(env: TextEnv, act: Callable[[Observation], str], index: int) -> list[TurnTruth]:
    """Play one dialogue and return the truth of its turns; the reward is not asked."""
    observation, _ = env.reset(options={"index": index})
    turn = env.advance(act(observation))
    truths: list[TurnTruth] = [turn.truth]
    while not turn.last:
        turn = env.advance(act({**observation, "history": turn.after}))
        truths.append(turn.truth)
    return truths


def assess(dialogues: Iterable[Sequence[TurnTruth]], exact: bool) -> Report:
    """Sum up the dialogues of a policy; those that the simulated user spoiled are left out.

    Args:
        dialogues: the truths of their turns, as `converse` returns them.
        exact: whether the optimum is known: at the small size.
    """
    played = [turns for turns in dialogues if not any(turn.fault for turn in turns)]
    ends = [turns[-1].closing for turns in played]
    labelled = [
        (should_ask(turn, exact), turn.move.kind == "ask")
        for turns in played
        for turn in turns
        if turn.belief.course.phase == "goal"
    ]
    return Report(
        _mean([float(end.met == end.goals) for end in ends if end]),
        _mean([satisfaction(end.completion, end.strain) for end in ends if end]),
        _mean([float(sum(turn.move.kind == "ask" for turn in turns)) for turns in played]),
        _mean([float(asked) for needed, asked in labelled if needed]),
        _mean([float(asked) for needed, asked in labelled if not needed]),
        _mean([sum(map(regret, turns)) for turns in played]) if exact else math.nan,
    )


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else math.nan
