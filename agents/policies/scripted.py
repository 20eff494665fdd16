"""Policies that are rules: what a trained policy is measured against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from agents.chat import Observation
from textenvs.errors import check_known


@dataclass(frozen=True)
class ScriptedPolicy:
    """A function from observation to text, with a name.

    Attributes:
        name: for tables and reports.
        rule: what it says to an observation.
    """

    name: str
    rule: Callable[[Observation], str]

    def act(self, observations: Sequence[Observation]) -> list[str]:
        """Return one action per observation."""
        return [self.rule(observation) for observation in observations]

    @classmethod
    def of(cls, env: Any, name: str) -> Self:
        """Return a baseline that the environment ships with.

        It is bound to this one environment: the oracle among them answers for the episode that `env` is in.

        Args:
            env: a `TextEnv`, wrapped or not.
            name: of the baseline, such as ``"copy"``.

        Raises:
            UnknownNameError: the environment has no such baseline.
        """
        baselines = env.unwrapped.baselines()
        check_known("baseline", name, baselines)
        return cls(name, baselines[name])
