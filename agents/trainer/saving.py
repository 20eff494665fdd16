"""What an agent's folder holds: the policy's own files, the optimiser, and a JSON file with everything else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from agents.algorithms.config import TrainConfig
from agents.trainer.buffer import load_update, save_update
from agents.trainer.checkpoint import (
    load_optimizer,
    read_json,
    save_optimizer,
    verify_folder,
    write_folder,
    write_json,
)
from agents.trainer.environments import EnvSource
from agents.trainer.loop import Trainer, TrainerState
from textenvs.errors import CheckpointError

OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "training.json"
UNDER_WAY = "under_way"
"""The field of `TrainerState` that has files of its own."""


@dataclass(frozen=True)
class AgentRecord:
    """An agent without its weights.

    Attributes:
        algorithm: its name.
        config: the settings, by name.
        env: the environment's id; None if it was no id, or has arguments that JSON cannot hold.
        env_kwargs: for `gymnasium.make`.
        training: how far it is, the fields of `TrainerState` but the update under way.
    """

    algorithm: str
    config: Mapping[str, Any]
    env: str | None
    env_kwargs: Mapping[str, Any]
    training: Mapping[str, Any]


def save_trainer(
    path: Path, trainer: Trainer, config: TrainConfig, env: EnvSource, env_kwargs: Mapping[str, Any]
) -> None:
    """Write an agent's folder, whole or not at all; transformers or peft load its policy as it is."""
    state = trainer.saved
    portable = isinstance(env, str) and _is_json(env_kwargs)
    record = AgentRecord(
        algorithm=trainer.algorithm.name,
        config=asdict(config),
        env=str(env) if portable else None,
        env_kwargs=env_kwargs if portable else {},
        training={f.name: getattr(state, f.name) for f in fields(state) if f.name != UNDER_WAY},
    )

    def fill(folder: Path) -> None:
        trainer.policy.save(folder, with_reference=True)
        save_optimizer(folder / OPTIMIZER_FILE, trainer.updater.optimizer, trainer.updater.named_parameters)
        if state.under_way is not None:
            save_update(folder, state.under_way)
        write_json(folder / STATE_FILE, vars(record))

    write_folder(path, fill)


def read_record(path: Path) -> AgentRecord:
    """Check an agent's folder against its manifest and read what it says.

    Raises:
        CheckpointError: if the folder is damaged, incomplete or no agent's.
    """
    verify_folder(path)
    try:
        return AgentRecord(**read_json(path / STATE_FILE))
    except TypeError as error:
        raise CheckpointError(f"{path / STATE_FILE} is not an agent's: {error}") from error


def restore_trainer(path: Path, trainer: Trainer, record: AgentRecord) -> None:
    """Put a trainer where the saved one was.

    Raises:
        CheckpointError: if the folder was written by another version, or for other parameters.
    """
    load_optimizer(path / OPTIMIZER_FILE, trainer.updater.optimizer, trainer.updater.named_parameters)
    try:
        state = TrainerState(**{**record.training, UNDER_WAY: load_update(path)})
    except TypeError as error:
        raise CheckpointError(f"{path / STATE_FILE} does not fit this version: {error}") from error
    trainer.restore(state)


def _is_json(value: Mapping[str, Any]) -> bool:
    try:
        json.dumps(dict(value))
    except (TypeError, ValueError):
        return False
    return True
