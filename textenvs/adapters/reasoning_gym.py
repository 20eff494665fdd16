"""reasoning-gym: a hundred generators of tasks with one answer, each with its own judge.

Its item `i` of seed `s` is made by ``Random(s + i)``, so that two of its data sets with neighbouring seeds share all
items but one. Here every item is the first of a data set whose seed is drawn for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textenvs.adapters.games import Game, GameEnv, GameStep, library
from textenvs.rewards.spec import RewardSpec
from textenvs.seeding import Split
from textenvs.settlement import RewardTiming

EXAMPLES = ("example_correct_answer", "example_answer", "possible_answer")
"""Where tasks with many right answers keep one, if they do."""


class ReasoningTask:
    """One question of one task.

    Args:
        task: its name.
        settings: fields of the task's own configuration.
    """

    def __init__(self, task: str, settings: Mapping[str, Any]) -> None:
        self._task = task
        self._settings = dict(settings)
        self._dataset: Any = None
        self._item: dict[str, Any] = {}

    def begin(self, seed: int) -> str:
        """Draw the question."""
        self._dataset = _library().create_dataset(self._task, **self._settings, seed=seed, size=1)
        self._item = self._dataset[0]
        return str(self._item["question"])

    def step(self, action: str) -> GameStep:
        """Score an answer, in [0, 1]; 1 is success."""
        score = self._score(action.strip())
        return GameStep("", score, True, score == 1.0)

    def solution(self) -> str | None:
        """Return the answer, or an example of one, that its judge accepts in full."""
        metadata: Mapping[str, Any] = self._item.get("metadata", {})
        known = (self._item["answer"], *(metadata.get(name) for name in EXAMPLES))
        texts = (one if isinstance(one, str) else json.dumps(one) for one in known if one is not None)
        return next((text for text in texts if self._score(text) == 1.0), None)

    def content(self) -> str:
        """Return question and answer."""
        return f"{self._item['question']}\n{self._item['answer']}"

    def _score(self, answer: str) -> float:
        try:
            return min(1.0, max(0.0, float(self._dataset.score_answer(answer, self._item))))
        except Exception:  # a judge that stumbles over an answer has not accepted it
            return 0.0


class ReasoningGym(GameEnv):
    """A task of reasoning-gym: one question, one answer, its own score in [0, 1].

    Where a task has many right answers and gives none, `oracle_action` is ``""``.

    Args:
        task: its name, such as ``"leg_counting"``; any but ``"composite"``, which mixes others.
        settings: fields of the task's configuration, such as ``{"max_animals": 3}``.
        split: see `TextEnv`, like the rest.
        reward: the default is the task's own score.
        reward_timing: when it is paid.
        render_mode: of Gymnasium.

    Raises:
        UsageError: if there is no such task, its configuration refuses the settings, or reasoning-gym is not installed.
    """

    family: ClassVar[str] = "reasoning_gym"
    origin: ClassVar[str] = "task of reasoning-gym"
    reward_range: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __init__(
        self,
        *,
        task: str = "",
        settings: Mapping[str, Any] | None = None,
        split: Split = "train",
        reward: RewardSpec | None = None,
        reward_timing: RewardTiming = "turn",
        render_mode: str | None = None,
    ) -> None:
        self._settings = dict(settings or {})
        super().__init__(game=task, split=split, reward=reward, reward_timing=reward_timing, render_mode=render_mode)

    @classmethod
    def names(cls) -> Sequence[str]:
        """Return the names of all tasks."""
        registry: Mapping[str, object] = _library().factory.DATASETS
        return sorted(set(registry) - {"composite"})

    def make_game(self) -> Game:
        """Return a question that is not drawn yet."""
        return ReasoningTask(self._name, self._settings)


def _library() -> Any:
    return library("reasoning_gym", "ReasoningGym-v0", "reasoning-gym")
