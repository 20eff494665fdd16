"""A check for text that repeats itself: doubled tails and loops."""

from __future__ import annotations

from collections.abc import Sequence

from textenvs.rewards.measures.text import Language, words

# How many earlier places of a word are compared. A block is missed only if it holds one word this often
# without holding a shorter repetition.
_PLACES = 8


def repeated_tokens(sequence: Sequence[str]) -> list[str]:
    """Return the tokens that say again what stands directly before them.

    A block of any length that follows itself counts: of ``a b c a b c`` the last three, of ``a a a`` the last two.

    Args:
        sequence: the tokens of a text.

    Returns:
        The tokens that lie in a copy, in order, at most ``len(sequence) - 1``. The time is linear in the length.
    """
    if len(set(sequence)) == len(sequence):
        return []
    places: dict[str, list[int]] = {}
    none: dict[int, int] = {}
    streaks = none  # distance -> how long the text has been equal to itself that far back
    repeated: list[str] = []
    end = 0
    for i, token in enumerate(sequence):
        earlier = places.get(token)
        if earlier is None:
            places[token], streaks = [i], none
            continue
        matches: dict[int, int] = {}
        for j in earlier:
            distance = i - j
            length = matches[distance] = streaks.get(distance, 0) + 1
            if length >= distance:
                repeated += sequence[max(end, i + 1 - length) : i + 1]
                end = i + 1
        streaks = matches
        earlier.append(i)
        if len(earlier) > _PLACES:
            del earlier[0]
    return repeated


def repetition(text: str, language: Language) -> float:
    """Give the share of a text's words that repeat what stands directly before them.

    Args:
        text: any text.
        language: of the text.

    Returns:
        A number in [0, 1): 0 where nothing is repeated, towards 1 the longer a loop runs.
    """
    cut = words(text, language)
    return len(repeated_tokens(cut)) / len(cut) if cut else 0.0
