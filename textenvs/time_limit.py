"""A time limit for other people's code: a function that hangs is left behind, and the run goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")


def within(seconds: float, function: Callable[[], R], name: str) -> R:
    """Call a function in a thread of its own; one that hangs is left there and ends with the process.

    Args:
        seconds: the most that it may take.
        function: what to call.
        name: of what it does, for the thread and the error.

    Raises:
        TimeoutError: if it takes longer.
        BaseException: whatever the function raises.
    """
    answer: list[R] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            answer.append(function())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if not answer:
        raise TimeoutError(f"the {name} did not answer within {seconds:g} s")
    return answer[0]
