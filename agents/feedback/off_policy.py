"""Off-policy evaluation of a candidate: from logged feedback to its estimated value, before it is served."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from agents.evaluation.statistics import FloatArray, Interval, mean_interval
from agents.feedback.estimators import (
    LoggedRewards,
    denoise,
    doubly_robust,
    effective_sample_size,
    inverse_observation,
    ips,
    shares,
    snips,
)
from agents.feedback.events import Impression
from agents.feedback.signals import candidate_rewards
from agents.feedback.store import Interaction
from textenvs.errors import ConfigError

Target = Callable[[Impression], Sequence[float]]
"""The probability with which the candidate policy would give each answer that the impression shows, in its order."""

FOLDS = 2
"""Of the users, so that no prediction rests on what it is used for."""


@dataclass(frozen=True, kw_only=True)
class OffPolicyConfig:
    """How the log is read.

    Attributes:
        rewards: what an event of each kind is worth (`agents.feedback.signals`).
        silence: what a candidate without such an event earned: nothing (``"zero"``, for clicks), or it is unknown
            (``"missing"``, for thumbs and ratings), and those who answered speak for those who did not.
        stratum: with missing answers, what the readiness to answer may depend on, beside the position; by default the
            policy version.
        examination: with silence as zero, how likely each position is looked at; () where every one is. The last value
            holds for further positions. See `agents.feedback.estimators.examination`.
        window_s: how long an event may take to come; impressions that are younger are left out, as their silence says
            nothing yet, and later events are not counted.
        false_positive: share of clicks on what was looked at and not wanted.
        false_negative: share of what was looked at and wanted, and not clicked.
        one_vote: whether every user counts once.
        clip: largest weight of the clipped estimate.
        level: of confidence.

    Raises:
        ConfigError: if a value is out of range, or settings contradict each other.
    """

    rewards: Mapping[str, float] = field(default_factory=lambda: {"click": 1.0})
    silence: Literal["zero", "missing"] = "zero"
    stratum: Callable[[Impression], str] = lambda impression: impression.policy_version
    examination: tuple[float, ...] = ()
    window_s: float = 0.0
    false_positive: float = 0.0
    false_negative: float = 0.0
    one_vote: bool = False
    clip: float = 10.0
    level: float = 0.95

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not all(0 < share <= 1 for share in self.examination):
            raise ConfigError(f"examination={self.examination!r}: every value must lie above 0 and be at most 1")
        if self.silence == "missing" and self.examination:
            raise ConfigError("examination is about clicks; with silence='missing' the answers' own shares are used")
        if (self.false_positive or self.false_negative) and dict(self.rewards) != {"click": 1.0}:
            raise ConfigError("false_positive and false_negative need rewards={'click': 1.0}: outcomes of 0 and 1")
        if self.clip <= 0 or self.window_s < 0 or not 0 < self.level < 1:
            raise ConfigError("clip must be above 0, window_s not negative, and level between 0 and 1")


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """What a candidate policy is worth, by every estimator.

    Attributes:
        naive: mean reward of whatever was shown and answered; the logging policy's, and biased for that.
        ips: inverse propensity; unbiased where the log covers the candidate.
        clipped: the same with clipped weights.
        snips: self-normalised.
        doubly_robust: with a constant prediction, cross-fitted over users: an additive baseline.
        coverage: mean of the weights; an interval clear of 1 says that propensities are wrong, or that the log does
            not show what the candidate would answer.
        effective_sample_size: impressions that would say as much without weights.
        impressions: that were used.
        too_young: impressions that were left out.
    """

    naive: Interval
    ips: Interval
    clipped: Interval
    snips: Interval
    doubly_robust: Interval
    coverage: Interval
    effective_sample_size: float
    impressions: int
    too_young: int


def evaluate_offline(
    interactions: Iterable[Interaction], target: Target, config: OffPolicyConfig, now: float
) -> PolicyValue:
    """Estimate the value of a candidate policy from logged feedback.

    Args:
        interactions: impressions with their events.
        target: the candidate.
        config: how the log is read.
        now: seconds since 1970.

    Raises:
        ConfigError: if no impression is old enough, or the target gives no probabilities.
    """
    log, weights, seen, too_young = _read(interactions, target, config, now)
    impressions = len(log.users)
    everything = LoggedRewards(np.ones_like(log.rewards), log.propensities, log.impressions, log.users, log.one_vote)
    predicted = _cross_fitted(log, weights)
    return PolicyValue(
        naive=mean_interval(seen, level=config.level),
        ips=ips(log, weights, level=config.level),
        clipped=ips(log, weights, config.clip, level=config.level),
        snips=snips(log, weights, level=config.level),
        doubly_robust=doubly_robust(log, weights, predicted[log.impressions], predicted, level=config.level),
        coverage=ips(everything, weights, level=config.level),
        effective_sample_size=effective_sample_size(log, weights),
        impressions=impressions,
        too_young=too_young,
    )


@dataclass
class _Columns:
    """The rows of a log as they are read: one per candidate shown."""

    seen: list[float] = field(default_factory=list)
    propensities: list[float] = field(default_factory=list)
    target: list[float] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    strata: list[tuple[str, int]] = field(default_factory=list)
    impressions: list[int] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    too_young: int = 0

    def add(self, impression: Impression, rewards: Sequence[float], chances: Sequence[float], stratum: str) -> None:
        """Add the candidates of an impression."""
        number = len(self.users)
        self.users.append(impression.user_id or f"impression {impression.id}")
        for position, candidate in enumerate(impression.candidates):
            self.seen.append(rewards[position])
            self.propensities.append(candidate.propensity)
            self.target.append(chances[position])
            self.positions.append(position)
            self.strata.append((stratum, position))
            self.impressions.append(number)


def _read(
    interactions: Iterable[Interaction], target: Target, config: OffPolicyConfig, now: float
) -> tuple[LoggedRewards, FloatArray, FloatArray, int]:
    """Return the log, the target's probabilities, the rewards as they were seen, and how much was too young."""
    columns = _Columns()
    for interaction in interactions:
        impression = interaction.impression
        if impression.time + config.window_s > now:
            columns.too_young += 1
            continue
        rewards = candidate_rewards(_in_time(interaction, config), config.rewards)
        columns.add(impression, rewards, _chances(target, impression), config.stratum(impression))
    if not columns.users:
        raise ConfigError(
            f"no impression is older than the window of {config.window_s:g} s; {columns.too_young} are not"
        )
    seen = np.array(columns.seen)
    rewards = _whole(seen, columns, config)
    seen = np.nan_to_num(seen) if config.silence == "zero" else seen
    propensities, impressions = np.array(columns.propensities), np.array(columns.impressions, dtype=np.intp)
    log = LoggedRewards(rewards, propensities, impressions, columns.users, config.one_vote)
    return log, np.array(columns.target), seen, columns.too_young


def _in_time(interaction: Interaction, config: OffPolicyConfig) -> Interaction:
    if not config.window_s:
        return interaction
    end = interaction.impression.time + config.window_s
    return Interaction(interaction.impression, tuple(event for event in interaction.events if event.time <= end))


def _chances(target: Target, impression: Impression) -> Sequence[float]:
    chances = target(impression)
    fits = len(chances) == len(impression.candidates) and all(0 <= chance <= 1 for chance in chances)
    if not fits or math.fsum(chances) > 1 + 1e-6:
        n = len(impression.candidates)
        raise ConfigError(f"impression {impression.id!r}: the target must give {n} probabilities that sum to at most 1")
    return chances


def _whole(seen: FloatArray, columns: _Columns, config: OffPolicyConfig) -> FloatArray:
    """Return the rewards freed from what hid or flipped them."""
    there = ~np.isnan(seen)
    if config.silence == "missing":
        # A stratum in which nobody answered has share 0, and no row that is divided by it.
        found = shares(there, columns.strata)
        return inverse_observation(np.nan_to_num(seen), np.where(found > 0, found, 1.0))
    looks = np.array(config.examination or (1.0,))
    looked = looks[np.minimum(np.array(columns.positions), len(looks) - 1)]
    return denoise(inverse_observation(np.nan_to_num(seen), looked), config.false_positive, config.false_negative)


def _cross_fitted(log: LoggedRewards, target: FloatArray) -> FloatArray:
    """Return [I] a constant prediction for each fold of users: the self-normalised value of the others."""
    folds = np.array([hashlib.blake2b(str(user).encode(), digest_size=1).digest()[0] % FOLDS for user in log.users])
    weights = target / log.propensities
    of_rows = folds[log.impressions]
    predicted = np.zeros(len(log.users))
    for fold in range(FOLDS):
        others = of_rows != fold
        total = float(weights[others].sum())
        predicted[folds == fold] = float((weights * log.rewards)[others].sum()) / total if total else 0.0
    return predicted
