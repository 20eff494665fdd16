"""When a value is right: the three rules by which an argument is compared. Pure.

**exact**: equal as JSON values to one that is accepted; 1 and 1.0 are the same number, True is none.

**bfcl**: the Berkeley Function-Calling Leaderboard's (`ast_checker`, Python). Types as in the schema, an integer for a
float; where the key's own type differs from the schema's, as the key's. Strings without spaces, case and ``,./-_*^``.
In objects, and in objects in arrays, the key lists the alternatives of every field, and ``""`` among them says that
it may be left out.

**acebench**: ACEBench's, whose key holds one value. A string must contain the key's (standardised as above), objects
have the key's fields and no other, arrays the key's length. In three places it is stricter than the published checker,
which could be played: numbers and booleans are compared, an argument of the key may not be left out, and a string is
at most twice as long as the key's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from textenvs.envs.toolcall.types import ExpectedArgument, Rules, Schema

_IGNORED = re.compile(r"[ ,./\-_*^]")


def standardised(text: str) -> str:
    """Return a string as both benchmarks compare it."""
    return _IGNORED.sub("", text).lower().replace("'", '"')


def value_right(value: Any, expected: ExpectedArgument, schema: Schema, rules: Rules) -> bool:
    """Say whether an argument's value is right.

    Args:
        value: as the agent gave it, a JSON value.
        expected: what is accepted.
        schema: JSON Schema of the parameter.
        rules: by which it is compared.
    """
    return _RULES[rules](value, expected.accepted, schema)


# Exact


def same(left: Any, right: Any) -> bool:
    """Say whether two JSON values are the same."""
    if isinstance(left, dict) and isinstance(right, Mapping):
        ours, theirs = cast("dict[str, Any]", left), cast("Mapping[str, Any]", right)
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(left, list) and isinstance(right, list | tuple):
        mine, others = cast("list[Any]", left), cast("Sequence[Any]", right)
        return len(mine) == len(others) and all(map(same, mine, others))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _exact(value: Any, accepted: Sequence[Any], schema: Schema) -> bool:
    return any(same(value, one) for one in accepted)


# BFCL

_KINDS: Mapping[Any, type] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list,
    "object": dict,
}
_ANY = str  # what the leaderboard takes a parameter without a type for


def _bfcl(value: Any, accepted: Sequence[Any], schema: Schema) -> bool:
    kind = _KINDS.get(schema.get("type"), _ANY)
    if kind is float and type(value) is int:
        value = float(value)
    key_kind = _kind_of(accepted)
    if type(value) is not kind:
        return type(value) is key_kind and value in accepted
    inner = _inner_kind(schema)
    if inner is not None and not any(_elements_fit(value, one, inner) for one in accepted):
        return False
    if key_kind not in (kind, None):
        return value in accepted
    if kind is dict:
        return any(_object_fits(value, one) for one in accepted)
    if inner is dict:
        return any(_objects_fit(value, one) for one in accepted)
    return _folded(value) in [_folded(one) for one in accepted]


def _kind_of(accepted: Sequence[Any]) -> type[Any] | None:
    """Return the type of the first alternative; None where there is only the empty one."""
    kinds: list[type[Any]] = [type(one) for one in accepted if one != ""]
    return kinds[0] if kinds else None


def _inner_kind(schema: Schema) -> type | None:
    if schema.get("type") != "array":
        return None
    return _KINDS.get(schema.get("items", {}).get("type"), _ANY)


def _elements_fit(value: Sequence[Any], one: Any, inner: type) -> bool:
    """Say whether every element has the schema's type, or the one that the key's elements have.

    An alternative that is no list asks nothing, as in the leaderboard's own check.
    """
    if not isinstance(one, list):
        return True
    key_kind = _kind_of(cast("list[Any]", one))
    return all(type(element) in (inner, key_kind) for element in value)


def _object_fits(value: Mapping[str, Any], one: Any) -> bool:
    if not isinstance(one, dict):
        return False
    alternatives = cast("dict[str, list[Any]]", one)
    if any(_folded(field) not in map(_folded, alternatives.get(name, ())) for name, field in value.items()):
        return False
    return all(name in value or "" in options for name, options in alternatives.items())


def _objects_fit(value: Sequence[Any], one: Any) -> bool:
    if not isinstance(one, list) or len(cast("list[Any]", one)) != len(value):
        return False
    pairs = zip(value, cast("list[Any]", one), strict=True)
    return all(isinstance(element, dict) and _object_fits(cast("Any", element), key) for element, key in pairs)


def _folded(value: Any) -> Any:
    """Return a string standardised, and a list with its strings so; everything else as it is."""
    if isinstance(value, str):
        return standardised(value)
    if isinstance(value, list):
        return [standardised(one) if isinstance(one, str) else one for one in cast("list[Any]", value)]
    return value


# ACEBench


def _acebench(value: Any, accepted: Sequence[Any], schema: Schema) -> bool:
    return any(_holds(value, one) for one in accepted)


def _holds(value: Any, key: Any) -> bool:
    if isinstance(key, str):
        return isinstance(value, str) and _contains(standardised(value), standardised(key))
    if isinstance(key, dict):
        return isinstance(value, dict) and _fields_hold(cast("dict[str, Any]", value), cast("dict[str, Any]", key))
    if isinstance(key, list):
        return isinstance(value, list) and _elements_hold(cast("list[Any]", value), cast("list[Any]", key))
    return same(value, key)


def _fields_hold(value: Mapping[str, Any], key: Mapping[str, Any]) -> bool:
    return value.keys() == key.keys() and all(_holds(value[name], key[name]) for name in key)


def _elements_hold(value: Sequence[Any], key: Sequence[Any]) -> bool:
    return len(value) == len(key) and all(map(_element_holds, value, key))


def _element_holds(element: Any, key: Any) -> bool:
    """Compare an element: plain ones must be equal, for a list of values is often a list of names."""
    return _holds(element, key) if isinstance(key, dict | list) else same(_folded(element), _folded(key))


def _contains(text: str, key: str) -> bool:
    return text == key or (key != "" and key in text and len(text) <= 2 * len(key))


_RULES: Mapping[Rules, Callable[[Any, Sequence[Any], Schema], bool]] = {
    "exact": _exact,
    "bfcl": _bfcl,
    "acebench": _acebench,
}
