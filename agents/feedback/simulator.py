"""Users whose true wishes are known: what they do is noisy, selective, late and biased by position; some are hostile.

A context is one of a few conversations, an answer one of a few texts; how likely answer a satisfies a user in context x
is a table, and so the true value of every policy is a sum. The logging policy shows several answers at once, drawn
without replacement (Plackett-Luce), and its propensities are computed by enumeration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from agents.evaluation.statistics import FloatArray
from agents.feedback.events import Candidate, Click, Event, Impression, Thumb
from agents.feedback.off_policy import Target
from agents.feedback.store import Interaction
from textenvs.errors import ConfigError
from textenvs.messages import Message

DAY_S = 86_400.0
NOW = 1e9
"""A moment to look at the log, in seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class SimulatorConfig:
    """What stands between the users' wishes and the log.

    Attributes:
        contexts: different conversations.
        answers: different texts; all permutations of `shown` of them are enumerated.
        shown: answers that one impression shows.
        sharpness: how strongly the logging policy prefers some answers; 0 draws all alike.
        shuffled: whether what is shown is put in random order, and not in the order drawn.
        examination: how likely a user looks at each position; as many as are shown.
        false_positive: how often a user clicks on what he looked at and did not want.
        false_negative: how often he does not click on what he looked at and wanted.
        thumbs: how likely a user answers with a thumb, by context; () stands for never.
        delay_s: a click comes up to this much later, uniformly.
        users: honest users; each impression is of one of them.
        adversaries: users who click on everything, whatever it is.
        adversary_share: share of the impressions that are theirs.

    Raises:
        ConfigError: if the numbers do not fit together.
    """

    contexts: int = 3
    answers: int = 5
    shown: int = 3
    sharpness: float = 1.0
    shuffled: bool = False
    examination: tuple[float, ...] = (1.0, 0.6, 0.3)
    false_positive: float = 0.0
    false_negative: float = 0.0
    thumbs: tuple[float, ...] = ()
    delay_s: float = 0.0
    users: int = 300
    adversaries: int = 0
    adversary_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not 1 <= self.shown <= self.answers or len(self.examination) != self.shown:
            raise ConfigError("shown must be at most answers, and examination must have one value for each shown")
        if self.thumbs and len(self.thumbs) != self.contexts:
            raise ConfigError(f"thumbs has {len(self.thumbs)} values; give one for each of {self.contexts} contexts")


class Simulator:
    """A small world of users.

    Args:
        config: how they behave.
        seed: of the world and of what happens in it.
    """

    def __init__(self, config: SimulatorConfig, seed: int) -> None:
        self.config = config
        self._generator = np.random.default_rng(seed)
        shape = (config.contexts, config.answers)
        self.quality: FloatArray = self._generator.uniform(0.05, 0.95, shape)
        """[contexts, answers]: how likely an answer satisfies a user."""
        liking = np.exp(config.sharpness * self._generator.normal(size=shape))
        self._liking: FloatArray = liking / liking.sum(1, keepdims=True)
        self._propensities = np.array([_inclusion(row, config.shown) for row in self._liking])

    def softmax_policy(self, sharpness: float) -> FloatArray:
        """Return [contexts, answers]: a candidate that prefers what satisfies, the more the sharper."""
        weights = np.exp(sharpness * self.quality)
        return weights / weights.sum(1, keepdims=True)

    def true_value(self, policy: FloatArray) -> float:
        """Return the share of satisfied users under a policy [contexts, answers]; contexts are equally frequent."""
        return float((policy * self.quality).sum(1).mean())

    def target(self, policy: FloatArray) -> Target:
        """Return a policy [contexts, answers] as the estimators ask for it."""

        def chances(impression: Impression) -> list[float]:
            context = _number(impression.conversation[-1].content)
            return [float(policy[context, _number(candidate.text)]) for candidate in impression.candidates]

        return chances

    def interactions(self, n: int, *, end: float = NOW, span_s: float = DAY_S) -> Iterator[Interaction]:
        """Yield what is known at a moment about impressions of the time before it.

        Args:
            n: impressions.
            end: the moment, in seconds since 1970; a click that is later has not come yet.
            span_s: the impressions' times are uniform over as much before the moment.
        """
        for number in range(n):
            yield self._interaction(number, end - self._generator.uniform(0, span_s), end)

    def _interaction(self, number: int, time: float, end: float) -> Interaction:
        draw, config = self._generator, self.config
        hostile = bool(config.adversaries) and draw.random() < config.adversary_share
        user = f"h{draw.integers(config.adversaries)}" if hostile else f"u{draw.integers(config.users)}"
        context = int(draw.integers(config.contexts))
        answers = draw.choice(config.answers, config.shown, replace=False, p=self._liking[context])
        if config.shuffled:
            draw.shuffle(answers)
        impression = Impression(
            id=f"i{number}",
            time=time,
            policy_version="logging",
            conversation=(Message("user", f"question {context}"),),
            candidates=tuple(
                Candidate(text=f"answer {answer}", propensity=float(self._propensities[context, answer]))
                for answer in answers
            ),
            user_id=user,
        )
        wanted = draw.random(config.shown) < self.quality[context, answers]
        events = [*self._clicks(impression, wanted, hostile), *self._thumbs(impression, wanted, context)]
        return Interaction(impression, tuple(event for event in events if event.time <= end))

    def _clicks(self, impression: Impression, wanted: np.ndarray, hostile: bool) -> Iterator[Event]:
        draw, config = self._generator, self.config
        for position, wants in enumerate(wanted):
            looks = draw.random() < config.examination[position]
            chance = 1 - config.false_negative if wants else config.false_positive
            if hostile or (looks and draw.random() < chance):
                time = impression.time + draw.uniform(0, config.delay_s)
                name = f"c{impression.id}-{position}"
                yield Click(id=name, time=time, impression_id=impression.id, position=position)

    def _thumbs(self, impression: Impression, wanted: np.ndarray, context: int) -> Iterator[Event]:
        for position, wants in enumerate(wanted if self.config.thumbs else ()):
            if self._generator.random() < self.config.thumbs[context]:
                name, up = f"t{impression.id}-{position}", bool(wants)
                yield Thumb(id=name, time=impression.time, impression_id=impression.id, position=position, up=up)


def _inclusion(liking: FloatArray, shown: int) -> FloatArray:
    """Return [answers]: how likely each is among those drawn one after the other without replacement."""
    chances = np.zeros(len(liking))
    for order in permutations(range(len(liking)), shown):
        chance, left = 1.0, 1.0
        for answer in order:
            chance *= liking[answer] / left
            left -= liking[answer]
        chances[list(order)] += chance
    return np.minimum(chances, 1.0)


def _number(text: str) -> int:
    return int(text.rpartition(" ")[2])
