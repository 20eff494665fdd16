"""A little world of one's own for the tests: functions, a class with state, tools that fail."""

from __future__ import annotations

import sys
import time

from textenvs.envs.toolcall.types import Progress


def weather(city: str, day: str = "today") -> dict[str, str | int]:
    """Tell the weather.

    Args:
        city: where.
        day: when.
    """
    return {"city": city, "day": day, "degrees": len(city) * 3}


def broken(x: int) -> int:
    """Always fail."""
    raise RuntimeError(f"out of order: {x}")


class Cart:
    """A shopping cart."""

    def __init__(self) -> None:
        self.items: dict[str, int] = {}

    def add(self, item: str, count: int) -> int:
        """Put something into the cart.

        Args:
            item: what.
            count: how many.
        """
        self.items[item] = self.items.get(item, 0) + count
        return sum(self.items.values())

    def empty(self) -> str:
        """Empty the cart."""
        self.items = {}
        return "empty"


def friendly(progress: Progress) -> float:
    return float("please" in progress.answer)


def failing(progress: Progress) -> float:
    raise ZeroDivisionError


def no_number(progress: Progress) -> float:
    return float("nan")


def quitting(progress: Progress) -> float:
    sys.exit(1)


def hanging(progress: Progress) -> float:
    time.sleep(30)
    return 1.0
