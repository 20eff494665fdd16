"""The rules of health: each turns the recent metrics into one number, how bad it is, and says what helps.

A rule compares windows of updates, never single ones: what a rule sees is a `Window` of the run's first updates, the
latest ones, and those just before. It is unknown, NaN, until all three are full or where the metrics are missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Row = Mapping[str, float]
"""The metrics of one update; what was not finite is left out."""

SOLVED = 0.95
"""Success from which on a policy may be sure of itself from the start."""


@dataclass(frozen=True)
class Window:
    """Three stretches of a run, all equally long.

    Attributes:
        start: its first updates.
        before: the updates before the latest ones.
        now: the latest updates.
    """

    start: Sequence[Row]
    before: Sequence[Row]
    now: Sequence[Row]

    def change(self, name: str) -> float:
        """Return how much the mean of a metric rose from `before` to `now`."""
        return rise(self.before, self.now, name)

    def gain(self, name: str) -> float:
        """Return how much the mean of a metric rose from `start` to `now`."""
        return rise(self.start, self.now, name)

    def kept(self, name: str) -> float:
        """Return the share of a metric's value at the start that is left now; NaN where it began at 0."""
        start = average(self.start, name)
        return average(self.now, name) / start if start > 0 else math.nan

    @property
    def progress(self) -> str:
        """The metric that says whether the policy gets better: success, or the return where nobody says."""
        return "success" if any("success" in row for row in self.now) else "episode_return"

    def beyond_success(self, loss: float) -> float:
        """Return what of a loss of variety success does not account for.

        Who solves more has less to try: the loss counts by the share of the failures at the start that is left, all of
        it where nobody tells of success.
        """
        failing = [1 - average(rows, "success") for rows in (self.start, self.now)]
        if math.isnan(failing[0] + failing[1]):
            return loss
        return loss * min(1.0, failing[1] / max(failing[0], 1 - SOLVED))


@dataclass(frozen=True)
class Rule:
    """Something that goes wrong.

    Between the two thresholds a warning stays as it is, so that it is not repeated when the figure wavers.

    Attributes:
        name: of the warning.
        what: one sentence, in which ``{level}`` stands for the figure.
        remedy: one sentence.
        level: how bad it is; NaN where that is not known.
        raised_above: the warning is raised when the level is above this.
        cleared_below: it is cleared when the level is below this.
    """

    name: str
    what: str
    remedy: str
    level: Callable[[Window], float]
    raised_above: float
    cleared_below: float


def average(rows: Sequence[Row], name: str) -> float:
    """Return the mean of a metric over the rows that have it; NaN if none has."""
    known = [row[name] for row in rows if name in row]
    return math.fsum(known) / len(known) if known else math.nan


def rise(earlier: Sequence[Row], later: Sequence[Row], name: str) -> float:
    """Return how much the mean of a metric rose from one stretch to another."""
    return average(later, name) - average(earlier, name)


def entropy_lost(window: Window) -> float:
    """Return the share of the entropy at the start that is gone, beyond what success accounts for."""
    return window.beyond_success(1 - window.kept("entropy"))


def diversity_lost(window: Window) -> float:
    """Return the share of the diversity at the start that is gone, in answers or bigrams, beyond the same."""
    lost = [1 - window.kept(name) for name in ("distinct_answers", "distinct_2")]
    return window.beyond_success(max((loss for loss in lost if not math.isnan(loss)), default=math.nan))


def length_gained(window: Window) -> float:
    """Return the share by which turns have become longer; 0 if the policy became better too."""
    growth = average(window.now, "response_tokens") / (average(window.before, "response_tokens") or math.nan) - 1
    return 0.0 if window.change(window.progress) > 0 else growth


def divergence(window: Window) -> float:
    """Return the divergence from the reference, in nats per token."""
    return average(window.now, "kl")


def sampler_gap(window: Window) -> float:
    """Return how far sampler and trainer are apart, in nats per token; unknown where they are meant to be."""
    return math.nan if average(window.now, "epsilon") > 0 else average(window.now, "sampler_gap")


def gamed_part(window: Window) -> float:
    """Return how much a reward part has risen, or success has fallen, whichever is less, of late or since the start."""
    return max(_gamed_since(window.before, window.now), _gamed_since(window.start, window.now))


def _gamed_since(earlier: Sequence[Row], now: Sequence[Row]) -> float:
    """Return the same for two stretches.

    Parts are measured by the largest they were on either side, so that the figure does not depend on their scale.
    """
    parts = {name for row in now for name in row if name.startswith("reward/")}
    sizes = {name: max(abs(average(rows, name)) for rows in (earlier, now)) for name in parts}
    rises = [rise(earlier, now, name) / size for name, size in sizes.items() if size > 0]
    fall = -rise(earlier, now, "success")
    return min(max(rises), fall) if rises and not math.isnan(fall) else math.nan


def signs_gained(window: Window) -> float:
    """Return by how much more the share of actions with a sign of gaming has risen since the start than success has.

    A sign may belong to a right answer, some utterances are rightly copied; then success rises with it.
    """
    better = window.gain("success")
    return window.gain("flagged") - (better if better > 0 else 0.0)


RULES = (
    Rule(
        "flat groups",
        "in {level:.0%} of the groups all returns are equal, so they teach nothing",
        "set filters.resample_rounds or curriculum.boost, use a denser reward, or play items of another difficulty",
        lambda window: average(window.now, "flat_groups"),
        raised_above=0.6,
        cleared_below=0.4,
    ),
    Rule(
        "entropy collapse",
        "{level:.0%} of the entropy at the start is gone without success to show for it",
        "raise entropy_coef or set exploration.entropy_target, raise clip_range_high or kl_coef, lower learning_rate",
        entropy_lost,
        raised_above=0.8,
        cleared_below=0.7,
    ),
    Rule(
        "diversity falls",
        "{level:.0%} of the diversity of the answers is gone without success to show for it",
        "raise temperature or kl_coef, set exploration.entropy_target, or reward different right answers alike",
        diversity_lost,
        raised_above=0.5,
        cleared_below=0.35,
    ),
    Rule(
        "length without success",
        "turns have become {level:.0%} longer, and the policy has become no better",
        "set filters.mask_overlong or loss_type='dr_grpo', lower max_new_tokens, or let the reward charge for length",
        length_gained,
        raised_above=0.2,
        cleared_below=0.05,
    ),
    Rule(
        "KL runaway",
        "the policy is {level:.2f} nats per token away from the reference",
        "raise kl_coef or set kl_control.target, lower learning_rate or n_epochs, or set target_kl",
        divergence,
        raised_above=0.5,
        cleared_below=0.25,
    ),
    Rule(
        "sampler and trainer differ",
        "the sampler's log-probabilities are {level:.3f} nats per token off the trainer's",
        "run textenvs doctor on this model, use float32 for both, or set importance.cap=2 to correct for it",
        sampler_gap,
        raised_above=0.05,
        cleared_below=0.02,
    ),
    Rule(
        "reward hacking",
        "one part of the reward rises while success falls, both by {level:.2f} or more",
        "read the transcripts; bound that part, gate it on success, or lower its weight",
        gamed_part,
        raised_above=0.05,
        cleared_below=0.01,
    ),
    Rule(
        "exploit signs",
        "since the start {level:.0%} more of the actions show a sign of gaming, and success has not risen with them",
        "read the marked episodes in the report (flags/* says of which signs); gate the reward on success",
        signs_gained,
        raised_above=0.25,
        cleared_below=0.1,
    ),
    Rule(
        "critic worse than a constant",
        "the critic's explained variance lies {level:.2f} below zero",
        "set value_warmup_updates, raise value_coef or learning_rate, or set gae_lambda=1 to rely on it less",
        lambda window: -average(window.now, "explained_variance"),
        raised_above=0.0,
        cleared_below=-0.1,
    ),
    Rule(
        "invalid actions",
        "the environment calls {level:.0%} of the actions malformed",
        "warm up by supervision (--init sft), show the format in the instruction, or raise max_new_tokens",
        lambda window: average(window.now, "invalid_action_rate"),
        raised_above=0.2,
        cleared_below=0.1,
    ),
)
"""Every rule, in the order in which warnings are told."""
