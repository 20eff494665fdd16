"""Cards: what policies that know nothing, and the one that knows all, earn in each environment, and its worst exploit.

They are measured by `agents.evaluation.cards` and kept in ``cards.json``, with the commit; after a change of an
environment or its reward: ``python -m tests.benchmarks cards``.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

FILE = "cards.json"


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval; None where it is not known.

    Attributes:
        mean: the figure.
        low: lower end of the interval.
        high: upper end.
    """

    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Score:
    """What one policy earned.

    Attributes:
        success: share of episodes that reached the goal.
        episode_return: sum of rewards per episode.
    """

    success: Estimate
    episode_return: Estimate


@dataclass(frozen=True)
class WorstExploit:
    """The exploit that came nearest to an honest answer, of all that were tried.

    Attributes:
        name: of its class.
        format: that it was wrapped in.
        language: of the conversation.
        reward: the most that it earned.
        below_honest: the least by which it stayed below the weakest honest answer; negative where it beat it.
        cells: exploits x formats x languages that were tried.
        breaches: how many of them did not stay `margin` below.
        margin: that is asked for.
        items: that they were tried on.
    """

    name: str
    format: str
    language: str
    reward: float
    below_honest: float
    cells: int
    breaches: int
    margin: float
    items: int


@dataclass(frozen=True)
class Card:
    """One environment at its default settings.

    Attributes:
        env_id: its id.
        split: of the items.
        items: how many were played by each policy.
        policies: the environment's own baselines, the oracle first.
        exploit: the worst one; None where nothing could be tried.
        version: of the package that was measured.
        commit: likewise.
    """

    env_id: str
    split: str
    items: int
    policies: Mapping[str, Score]
    exploit: WorstExploit | None
    version: str
    commit: str

    def as_dict(self) -> dict[str, Any]:
        """Return the card for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Card:
        """Build the card again from what `as_dict` returned."""
        policies = {
            name: Score(Estimate(**score["success"]), Estimate(**score["episode_return"]))
            for name, score in record["policies"].items()
        }
        exploit = WorstExploit(**record["exploit"]) if record["exploit"] else None
        fields: dict[str, Any] = {**record, "policies": policies, "exploit": exploit}
        return cls(**fields)


@functools.cache
def all_cards() -> Mapping[str, Card]:
    """Return the cards by environment id."""
    text = resources.files("envs_registry").joinpath(FILE).read_text(encoding="utf-8")
    return {record["env_id"]: Card.from_dict(record) for record in json.loads(text)}
