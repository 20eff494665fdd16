"""The algorithms by name."""

from __future__ import annotations

from agents.algorithms import a2c, grpo, ppo, reinforce, reinforce_plus_plus, rloo, trpo
from agents.algorithms.base import AnyAlgorithm
from textenvs.errors import check_known

ALGORITHMS: dict[str, AnyAlgorithm] = {
    "ppo": ppo.ALGORITHM,
    "a2c": a2c.ALGORITHM,
    "trpo": trpo.ALGORITHM,
    "reinforce": reinforce.ALGORITHM,
    "reinforce_plus_plus": reinforce_plus_plus.ALGORITHM,
    "rloo": rloo.ALGORITHM,
    "grpo": grpo.ALGORITHM,
}


def find_algorithm(name: str) -> AnyAlgorithm:
    """Return the algorithm called `name`.

    Raises:
        UnknownNameError: if there is none; it gives the nearest names.
    """
    check_known("algorithm", name, ALGORITHMS, listing="textenvs list algorithms")
    return ALGORITHMS[name]
