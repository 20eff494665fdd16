"""Which combinations belong to which split: one rule for names, templates and operators.

A thing made of parts (a name of syllables, a template of opener and core, an operator on an intent) has the
numbers of its parts. Their sum modulo five says where it belongs: 0 to 2 to train, 3 to valid, 4 to test.
Like a Latin square, every single part thus occurs in every split, while no combination occurs in two.

A list of parts is as long as a multiple of five (in the world of rewriting: five cores to an intent, five openers to
an act, five wordings to a shell), so that what a world aims at comes out alike in all three splits, in wordings of
the split's own.
"""

from __future__ import annotations

from textenvs.seeding import Split

MODULUS = 5

RESIDUES: dict[Split, tuple[int, ...]] = {"train": (0, 1, 2), "valid": (3,), "test": (4,)}


def owner(*parts: int) -> Split:
    """Return the split that the combination of these parts belongs to."""
    residue = sum(parts) % MODULUS
    return "train" if residue < 3 else "valid" if residue == 3 else "test"
