"""The little language in which wordings are written: literals and holes.

``{city}`` is a hole for the slot `city`; ``{city:in}`` asks for a form (a case or a preposition that leaves
with the thing); a final ``?`` marks a hole that the language lets go empty.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_HOLE = re.compile(r"\{(\w+)(?::([^}?]*))?(\?)?\}")


@dataclass(frozen=True, slots=True)
class Hole:
    """A place for a slot.

    Attributes:
        slot: position of the slot in the intent.
        form: the case or preposition; ``""`` for the bare name.
        droppable: whether the sentence is still good without it.
    """

    slot: int
    form: str
    droppable: bool


@dataclass(frozen=True, slots=True)
class Template:
    """A wording with holes.

    Attributes:
        holes: one for every slot of the intent, in the intent's order.
        order: positions of the slots in the order in which they stand in the sentence.
        pattern: the wording as `str.format` takes it.
    """

    holes: tuple[Hole, ...]
    order: tuple[int, ...]
    pattern: str

    def fill(self, surfaces: Sequence[str]) -> str:
        """Return the wording with the surface of slot i in its hole."""
        return self.pattern.format(*surfaces)


def parse_template(text: str, slots: Sequence[str]) -> Template:
    """Compile a wording.

    Args:
        text: such as ``"when will {parcel} arrive"``.
        slots: the slot names of the intent, each of which the text holds exactly once.

    Raises:
        ValueError: if a slot is missing, doubled or unknown.
    """
    holes = [Hole(slots.index(found[1]), found[2] or "", found[3] is not None) for found in _HOLE.finditer(text)]
    order = tuple(hole.slot for hole in holes)
    if sorted(order) != list(range(len(slots))):
        raise ValueError(f"{text!r} must hold each of {tuple(slots)} exactly once")
    pattern = _HOLE.sub(lambda found: f"{{{slots.index(found[1])}}}", text)
    return Template(tuple(sorted(holes, key=lambda hole: hole.slot)), order, pattern)
