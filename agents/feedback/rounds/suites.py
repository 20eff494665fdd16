"""What a candidate is measured on: the same items in every round, and items that no round has seen."""

from __future__ import annotations

from dataclasses import replace

from envs_registry.suites import Slice, Suite
from textenvs.errors import ConfigError


def fresh_suite(fixed: Suite, number: int, items: int) -> Suite:
    """Return a suite like the fixed one, of items that neither it nor another round has.

    Args:
        fixed: whose slices are taken.
        number: of the round, from 1.
        items: of each slice.

    Raises:
        ConfigError: if a slice is of a finite corpus that has not as many left.
    """
    return Suite(f"{fixed.name}-fresh-{number}", tuple(_fresh(one, number, items) for one in fixed.slices))


def _fresh(one: Slice, number: int, items: int) -> Slice:
    first = max(one.indices, default=-1) + 1 + (number - 1) * items
    size = getattr(one.make().unwrapped, "n_items", None)
    if size is not None and first + items > size:
        raise ConfigError(
            f"round {number} wants {items} fresh items of {one.name or one.env_id}, and {max(0, size - first)} are "
            f"left of {size}: take fewer fixed and fresh ones, or a larger corpus"
        )
    return replace(one, indices=tuple(range(first, first + items)), digest="")
