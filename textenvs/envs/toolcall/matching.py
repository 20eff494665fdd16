"""From calls that were made and calls that were expected to how well they agree. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from textenvs.envs.toolcall.types import Expectation, ExpectedArgument, ExpectedCall, Rules, Schema
from textenvs.envs.toolcall.values import same, value_right
from textenvs.messages import ToolCall

Weights = Sequence[Sequence[float]]
"""One row an expected call, one column a made one, in [0, 1]: the share of the arguments that are right."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well calls agree with the expected ones.

    Attributes:
        exact: whether every expected call was made, with right arguments, and no other.
        name: F1 of the tools' names, each as often as it was to be called, in [0, 1].
        arguments: the mean over expected calls and surplus ones of the share of right arguments, in [0, 1]; of the
            pairing that is best.
        redundant: calls beyond those expected.
        invented: arguments that no tool or no expectation knows.
    """

    exact: bool
    name: float
    arguments: float
    redundant: int
    invented: int


def agreement(calls: Sequence[ToolCall], expectation: Expectation, schemas: Mapping[str, Schema]) -> Agreement:
    """Compare calls with what was expected.

    Args:
        calls: as made, in order.
        expectation: whose `calls`, `ordered` and `rules` count.
        schemas: parameters of the tools on offer, by name.
    """
    expected = expectation.calls
    if not expected and not calls:
        return Agreement(True, 1.0, 1.0, 0, 0)
    weights = [[_share(call, one, schemas, expectation.rules) for call in calls] for one in expected]
    pairs = (in_order if expectation.ordered else any_order)(weights)
    right = sum(weights[row][column] for row, column in pairs)
    met = all(weights[row][column] == 1.0 for row, column in pairs)
    exact = met and len(pairs) == len(calls) == len(expected)
    common = sum((Counter(call.name for call in calls) & Counter(one.name for one in expected)).values())
    return Agreement(
        exact,
        2.0 * common / (len(calls) + len(expected)),
        right / max(len(calls), len(expected)),
        max(0, len(calls) - common),
        sum(invented(call, schemas) for call in calls),
    )


def outstanding(
    calls: Sequence[ToolCall], expectation: Expectation, schemas: Mapping[str, Schema]
) -> tuple[ExpectedCall, ...]:
    """Return the expected calls that have not been made rightly, in order.

    Args:
        calls: as made, in any order.
        expectation: whose `calls` and `rules` count; each call counts once.
        schemas: parameters of the tools on offer, by name.
    """
    left = list(expectation.calls)
    for call in calls:
        right = (place for place, one in enumerate(left) if _share(call, one, schemas, expectation.rules) == 1.0)
        if (place := next(right, None)) is not None:
            del left[place]
    return tuple(left)


def _share(call: ToolCall, expected: ExpectedCall, schemas: Mapping[str, Schema], rules: Rules) -> float:
    """Return the share of right arguments among those given or due; 0 for another tool."""
    if call.name != expected.name:
        return 0.0
    schema = schemas.get(call.name, {})
    required = set(schema.get("required", ()))
    due = {name for name, one in expected.arguments.items() if not one.optional} | required
    named = call.arguments.keys() | due
    right = sum(_right(name, call, expected.arguments.get(name), schema, rules) for name in named)
    return right / len(named) if named else 1.0


def _right(name: str, call: ToolCall, expected: ExpectedArgument | None, schema: Schema, rules: Rules) -> bool:
    known = schema.get("properties", {})
    if name not in call.arguments or name not in known:
        return False
    if expected is not None:
        return value_right(call.arguments[name], expected, known[name], rules)
    # Saying what holds anyway is no mistake, except where a benchmark counts it as one.
    return rules == "exact" and "default" in known[name] and same(call.arguments[name], known[name]["default"])


def invented(call: ToolCall, schemas: Mapping[str, Schema]) -> int:
    """Return how many of a call's arguments its tool does not have; all, where there is no such tool."""
    return len(call.arguments.keys() - schemas.get(call.name, {}).get("properties", {}).keys())


def repeated(calls: Iterable[ToolCall]) -> int:
    """Return how many calls say what another one before them said; their ids do not matter."""
    said = [(call.name, repr(call.arguments)) for call in calls]
    return len(said) - len(set(said))


def any_order(weights: Weights) -> list[tuple[int, int]]:
    """Return the pairing of rows with columns whose weights sum to the most; pairs of weight 0 are left out.

    The assignment problem, by shortest augmenting paths (Jonker and Volgenant, 1987), in O(rows^2 x columns). A greedy
    pairing could give the one call that would have fitted here to a call that fits elsewhere too.
    """
    if not weights or not weights[0]:
        return []
    if len(weights) > len(weights[0]):
        turned = any_order([list(column) for column in zip(*weights, strict=True)])
        return sorted((row, column) for column, row in turned)
    columns = len(weights[0])
    row_of = [-1] * columns
    row_price, column_price = [0.0] * len(weights), [0.0] * columns
    for row in range(len(weights)):
        _augment(weights, row, row_of, row_price, column_price)
    return sorted((row, column) for column, row in enumerate(row_of) if row >= 0 and weights[row][column] > 0.0)


def _augment(weights: Weights, row: int, row_of: list[int], row_price: list[float], column_price: list[float]) -> None:
    """Give one more row a column, along the cheapest chain of rows that make room; prices stay optimal."""
    columns = range(len(row_of))
    distance, before = [float("inf")] * len(row_of), [-1] * len(row_of)
    done: list[int] = []
    here, reached, last = row, 0.0, -1
    while here >= 0:
        for column in columns:
            if column not in done:
                through = reached - weights[here][column] - row_price[here] - column_price[column]
                if through < distance[column]:
                    distance[column], before[column] = through, last
        last = min((column for column in columns if column not in done), key=distance.__getitem__)
        done.append(last)
        reached, here = distance[last], row_of[last]
    row_price[row] += reached
    for column in done[:-1]:
        row_price[row_of[column]] += reached - distance[column]
        column_price[column] -= reached - distance[column]
    while last >= 0:
        previous = before[last]
        row_of[last] = row if previous < 0 else row_of[previous]
        last = previous


def in_order(weights: Weights) -> list[tuple[int, int]]:
    """Return the best pairing that keeps the order of both sides; pairs of weight 0 are left out."""
    rows, columns = len(weights), len(weights[0]) if weights else 0
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for row in range(rows):
        for column in range(columns):
            paired = best[row][column] + weights[row][column]
            best[row + 1][column + 1] = max(paired, best[row][column + 1], best[row + 1][column])
    pairs: list[tuple[int, int]] = []
    row, column = rows, columns
    while row and column:
        if best[row][column] == best[row - 1][column]:
            row -= 1
        elif best[row][column] == best[row][column - 1]:
            column -= 1
        else:
            row, column = row - 1, column - 1
            pairs.append((row, column))
    return pairs[::-1]
