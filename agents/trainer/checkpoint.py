"""Checkpoints: folders that are either whole or not there.

A checkpoint is written to a temporary folder beside its place, synced to the disk, given a manifest with the SHA-256
sum of every file, and renamed into place. Weights and optimiser state are safetensors, the rest is JSON.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from textenvs.errors import CheckpointError

MANIFEST = "manifest.json"
PAGE = "README.md"
"""A model card; people fill in what only they know, so it is not in the manifest."""
NamedParameters = Sequence[tuple[str, nn.Parameter]]


def checkpoint_name(update: int, position: int | None = None) -> str:
    """Return a checkpoint's folder name; names sort in the order of training.

    Args:
        update: updates done.
        position: minibatches done of the update under way; None between two updates.
    """
    return f"update-{update:08d}" + ("" if position is None else f"-{position:06d}")


def write_folder(place: Path, fill: Callable[[Path], None]) -> None:
    """Make the folder `place` whole at once.

    Args:
        place: where it shall stand; a folder that is there is replaced.
        fill: writes the files into the folder it is given.
    """
    place = place.absolute()
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        draft.chmod(0o755)
        fill(draft)
        write_json(draft / MANIFEST, {"sha256": {name: _sha256(draft / name) for name in _files(draft)}})
        for path in (*draft.rglob("*"), draft):
            _sync(path)
        _replace(draft, place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def verify_folder(place: Path) -> None:
    """Check that every file of a checkpoint is there and as it was written.

    Raises:
        CheckpointError: names the first file that is missing or changed.
    """
    for name, digest in _expected(place).items():
        if not (place / name).is_file():
            raise CheckpointError(f"{place}: {name} is missing")
        if _sha256(place / name) != digest:
            raise CheckpointError(f"{place}: {name} is damaged (its SHA-256 sum is not the manifest's)")


def newest_good(places: Sequence[Path]) -> tuple[Path | None, list[CheckpointError]]:
    """Return the last of `places` that is as it was written, None if none is, and what is wrong with those after it."""
    damage: list[CheckpointError] = []
    for place in reversed(places):
        try:
            verify_folder(place)
        except CheckpointError as error:
            damage.append(error)
        else:
            return place, damage
    return None, damage


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        CheckpointError: if it is not there or cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_hook=_number)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, whole or not, in the order of training."""
    return sorted(folder.glob("update-*"))


def prune(newest: Path, keep: int) -> None:
    """Delete all but the last `keep` checkpoints up to `newest`.

    What is named after it goes too: those are the damaged ones that a resumed run went back behind.
    """
    for draft in newest.parent.glob(".update-*"):
        shutil.rmtree(draft, ignore_errors=True)
    names = checkpoints(newest.parent)
    kept = [place for place in names if place.name <= newest.name][-keep:]
    for place in names:
        if place not in kept:
            shutil.rmtree(place)


def save_optimizer(path: Path, optimizer: torch.optim.Optimizer, named: NamedParameters) -> None:
    """Write the optimiser's state by parameter name."""
    save_moments(path, {name: optimizer.state.get(parameter, {}) for name, parameter in named})


def save_moments(path: Path, moments: Mapping[str, Mapping[str, Any]]) -> None:
    """Write an optimiser's state that is listed by parameter name already."""
    state = {
        f"{name}.{key}": torch.as_tensor(value).detach().contiguous()
        for name, values in moments.items()
        for key, value in values.items()
    }
    save_file(state, path)


def load_optimizer(path: Path, optimizer: torch.optim.Optimizer, named: NamedParameters) -> None:
    """Read what `save_optimizer` wrote.

    Raises:
        CheckpointError: if the file cannot be read or belongs to other parameters.
    """
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    parameters = dict(named)
    for full_name, value in stored.items():
        name, _, key = full_name.rpartition(".")
        if name not in parameters:
            raise CheckpointError(f"{path} holds the state of {name!r}, which this policy does not train")
        optimizer.state[parameters[name]][key] = _placed(key, value, parameters[name])


def _placed(key: str, value: Tensor, parameter: nn.Parameter) -> Tensor:
    """Return `value` where the optimiser wants it: moments beside their parameter, step counts on the CPU."""
    return value if key == "step" else value.to(parameter.device)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; the file takes its place at once when the block has ended well."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        yield draft
        _sync(draft)
        draft.replace(path)
        _sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object for people to read; `read_json` gives every number back, NaN and infinity too."""
    text = json.dumps(_strict(value), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _strict(value: Any) -> Any:
    """Return `value` with what JSON has no number for as ``{"float": "nan"}``."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, Mapping):
        entries = cast(Mapping[str, Any], value)
        return {name: _strict(entry) for name, entry in entries.items()}
    if isinstance(value, list | tuple):
        return [_strict(entry) for entry in cast(Sequence[Any], value)]
    return value


def _number(entries: dict[str, Any]) -> Any:
    """Undo `_strict` for one JSON object."""
    return float(entries["float"]) if entries.keys() == {"float"} else entries


def _expected(place: Path) -> dict[str, str]:
    """Return the sums that the manifest lists.

    Raises:
        CheckpointError: if it is absent, or no list of sums.
    """
    sums = read_json(place / MANIFEST).get("sha256")
    if not isinstance(sums, dict) or not sums:
        raise CheckpointError(f"{place / MANIFEST} is damaged: it lists no SHA-256 sums")
    return cast(dict[str, str], sums)


def _files(folder: Path) -> list[str]:
    """Return what the manifest lists: every file, but a page that is there to be edited."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if name != PAGE)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(draft: Path, place: Path) -> None:
    """Rename `draft` to `place`; what stood there leaves only once the new one is whole."""
    old = draft.with_name(draft.name + ".old")
    if place.exists():
        place.rename(old)
    draft.rename(place)
    _sync(place.parent)
    shutil.rmtree(old, ignore_errors=True)
