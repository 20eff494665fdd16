"""What an agent's folder holds: the policy's own files, the optimiser, and a JSON file with everything else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agents.algorithms.config import TrainConfig
from agents.trainer.checkpoint import (
    load_optimizer,
    read_json,
    save_optimizer,
    verify_folder,
    write_folder,
    write_json,
)
from agents.trainer.environments import EnvSource
from agents.trainer.loop import Progress, Trainer
from textenvs.errors import CheckpointError

OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "training.json"


@dataclass(frozen=True)
class AgentRecord:
    """An agent without its weights.

    Attributes:
        algorithm: its name.
        config: the settings, by name.
        env: the environment's id; None if it was no id, or has arguments that JSON cannot hold.
        env_kwargs: for `gymnasium.make`.
        progress: how far the training is, the fields of `Progress`.
        weights_version: of the policy.
    """

    algorithm: str
    config: Mapping[str, Any]
    env: str | None
    env_kwargs: Mapping[str, Any]
    progress: Mapping[str, Any]
    weights_version: int


def save_trainer(
    path: Path, trainer: Trainer, config: TrainConfig, env: EnvSource, env_kwargs: Mapping[str, Any]
) -> None:
    """Write an agent's folder, whole or not at all; transformers or peft load its policy as it is."""
    portable = isinstance(env, str) and _is_json(env_kwargs)
    record = AgentRecord(
        algorithm=trainer.algorithm.name,
        config=asdict(config),
        env=str(env) if portable else None,
        env_kwargs=env_kwargs if portable else {},
        progress=asdict(trainer.progress()),
        weights_version=trainer.policy.weights_version,
    )

    def fill(folder: Path) -> None:
        trainer.policy.save(folder, with_reference=True)
        save_optimizer(folder / OPTIMIZER_FILE, trainer.updater.optimizer, trainer.updater.named_parameters)
        write_json(folder / STATE_FILE, {**vars(record)})

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
    """Give a trainer the optimiser state and the counts of a saved one."""
    load_optimizer(path / OPTIMIZER_FILE, trainer.updater.optimizer, trainer.updater.named_parameters)
    trainer.restore(Progress(**record.progress))
    trainer.policy.weights_version = record.weights_version


def _is_json(value: Mapping[str, Any]) -> bool:
    try:
        json.dumps(dict(value))
    except (TypeError, ValueError):
        return False
    return True
