"""Mixture: how many of each kind go into every batch, be they rows to learn from or environments to play."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from textenvs.errors import ConfigError

TOLERANCE = 1.5
"""In every batch a kind has between 1/1.5 and 1.5 times the share that was asked for."""
_ROUNDING = 1e-9


class Mixture:
    """Hands out quotas: every batch holds its shares as nearly as whole numbers can, and so do all of them together.

    What rounding has cost a kind in one batch it gets back in the next. The quotas are a function of the shares and of
    how many batches there were; nothing is drawn.

    Args:
        shares: of the kinds, as positive weights of any sum.
        batch_size: rows, or groups of episodes, in a batch.

    Attributes:
        shares: of the kinds, with sum 1.
        given: how many of each kind were handed out so far.

    Raises:
        ConfigError: if a share is not above 0, or no whole number in a batch comes within `TOLERANCE` of one; the
            message says how large a batch has to be.
    """

    def __init__(self, shares: Mapping[str, float], batch_size: int) -> None:
        for kind, share in shares.items():
            if not 0 < share < math.inf:
                raise ConfigError(f"share of {kind!r}: {share!r} must be a number above 0; leave the kind out instead")
        if not shares:
            raise ConfigError("a mixture needs at least one kind")
        total = math.fsum(shares.values())
        self.shares = {kind: share / total for kind, share in shares.items()}
        self.batch_size = batch_size
        self.given = dict.fromkeys(self.shares, 0)
        if not _fits(self.shares, batch_size):
            rarest = min(self.shares, key=self.shares.__getitem__)
            raise ConfigError(
                f"a batch of {batch_size} cannot hold {self.shares[rarest]:.2%} of {rarest!r} to within {TOLERANCE}:1; "
                f"the smallest that can hold all shares is {_smallest_batch(self.shares, batch_size)}"
            )

    def quotas(self, size: int | None = None) -> dict[str, int]:
        """Return how many of each kind the next batch holds, and count them.

        Args:
            size: of the batch; one that is not `batch_size` keeps the shares over all batches only.
        """
        size = self.batch_size if size is None else size
        least, most = _bounds(self.shares, size) if size == self.batch_size else ({}, {})
        drawn = {kind: least.get(kind, 0) for kind in self.shares}
        due = math.fsum(self.given.values()) + size
        for _ in range(size - sum(drawn.values())):
            kind = max(
                (kind for kind in drawn if drawn[kind] < most.get(kind, size)),
                key=lambda kind: self.shares[kind] * due - self.given[kind] - drawn[kind],
            )
            drawn[kind] += 1
        for kind, count in drawn.items():
            self.given[kind] += count
        return drawn

    def state(self) -> Mapping[str, Any]:
        """Return how many were handed out."""
        return {"given": dict(self.given)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.given = {kind: int(state["given"][kind]) for kind in self.shares}


def shares_of(sizes: Mapping[str, int], temperature: float) -> dict[str, float]:
    """Return shares that grow with the kinds' sizes: ``p_k = n_k^tau / sum_j n_j^tau``.

    At ``tau = 1`` every row is learned as often as any other, at 0 every kind is. Source: Arivazhagan et al. 2019,
    "Massively Multilingual Neural Machine Translation in the Wild", section 4.2, whose T is ``1 / tau``.

    Args:
        sizes: rows of each kind, at least 1.
        temperature: tau, from 0 to 1.

    Raises:
        ConfigError: if tau is out of range, or a kind has no rows.
    """
    if not 0 <= temperature <= 1:
        raise ConfigError(f"mixture temperature={temperature!r}: must lie between 0 (kinds alike) and 1 (rows alike)")
    for kind, size in sizes.items():
        if size < 1:
            raise ConfigError(f"kind {kind!r} has no rows")
    powers = {kind: size**temperature for kind, size in sizes.items()}
    total = math.fsum(powers.values())
    return {kind: power / total for kind, power in powers.items()}


def _bounds(shares: Mapping[str, float], size: int) -> tuple[dict[str, int], dict[str, int]]:
    """Return the least and the greatest count of each kind that comes within `TOLERANCE` of its share."""
    least = {kind: math.ceil(share * size / TOLERANCE - _ROUNDING) for kind, share in shares.items()}
    most = {kind: math.floor(share * size * TOLERANCE + _ROUNDING) for kind, share in shares.items()}
    return least, most


def _fits(shares: Mapping[str, float], size: int) -> bool:
    """Return whether a batch of this size can hold all shares."""
    least, most = _bounds(shares, size)
    return all(least[kind] <= most[kind] for kind in shares) and sum(least.values()) <= size <= sum(most.values())


def _smallest_batch(shares: Mapping[str, float], size: int) -> int:
    """Return the smallest batch above `size` that can hold all shares; two of the rarest kind are always enough."""
    enough = math.ceil(2 / min(shares.values()))
    return next((n for n in range(size + 1, enough) if _fits(shares, n)), enough)
