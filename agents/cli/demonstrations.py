"""What a warm-up learns from: an environment's demonstrations, each task's of a mixture by an annotator of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from agents.cli.environments import make_text_env
from agents.cli.options import AnnotatorOptions, EnvOptions, SFTOptions, json_object
from agents.cli.sources import apply_settings
from textenvs.envs.mixed.env import TASKS, MixedTasks
from textenvs.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from agents.finetune import Demonstration
    from textenvs.core import TextEnv

DEMONSTRATIONS = 2000
"""Drawn from an environment that makes its items, unless --sft.rows says otherwise."""


def demonstrate(env: EnvOptions, sft: SFTOptions, seed: int) -> list[Demonstration]:
    """Return demonstrations of the train split: as many as asked for, else all of the warm-up's share of a corpus.

    Raises:
        ConfigError: if the environment has no oracle.
        UsageError: if settings are given for tasks that there are not, or that are none.
    """
    settings = {**env.settings(), "split": "train", **sft.share_settings(env)[0]}
    world = make_text_env(env.id, settings)
    whole = {field.name: getattr(sft, field.name) for field in dataclasses.fields(AnnotatorOptions)}
    annotator = AnnotatorOptions(**{**whole, "rows": sft.rows or getattr(world, "n_items", None) or DEMONSTRATIONS})
    own = json_object(sft.tasks, "--sft.tasks")
    if not own:
        return _rows(env.id, settings, annotator, seed)
    annotators = _by_task(world, annotator, own)
    tasks = settings.get("tasks", TASKS)
    return [
        row
        for name, one in annotators.items()
        for row in _rows(env.id, {**settings, "tasks": {name: tasks[name]}}, one, seed)
    ]


def _by_task(world: TextEnv | None, annotator: AnnotatorOptions, own: Mapping[str, Any]) -> dict[str, AnnotatorOptions]:
    """Return the annotator of every task of a mixture."""
    if not isinstance(world, MixedTasks):
        raise UsageError("--sft.tasks speaks of the tasks of a mixture; give --env.id MixedTasks-v0, or no tasks")
    for name in own:
        if name not in world.shares:
            raise UnknownNameError.of("task in --sft.tasks", name, world.shares)
        if not isinstance(own[name], Mapping):
            raise UsageError(f"--sft.tasks {name}={own[name]!r}: must be an object of settings")
    return {
        name: apply_settings(
            dataclasses.replace(annotator, rows=max(1, round((annotator.rows or 0) * share))),
            own.get(name, {}),
            f"--sft.tasks {name}",
            "textenvs sft",
        )
        for name, share in world.shares.items()
    }


def _rows(env_id: str, settings: Mapping[str, Any], annotator: AnnotatorOptions, seed: int) -> list[Demonstration]:
    """Return what an annotator gives, and his drills.

    They are in calling, where there are tools; in looking up, where there is a list; else in copying.
    """
    from agents.finetune import call_drills, copy_drills, lookup_drills, oracle_rows, with_word_noise

    rows = oracle_rows(
        env_id,
        settings,
        n=annotator.rows,
        seed=seed,
        lapses=annotator.lapses,
        demonstrator=annotator.demonstrator,
        lapse=annotator.lapse,
    )
    count = round(annotator.drills * len(rows))
    drilled = (make(rows, count, seed) for make in (call_drills, lookup_drills, copy_drills))
    return [*with_word_noise(rows, annotator.word_noise, seed), *next(filter(None, drilled), [])]


def heard(env: EnvOptions, sft: SFTOptions) -> Iterator[str]:
    """Yield what is said at the start of the dialogues that reinforcement learning has to itself, without answers.

    The embedded model's vocabulary is learned from it too, so that a character is no stranger for want of an answer.
    None of generated dialogues, which have no end.
    """
    rest = sft.share_settings(env)[1]
    if rest:
        world = make_text_env(env.id, {**env.settings(), "split": "train", **rest})
        for index in range(getattr(world, "n_items", 0)):
            opening, _ = world.reset(options={"index": index})
            yield from (message["content"] for message in opening["history"])
