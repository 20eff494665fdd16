"""The token view's data: as many sampled episodes as fit a page, and the scales of their colours."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

BYTES = 8_000_000
"""Most bytes of samples in a page; of a longer run every so many updates are left out."""
PERCENTILE = 98
"""Of the distances from the middle: where the colour is full. A few extreme tokens shall not leave the rest pale."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that a token's colour can stand for.

    Attributes:
        name: in the samples.
        label: in the page.
        about: one sentence.
        kind: ``"diverging"``: two colours, on either side of 0; ``"ratio"``: likewise of 1, on a logarithmic scale;
            ``"sequential"``: one colour, the further from 0 the fuller.
        span: the distance at which the colour is full; of a ratio, that of its logarithm from 0.
    """

    name: str
    label: str
    about: str
    kind: Literal["diverging", "ratio", "sequential"]
    span: float = 1.0

    def distance(self, value: float) -> float:
        """Return how far a value lies from where there is no colour."""
        return abs(math.log(value)) if self.kind == "ratio" else abs(value)


QUANTITIES = (
    Quantity(
        "advantage", "advantage", "Better than expected, or worse: the update makes it likelier, or not.", "diverging"
    ),
    Quantity("logprob", "log-probability", "Before the update, in nats: coloured where it surprised.", "sequential"),
    Quantity("ratio", "ratio", "Probability after the update over that before it.", "ratio"),
    Quantity("kl", "KL", "Log of policy over reference, in nats: where training has moved it.", "diverging"),
    Quantity("entropy", "entropy", "Of the distribution that the token was drawn from, in nats.", "sequential"),
    Quantity("value", "value", "What the critic expected before the token.", "diverging"),
    Quantity("trained", "mask", "Coloured where the token gave a loss.", "sequential"),
)
"""In the order of the buttons."""


def sample_view(lines: Sequence[Mapping[str, Any]], limit: int = BYTES) -> dict[str, Any] | None:
    """Return what the page's script draws the token view from.

    Args:
        lines: of ``samples.jsonl``.
        limit: most bytes of them.

    Returns:
        The updates that fit, how many there are in all, and the quantities that their tokens have, with their scales;
        None if there are no samples.
    """
    if not lines:
        return None
    chosen = thinned(lines, limit)
    return {"updates": chosen, "of": len(lines), "quantities": [asdict(one) for one in _scaled(chosen)]}


def thinned(lines: Sequence[Mapping[str, Any]], limit: int) -> list[Mapping[str, Any]]:
    """Return lines evenly spread over the run, the first and the last among them, of at most `limit` bytes in all.

    The last line is always there.
    """
    sizes = [len(json.dumps(line, ensure_ascii=False).encode(errors="replace")) for line in lines]
    most = len(lines)
    while most > 1 and sum(sizes[place] for place in _spread(len(lines), most)) > limit:
        most = min(most - 1, int(most * 0.9))
    return [lines[place] for place in _spread(len(lines), most)]


def _spread(count: int, most: int) -> list[int]:
    return [int(place) for place in np.unique(np.linspace(count - 1, 0, most).round())]


def _scaled(lines: Sequence[Mapping[str, Any]]) -> Iterator[Quantity]:
    """Yield the quantities that the samples have, each with the span that its values call for."""
    turns = [turn["numbers"] for line in lines for episode in line["episodes"] for turn in episode["turns"]]
    for one in QUANTITIES:
        values = [one.distance(v) for numbers in turns for v in numbers.get(one.name, ()) if v is not None]
        if values:
            yield replace(one, span=_span(values))


def _span(distances: Sequence[float]) -> float:
    """Return where the colour is full; 1 where nothing has any."""
    return float(f"{np.percentile(distances, PERCENTILE):.3g}") or max(distances) or 1.0
