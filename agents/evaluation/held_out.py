"""Held-out: the fixed protocol by which a policy is measured before and after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym

from agents.evaluation.compare import Comparison, compare_groups
from agents.evaluation.results import EvaluationResult
from agents.evaluation.runner import Subject, evaluate
from agents.evaluation.statistics import Interval
from agents.evaluation.text_scores import compare_texts, score_texts, text_counts
from textenvs.core import TextEnv
from textenvs.errors import ConfigError


@dataclass(frozen=True)
class HeldOut:
    """A fixed list of held-out items, and how they are played.

    Attributes:
        env_id: of a registered environment.
        groups: environment settings by group name (such as a language); each is evaluated and reported apart.
        episodes: items per group; a finite corpus has no more than it has.
        samples: sampled episodes per item, beside the greedy one; 0 for none.
        temperature: of the sampling.
        max_new_tokens: longest turn, in tokens.
        text_scores: whether to add the corpus scores of rewriting.
        split: which items.
        seed: of the sampling noise.
    """

    env_id: str
    groups: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"": {}})
    episodes: int = 200
    samples: int = 0
    temperature: float = 1.0
    max_new_tokens: int = 64
    text_scores: bool = False
    split: str = "test"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not self.groups or self.episodes < 1 or self.samples < 0:
            raise ConfigError("a held-out evaluation needs a group, episodes >= 1 and samples >= 0")

    @property
    def modes(self) -> tuple[str, ...]:
        """How the items are played: ``"greedy"``, and ``"sampled"`` if there are samples."""
        return ("greedy", "sampled") if self.samples else ("greedy",)

    def measure(self, subject: Subject) -> dict[str, EvaluationResult]:
        """Play every item, in every mode."""
        return {mode: self._play(subject, mode) for mode in self.modes}

    def compare(
        self, before: Mapping[str, EvaluationResult], after: Mapping[str, EvaluationResult]
    ) -> list[Comparison]:
        """Return the tables: per mode over all items, over each group, and the corpus scores of each group."""
        tables: list[Comparison] = []
        for mode in self.modes:
            title = f"{self.split} items, {mode}"
            tables += compare_groups(before[mode], after[mode], title)
            if self.text_scores:
                tables += self._compare_texts(before[mode], after[mode], f"corpus scores, {title}")
        return tables

    def measure_baselines(self) -> dict[str, dict[str, Interval]]:
        """Return the scores of every baseline that the environment brings with it."""
        env = gym.make(self.env_id, disable_env_checker=True, **next(iter(self.groups.values()))).unwrapped
        names = list(env.baselines()) if isinstance(env, TextEnv) else []
        return {name: self._score(self._play(name, "greedy")) for name in names}

    def _play(self, subject: Subject, mode: str) -> EvaluationResult:
        return EvaluationResult.merge(
            evaluate(
                subject,
                self.env_id,
                env_kwargs=settings,
                split=self.split,
                episodes=self.episodes,
                samples=self.samples if mode == "sampled" else 1,
                deterministic=mode == "greedy",
                temperature=self.temperature,
                max_new_tokens=self.max_new_tokens,
                seed=self.seed,
                group=name,
            )
            for name, settings in self.groups.items()
        )

    def _score(self, result: EvaluationResult) -> dict[str, Interval]:
        """Return a result's means; with corpus scores too, where there is one group to compute them over."""
        scores = result.summary()
        if self.text_scores and len(self.groups) == 1:
            settings = next(iter(self.groups.values()))
            scores |= score_texts(text_counts(result, self.env_id, settings, self.split))
        return scores

    def _compare_texts(self, before: EvaluationResult, after: EvaluationResult, title: str) -> Sequence[Comparison]:
        return [
            compare_texts(
                before.only(name), after.only(name), self.env_id, settings, self.split, f"{title}, {name}".rstrip(", ")
            )
            for name, settings in self.groups.items()
        ]
