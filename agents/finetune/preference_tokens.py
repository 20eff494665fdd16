"""Preferences as tokens, rendered by the policy's own renderer, and what is refused on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import datasets
import pyarrow as pa

from agents.chat import ChatRenderer
from agents.finetune.preferences import LabelledAnswer, PreferencePair
from agents.finetune.tables import IDS, in_chunks, write_table
from agents.policies.answers import keep_end, prompt_ids

Row = dict[str, Any]
P = TypeVar("P", PreferencePair, LabelledAnswer)
Refused = Mapping[str, Sequence[str]]
"""Where the rows that were left out come from, by reason."""
Render = Callable[[Sequence[Any]], tuple[list[Row], Refused]]
"""Given pairs, or single answers, returns rows, and which were left out."""

_ABOUT = [("kind", pa.string()), ("length", pa.int32())]
PAIRS = pa.schema([("prompt_ids", IDS), ("chosen_ids", IDS), ("rejected_ids", IDS), ("margin", pa.float64()), *_ABOUT])
"""What `render_pairs` makes."""
LABELS = pa.schema([("prompt_ids", IDS), ("completion_ids", IDS), ("label", pa.bool_()), *_ABOUT])
"""What `render_labels` makes."""


def render_pairs(chat: ChatRenderer, pairs: Sequence[PreferencePair], limit: int) -> tuple[list[Row], Refused]:
    """Render pairs: ``prompt_ids``, ``chosen_ids``, ``rejected_ids``, ``margin``, ``kind`` and ``length``.

    Args:
        chat: the renderer of the model that is trained.
        pairs: to render.
        limit: most tokens of prompt and answer; what came first is dropped first, of both sides alike.

    Returns:
        The rows, and where the pairs come from that are not among them, because their answers are the same tokens.
    """
    rows: list[Row] = []
    refused: defaultdict[str, list[str]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        answers = [chat.action_ids(answer) for answer in (pair.chosen, pair.rejected)]
        longest = max(answers, key=len)
        prompt, _ = keep_end(prompt_ids(chat, pair.prompt, pair.tools), longest, limit)
        chosen, rejected = (keep_end(prompt, answer, limit)[1] for answer in answers)
        if chosen == rejected:
            refused[f"the answers are the same within {limit} tokens"].append(pair.origin or f"pair {number}")
            continue
        ids = {"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected}
        length = 2 * len(prompt) + len(chosen) + len(rejected)
        rows.append({**ids, "margin": pair.margin, "kind": pair.kind, "length": length})
    return rows, refused


def render_labels(chat: ChatRenderer, labels: Sequence[LabelledAnswer], limit: int) -> list[Row]:
    """Render labelled answers: ``prompt_ids``, ``completion_ids``, ``label``, ``kind``, ``length``; else as above."""
    rows: list[Row] = []
    for row in labels:
        prompt = prompt_ids(chat, row.prompt, row.tools)
        prompt, answer = keep_end(prompt, chat.action_ids(row.completion), limit)
        ids = {"prompt_ids": prompt, "completion_ids": answer}
        rows.append({**ids, "label": row.label, "kind": row.kind, "length": len(prompt) + len(answer)})
    return rows


def table_of(
    render: Render, rows: Sequence[P], places: Sequence[int], schema: pa.Schema, path: Path
) -> tuple[datasets.Dataset, Refused]:
    """Return rows rendered into a table on disk, which may be larger than memory, and where those refused come from.

    Args:
        render: makes rows of the schema of some pairs, or single answers.
        rows: in memory or in a file.
        places: of those that are rendered.
        schema: of the table.
        path: of the table's file, which has to stay there as long as it is used.
    """
    refused: defaultdict[str, list[str]] = defaultdict(list)

    def rendered(chunk: Sequence[int]) -> list[Row]:
        made, wrong = render([rows[place] for place in chunk])
        for reason, origins in wrong.items():
            refused[reason] += origins
        return made

    return write_table(map(rendered, in_chunks(places)), schema, path), refused


def merge_refused(one: Refused, other: Refused) -> Refused:
    """Return what was refused of either."""
    return {reason: [*one.get(reason, ()), *other.get(reason, ())] for reason in {**one, **other}}
