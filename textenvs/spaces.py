"""Spaces that hold any text: what Gymnasium's `Text` cannot, without listing every character of Unicode."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Dict, Sequence, Space

from textenvs.errors import ConfigError
from textenvs.messages import MESSAGE_KEYS, ROLES, Message

MAX_TEXT = 1 << 20
"""Default upper bound on the length of a text, in characters."""

_SAMPLE_ALPHABET = "abcdefghij klmnopqrstuvwxyz,.?!0123456789的一是不了在人有我他这个们中来上大为和国"
_SAMPLE_LENGTH = 24


class UnicodeText(Space[str]):
    """Every string of at most `max_length` characters, of any script.

    A sample is a short string over a small alphabet of Latin letters, digits and Chinese characters: the
    space has no uniform distribution worth having, and tests want something readable.

    Args:
        max_length: in characters, >= 0.
        seed: of the space's own generator.

    Raises:
        ConfigError: if `max_length` is negative.
    """

    def __init__(self, max_length: int = MAX_TEXT, seed: int | np.random.Generator | None = None) -> None:
        if max_length < 0:
            raise ConfigError(f"max_length={max_length} of a UnicodeText; it is a number of characters, >= 0")
        self.max_length = max_length
        super().__init__(shape=None, dtype=str, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        """False: a text of unbounded alphabet has no array of fixed size."""
        return False

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> str:
        """Return a short random string.

        Raises:
            NotImplementedError: if a mask or a probability is given; neither means anything here.
        """
        _refuse_masks(mask, probability)
        length = int(self.np_random.integers(min(self.max_length, _SAMPLE_LENGTH) + 1))
        picks = self.np_random.integers(len(_SAMPLE_ALPHABET), size=length)
        return "".join(_SAMPLE_ALPHABET[i] for i in picks)

    def contains(self, x: Any) -> bool:
        """Return whether `x` is a string that is not too long."""
        return isinstance(x, str) and len(x) <= self.max_length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnicodeText) and other.max_length == self.max_length

    def __repr__(self) -> str:
        return f"UnicodeText({self.max_length})"


class Conversation(Space[tuple[Message, ...]]):
    """Every conversation: a tuple of messages, each with all four keys and a known role.

    Plain dictionaries with the same keys are members too, so what was read from JSON can be checked.

    Args:
        seed: of the space's own generator.
    """

    def __init__(self, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(shape=None, dtype=None, seed=seed)
        self._text = UnicodeText()

    @property
    def is_np_flattenable(self) -> bool:
        """False: a conversation has no array of fixed size."""
        return False

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> tuple[Message, ...]:
        """Return up to four messages, user and assistant in turn.

        Raises:
            NotImplementedError: if a mask or a probability is given; neither means anything here.
        """
        _refuse_masks(mask, probability)
        self._text.seed(int(self.np_random.integers(1 << 31)))
        count = int(self.np_random.integers(5))
        return tuple(Message(("user", "assistant")[i % 2], self._text.sample()) for i in range(count))

    def contains(self, x: Any) -> bool:
        """Return whether `x` is a tuple of messages."""
        return isinstance(x, tuple) and all(_is_message(m) for m in x)  # pyright: ignore[reportUnknownVariableType]

    def to_jsonable(self, sample_n: Any) -> list[list[dict[str, str]]]:
        """Convert conversations to lists of plain dictionaries."""
        return [[dict(message) for message in conversation] for conversation in sample_n]

    def from_jsonable(self, sample_n: list[Any]) -> list[tuple[Message, ...]]:
        """Convert lists of dictionaries back to conversations."""
        return [tuple(Message(**message) for message in conversation) for conversation in sample_n]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Conversation)

    def __repr__(self) -> str:
        return "Conversation()"


def observation_space() -> Dict:
    """Return the observation space that every text environment has: instruction, tools, history."""
    return Dict({"instruction": UnicodeText(), "tools": Sequence(UnicodeText()), "history": Conversation()})


def _is_message(value: Any) -> bool:
    if isinstance(value, Message):
        return value.role in ROLES
    return (
        isinstance(value, dict)
        and tuple(sorted(value)) == tuple(sorted(MESSAGE_KEYS))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        and all(isinstance(text, str) for text in value.values())  # pyright: ignore[reportUnknownVariableType]
        and value["role"] in ROLES
    )


def _refuse_masks(mask: Any, probability: Any) -> None:
    if mask is not None or probability is not None:
        raise NotImplementedError("a text space cannot be sampled with a mask or a probability")
