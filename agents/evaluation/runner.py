"""Playing held-out items: the same fixed list for every policy, so that two evaluations pair item by item."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym

from agents.evaluation.log import EvaluationLog
from agents.evaluation.players import Act, HasPolicy, Job, Sampling, Subject, player_of, weights_of
from agents.evaluation.results import EpisodeScore, EvaluationResult
from envs_registry.suites import Slice, Suite, all_suites, changes
from textenvs.errors import ConfigError, UnknownNameError

__all__ = ["Act", "HasPolicy", "Sampling", "Subject", "evaluate", "evaluate_slices", "find_suite", "one_slice"]

PORTION = 128
"""Episodes that are played together and written when all of them have ended."""

_LOG = logging.getLogger(__name__)


def evaluate(
    subject: Subject,
    env_id: str | None = None,
    *,
    suite: Suite | str | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    split: str = "test",
    episodes: int = 200,
    indices: Sequence[int] | None = None,
    samples: int = 1,
    deterministic: bool = True,
    temperature: float = 1.0,
    max_new_tokens: int = 64,
    seed: int = 0,
    group: str = "",
    log: Path | None = None,
) -> EvaluationResult:
    """Play a fixed list of items: of a suite, or of one environment.

    Args:
        subject: a policy, an agent, a policy behind an endpoint, a scripted policy, the name of one of the
            environment's baselines, or a function ``observation -> str``.
        env_id: of a registered environment.
        suite: a suite or its name, instead; the episodes are grouped by its slices.
        env_kwargs: for `gymnasium.make`; with a suite they go before its own, so that its rewards can be others.
        split: which items.
        episodes: how many items, from index 0; a finite corpus has no more than it has.
        indices: the items by index, instead of the first `episodes`.
        samples: episodes per item; more than one makes sense for sampled actions only.
        deterministic: take the likeliest token; otherwise sample. Policies only.
        temperature: of the sampling.
        max_new_tokens: longest turn, in tokens.
        seed: of the sampling noise.
        group: name that the episodes carry, such as the language.
        log: file of finished episodes; what it holds already is not played again.

    Returns:
        One record per item and sample, in order.

    Raises:
        UnknownNameError: if the environment has no such baseline, or there is no such suite.
        ConfigError: if a number is out of range, or not exactly one of `env_id` and `suite` is given.
        EndpointError: if the endpoint does not answer at the beginning; an episode in which it fails later is missing.
    """
    if (env_id is None) == (suite is None):
        raise ConfigError("evaluate() takes either an environment's id or suite=")
    sampling = Sampling(samples, deterministic, temperature, max_new_tokens, seed)
    if suite is not None:
        chosen, settings = find_suite(suite), env_kwargs
    else:
        chosen, settings = one_slice(env_id or "", env_kwargs, split, episodes, indices, group), None
    return evaluate_slices(subject, chosen, sampling, settings, EvaluationLog(log) if log else None)


def evaluate_slices(
    subject: Subject,
    suite: Suite,
    sampling: Sampling,
    env_kwargs: Mapping[str, Any] | None = None,
    log: EvaluationLog | None = None,
) -> EvaluationResult:
    """Play the slices of a suite, portion by portion; see `evaluate`."""
    env_kwargs = dict(env_kwargs or {})
    if log is not None:
        suite = suite.measured()
        weights = weights_of(subject)
        log.begin(
            {
                "suite": suite.name,
                "slices": suite.as_dicts(),
                "settings": env_kwargs,
                "sampling": sampling.as_dict(),
                **({"weights": weights} if weights else {}),
            }
        )
    return EvaluationResult.merge(_play_slice(subject, one, sampling, env_kwargs, log) for one in suite.slices)


def find_suite(suite: Suite | str) -> Suite:
    """Return a suite as its items are now; where they are no longer those that were frozen, the log says so.

    Raises:
        UnknownNameError: if there is none of that name.
    """
    if isinstance(suite, str) and suite not in all_suites():
        raise UnknownNameError.of("suite", suite, all_suites(), "textenvs list suites")
    frozen = all_suites()[suite] if isinstance(suite, str) else suite
    measured = frozen.measured()
    if changed := changes(frozen, measured):
        _LOG.warning(
            "suite %s: the items of %s have changed since it was frozen; it is %s now, and its scores do not compare "
            "with those of %s",
            frozen.name,
            ", ".join(changed),
            measured,
            frozen,
        )
    return measured


def one_slice(
    env_id: str,
    env_kwargs: Mapping[str, Any] | None,
    split: str,
    episodes: int,
    indices: Sequence[int] | None = None,
    group: str = "",
) -> Suite:
    """Return a suite of one slice; the arguments are those of `evaluate`.

    Raises:
        ConfigError: if there are no episodes.
    """
    if episodes < 1:
        raise ConfigError(f"episodes={episodes}: at least 1")
    one = Slice(group, env_id, dict(env_kwargs or {}), split, ())
    items = range(_limit(one.make(), episodes)) if indices is None else indices
    return Suite(env_id, (replace(one, indices=tuple(items)),))


def _limit(env: gym.Env[Any, Any], episodes: int) -> int:
    """Return how many items to play: a finite corpus says how many it has."""
    size = getattr(env.unwrapped, "n_items", None)
    return episodes if size is None else min(episodes, size)


def _play_slice(
    subject: Subject, part: Slice, sampling: Sampling, settings: Mapping[str, Any], log: EvaluationLog | None
) -> EvaluationResult:
    jobs = [Job(index, member) for index in part.indices for member in range(sampling.samples)]
    player = player_of(subject, functools.partial(part.make, **settings), sampling, part.name)
    played: list[EpisodeScore] = []
    for number, first in enumerate(range(0, len(jobs), PORTION)):
        portion = jobs[first : first + PORTION]
        finished = log.portion(part.name, number) if log else None
        if finished is None:
            start = time.perf_counter()
            episodes = player(portion)
            seconds = (time.perf_counter() - start) / len(portion)
            finished = [replace(episode, seconds=seconds) for episode in episodes]
            if log is not None:
                log.add(number, finished)
        played += finished
    return EvaluationResult(tuple(played))
