"""An update under way on disk: its rollout as safetensors, everything else as JSON, all of it back bit by bit.

Fields are found by their type, so that a new field of a trajectory, a batch or a credit is stored without a word here,
as long as it is an array or something that JSON can hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from agents.algorithms.base import Credit
from agents.policies.storage import TRAINING_FOLDER
from agents.trainer.checkpoint import read_json, write_json
from agents.trainer.portion import UpdateStats
from agents.trainer.update import UpdateState
from agents.trajectory import Segment, TokenBatch, Trajectory, TurnRecord
from textenvs.errors import CheckpointError

ARRAYS_FILE = f"{TRAINING_FOLDER}/rollout.safetensors"
RECORD_FILE = f"{TRAINING_FOLDER}/rollout.json"

Arrays = dict[str, NDArray[Any]]


def save_update(folder: Path, state: UpdateState) -> None:
    """Write an update under way into a checkpoint's folder."""
    batch = state.batch
    final = [t.final_ids if t.final_ids is not None else np.zeros(0, np.int64) for t in batch.trajectories]
    arrays: Arrays = {
        **_prefixed("batch", _arrays_of(batch)),
        **_prefixed("credit", state.credit._asdict()),
        **_prefixed("segment", _joined([_arrays_of(segment) for segment in batch.segments])),
        **_prefixed("final", _joined([{"ids": ids} for ids in final])),
    }
    (folder / TRAINING_FOLDER).mkdir(exist_ok=True)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / ARRAYS_FILE)
    record = {
        "figures": state.figures,
        "seconds": state.seconds,
        "position": state.position,
        "stats": vars(state.stats),
        "trajectories": [_trajectory_record(trajectory) for trajectory in batch.trajectories],
    }
    write_json(folder / RECORD_FILE, record)


def load_update(folder: Path) -> UpdateState | None:
    """Read what `save_update` wrote; None if the checkpoint was not taken inside an update.

    Raises:
        CheckpointError: if a file cannot be read.
    """
    if not (folder / RECORD_FILE).is_file():
        return None
    record = read_json(folder / RECORD_FILE)
    try:
        arrays: Arrays = load_file(folder / ARRAYS_FILE)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder / ARRAYS_FILE} cannot be read: {error}") from error
    segments = [Segment(**parts) for parts in _split(_only("segment", arrays))]
    final = _split(_only("final", arrays))
    trajectories: list[Trajectory] = []
    for entry, parts in zip(record["trajectories"], final, strict=True):
        count = entry["segments"]
        trajectories.append(_trajectory(entry, segments[:count], parts["ids"]))
        segments = segments[count:]
    every = tuple(segment for trajectory in trajectories for segment in trajectory.segments)
    stats = record["stats"]
    return UpdateState(
        TokenBatch(trajectories=tuple(trajectories), segments=every, **_only("batch", arrays)),
        Credit(**_only("credit", arrays)),
        record["figures"],
        record["seconds"],
        record["position"],
        UpdateStats(**{**stats, "terms": defaultdict(list, stats["terms"])}),
    )


def _trajectory_record(trajectory: Trajectory) -> dict[str, Any]:
    """Return all of a trajectory that is no array."""
    plain = {f.name: getattr(trajectory, f.name) for f in fields(trajectory)}
    return {
        **plain,
        "segments": len(trajectory.segments),
        "final_ids": trajectory.final_ids is not None,
        "turns": [{f.name: getattr(turn, f.name) for f in fields(turn)} for turn in trajectory.turns],
    }


def _trajectory(record: Mapping[str, Any], segments: Sequence[Segment], final_ids: NDArray[Any]) -> Trajectory:
    changed = {
        "segments": tuple(segments),
        "final_ids": final_ids if record["final_ids"] else None,
        "turns": tuple(TurnRecord(**turn) for turn in record["turns"]),
    }
    return Trajectory(**{**record, **changed})


def _arrays_of(record: TokenBatch | Segment) -> Arrays:
    """Return the fields that are arrays; what is computed from them is not stored."""
    values = {f.name: getattr(record, f.name) for f in fields(record)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def _joined(parts: Sequence[Arrays]) -> Arrays:
    """Lay arrays of equal names end to end, with their lengths."""
    if not parts:
        return {"lengths": np.zeros(0, np.int64)}
    lengths = np.array([len(next(iter(part.values()))) for part in parts], np.int64)
    return {"lengths": lengths, **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]}}


def _split(joined: Arrays) -> list[Arrays]:
    """Undo `_joined`."""
    ends = np.cumsum(joined.pop("lengths"))
    pieces = {name: np.split(array, ends[:-1]) for name, array in joined.items()}
    return [{name: piece[i] for name, piece in pieces.items()} for i in range(len(ends))]


def _prefixed(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def _only(prefix: str, arrays: Arrays) -> Arrays:
    return {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{prefix}.")}
