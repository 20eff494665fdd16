"""Does the environment repeat itself exactly, and pay what it declares?"""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from agents.doctor.finding import Finding, Verdict
from textenvs.fingerprint import fingerprints


def check_world(env_id: str, env_kwargs: Mapping[str, Any], episodes: int) -> list[Finding]:
    """Play the same items again, among others, and in another process; look at the rewards.

    Args:
        env_id: of a registered environment.
        env_kwargs: its settings.
        episodes: how many items.
    """
    here = fingerprints(env_id, dict(env_kwargs), episodes)
    again = fingerprints(env_id, dict(env_kwargs), episodes)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(fingerprints, env_id, dict(env_kwargs), episodes).result()
    return [
        _same("the same episodes again", here, again, "the environment keeps state between episodes"),
        _same("the same episodes in another process", here, there, "something depends on the order of a set or a hash"),
        _global_state(env_id, env_kwargs),
    ]


def _same(check: str, first: list[str], second: list[str], cause: str) -> Finding:
    different = sum(one != other for one, other in zip(first, second, strict=True))
    figure = f"{different} of {len(first)} differ"
    if different:
        return Finding(check, Verdict.FAULT, figure, f"{cause}; groups and evaluations would compare different items")
    return Finding(check, Verdict.OK, figure)


def _global_state(env_id: str, env_kwargs: Mapping[str, Any]) -> Finding:
    """Play an episode and see whether a global generator has moved."""
    check = "the global random state is left alone"
    before = _generators()
    fingerprints(env_id, dict(env_kwargs), 1)
    if _generators() == before:
        return Finding(check, Verdict.OK, "untouched")
    return Finding(check, Verdict.FAULT, "touched", "draw from self.np_random only")


def _generators() -> tuple[object, ...]:
    """Return the state of the generators that an environment has no business with."""
    return random.getstate(), repr(np.random.get_state(legacy=False))  # noqa: NPY002
