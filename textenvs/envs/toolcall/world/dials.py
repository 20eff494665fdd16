"""How difficult generated tasks are: the dials, and named settings of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from textenvs.envs.toolcall.world.services import SERVICES
from textenvs.errors import ConfigError, check_known

CALLING = (
    "single",
    "choice",
    "parallel",
    "chain",
    "defaults",
    "canonical",
    "pronoun",
    "missing",
    "withheld",
    "retry",
    "detour",
    "pages",
    "partial",
    "undo",
    "planted",
    "repeat",
)
"""Kinds of tasks in which something has to be called."""

SILENT = ("unclear", "invalid", "impossible", "forbidden", "talk")
"""Kinds of tasks in which nothing may be called."""


@dataclass(frozen=True, slots=True)
class Dials:
    """What tasks are made of.

    Attributes:
        tools: least and greatest number of tools on offer.
        requests: least and greatest number of kinds of tasks that follow one another in an episode.
        records: least and greatest number of records of a service.
        chain: least and greatest number of calls that depend on one another.
        silent: share of the episodes in which nothing may be called.
        kinds: which kinds of tasks occur, of `CALLING` and `SILENT`.
        services: which services occur, by name; empty for all.
        plain: share of the episodes in which users say values as the tools take them.
        rules: share of the episodes with rules that forbid something else.
        brief: whether instructions and schemas are short, without parameters that may be left out.
        masked: whether the names of tools say nothing, so that descriptions must be read.
        patience: how many requests may go wrong before the user leaves.
    """

    tools: tuple[int, int] = (2, 12)
    requests: tuple[int, int] = (1, 3)
    records: tuple[int, int] = (4, 8)
    chain: tuple[int, int] = (2, 7)
    silent: float = 0.25
    kinds: tuple[str, ...] = (*CALLING, *SILENT)
    services: tuple[str, ...] = ()
    plain: float = 0.3
    rules: float = 0.25
    brief: bool = False
    masked: bool = False
    patience: int = 2

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            UnknownNameError: if there is no such kind of task, or no such service.
            ConfigError: if a dial is out of range.
        """
        for kind in self.kinds:
            check_known("kind of task", kind, (*CALLING, *SILENT))
        for service in self.services:
            check_known("service", service, SERVICES)
        for name, low, high in (("tools", 1, 20), ("requests", 1, 5), ("records", 4, 12), ("chain", 2, 7)):
            least, most = getattr(self, name)
            self._check(name, low <= least <= most <= high, f"{low} <= least <= greatest <= {high}")
        for name in ("silent", "plain", "rules"):
            self._check(name, 0.0 <= getattr(self, name) <= 1.0, "a share in [0, 1]")
        self._check("kinds", any(kind in CALLING for kind in self.kinds) or self.silent == 1.0, "a kind that calls")
        self._check("kinds", any(kind in SILENT for kind in self.kinds) or self.silent == 0.0, "a kind that is silent")
        self._check("patience", self.patience >= 1, "at least 1")

    def _check(self, name: str, good: bool, wanted: str) -> None:
        if not good:
            raise ConfigError(f"Dials({name}={getattr(self, name)!r}): give {wanted}")


LEVELS = MappingProxyType(
    {
        "small": Dials(
            tools=(2, 3),
            requests=(1, 1),
            records=(4, 5),
            kinds=("single", "parallel", "pronoun", "missing", "unclear", "impossible", "forbidden", "talk"),
            services=("contact", "message", "order", "transfer"),
            plain=1.0,
            rules=0.0,
            brief=True,
            patience=1,
        ),
        "medium": Dials(),
        "hard": Dials(tools=(8, 20), requests=(2, 4), chain=(4, 7), plain=0.0, rules=0.5, masked=True, patience=1),
    }
)
"""The named levels of difficulty."""


def dials_of(difficulty: str | Dials) -> Dials:
    """Return the dials of a level.

    Args:
        difficulty: one of `LEVELS`, or dials of one's own.

    Raises:
        UnknownNameError: if there is no such level.
    """
    if isinstance(difficulty, Dials):
        return difficulty
    check_known("difficulty", difficulty, LEVELS)
    return LEVELS[difficulty]
