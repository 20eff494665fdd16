"""Every algorithm in every form that it has, and batches to run them on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from agents.algorithms.base import AnyAlgorithm
from agents.algorithms.config import TrainConfig
from agents.algorithms.registry import ALGORITHMS
from agents.trajectory import NO_TURN, Segment, TokenBatch, Trajectory
from tests.agents.build import random_trajectories, scored

EVERY_TERM: dict[str, Any] = {
    "entropy_coef": 0.1,
    "kl_coef": 0.3,
    "kl_placement": "loss",
    "kl_estimator": "k3_k2grad",
    "group_size": 2,
    "n_minibatches": 1,
}

_MORE: dict[str, list[dict[str, Any]]] = {
    "ppo": [{"credit_level": "turn"}, {"credit_level": "nested"}, {"clip_range_value": 0.01}, {"dual_clip": 1.3}],
    "grpo": [{"loss_type": "bnpo"}, {"part_weights": {"x": 1.0, "y": 2.0}}, {"kl_estimator": "k2"}],
}


def cases() -> dict[str, tuple[AnyAlgorithm, TrainConfig]]:
    """Return every algorithm with its defaults, its published variants and its other forms, by a readable name."""
    made: dict[str, tuple[AnyAlgorithm, TrainConfig]] = {}
    for name, algorithm in ALGORITHMS.items():
        forms = [{}, *algorithm.variants.values(), *_MORE.get(name, [])]
        for form in forms:
            label = " ".join([name, *(f"{key}={value}" for key, value in form.items())])
            made[label] = algorithm, algorithm.config(**{**EVERY_TERM, **form})
    return made


CASES = cases()


def episodes(seed: int, count: int = 8) -> list[Trajectory]:
    """Return episodes with reward parts, some truncated, some of several segments, one not fully scored."""
    generator = np.random.default_rng(seed)
    made = [_split(episode) if generator.random() < 0.5 else episode for episode in _with_parts(generator, count)]
    lost = made[0]
    return [replace(lost, turns=(*lost.turns[:-1], replace(lost.turns[-1], valid=False))), *made[1:]]


def random_batch(played: list[Trajectory], seed: int = 0) -> TokenBatch:
    """Return a batch whose numbers follow the episodes, in whatever order these come."""
    by_task = {
        episode.task_id: scored([episode], np.random.default_rng((seed, i)))
        for i, episode in enumerate(sorted(played, key=lambda episode: episode.task_id))
    }
    batches = [by_task[episode.task_id] for episode in played]
    names = ("old_logprobs", "ref_logprobs", "values", "bootstrap")
    joined = {name: np.concatenate([getattr(batch, name) for batch in batches]) for name in names}
    return replace(TokenBatch.of(played), **joined)


def _with_parts(generator: np.random.Generator, count: int) -> list[Trajectory]:
    return [
        replace(
            episode,
            task_id=f"{place:03}",
            turns=tuple(
                replace(t, parts=dict(zip("xy", generator.normal(size=2), strict=True))) for t in episode.turns
            ),
        )
        for place, episode in enumerate(random_trajectories(generator, count))
    ]


def _split(episode: Trajectory) -> Trajectory:
    """Begin a new segment before the last turn, as where a template rewrites the past."""
    (segment,) = episode.segments
    place = int(np.flatnonzero(segment.turn_index == len(episode.turns) - 1)[0])
    parts = (_part(segment, slice(0, place)), _part(segment, slice(place, None)))
    return replace(episode, segments=tuple(part for part in parts if part.action_mask.any()))


def _part(segment: Segment, place: slice) -> Segment:
    """Return some tokens of a segment, after one that nobody sampled."""
    return Segment(
        np.append(5, segment.token_ids[place]),
        np.append(False, segment.action_mask[place]),
        np.append(np.float32(0), segment.behavior_logprobs[place]),
        np.append(NO_TURN, segment.turn_index[place]),
    )
