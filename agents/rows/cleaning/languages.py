"""In which language a text is, by py3langid (n-gram naive Bayes; Lui and Baldwin 2012, "langid.py")."""

from __future__ import annotations

from collections.abc import Iterable

import py3langid

from textenvs.errors import UnknownNameError

UNDECIDED = "undecided"

_ENOUGH = 20
"""Letters from which a guess is worth something; a Chinese character counts for three."""
_CHINESE = ("wuu", "yue")
"""Chinese written languages that short texts in Mandarin are taken for."""


def language_of(text: str) -> str:
    """Return the ISO 639-1 code of a text's language, ``"zh"`` for all kinds of Chinese; `UNDECIDED` of short ones."""
    letters = sum((3 if character > "\u2e7f" else 1) for character in text if character.isalpha())
    if letters < _ENOUGH:
        return UNDECIDED
    found = str(py3langid.classify(text)[0])
    return "zh" if found in _CHINESE else found


def check_languages(codes: Iterable[str]) -> None:
    """Refuse the code of a language that no text is ever found to be in.

    Raises:
        UnknownNameError: naming the first, with those that are nearest.
    """
    known = {str(code) for code, _ in py3langid.rank("")} - set(_CHINESE)
    for code in codes:
        if code not in known:
            raise UnknownNameError.of("language (an ISO 639-1 code)", code, sorted(known))
