"""Tidy messages: nothing but sentences that a table of frames knows, each said once.

Simulated users understand an agent by cues, however it puts things, and a task can be done right by a message that is
mostly something else: padding, praise for itself, the whole conversation once more, three answers in case one is
right. Such a message holds a sentence that no frame accounts for. It is understood, and it is not tidy; what that
costs is the environment's business. Courtesies are welcome, one before and one after.

A frame is a regular expression of one sentence in folded form (see `folded`), with places such as ``<name>``, of which
the caller says what may stand there. Frames are closed: characters that nobody sees, look-alikes and words in any order
fit none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from textenvs.rewards.measures import fold

_SPACES = re.compile(r"\s+")
_HAN = "\u3400-\u9fff"
_SPACES_BESIDE_HAN = re.compile(rf"(?<=[{_HAN}。、]) | (?=[{_HAN}。、])")
_ENDS = re.compile(rf"(?:[。!?;]|\.(?=[\s.{_HAN}]|$)|(?<=[{_HAN}])\.)+\s*")
_SHORT = (
    ("can't", "can not"),
    ("won't", "will not"),
    ("n't", " not"),
    ("cannot", "can not"),
    ("'ll", " will"),
    ("'ve", " have"),
    ("'d", " would"),
    ("'m", " am"),
    ("'re", " are"),
    ("what's", "what is"),
    ("it's", "it is"),
    ("that's", "that is"),
    ("here's", "here is"),
)

_PLACE = re.compile(r"<(\w+)>")

LONGEST = 200
"""Most characters of a sentence that is looked at; none in good order is longer."""

Fits = Callable[[str, str], bool]
"""Whether a text may stand in a place of a frame: ``fits(place, text)``; both are folded."""


def folded(text: str) -> str:
    """Return a text with width, case, spaces and English short forms folded; idempotent."""
    plain = _SPACES.sub(" ", fold(text)).strip()
    for short, long in _SHORT:
        plain = plain.replace(short, long)
    return _SPACES_BESIDE_HAN.sub("", plain)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a tidy message.

    Attributes:
        kind: of its frame.
        text: folded, without its final mark and courtesies.
        filled: the frame's places, and what stands there.
    """

    kind: str
    text: str
    filled: tuple[tuple[str, str], ...]


class Frames:
    """The frames of one language.

    Args:
        frames: regular expressions by kind of sentence, without groups that capture; where several fit, the first
            counts.
        courtesies: regular expressions of what may stand before and after, as sentences or set off by a comma.
    """

    def __init__(self, frames: Mapping[str, Sequence[str]], courtesies: Sequence[str]) -> None:
        self._frames = [
            (kind, re.compile(_PLACE.sub("(.+?)", one)), _PLACE.findall(one))
            for kind, patterns in frames.items()
            for one in patterns
        ]
        polite = "|".join(courtesies)
        self._polite = re.compile(polite)
        self._before = re.compile(rf"(?:{polite})[,:] ?")
        self._after = re.compile(rf", ?(?:{polite})\Z")

    def read(self, text: str, fits: Fits) -> tuple[Sentence, ...] | None:
        """Return the sentences of a tidy message, courtesies left out; None if the message is not tidy.

        Args:
            text: what was said.
            fits: tells what may stand in the places.
        """
        said = [part for part in _ENDS.split(folded(text)) if part]
        if not said or len(said) != len(set(said)):
            return None
        first = 1 if len(said) > 1 and self._polite.fullmatch(said[0]) else 0
        last = -1 if len(said) > 1 + first and self._polite.fullmatch(said[-1]) else len(said)
        found: list[Sentence] = []
        for part in said[first:last]:
            sentences = self._sentences(part, fits)
            if not sentences:
                return None
            found += sentences
        return tuple(found)

    def _sentences(self, part: str, fits: Fits) -> list[Sentence]:
        """Return the sentence that a part is, or those that commas join in it; none where it is neither."""
        for clauses in ([part], [one.strip() for one in part.split(",")]):
            read = [next(self._readings(one, fits), None) for one in clauses]
            sentences = [one for one in read if one is not None]
            if len(sentences) == len(clauses) == len(set(clauses)):
                return sentences
        return []

    def _readings(self, part: str, fits: Fits) -> Iterator[Sentence]:
        bare = self._after.sub("", self._before.sub("", part, count=1))
        for text in dict.fromkeys((part, bare) if len(part) <= LONGEST else ()):
            for kind, pattern, places in self._frames:
                if found := pattern.fullmatch(text):
                    filled = tuple((place, value) for place, value in zip(places, found.groups(), strict=True) if value)
                    if all(fits(place, value) for place, value in filled):
                        yield Sentence(kind, text, filled)
