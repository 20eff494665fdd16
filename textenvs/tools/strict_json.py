"""JSON as agents write it: read strictly, in bounded time, and never with anything but one kind of error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from itertools import chain
from typing import Any, NoReturn, cast

MAX_CHARACTERS = 65_536
"""Longest text that is read. No honest call is longer, and reading stays far below a tenth of a second."""

MAX_DEPTH = 32
"""Deepest nesting of arrays and objects; code that walks the value afterwards may recurse."""

MAX_DIGITS = 100
"""Most digits of an integer: converting a decimal takes time that grows with their square."""


class MalformedJSONError(ValueError):
    """The text is no JSON that is accepted here; the message says why, in words that an agent can act on."""


def read_json(text: str) -> Any:
    """Return the one JSON value that the text holds.

    Beyond Python's own reader it refuses NaN and infinities, numbers too large for a float, integers of more than
    `MAX_DIGITS` digits, a key that comes twice in one object, lone surrogates, and what is too long or too deep.

    Raises:
        MalformedJSONError: for everything else.
    """
    if len(text) > MAX_CHARACTERS:
        raise MalformedJSONError(f"it has {len(text)} characters; at most {MAX_CHARACTERS} are read")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedJSONError(f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise MalformedJSONError(f"it is nested more than {MAX_DEPTH} deep") from None
    _check(value)
    return value


def write_json(value: Any) -> str:
    """Return the value as JSON on one line, other scripts as they are."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise MalformedJSONError(f"an integer has {len(digits)} digits; at most {MAX_DIGITS} are read")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise MalformedJSONError(f"the number {digits[:20]} is too large")
    return number


def _constant(name: str) -> NoReturn:
    raise MalformedJSONError(f"{name} is no JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise MalformedJSONError(f"the key {twice!r} comes twice in one object")
    return read


def _check(value: Any) -> None:
    """Walk the value, level by level, for what the decoder lets pass."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        if any(isinstance(part, str) and not part.isascii() and _has_surrogate(part) for part in level):
            raise MalformedJSONError("a string holds half of a surrogate pair")
        level = [inner for part in level for inner in _parts(part)]
        if not level:
            return
    raise MalformedJSONError(f"it is nested more than {MAX_DEPTH} deep")


def _parts(value: Any) -> Iterable[Any]:
    """Return what a value consists of: keys and values, or elements."""
    if isinstance(value, dict):
        return chain.from_iterable(cast("dict[str, Any]", value).items())
    return cast("list[Any]", value) if isinstance(value, list) else ()


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


_DECODER = json.JSONDecoder(
    parse_int=_integer, parse_float=_number, parse_constant=_constant, object_pairs_hook=_object
)
