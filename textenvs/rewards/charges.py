"""Rewards that charge for the form of an answer: its length, its repetitions. Both are 0 at best."""

from __future__ import annotations

from textenvs.errors import RewardSpecError
from textenvs.messages import Turn
from textenvs.rewards.core import Score, Scored
from textenvs.rewards.measures import repeated_tokens, words


class LengthPenalty(Scored):
    """Charges for words beyond a limit: 0 up to the limit, then down to -1 in a straight line.

    A Chinese character counts as a word; thinking is not counted.

    Args:
        limit: words that are free.
        span: words beyond the limit at which the charge is full.
        name: of the reward.

    Raises:
        RewardSpecError: if the limit is below 0 or the span below 1.
    """

    def __init__(self, limit: int, span: int = 50, name: str = "length") -> None:
        super().__init__(self._charge, name)
        if limit < 0 or span < 1:
            raise RewardSpecError(f"LengthPenalty(limit={limit}, span={span}): at least 0 and 1")
        self.limit, self.span = limit, span

    def _charge(self, turn: Turn) -> float | Score:
        beyond = len(words(turn.answer, "zh")) - self.limit
        return 0.0 - min(1.0, max(0.0, beyond / self.span))


class Repetition(Scored):
    """Charges for words that repeat what stands directly before them: minus their share, in (-1, 0].

    Args:
        name: of the reward.
    """

    def __init__(self, name: str = "repetition") -> None:
        super().__init__(self._charge, name)

    def _charge(self, turn: Turn) -> float | Score:
        cut = words(turn.answer, "zh")
        return -len(repeated_tokens(cut)) / len(cut) if cut else 0.0
