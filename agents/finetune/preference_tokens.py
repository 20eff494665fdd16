"""Preferences as tokens, rendered by the policy's own renderer, and what is refused on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from agents.chat import ChatRenderer
from agents.finetune.preferences import LabelledAnswer, PreferencePair
from agents.policies.answers import keep_end, prompt_ids

Row = dict[str, Any]
Refused = Mapping[str, Sequence[str]]
"""Where the rows that were left out come from, by reason."""


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


def merge_refused(one: Refused, other: Refused) -> Refused:
    """Return what was refused of either."""
    return {reason: [*one.get(reason, ()), *other.get(reason, ())] for reason in {**one, **other}}
