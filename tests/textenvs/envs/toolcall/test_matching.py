"""Comparing values and pairing calls, against tables worked out by hand and against enumeration."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textenvs.envs.toolcall.matching import Weights, agreement, any_order, in_order
from textenvs.envs.toolcall.types import Expectation, ExpectedArgument, ExpectedCall, Rules
from textenvs.envs.toolcall.values import value_right
from textenvs.messages import ToolCall

STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
NUMBERS = {"type": "array", "items": NUMBER}
TEXTS = {"type": "array", "items": STRING}
OBJECT: dict[str, Any] = {"type": "object"}
OBJECTS = {"type": "array", "items": OBJECT}
UNTYPED: dict[str, Any] = {}

BFCL = [
    ("San Francisco", ["san-francisco, ", "SF"], STRING, True),
    ("sf", ["San Francisco", "SF"], STRING, True),
    ("SFO", ["San Francisco", "SF"], STRING, False),
    ("it's", ['it"s'], STRING, True),
    (5, [5], INTEGER, True),
    (5.0, [5], INTEGER, False),
    (True, [1], INTEGER, False),
    (5, [5.0], NUMBER, True),
    (5.0, [5], NUMBER, True),
    ("5", [5.0], NUMBER, False),
    (None, ["", None], NUMBER, True),  # the key's own type counts where it is another than the schema's
    (True, ["", True], STRING, True),
    ("home", ["", True], STRING, False),
    (False, [True, False], {"type": "boolean"}, True),
    ([1, 2], [[1, 2]], {"type": "array", "items": INTEGER}, True),
    ([2, 1], [[1, 2]], {"type": "array", "items": INTEGER}, False),
    ([1, 2], [[1.0, 2.0]], NUMBERS, False),  # inside an array an integer is no float, unless the key has integers
    ([1, 2], [[1, 2]], NUMBERS, True),
    (["A b"], [["ab"]], TEXTS, True),
    ([], [["ab"]], TEXTS, False),
    ({"x": 1}, [{"x": [1, 2]}], OBJECT, True),
    ({"x": 3}, [{"x": [1, 2]}], OBJECT, False),
    ({"x": 1, "y": 1}, [{"x": [1, 2]}], OBJECT, False),
    ({}, [{"x": [1, ""]}], OBJECT, True),
    ({}, [{"x": [1]}], OBJECT, False),
    ([{"x": "A B"}], [[{"x": ["ab"]}]], OBJECTS, True),
    ([{"x": "A B"}, {"x": "A B"}], [[{"x": ["ab"]}]], OBJECTS, False),
    (["x"], [[{"x": ["ab"]}]], OBJECTS, False),
    ("a", ["a"], UNTYPED, True),
    (3, [3], UNTYPED, True),
    (3.0, [3], UNTYPED, False),
]
ACEBENCH = [
    ("在市中心", ["市中心"], STRING, True),
    ("市", ["市中心"], STRING, False),
    ("我想在市中心投资一家咖啡店，预算五百万", ["市中心"], STRING, False),  # the whole utterance is no value
    (50.0, [50], NUMBER, True),
    (51, [50], NUMBER, False),
    (True, [1], INTEGER, False),
    ({"a": "X-1", "b": 2}, [{"a": "x1", "b": 2}], OBJECT, True),
    ({"a": "X-1"}, [{"a": "x1", "b": 2}], OBJECT, False),
    ({"a": "X-1", "b": 2, "c": 3}, [{"a": "x1", "b": 2}], OBJECT, False),
    (["心血管"], [["心血管"]], TEXTS, True),
    (["心血管病"], [["心血管"]], TEXTS, False),
    ([{"a": "b c"}], [[{"a": "bc"}]], OBJECTS, True),
    ("", [""], STRING, True),
]
EXACT = [
    (1.0, [1], NUMBER, True),
    (True, [1], NUMBER, False),
    ("A", ["a"], STRING, False),
    ({"a": [1, {"b": None}]}, [{"a": [1.0, {"b": None}]}], OBJECT, True),
    ({"a": 1}, [{"a": 1, "b": 2}], OBJECT, False),
    ([1, 2], [[2, 1]], NUMBERS, False),
]


@pytest.mark.parametrize(
    ("rules", "value", "accepted", "schema", "right"),
    [
        *(("bfcl", *case) for case in BFCL),
        *(("acebench", *case) for case in ACEBENCH),
        *(("exact", *case) for case in EXACT),
    ],
)
def test_values(rules: Rules, value: Any, accepted: list[Any], schema: dict[str, Any], right: bool) -> None:
    assert value_right(value, ExpectedArgument(tuple(accepted)), schema, rules) is right


@pytest.mark.parametrize("rules", ["bfcl", "acebench", "exact"])
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
@settings(max_examples=60)
def test_any_value_has_a_verdict(rules: Rules, value: Any) -> None:
    for accepted in ([1], ["a", ""], [{"x": [1, ""]}], [[{"x": [1]}]], [[1.5]], [None], [""]):
        for schema in (STRING, INTEGER, NUMBER, NUMBERS, TEXTS, OBJECT, OBJECTS, UNTYPED, {"type": "boolean"}):
            assert value_right(value, ExpectedArgument(tuple(accepted)), schema, rules) in (True, False)


# Pairing


def weights_of(rows: int, columns: int) -> st.SearchStrategy[list[list[float]]]:
    entries = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0])
    return st.lists(st.lists(entries, min_size=columns, max_size=columns), min_size=rows, max_size=rows)


MATRICES = st.tuples(st.integers(0, 4), st.integers(1, 5)).flatmap(lambda shape: weights_of(*shape))


def best_by_enumeration(weights: Weights, ordered: bool) -> float:
    rows, columns = len(weights), len(weights[0]) if weights else 0
    best = 0.0
    for size in range(min(rows, columns) + 1):
        for chosen in itertools.combinations(range(rows), size):
            for paired in itertools.permutations(range(columns), size):
                if not ordered or list(paired) == sorted(paired):
                    best = max(best, sum(weights[r][c] for r, c in zip(chosen, paired, strict=True)))
    return best


@pytest.mark.parametrize("ordered", [False, True])
@given(weights=MATRICES)
@settings(max_examples=200)
def test_the_pairing_is_the_best_there_is(weights: list[list[float]], ordered: bool) -> None:
    pairs = (in_order if ordered else any_order)(weights)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert not ordered or [column for _, column in pairs] == sorted(column for _, column in pairs)
    assert sum(weights[r][c] for r, c in pairs) == pytest.approx(best_by_enumeration(weights, ordered))


# Calls

SCHEMAS = {
    "add": {"properties": {"x": INTEGER, "y": {**INTEGER, "default": 3}}, "required": ["x"]},
    "get": {"properties": {"city": STRING}, "required": ["city"]},
}


def expected(name: str, **accepted: Any) -> ExpectedCall:
    arguments = {key: ExpectedArgument(tuple(values)) for key, values in accepted.items()}
    return ExpectedCall(name, arguments, {key: values[0] for key, values in accepted.items()})


def judge(calls: list[ToolCall], *wanted: ExpectedCall, ordered: bool = False, rules: Rules = "exact") -> Any:
    return agreement(calls, Expectation(("call",), wanted, ordered, rules), SCHEMAS)


def test_a_greedy_pairing_would_fail() -> None:
    """The first expected call fits both made ones, the second only the first."""
    wanted = expected("add", x=[1, 2]), expected("add", x=[1])
    assert judge([ToolCall("add", {"x": 1}), ToolCall("add", {"x": 2})], *wanted).exact


def test_a_default_that_is_stated_is_right_in_ones_own_tasks_only() -> None:
    stated = [ToolCall("add", {"x": 1, "y": 3})]
    assert judge(stated, expected("add", x=[1])).exact
    assert not judge(stated, expected("add", x=[1]), rules="bfcl").exact
    assert not judge([ToolCall("add", {"x": 1, "y": 4})], expected("add", x=[1])).exact


def test_exact_is_every_call_and_no_other() -> None:
    wanted = expected("add", x=[1]), expected("get", city=["Paris"])
    add, get, stray = ToolCall("add", {"x": 1}), ToolCall("get", {"city": "Paris"}), ToolCall("add", {"x": 7})
    assert judge([get, add], *wanted).exact
    assert not judge([get, add], *wanted, ordered=True).exact
    assert not any(judge(calls, *wanted).exact for calls in ([], [add], [add, get, get], [add, get, stray]))


def test_partial_credit() -> None:
    wanted = expected("add", x=[1], y=[2]), expected("get", city=["Paris"])
    half = judge([ToolCall("add", {"x": 1, "y": 9})], *wanted)
    assert (half.exact, half.arguments, half.name, half.redundant) == (False, 0.25, pytest.approx(2 / 3), 0)
    spray = judge([ToolCall("add", {"x": n, "y": 2, "z": 0}) for n in range(8)], *wanted)
    assert (spray.redundant, spray.invented) == (7, 8)
    assert spray.arguments == pytest.approx(2 / 3 / 8)
    assert judge([], *wanted).arguments == 0.0
    assert judge([]).exact
    assert judge([ToolCall("add", {"x": 1})]).name == 0.0
