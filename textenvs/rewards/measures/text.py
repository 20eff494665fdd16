"""How text is folded and cut before it is compared.

Zero-width and control characters are left alone on purpose: each becomes a token of its own, so that
text which hides them inside words matches nothing and counts as added content.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal

Language = Literal["zh", "en"]

# Han (with its extensions), the iteration mark, the zero, and kana: each character is a word.
_CJK = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = rf"[^\W_{_CJK}]+"  # letters and digits of every other script
_NUMBER = r"\d+(?:[.,:]\d+)+"  # 3.5, 1,000, 10:30 stay whole
_CLITIC = r"(?:n't|'(?:s|re|ve|ll|d|m))(?![^\W_])"
# Punctuation is what words() leaves out. Signs that change a quantity ($, %, +, ...) are words.
_PUNCTUATION = (
    r"!\"'()*,\-./:;<=>?\[\\\]\^_`{|}~\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf"
    r"\u2010-\u2027\u2030-\u205e\u3001-\u3003\u3008-\u3020\u30fb"
)

_PATTERNS: dict[str, str] = {
    "zh": rf"[{_CJK}]|{_NUMBER}|{_RUN}",
    "en": rf"{_NUMBER}|{_CLITIC}|{_RUN}|[{_CJK}]",
}
_TOKENS = {language: re.compile(rf"{core}|[^\s]").findall for language, core in _PATTERNS.items()}
_WORDS = {language: re.compile(rf"{core}|[^\s{_PUNCTUATION}]").findall for language, core in _PATTERNS.items()}

_SPACES_BESIDE_CJK = re.compile(r"(?<![a-z0-9]) | (?![a-z0-9])")
_QUOTES = (("\u2018", "'"), ("\u2019", "'"), ("\u201c", '"'), ("\u201d", '"'))
_FINAL = " .,;:!?~\u3002\u3001\u301c"


def fold(text: str) -> str:
    """Fold width, case and quotation marks; spaces and punctuation stay.

    Unicode's compatibility case folding in its usual short form: NFKC, casefold, NFKC again (folding can
    leave a sequence that composes).
    """
    return text.lower() if text.isascii() else _folded(text)


@lru_cache(maxsize=1 << 7)
def _folded(text: str) -> str:
    """Fold more than ASCII; kept, because every measure of an answer begins with it."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    for curly, straight in _QUOTES:
        folded = folded.replace(curly, straight)  # seldom there, which is seen sooner than `str.translate` begins
    return folded


@lru_cache(maxsize=1 << 8)
def normalize(text: str, language: Language) -> str:
    """Give the form in which two texts are compared for equality.

    Width and case are folded, runs of white space become one space (in Chinese those beside a Chinese
    character vanish), and punctuation at the end is dropped. Idempotent.

    Args:
        text: any text.
        language: of the text.

    Returns:
        The normal form; empty where the text holds nothing but spaces and final punctuation.
    """
    folded = " ".join(fold(text).split())
    if language == "zh" and " " in folded:
        folded = fold(_SPACES_BESIDE_CJK.sub("", folded))  # an accent may have moved beside its letter
    return folded.rstrip(_FINAL)


def tokens(text: str, language: Language) -> list[str]:
    """Cut text into tokens, punctuation included, for n-gram measures.

    Every Chinese character is a token, and so is a run of letters or digits of another script; English
    contractions and possessives are split off (``do n't``, ``Bob 's``).

    Args:
        text: any text; it is folded first.
        language: of the text.

    Returns:
        The tokens in order; none is empty or holds white space.
    """
    return _TOKENS[language](_split_negation(fold(text), language))


def words(text: str, language: Language) -> list[str]:
    """Cut text like `tokens` and leaves punctuation out, for rewards.

    What is neither letter, digit, space nor punctuation stays as a token, so that signs (``%``), emoji and
    zero-width characters are seen.
    """
    return _WORDS[language](_split_negation(fold(text), language))


def exact_match(prediction: str, reference: str, language: Language) -> bool:
    """Say whether two texts are equal after `normalize`."""
    return normalize(prediction, language) == normalize(reference, language)


def _split_negation(folded: str, language: Language) -> str:
    """Part an English negation from its verb, so that it is a token of its own."""
    if language == "zh" or "n" not in folded:
        return folded
    return folded.replace("n't", " n't").replace("cannot", "can not")


_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def hidden(text: str) -> frozenset[str]:
    """Return the characters of a text that nobody sees: controls, zero-width, joiners, fillers, tags."""
    return frozenset() if text.isascii() and text.isprintable() else frozenset(_HIDDEN.findall(text))
