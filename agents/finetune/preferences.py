"""Preferences: which of two answers to a conversation is better, or whether one answer is good."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents.rows.on_demand import OnDemand
from textenvs.messages import Message
from textenvs.rewards.judge import Pair, PairwiseJudge

Messages = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two answers to one conversation, the better one first.

    Attributes:
        prompt: the conversation before them; the instruction, if any, is its first message, of role ``"system"``.
        chosen: the better answer.
        rejected: the other.
        margin: by how much it is better, >= 0, in the units of the reward model's score; 0 where nobody said.
        tools: JSON Schemas on offer, as JSON text.
        origin: where the pair comes from, such as ``"pairs.jsonl:3"``.
        kind: what a mixture balances; see `agents.rows.kinds`.
    """

    prompt: Messages
    chosen: str
    rejected: str
    margin: float = 0.0
    tools: tuple[str, ...] = ()
    origin: str = ""
    kind: str = ""

    def as_row(self) -> dict[str, Any]:
        """Return the pair as a line of a file holds it."""
        answers = {"chosen": _said(self.chosen), "rejected": _said(self.rejected)}
        return {"prompt": _plain(self.prompt), **answers, "margin": self.margin, **_about(self)}


@dataclass(frozen=True, slots=True)
class LabelledAnswer:
    """One answer to a conversation, and whether it is good.

    Attributes:
        prompt: as in `PreferencePair`, like `tools`, `origin` and `kind`.
        completion: the answer.
        label: whether it is good.
        tools: see above.
        origin: see above.
        kind: see above.
    """

    prompt: Messages
    completion: str
    label: bool
    tools: tuple[str, ...] = ()
    origin: str = ""
    kind: str = ""

    def as_row(self) -> dict[str, Any]:
        """Return the answer as a line of a file holds it."""
        answer = {"completion": _said(self.completion), "label": self.label}
        return {"prompt": _plain(self.prompt), **answer, **_about(self)}


@dataclass(frozen=True)
class Answers(OnDemand[LabelledAnswer]):
    """The answers of pairs one by one, the better ones as good and the others as bad; made when they are asked for.

    Attributes:
        pairs: the pairs.
    """

    pairs: Sequence[PreferencePair]

    def __len__(self) -> int:
        """Return how many answers there are."""
        return 2 * len(self.pairs)

    def make(self, place: int) -> LabelledAnswer:
        """Return the answer at a place."""
        number, worse = divmod(place, 2)
        pair = self.pairs[number]
        answer = pair.rejected if worse else pair.chosen
        return LabelledAnswer(pair.prompt, answer, not worse, pair.tools, pair.origin, pair.kind)


def split_by_prompt(rows: Sequence[PreferencePair | LabelledAnswer], share: float, seed: int) -> tuple[list[int], ...]:
    """Return the places of the rows on two sides, all rows of a prompt on one of them; the rows may be in a file.

    Args:
        rows: to split; their order is kept.
        share: of the prompts, that goes to the second side; which ones follows from their text and the seed alone.
        seed: of the choice.
    """
    sides: tuple[list[int], list[int]] = ([], [])
    for number in range(len(rows)):
        row = rows[number]
        said = json.dumps([[dict(message) for message in row.prompt], list(row.tools), seed], sort_keys=True)
        place = int.from_bytes(hashlib.blake2b(said.encode(), digest_size=8).digest()) / 2**64
        sides[place < share].append(number)
    return sides


def judged_pairs(
    judge: PairwiseJudge, pairs: Sequence[PreferencePair]
) -> tuple[list[PreferencePair], Mapping[str, int]]:
    """Have a judge decide which answer of each pair is the better one, whatever the rows say.

    Source: Bai et al. 2022, "Constitutional AI", section 4.1: the rubric is the constitution.

    Args:
        judge: asked in both orders.
        pairs: whose answers are compared.

    Returns:
        The pairs that it decided, without margins, and how many it left out, by reason.
    """
    kept: list[PreferencePair] = []
    dropped: Counter[str] = Counter()
    for pair, verdict in zip(pairs, judge.prefer([_question(pair) for pair in pairs]), strict=True):
        if math.isnan(verdict):
            dropped["the judge gave no verdict"] += 1
        elif verdict == 0.5:
            dropped["the judge prefers neither"] += 1
        else:
            better, worse = (pair.chosen, pair.rejected) if verdict == 1.0 else (pair.rejected, pair.chosen)
            kept.append(replace(pair, chosen=better, rejected=worse, margin=0.0))
    return kept, dropped


def _question(pair: PreferencePair) -> Pair:
    instruction = pair.prompt[0].content if pair.prompt[0].role == "system" else ""
    return Pair(pair.prompt[bool(instruction) :], pair.chosen, pair.rejected, instruction)


def _said(text: str) -> list[dict[str, str]]:
    return _plain((Message("assistant", text),))


def _about(row: PreferencePair | LabelledAnswer) -> dict[str, Any]:
    return {"tools": list(row.tools), **({"kind": row.kind} if row.kind else {})}


def _plain(messages: Iterable[Message]) -> list[dict[str, str]]:
    return [{key: text for key, text in message.items() if key in ("role", "content") or text} for message in messages]
