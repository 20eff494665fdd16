"""Transcripts paired for the page: the same item before and after, turn by turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal, get_args

Verdict = Literal["improved", "worse", "solved", "unsolved", "unknown"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""In the order in which they are shown; the last is for episodes whose environment names no success."""
MAX_PAIRS = 60
"""A page stays light: the pairs are spread evenly over the items, every verdict represented."""


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message as it is drawn.

    Attributes:
        role: ``"assistant"`` is what the trained policy wrote.
        content: the text, untrusted.
        reward: of the action, None where it is no action or could not be scored.
        parts: named reward parts of the action; None where unscored.
        action: whether the policy wrote it in this episode.
    """

    role: str
    content: str
    reward: float | None = None
    parts: Mapping[str, float | None] | None = None
    action: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """One policy's episode."""

    bubbles: tuple[Bubble, ...]
    success: float | None
    total: float | None
    stop: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One item, before and after.

    Attributes:
        title: names the item.
        verdict: what training changed.
        before, after: the episodes; `before` is None where only one was recorded.
        alike: how many messages both begin with before they part; 0 where they never do.
    """

    title: str
    verdict: Verdict
    before: Side | None
    after: Side
    alike: int = 0


def pair_transcripts(records: Sequence[Mapping[str, Any]], limit: int = MAX_PAIRS) -> list[Pair]:
    """Pair the records by item and choose which to show.

    Args:
        records: lines of ``transcripts.jsonl``; the phase ``after`` leads, ``before`` is put next to it.
        limit: how many pairs at most.

    Returns:
        The chosen pairs, those that training changed first.
    """
    sides: dict[tuple[Any, ...], dict[str, Mapping[str, Any]]] = {}
    for record in records:
        key = (record.get("group", ""), record.get("index"), record.get("task_id", ""))
        sides.setdefault(key, {})[str(record.get("phase", "after"))] = record
    pairs = [_pair(key, phases) for key, phases in sides.items() if "after" in phases]
    return sorted(_spread(pairs, limit), key=lambda pair: VERDICTS.index(pair.verdict))


def _pair(key: tuple[Any, ...], phases: Mapping[str, Mapping[str, Any]]) -> Pair:
    before, after = (_side(phases[name]) if name in phases else None for name in ("before", "after"))
    assert after is not None  # noqa: S101 - the caller has chosen items with an `after`
    group, _, task_id = key
    title = f"{task_id} · {group}" if group else str(task_id)
    return Pair(title, _verdict(before, after), before, after, _alike(before, after) if before else 0)


def _alike(before: Side, after: Side) -> int:
    said = [[(bubble.role, bubble.content) for bubble in side.bubbles] for side in (before, after)]
    parting = (place for place, (one, other) in enumerate(zip_longest(*said)) if one != other)
    return next(parting, 0)


def _side(record: Mapping[str, Any]) -> Side:
    turns = list(record.get("turns", []))
    messages = list(record.get("messages", []))
    spoken = [i for i, message in enumerate(messages) if message.get("role") == "assistant"]
    scored = dict(zip(spoken[-len(turns) :] if turns else [], turns, strict=False))
    bubbles = [_bubble(message, scored.get(i)) for i, message in enumerate(messages)]
    return Side(tuple(bubbles), record.get("success"), record.get("return"), str(record.get("stop", "")))


def _bubble(message: Mapping[str, Any], turn: Mapping[str, Any] | None) -> Bubble:
    role, content = str(message.get("role", "")), str(message.get("content", ""))
    if turn is None:
        return Bubble(role, content)
    return Bubble(role, content, turn.get("reward"), turn.get("parts", {}), action=True)


def _verdict(before: Side | None, after: Side) -> Verdict:
    if before is None or before.success == after.success:
        return "solved" if after.success else "unsolved" if after.success == 0 else "unknown"
    return "improved" if after.success else "worse"


def _spread(pairs: Sequence[Pair], limit: int) -> list[Pair]:
    """Keep at most `limit` pairs, taking every verdict in turn so that the rare ones stay."""
    queues: dict[str, list[Pair]] = {}
    for pair in pairs:
        queues.setdefault(pair.verdict, []).append(pair)
    chosen: list[Pair] = []
    rank = 0
    while len(chosen) < min(limit, len(pairs)):
        chosen += [queue[rank] for queue in queues.values() if rank < len(queue)]
        rank += 1
    return chosen[:limit]
