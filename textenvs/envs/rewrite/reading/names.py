"""The generated world's things, spotted by the shape of their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from textenvs.envs.rewrite.grammar.lexicon import LEXICONS, MONTHS, ORDER_LETTERS, PARCEL_LETTERS
from textenvs.envs.rewrite.reading.sketch import Thing
from textenvs.envs.rewrite.types import Language

_FEMALE = ("Ms", "女士")
_COMMON = ("parcel", "order", "hotel", "shop", "product")  # their English names begin with a small letter


@lru_cache(maxsize=1 << 14)
def things_in(text: str, language: Language) -> tuple[Thing, ...]:
    """Return the things that a text names, in order."""
    return tuple([_thing(str(found.lastgroup), found[0]) for found in _names(language).finditer(text)])


def _thing(kind: str, name: str) -> Thing:
    if kind == "person":
        return Thing(kind, name, "f" if any(title in name for title in _FEMALE) else "m")
    if name.isascii() and kind in _COMMON:
        name = name[0].lower() + name[1:] if kind != "product" else name
    if name.isascii() and kind == "product":
        bare = re.sub("^the ", "", name, flags=re.IGNORECASE).removesuffix("s")
        return Thing(kind, f"the {bare}", forms=(("head", bare), ("plural", f"{bare}s")))
    return Thing(kind, name)


@cache
def shapes(language: Language) -> Mapping[str, str]:
    """Return the expression of every type's names, in the order in which they are looked for."""
    return _chinese() if language == "zh" else _english()


@cache
def _names(language: Language) -> re.Pattern[str]:
    """Return what finds every name, under the type of its thing."""
    return re.compile("|".join(f"(?P<{kind}>{shape})" for kind, shape in shapes(language).items()))


def _chinese() -> dict[str, str]:
    parts = LEXICONS["zh"]
    heads = _any(parts.heads)
    return {
        "person": f"{_any(parts.surnames)}{_any(parts.given)}{{2}}(?:先生|女士)",
        "parcel": f"包裹[{PARCEL_LETTERS}]\\d{{3}}",
        "order": f"订单[{ORDER_LETTERS}]\\d{{3}}",
        "product": f"{heads}{_any(parts.brands)}{_any(parts.goods)}",
        "hotel": f"{heads}{_any(parts.hotels)}酒店",
        "shop": f"{heads}{_any(parts.shops)}店",
        "city": f"{heads}{_any(parts.cities)}",
        "day": r"\d月\d\d日",
        "colour": _any(parts.colours),
        "count": f"(?<!第){_any(parts.counts)}",
        "nights": _any(parts.nights),
    }


def _english() -> dict[str, str]:
    parts = LEXICONS["en"]
    heads = _any(parts.heads)
    return {
        "person": f"M[rs] {_any(parts.surnames)}{_any(parts.given)}",
        "parcel": f"[Pp]arcel [{PARCEL_LETTERS}]\\d{{3}}",
        "order": f"[Oo]rder [{ORDER_LETTERS}]\\d{{3}}",
        "product": f"(?:[Tt]he )?{heads}{_any(parts.brands)} {_any(parts.goods)}s?",
        "hotel": f"[Tt]he {heads}{_any(parts.hotels)} Hotel",
        "shop": f"[Tt]he {heads}{_any(parts.shops)} Store",
        "city": f"\\b{heads}{_any(parts.cities)}\\b",
        "day": f"{_any(MONTHS)} \\d\\d",
        "colour": f"\\b{_any(parts.colours)}\\b",
        "nights": _any(parts.nights),
        "count": f"\\b{_any(parts.counts)}\\b",
    }


def _any(words: tuple[str, ...]) -> str:
    return f"(?:{'|'.join(map(re.escape, words))})"
