"""Rows as tokens: rendered once, into a table on disk, so that they need not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa

from agents.finetune.packing import IGNORED
from agents.finetune.tables import IDS, in_chunks, write_table
from agents.policies.causal_lm import CausalLMPolicy
from agents.rows.demonstration import Demonstration
from textenvs.errors import ConfigError

_SCHEMA = pa.schema(
    [
        ("input_ids", IDS),
        ("labels", IDS),
        ("length", pa.int32()),
        ("own_tokens", pa.int32()),
        ("kind", pa.string()),
    ]
)


def tokenize(policy: CausalLMPolicy, rows: Sequence[Demonstration], folder: Path) -> datasets.Dataset:
    """Return the rows as TRL takes them: ``input_ids``, and ``labels`` that are -100 on all but the agent's tokens.

    Args:
        policy: whose chat renderer is used.
        rows: to be rendered, one after the other.
        folder: for the table, which has to stay there as long as it is used.

    Raises:
        ConfigError: if there are no rows, or one is longer than the model's context or makes no example.
    """
    if not rows:
        raise ConfigError("supervised fine-tuning needs at least one row")
    return write_table(in_chunks(_rendered(policy, rows)), _SCHEMA, folder / "rows.arrow")


def _rendered(policy: CausalLMPolicy, rows: Sequence[Demonstration]) -> Iterator[dict[str, Any]]:
    for place in range(len(rows)):
        row = rows[place]
        try:
            ids, mask = policy.chat.render_example(row.messages, row.tools)
        except ConfigError as error:
            raise ConfigError(f"row {place}: {error}") from None
        if len(ids) > policy.context_length:
            raise ConfigError(
                f"row {place} has {len(ids)} tokens, more than the model's context of {policy.context_length}; "
                "leave it out, or use a model with a longer context"
            )
        if row.last_only:
            own = len(policy.chat.action_ids(row.messages[-1]["content"]))
            mask = [False] * (len(ids) - own) + mask[-own:]
        labels = np.where(mask, ids, IGNORED).tolist()
        sizes = {"length": len(ids), "own_tokens": sum(mask)}
        yield {"input_ids": ids, "labels": labels, **sizes, "kind": row.kind}
