"""The algorithms by name."""

from __future__ import annotations

from agents.algorithms import grpo, ppo
from agents.algorithms.base import AnyAlgorithm
from textenvs.errors import UnknownNameError

ALGORITHMS: dict[str, AnyAlgorithm] = {
    "ppo": ppo.ALGORITHM,
    "grpo": grpo.ALGORITHM,
}


def find_algorithm(name: str) -> AnyAlgorithm:
    """Return the algorithm called `name`.

    Raises:
        UnknownNameError: if there is none; it gives the nearest names.
    """
    if name not in ALGORITHMS:
        raise UnknownNameError.of("algorithm", name, ALGORITHMS, listing="textenvs list algorithms")
    return ALGORITHMS[name]
