"""Checkpoints: whole or not there, and every damage is named."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from agents import PPO
from agents.trainer.checkpoint import (
    MANIFEST,
    PAGE,
    checkpoint_name,
    checkpoints,
    load_optimizer,
    newest_good,
    prune,
    read_json,
    save_optimizer,
    verify_folder,
    write_folder,
    write_json,
)
from tests.agents.build import tiny_policy
from tests.agents.probes import PROBES
from textenvs.errors import CheckpointError


def fill(folder: Path) -> None:
    (folder / "part").mkdir()
    (folder / "part" / "numbers.bin").write_bytes(bytes(range(100)))
    (folder / "words.txt").write_text("one")


def test_a_folder_has_a_manifest_of_everything_in_it(tmp_path: Path) -> None:
    write_folder(tmp_path / "a" / "b", fill)
    verify_folder(tmp_path / "a" / "b")
    manifest = json.loads((tmp_path / "a" / "b" / MANIFEST).read_text())
    assert sorted(manifest["sha256"]) == ["part/numbers.bin", "words.txt"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_a_writer_that_fails_leaves_the_old_folder(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "words.txt").write_text("two")
        raise OSError("disk full")

    write_folder(tmp_path / "a", fill)
    with pytest.raises(OSError, match="disk full"):
        write_folder(tmp_path / "a", fail)
    verify_folder(tmp_path / "a")
    assert (tmp_path / "a" / "words.txt").read_text() == "one"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_is_replaced_by_a_new_one(tmp_path: Path) -> None:
    write_folder(tmp_path / "a", fill)
    write_folder(tmp_path / "a", lambda folder: (folder / "new.txt").write_text("x") and None)
    verify_folder(tmp_path / "a")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [MANIFEST, "new.txt"]


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "no manifest", "garbled manifest"])
def test_damage_is_found_and_named(tmp_path: Path, damage: str) -> None:
    write_folder(tmp_path / "a", fill)
    file, manifest = tmp_path / "a" / "part" / "numbers.bin", tmp_path / "a" / MANIFEST
    match damage:
        case "flip":
            file.write_bytes(bytes([1, *range(1, 100)]))
        case "truncate":
            file.write_bytes(file.read_bytes()[:-1])
        case "remove":
            file.unlink()
        case "no manifest":
            manifest.unlink()
        case _:
            manifest.write_text("{")
    with pytest.raises(CheckpointError, match=MANIFEST if "manifest" in damage else "numbers.bin"):
        verify_folder(tmp_path / "a")


def damaged(folder: Path, generator: np.random.Generator) -> str:
    """Truncate a file, flip a bit of it or remove it; return its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != PAGE)
    file = files[int(generator.integers(len(files)))]
    content = bytearray(file.read_bytes())
    match int(generator.integers(3)):
        case 0:
            file.write_bytes(content[: int(generator.integers(len(content)))])
        case 1:
            content[int(generator.integers(len(content)))] ^= 1 << int(generator.integers(8))
            file.write_bytes(content)
        case _:
            file.unlink()
    return file.relative_to(folder).as_posix()


def test_fifty_damages_are_found_and_named_and_the_last_good_one_is_used(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    agent = PPO(tiny_policy(), lambda: PROBES["conditional"].env(), n_episodes_per_update=4, max_new_tokens=2)
    agent.save(whole / checkpoint_name(1))
    agent.learn(4).save(whole / checkpoint_name(2))
    assert newest_good(checkpoints(whole)) == (whole / checkpoint_name(2), [])
    names: set[str] = set()
    for case in range(50):
        folder = tmp_path / "damaged"
        shutil.copytree(whole, folder)
        name = damaged(folder / checkpoint_name(2), np.random.default_rng(case))
        good, (error,) = newest_good(checkpoints(folder))
        assert good == folder / checkpoint_name(1)
        assert checkpoint_name(2) in str(error)
        assert name in str(error) or name == MANIFEST
        names.add(name)
        shutil.rmtree(folder)
    assert len(names) > 5


def test_a_page_that_was_edited_is_no_damage(tmp_path: Path) -> None:
    write_folder(tmp_path / "a", lambda folder: fill(folder) or ((folder / PAGE).write_text("license: ?") and None))
    (tmp_path / "a" / PAGE).write_text("license: mit")
    verify_folder(tmp_path / "a")


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for update in (1, 20, 3):
        write_folder(tmp_path / checkpoint_name(update), fill)
    (tmp_path / f".{checkpoint_name(4)}.draft").mkdir()
    prune(tmp_path / checkpoint_name(20), keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [checkpoint_name(3), checkpoint_name(20)]


def test_what_a_resumed_run_went_back_behind_goes(tmp_path: Path) -> None:
    for update in (1, 2, 3, 4):
        write_folder(tmp_path / checkpoint_name(update), fill)
    prune(tmp_path / checkpoint_name(2), keep=2)
    assert [path.name for path in checkpoints(tmp_path)] == [checkpoint_name(1), checkpoint_name(2)]


def test_names_sort_in_the_order_of_training() -> None:
    names = [
        checkpoint_name(3),
        checkpoint_name(3, 0),
        checkpoint_name(3, 2),
        checkpoint_name(3, 10),
        checkpoint_name(4),
    ]
    assert sorted(names) == names


def test_json_gives_every_number_back(tmp_path: Path) -> None:
    value = {"a": [float("inf"), 0.1 + 0.2, {"b": -float("inf")}], "c": "nan", "float": None}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json") == value
    write_json(tmp_path / "x.json", {"a": float("nan")})
    assert math.isnan(read_json(tmp_path / "x.json")["a"])
    assert "NaN" not in (tmp_path / "x.json").read_text()


def stepped() -> tuple[torch.optim.Optimizer, list[tuple[str, nn.Parameter]]]:
    named = [("a.b", nn.Parameter(torch.ones(3))), ("c", nn.Parameter(torch.ones(2, 2)))]
    optimizer = torch.optim.AdamW([p for _, p in named], lr=0.1)
    for _ in range(3):
        sum((p**2).sum() for _, p in named).backward()
        optimizer.step()
    return optimizer, named


def test_an_optimiser_goes_on_exactly_where_it_was(tmp_path: Path) -> None:
    optimizer, named = stepped()
    save_optimizer(tmp_path / "o.safetensors", optimizer, named)
    copies = [(name, nn.Parameter(p.detach().clone())) for name, p in named]
    other = torch.optim.AdamW([p for _, p in copies], lr=0.1)
    load_optimizer(tmp_path / "o.safetensors", other, copies)
    for group, parameters in ((optimizer, named), (other, copies)):
        group.zero_grad()
        sum((p**2).sum() for _, p in parameters).backward()
        group.step()
    for (_, one), (_, two) in zip(named, copies, strict=True):
        assert torch.equal(one, two)


def test_the_state_of_other_parameters_is_refused(tmp_path: Path) -> None:
    optimizer, named = stepped()
    save_optimizer(tmp_path / "o.safetensors", optimizer, named)
    with pytest.raises(CheckpointError, match=r"'a\.b'"):
        load_optimizer(tmp_path / "o.safetensors", optimizer, named[1:])
    (tmp_path / "o.safetensors").write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_optimizer(tmp_path / "o.safetensors", optimizer, named)
