"""What an agent's folder holds: the policy's own files, the optimiser, and a JSON file with everything else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.policies.storage import ADAPTER_FILE, BASE_FOLDER, TRAINING_FOLDER
from agents.trainer.buffer import load_update, save_update
from agents.trainer.card import CardFacts, ResultRow, base_name, render_card
from agents.trainer.checkpoint import (
    PAGE,
    load_optimizer,
    read_json,
    save_moments,
    verify_folder,
    whole_file,
    write_folder,
    write_json,
)
from agents.trainer.environments import EnvSource
from agents.trainer.loop import Trainer, TrainerState
from textenvs.errors import CheckpointError

if TYPE_CHECKING:
    from agents.policies.causal_lm import CausalLMPolicy

OPTIMIZER_FILE = f"{TRAINING_FOLDER}/optimizer.safetensors"
STATE_FILE = f"{TRAINING_FOLDER}/state.json"
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


def record_of(trainer: Trainer, env: EnvSource, env_kwargs: Mapping[str, Any]) -> AgentRecord:
    """Return an agent's record as it is now."""
    state = trainer.saved
    portable = isinstance(env, str) and _is_json(env_kwargs)
    return AgentRecord(
        algorithm=trainer.algorithm.name,
        config=asdict(trainer.config),
        env=str(env) if portable else None,
        env_kwargs=env_kwargs if portable else {},
        training={f.name: getattr(state, f.name) for f in fields(state) if f.name != UNDER_WAY},
    )


def save_policy(path: Path, policy: CausalLMPolicy) -> None:
    """Write a policy's folder, whole or not at all; transformers, peft and vLLM load it as it is."""

    def fill(folder: Path) -> None:
        policy.save(folder)
        _place_base(folder, path)

    write_folder(path, fill)


def save_trainer(path: Path, policy: CausalLMPolicy, trainer: Trainer, record: AgentRecord) -> None:
    """Write an agent's folder, whole or not at all; transformers, peft and vLLM load its policy as it is."""
    state = trainer.saved

    def fill(folder: Path) -> None:
        with trainer.updater.holding.whole() as moments:
            policy.save(folder, with_reference=True)
        (folder / TRAINING_FOLDER).mkdir(exist_ok=True)
        save_moments(folder / OPTIMIZER_FILE, moments)
        if state.under_way is not None:
            save_update(folder, state.under_way)
        _place_base(folder, path)
        write_card(folder, policy, trainer, record)
        write_json(folder / STATE_FILE, vars(record))

    write_folder(path, fill)


def write_card(
    folder: Path,
    policy: CausalLMPolicy,
    trainer: Trainer,
    record: AgentRecord,
    results: Mapping[str, Sequence[ResultRow]] | None = None,
    command: str = "",
) -> None:
    """Write the model card of an agent's folder, in place of the one that is there.

    Args:
        folder: the agent's.
        policy: in it.
        trainer: that made it.
        record: of the agent.
        results: tables of an evaluation by title, if there was one.
        command: that made the agent, if it was made from the command line.
    """
    algorithm = trainer.algorithm
    defaults = asdict(algorithm.config())
    page = render_card(
        CardFacts(
            algorithm=algorithm.name,
            title=algorithm.title,
            paper=algorithm.paper,
            base=base_name(policy.model),
            rank=read_json(folder / ADAPTER_FILE)["r"] if (folder / ADAPTER_FILE).is_file() else 0,
            history=policy.settings.history,
            env=record.env or "an environment of the user's own",
            env_settings=record.env_kwargs,
            updates=trainer.update,
            settings={name: value for name, value in record.config.items() if value != defaults[name]},
            results=results or {},
            command=command,
        )
    )
    with whole_file(folder / PAGE) as draft:
        draft.write_text(page, encoding="utf-8")


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


def _place_base(folder: Path, place: Path) -> None:
    """Have an adapter name the base that lies beside it by where the folder will stand, not by where it is written."""
    if (folder / ADAPTER_FILE).is_file() and (folder / BASE_FOLDER).is_dir():
        adapter = read_json(folder / ADAPTER_FILE)
        write_json(folder / ADAPTER_FILE, {**adapter, "base_model_name_or_path": str(place.absolute() / BASE_FOLDER)})


def _is_json(value: Mapping[str, Any]) -> bool:
    try:
        json.dumps(dict(value))
    except (TypeError, ValueError):
        return False
    return True
