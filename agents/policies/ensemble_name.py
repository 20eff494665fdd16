"""How an ensemble of reward models is named in one word, on a command line or in a file; imports nothing heavy."""

from __future__ import annotations

import contextlib
from typing import NamedTuple, Self

SEPARATOR, GATE = ",", "@"


class EnsembleName(NamedTuple):
    """Folders between commas, and behind an ``@`` the gate, if there is one: ``runs/rm-0,runs/rm-1@0.5``.

    Attributes:
        folders: of the reward models.
        gate: the disagreement above which the least score is paid; None never pays it.
    """

    folders: tuple[str, ...]
    gate: float | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what a text names; without a number behind an ``@`` that is part of a folder's name."""
        folders, _, gate = text.rpartition(GATE)
        with contextlib.suppress(ValueError):
            return cls(tuple(folders.split(SEPARATOR)), float(gate))
        return cls(tuple(text.split(SEPARATOR)))

    def __str__(self) -> str:
        return SEPARATOR.join(self.folders) + ("" if self.gate is None else f"{GATE}{self.gate!r}")
