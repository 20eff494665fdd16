"""What a policy is worth, from what users did about another one: pure functions of arrays, with intervals.

Every estimate is a ratio of two sums over independent users, so one interval serves them all. Throughout, a row is one
candidate that was shown; [N] rows belong to impressions, and impressions to users.

The logging policy showed candidate a of context x with probability p(a|x), the *propensity*; the candidate policy would
answer with a with probability pi(a|x), the *target*. What is estimated is the target's value
``V = E_x sum_a pi(a|x) r(x, a)``, the mean reward of its one answer.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.evaluation.statistics import FloatArray, Interval, t_quantile

IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class LoggedRewards:
    """What was shown and what it earned.

    Attributes:
        rewards: [N] of each shown candidate, freed from what hides it (`inverse_observation`, `denoise`).
        propensities: [N] in (0, 1]: how likely the logging policy was to show this candidate.
        impressions: [N] in [0, I): which impression a row belongs to; every number occurs.
        users: [I] who was shown the impression; users are independent of each other, what one user does is not.
        one_vote: whether every user counts once, by the mean over his impressions, and not once for each. A few who
            answer thousands of times then move the estimate by their number only; where users meet the same
            contexts, both estimate the same value.

    Raises:
        ValueError: if lengths differ, a propensity is no probability above 0, or an impression has no row.
    """

    rewards: FloatArray
    propensities: FloatArray
    impressions: IntArray
    users: Sequence[Hashable]
    one_vote: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no log."""
        if not len(self.rewards) == len(self.propensities) == len(self.impressions):
            raise ValueError("rewards, propensities and impressions differ in length")
        if len(self.propensities) and not ((self.propensities > 0) & (self.propensities <= 1)).all():
            raise ValueError("a propensity must lie above 0 and be at most 1")
        if not np.array_equal(np.unique(self.impressions), np.arange(len(self.users))):
            raise ValueError("every impression needs a user and at least one row")


def ips(log: LoggedRewards, target: FloatArray, clip: float = math.inf, level: float = 0.95) -> Interval:
    """Return the inverse propensity estimate, clipped if asked for.

    ``V = 1/I sum_i sum_k min(w_ik, clip) r_ik`` with ``w = pi / p`` (Horvitz & Thompson 1952; clipping: Ionides 2008,
    Bottou et al. 2013). Unbiased without clipping, where p > 0 wherever pi > 0; clipping trades variance for a bias
    that is never upwards if rewards are not negative.

    Args:
        log: what was shown and what it earned.
        target: [N] pi of each row.
        clip: largest weight.
        level: of confidence.
    """
    weights = np.minimum(_weights(log, target), clip)
    return _ratio(log, _sum(log, weights * log.rewards), np.ones(len(log.users)), level)


def snips(log: LoggedRewards, target: FloatArray, level: float = 0.95) -> Interval:
    """Return the self-normalised estimate.

    ``V = sum_ik w_ik r_ik / sum_ik w_ik`` (Swaminathan & Joachims 2015): consistent, with a bias of order 1/I, inside
    the range of the rewards, and unmoved by a constant that is added to them. The arguments are those of `ips`.
    """
    weights = _weights(log, target)
    return _ratio(log, _sum(log, weights * log.rewards), _sum(log, weights), level)


def doubly_robust(
    log: LoggedRewards,
    target: FloatArray,
    predicted: FloatArray,
    expected: FloatArray,
    clip: float = math.inf,
    level: float = 0.95,
) -> Interval:
    """Return the doubly robust estimate.

    ``V = 1/I sum_i (v_i + sum_k min(w_ik, clip) (r_ik - q_ik))`` (Dudik, Langford & Li 2011): unbiased if either the
    propensities or the predictions are right.

    Args:
        log: what was shown and what it earned.
        target: [N] pi of each row.
        predicted: [N] q, the reward that a model predicts for each row; it was fitted on other impressions.
        expected: [I] v, what the model predicts for the target: ``sum_a pi(a|x) q(x, a)`` over *all* candidates.
        clip: largest weight.
        level: of confidence.
    """
    weights = np.minimum(_weights(log, target), clip)
    errors = _sum(log, weights * (log.rewards - predicted))
    return _ratio(log, expected + errors, np.ones(len(log.users)), level)


def effective_sample_size(log: LoggedRewards, target: FloatArray) -> float:
    """Return ``(sum w)^2 / sum w^2`` over impressions (Kong 1992): how many would say as much without weights."""
    weights = _sum(log, _weights(log, target))
    square = float((weights**2).sum())
    return float(weights.sum()) ** 2 / square if square else 0.0


def inverse_observation(rewards: FloatArray, observed_with: FloatArray) -> FloatArray:
    """Return ``r / e``: rewards of which only a share e is seen, made whole on average.

    For clicks e is the probability that the user looks at the position (the position-based model; Joachims, Swaminathan
    & Schnabel 2017); for answers that users may give or not, the probability that they give one.

    Args:
        rewards: [N] as seen; 0 where nothing was seen.
        observed_with: [N] e in (0, 1].

    Raises:
        ValueError: if a probability is 0, and nothing could be seen.
    """
    if (observed_with <= 0).any():
        raise ValueError("what is never observed cannot be made whole: a probability of observation is 0")
    return rewards / observed_with


def denoise(outcomes: FloatArray, false_positive: float, false_negative: float) -> FloatArray:
    """Return ``(y - a) / (1 - a - b)``: outcomes that were flipped at known rates, right on average.

    Natarajan et al. 2013, the method of unbiased estimators.

    Args:
        outcomes: [N] 0 or 1, as seen.
        false_positive: a, how often a 0 is seen as a 1.
        false_negative: b, how often a 1 is seen as a 0.

    Raises:
        ValueError: unless a + b < 1; otherwise the outcomes say nothing.
    """
    if not (false_positive >= 0 and false_negative >= 0 and false_positive + false_negative < 1):
        raise ValueError(f"flip rates {false_positive} and {false_negative} must not be negative and sum to below 1")
    return (outcomes - false_positive) / (1 - false_positive - false_negative)


def examination(clicks: FloatArray, positions: IntArray) -> FloatArray:
    """Return [K] how likely each position is looked at, relative to the first.

    ``e_k = clicks per showing at k / clicks per showing at 0``, from impressions whose candidates were put *in random
    order* (Joachims, Swaminathan & Schnabel 2017): then every position has the same mix of candidates.

    Args:
        clicks: [N] 0 or 1.
        positions: [N] of the rows, from 0; every position up to the last occurs.

    Raises:
        ValueError: if a position was never shown, or the first was never clicked.
    """
    shown = np.bincount(positions)
    if not shown.all():
        raise ValueError(f"position {int(np.argmin(shown))} was never shown")
    rates = np.bincount(positions, weights=clicks) / shown
    if rates[0] == 0:
        raise ValueError("the first position was never clicked; there is nothing to compare with")
    return rates / rates[0]


def shares(seen: NDArray[np.bool_], strata: Sequence[Hashable]) -> FloatArray:
    """Return [N] the share of rows in each row's stratum that were seen: the estimated probability of observation.

    Args:
        seen: [N] whether there was an answer.
        strata: [N] what the readiness to answer may depend on; within a stratum it must not depend on the reward.
    """
    numbers: dict[Hashable, int] = {}
    places = np.array([numbers.setdefault(name, len(numbers)) for name in strata], dtype=np.intp)
    rates = np.bincount(places, weights=seen) / np.maximum(np.bincount(places), 1)
    return rates[places]


def _weights(log: LoggedRewards, target: FloatArray) -> FloatArray:
    if target.shape != log.rewards.shape:
        raise ValueError(f"{len(target)} target probabilities for {len(log.rewards)} rows")
    return target / log.propensities


def _sum(log: LoggedRewards, values: FloatArray) -> FloatArray:
    """Return [I]: the sums over the rows of each impression."""
    return np.bincount(log.impressions, weights=values, minlength=len(log.users)).astype(np.float64)


def _ratio(log: LoggedRewards, numerators: FloatArray, denominators: FloatArray, level: float) -> Interval:
    """Return ``sum A / sum B`` over users, with the interval of its linearisation (Cochran 1977, ratio estimators).

    With ``d_u = (A_u - V B_u) / mean(B)`` the variance is that of the mean of d; with B = 1 it is Student's interval
    of the mean.

    Args:
        log: says which impressions are whose.
        numerators: [I] A.
        denominators: [I] B.
        level: of confidence.
    """
    numbers: dict[Hashable, int] = {}
    owner = np.array([numbers.setdefault(user, len(numbers)) for user in log.users], dtype=np.intp)
    above, below = (np.bincount(owner, weights=part, minlength=len(numbers)) for part in (numerators, denominators))
    if log.one_vote:
        made = np.bincount(owner, minlength=len(numbers))
        above, below = above / made, below / made
    n = len(numbers)
    if n == 0 or below.sum() == 0:
        return Interval(math.nan, math.nan, math.nan, n, level)
    value = float(above.sum() / below.sum())
    if n == 1:
        return Interval(value, math.nan, math.nan, 1, level)
    spread = (above - value * below) / below.mean()
    half = t_quantile((1 + level) / 2, n - 1) * float(spread.std(ddof=1)) / math.sqrt(n)
    return Interval(value, value - half, value + half, n, level)
