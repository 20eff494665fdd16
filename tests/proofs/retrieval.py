"""A rewriter paid by a search engine alone: labelled dialogues, documents that answer them, BM25, PPO.

The dialogues are the generated world's, written down as a user would bring them: lines of JSON that name for every turn
the document that answers it. A document holds a question asked in full, somewhere in the dialogues, and its answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cells import Cell, run_cell
from tests.proofs.commands import run_command
from tests.proofs.starts import FOLDER
from textenvs.envs.rewrite.world import Item, World
from textenvs.rewards.measures import normalize
from textenvs.seeding import Split, item_generator

DIALOGUES: Mapping[Split, int] = {"train": 6000, "test": 400}
"""Of each split of the world, with its own names and templates; those of the test split are the last of the file."""


@dataclass(frozen=True)
class RetrievalProof:
    """``textenvs train ppo`` with files of one's own.

    Attributes:
        name: of its cells.
        seeds: of the dialogues, the weights and the sampling.
        needs: nothing.
    """

    name: str = "retrieval"
    seeds: tuple[int, ...] = (0, 1, 2)
    needs: Path | None = None

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run one cell, or return the stored one."""
        command = f"python -m tests.proofs {self.name}"
        return run_cell(self.name, seed, command, lambda: self.measure(seed), again=again)

    def measure(self, seed: int) -> Mapping[str, Any]:
        """Write the files, train, and return the evaluation."""
        folder = FOLDER / f"{self.name}-{seed}"
        files = write_files(folder, seed)
        used = run_command([*arguments(files), "--seed", str(seed), "--out", str(folder / "run"), "--overwrite"])
        evaluation = json.loads((folder / "run" / "evaluation.json").read_text(encoding="utf-8"))
        return {
            "documents": files.documents,
            **{key: evaluation[key] for key in ("facts", "tables", "baselines")},
            "processor_s": round(used.ru_utime + used.ru_stime),
        }


@dataclass(frozen=True)
class Files:
    """What was written.

    Attributes:
        folder: that holds ``dialogues.jsonl`` and ``documents.jsonl``.
        held_out: turns of the test split.
        documents: how many.
    """

    folder: Path
    held_out: int
    documents: int


def arguments(files: Files) -> list[str]:
    """Return the command that trains on the files."""
    return [
        *("train", "ppo", "--config", "examples/search.toml", "--env.corpus", str(files.folder / "dialogues.jsonl")),
        *("--env.kwargs", json.dumps({"holdout": files.held_out})),
        *("--reward", f"textenvs.rewards.bm25:bm25_retrieval:{files.folder / 'documents.jsonl'}"),
    ]


def write_files(folder: Path, seed: int, sizes: Mapping[Split, int] = DIALOGUES) -> Files:
    """Write dialogues of both splits, and every document that answers one of their turns."""
    documents: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    for split, count in sizes.items():
        world = World("mixed", "tiny", split)
        items = [world.draw(item_generator(f"retrieval|{seed}", split, index)) for index in range(count)]
        rows += [{"language": item.language, "turns": turns(item, documents)} for item in items]
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "dialogues.jsonl", rows)
    write_lines(folder / "documents.jsonl", [{"id": name, "text": text} for name, text in documents.items()])
    held_out = sum("rewrite" in turn for row in rows[-sizes["test"] :] for turn in row["turns"])
    return Files(folder, held_out, len(documents))


def turns(item: Item, documents: dict[str, str]) -> list[dict[str, Any]]:
    """Return the turns of a dialogue as a row holds them, and add the documents that answer them."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(item.lines):
        name = normalize(line.gold, item.language)
        documents.setdefault(name, f"{line.gold} {line.reply}")
        asked = {"rewrite": line.gold, "relevant": [name]} if number >= item.prelude else {}
        rows.append({"utterance": line.said, **asked, "reply": line.reply})
    return rows


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


RETRIEVAL = RetrievalProof()
