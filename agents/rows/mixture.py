"""Rows of several kinds in the shares that are asked for, whatever their numbers: quotas in every batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.mixture import Mixture, shares_of
from agents.rows.kinds import KINDS
from agents.trajectory import IntArray
from textenvs.errors import ConfigError, UnknownNameError

_STREAM = 0x3D
"""Keeps these draws apart from others that are keyed by seed and counts."""


@dataclass(frozen=True, kw_only=True)
class MixtureConfig:
    """How much of each kind is learned.

    Attributes:
        shares: by kind, as weights of any sum; a kind that is not named is left out. None takes `temperature`.
        temperature: tau of shares that grow as ``rows^tau``: at 1 every row counts alike, at 0 every kind.
        epochs: the most passes over a kind, by kind; the mixture ends before one would have more.
        most_epochs: of the kinds that `epochs` does not name. Up to four repetitions are nearly worth new data
            (Muennighoff et al. 2023, "Scaling Data-Constrained Language Models").

    Raises:
        ConfigError: if a number is out of range.
    """

    shares: Mapping[str, float] | None = None
    temperature: float = 0.5
    epochs: Mapping[str, float] = field(default_factory=dict[str, float])
    most_epochs: float = 4.0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not 0 <= self.temperature <= 1:
            raise ConfigError(f"mixture temperature={self.temperature!r}: must lie between 0 and 1")
        for kind, share in (self.shares or {}).items():
            if isinstance(share, bool) or not isinstance(share, int | float):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigError(f"mixture share of {kind!r}: {share!r} is no number")
        for name, epochs in {**self.epochs, "any kind": self.most_epochs}.items():
            if not epochs > 0:
                raise ConfigError(f"mixture epochs of {name}: {epochs!r} must be above 0")


@dataclass(frozen=True)
class KindPlan:
    """What a mixture makes of one kind.

    Attributes:
        kind: its name.
        rows: there are.
        share: that was asked for.
        fewest, most: of it in any batch, as shares of the batch.
        epochs: passes over its rows.
    """

    kind: str
    rows: int
    share: float
    fewest: float
    most: float
    epochs: float


class RowMixture:
    """Yields batches of rows by their places; each kind's are shuffled anew in every pass over it.

    The rows themselves are not looked at: they may lie in files larger than memory.

    Args:
        kinds: of the rows, in order.
        batch_size: rows per batch.
        config: the shares.
        seed: of the shuffles.
        epochs: the most passes over as many rows as there are, all kinds together.

    Attributes:
        batch_size: rows per batch.
        batches: how many batches there are.
        batch: how many were drawn.

    Raises:
        ConfigError: if a row has no kind, a kind no rows, or a batch cannot hold the shares.
        UnknownNameError: if a kind is named that no row has.
    """

    def __init__(
        self, kinds: Sequence[str], batch_size: int, config: MixtureConfig, seed: int, epochs: float = 1.0
    ) -> None:
        if "" in kinds:
            raise ConfigError(
                f'row {list(kinds).index("")} names no kind; write "kind" into every row, one of '
                f"{', '.join(KINDS)}, or any of your own"
            )
        names, codes = np.unique(np.array(kinds), return_inverse=True)
        for kind in {**(config.shares or {}), **config.epochs}:
            if kind not in names:
                raise UnknownNameError.of("kind of row", kind, map(str, names))
        self._places = {
            str(kind): np.flatnonzero(codes == code)
            for code, kind in enumerate(names)
            if config.shares is None or kind in config.shares
        }
        self._shares = config.shares or shares_of({k: len(p) for k, p in self._places.items()}, config.temperature)
        self._mixture = Mixture(self._shares, batch_size)
        self.batch_size = batch_size
        self._seed = seed
        self._orders: dict[str, tuple[int, IntArray]] = {}
        self._limits = {kind: config.epochs.get(kind, config.most_epochs) * len(p) for kind, p in self._places.items()}
        self.batches = self._count(int(np.ceil(epochs * len(kinds) / batch_size)))
        self.batch = 0

    def __len__(self) -> int:
        """Return how many batches there are."""
        return self.batches

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches that are left."""
        while self.batch < self.batches:
            yield self.draw()

    def draw(self) -> list[int]:
        """Return the places of the next batch's rows."""
        before = dict(self._mixture.given)
        quotas = self._mixture.quotas()
        self.batch += 1
        return [self._row(kind, before[kind] + i) for kind, quota in quotas.items() for i in range(quota)]

    def plan(self) -> list[KindPlan]:
        """Return what the whole mixture makes of each kind."""
        mixture = Mixture(self._shares, self.batch_size)
        quotas = [mixture.quotas() for _ in range(self.batches)]
        return [self._plan(kind, [quota[kind] for quota in quotas]) for kind in self._places]

    def state(self) -> Mapping[str, Any]:
        """Return how far it is."""
        return {"batch": self.batch, **self._mixture.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there, with the same rows and settings."""
        self.batch = int(state["batch"])
        self._mixture.restore(state)

    def _plan(self, kind: str, counts: Sequence[int]) -> KindPlan:
        size, rows = self.batch_size, len(self._places[kind])
        share = self._mixture.shares[kind]
        fewest, most = min(counts, default=0) / size, max(counts, default=0) / size
        return KindPlan(kind, rows, share, fewest, most, sum(counts) / rows)

    def _count(self, most: int) -> int:
        """Return how many batches there are before a kind would be passed over too often."""
        mixture = Mixture(self._shares, self.batch_size)
        for batch in range(most):
            mixture.quotas()
            if any(mixture.given[kind] > limit for kind, limit in self._limits.items()):
                return batch
        return most

    def _row(self, kind: str, number: int) -> int:
        """Return the place of the row that a kind gives as its `number`-th."""
        places = self._places[kind]
        passes, place = divmod(number, len(places))
        return int(places[self._order(kind, passes)[place]])

    def _order(self, kind: str, passes: int) -> IntArray:
        """Return the order of a kind's rows in one of its passes; the latest of each kind is kept."""
        if self._orders.get(kind, (-1,))[0] != passes:
            key = (self._seed, _STREAM, list(self._places).index(kind), passes)
            self._orders[kind] = (passes, np.random.default_rng(key).permutation(len(self._places[kind])))
        return self._orders[kind][1]
