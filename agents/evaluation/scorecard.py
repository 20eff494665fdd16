"""Scorecard: every figure of an evaluation, for one part of it or for all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agents.evaluation.repeated import over_items, pass_at_k, pass_hat_k
from agents.evaluation.results import EpisodeScore, EvaluationResult, Measure
from agents.evaluation.statistics import Interval, bootstrap_mean, mean_interval, share_interval
from textenvs.faults import FAILURES
from textenvs.messages import Stop

ALL = "all"
"""Name of the scorecard of all episodes."""

TRUNCATED = frozenset({Stop.TRUNCATED.value, "context_full"})
"""Why an episode ended that a limit outside the task has cut."""


@dataclass(frozen=True, slots=True)
class TurnPoint:
    """One point of the curves over turns.

    Attributes:
        turn: from 1.
        reached: share of the episodes that have such a turn.
        reward: its mean reward, over the items whose episodes have it.
        invalid: share of these turns whose action was malformed.
    """

    turn: int
    reached: float
    reward: Interval
    invalid: Interval


@dataclass(frozen=True)
class Scorecard:
    """The figures of an evaluation. Intervals are at 95 %, an item counting once however often it was played.

    Attributes:
        episodes: how many were played.
        means: success, return, parts, turns, with Student's t interval (success: see `share_interval`).
        bootstrap: success and return with a percentile bootstrap over items.
        rates: shares of malformed actions, of turns cut by the token limit, of truncated and of failed episodes.
        passes: pass@k and pass^k for k up to the number of samples; empty without repeats.
        curve: by turn.
        tokens: per episode; NaN where the policy has none.
        seconds: in all.
    """

    episodes: int
    means: Mapping[str, Interval]
    bootstrap: Mapping[str, Interval]
    rates: Mapping[str, Interval]
    passes: Mapping[str, Interval]
    curve: tuple[TurnPoint, ...]
    tokens: Interval
    seconds: float

    @classmethod
    def of(cls, result: EvaluationResult) -> Scorecard:
        """Compute all figures of an evaluation, or of a part of one."""
        seconds = result.values(lambda episode: episode.seconds)
        return cls(
            episodes=len(result.episodes),
            means=result.summary(),
            bootstrap={
                name: bootstrap_mean(result.values(measure), result.items) for name, measure in _BOOTSTRAPPED.items()
            },
            rates={name: share_interval(result.values(measure), result.items) for name, measure in _RATES.items()},
            passes=_passes(result),
            curve=_curve(result),
            tokens=mean_interval(result.values(lambda episode: episode.tokens), result.items),
            seconds=math.fsum(seconds[~np.isnan(seconds)]),
        )

    def as_dict(self) -> dict[str, object]:
        """Return the figures for JSON."""
        tables = {"means": self.means, "bootstrap": self.bootstrap, "rates": self.rates, "passes": self.passes}
        curve = [
            {"turn": p.turn, "reached": p.reached, "reward": p.reward.as_dict(), "invalid": p.invalid.as_dict()}
            for p in self.curve
        ]
        return {
            "episodes": self.episodes,
            **{name: {key: one.as_dict() for key, one in table.items()} for name, table in tables.items()},
            "curve": curve,
            "tokens": self.tokens.as_dict(),
            "seconds": round(self.seconds, 3),
        }


def scorecards(result: EvaluationResult) -> dict[str, Scorecard]:
    """Return the scorecard of all episodes, named `ALL`, and where there are several groups that of each."""
    cards = {ALL: Scorecard.of(result)}
    if len(result.groups) > 1:
        cards |= {group: Scorecard.of(result.only(group)) for group in result.groups}
    return cards


def _invalid_share(episode: EpisodeScore) -> float:
    return _share([turn.invalid_action for turn in episode.turns])


def _cut_share(episode: EpisodeScore) -> float:
    return _share([turn.finish_reason == "length" for turn in episode.turns])


def _share(flags: list[bool]) -> float:
    return sum(flags) / len(flags) if flags else math.nan


_BOOTSTRAPPED: Mapping[str, Measure] = {
    "success": lambda episode: episode.success,
    "return": lambda episode: episode.episode_return,
}

_RATES: Mapping[str, Measure] = {
    "invalid actions": _invalid_share,
    "turns cut": _cut_share,
    "truncated": lambda episode: float(episode.stop in TRUNCATED),
    "failed": lambda episode: float(episode.stop in FAILURES),
}


def _passes(result: EvaluationResult) -> dict[str, Interval]:
    samples = max(Counter(result.items).values(), default=0)
    success = result.values(lambda episode: episode.success)
    return {
        f"{name}{k}": over_items(estimator, success, result.items, k)
        for name, estimator in (("pass@", pass_at_k), ("pass^", pass_hat_k))
        for k in range(1, samples + 1)
        if samples > 1
    }


def _curve(result: EvaluationResult) -> tuple[TurnPoint, ...]:
    longest = max((len(episode.turns) for episode in result.episodes), default=0)
    points: list[TurnPoint] = []
    for place in range(longest):
        there = EvaluationResult(tuple(episode for episode in result.episodes if len(episode.turns) > place))
        turns = [episode.turns[place] for episode in there.episodes]
        rewards = np.array([turn.reward if turn.valid else math.nan for turn in turns])
        invalid = np.array([float(turn.invalid_action) for turn in turns])
        reached = len(turns) / len(result.episodes)
        malformed = share_interval(invalid, there.items)
        points.append(TurnPoint(place + 1, reached, mean_interval(rewards, there.items), malformed))
    return tuple(points)
