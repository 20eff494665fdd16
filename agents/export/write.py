"""An export as a folder: files of rows, the reward hook, and a page that says how to train with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from agents.export.formats import FileType, Format, Row
from agents.export.states import State, best_pair
from agents.finetune.preferences import PreferencePair
from agents.rows.demonstration import Demonstration
from textenvs.messages import Message

TEMPLATES = Path(__file__).parent / "templates"
HOOK = "reward.py"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        folder: of the files.
        counts: rows by file name.
    """

    folder: Path
    counts: dict[str, int]


def export_states(found: Iterable[State], engine: Format, folder: Path) -> Exported:
    """Write an environment's demonstrations, pairs and prompts, with the reward hook.

    Args:
        found: points of decision, those of an episode in order.
        engine: whose schemas.
        folder: made if need be; files that are there are replaced.
    """
    known = list(found)
    pairs = [pair for pair in map(best_pair, known) if pair is not None] if engine.pairs else []
    counts = export_rows(_demonstrations(known), pairs, engine, folder).counts
    prompts = f"prompts.{engine.file_type}"
    _write(folder / prompts, [engine.prompt(state) for state in known], engine.file_type)
    (folder / HOOK).write_text((TEMPLATES / f"{engine.name}.py.txt").read_text(encoding="utf-8"), encoding="utf-8")
    page = Template((TEMPLATES / f"{engine.name}.md").read_text(encoding="utf-8"))
    text = page.substitute(folder=folder.as_posix(), hook=(folder / HOOK).absolute().as_posix())
    (folder / "README.md").write_text(text, encoding="utf-8")
    return Exported(folder, {**counts, prompts: len(known)})


def export_rows(
    demonstrations: Sequence[Demonstration], pairs: Sequence[PreferencePair], engine: Format, folder: Path
) -> Exported:
    """Write rows of one's own; there may be none of a kind, and then no file of it.

    Raises:
        ConfigError: if there are pairs and the engine trains on none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for name, rows in (
        ("sft", [engine.demonstration(row) for row in demonstrations]),
        ("pairs", [engine.pair(pair) for pair in pairs]),
    ):
        if rows:
            file = f"{name}.{engine.file_type}"
            _write(folder / file, rows, engine.file_type)
            counts[file] = len(rows)
    return Exported(folder, counts)


def _demonstrations(found: Sequence[State]) -> list[Demonstration]:
    """Return the whole conversations: each ends at the last state before another item's first."""
    following = [*found[1:], None]
    ends = [one for one, after in zip(found, following, strict=True) if after is None or not after.task.actions]
    return [Demonstration((*end.prompt, Message("assistant", end.answer)), end.tools) for end in ends]


def _write(path: Path, rows: Sequence[Row], file_type: FileType) -> None:
    draft = path.with_name(f".{path.name}.part")
    if file_type == "jsonl":
        with draft.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    else:
        _write_parquet(draft, rows)
    draft.replace(path)


def _write_parquet(path: Path, rows: Sequence[Row]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    table: Any = pa.Table.from_pylist(list(rows))
    parquet.write_table(table, path)
