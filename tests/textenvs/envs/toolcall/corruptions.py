"""Ways to change the right calls of a task, each with what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from textenvs.envs.toolcall.types import Expectation, ExpectedCall, Schema
from textenvs.messages import ToolCall


@dataclass(frozen=True)
class Case:
    """The right calls of one task, to be changed."""

    expectation: Expectation
    schemas: Mapping[str, Schema]

    @property
    def calls(self) -> list[ToolCall]:
        return [one.call() for one in self.expectation.calls]

    def required(self, call: ToolCall) -> list[str]:
        return list(self.schemas[call.name].get("required", ()))

    def kind(self, call: ToolCall, name: str) -> Any:
        return self.schemas[call.name]["properties"][name].get("type")


Corruption = Callable[[Case], "list[ToolCall] | None"]
"""Returns the changed calls; None where the task has nothing to change."""


def with_argument(calls: list[ToolCall], index: int, name: str, value: Any) -> list[ToolCall]:
    call = calls[index]
    return [*calls[:index], replace(call, arguments={**call.arguments, name: value}), *calls[index + 1 :]]


def without_argument(calls: list[ToolCall], index: int, name: str) -> list[ToolCall]:
    call = calls[index]
    left = {key: value for key, value in call.arguments.items() if key != name}
    return [*calls[:index], replace(call, arguments=left), *calls[index + 1 :]]


def arguments(case: Case) -> Iterator[tuple[int, str, Any]]:
    for index, call in enumerate(case.calls):
        for name, value in call.arguments.items():
            yield index, name, value


def unknown_name(case: Case) -> list[ToolCall] | None:
    first, *rest = case.calls
    return [replace(first, name=first.name + "_v2"), *rest]


def neighbours_name(case: Case) -> list[ToolCall] | None:
    first, *rest = case.calls
    others = [name for name in case.schemas if name not in {one.name for one in case.calls}]
    return [replace(first, name=others[0]), *rest] if others else None


def missing_required(case: Case) -> list[ToolCall] | None:
    calls = case.calls
    for index, name, _ in arguments(case):
        if name in case.required(calls[index]):
            return without_argument(calls, index, name)
    return None


def missing_stated(case: Case) -> list[ToolCall] | None:
    """Leave out an argument that no schema requires, and the key does."""
    calls = case.calls
    for index, name, _ in arguments(case):
        if name not in case.required(calls[index]):
            return without_argument(calls, index, name)
    return None


def unknown_parameter(case: Case) -> list[ToolCall] | None:
    return with_argument(case.calls, 0, "zz_unknown", 1)


def wrong_type(case: Case) -> list[ToolCall] | None:
    for index, name, value in arguments(case):
        return with_argument(case.calls, index, name, 12345 if isinstance(value, str) else "text")
    return None


def number_as_text(case: Case) -> list[ToolCall] | None:
    for index, name, value in arguments(case):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return with_argument(case.calls, index, name, str(value))
    return None


def flag_as_number(case: Case) -> list[ToolCall] | None:
    for index, name, value in arguments(case):
        if isinstance(value, bool):
            return with_argument(case.calls, index, name, int(value))
    return None


def wrong_text(case: Case) -> list[ToolCall] | None:
    for index, name, value in arguments(case):
        if isinstance(value, str):
            return with_argument(case.calls, index, name, "zzz nothing of the kind")
    return None


def wrong_number(case: Case) -> list[ToolCall] | None:
    for index, name, value in arguments(case):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return with_argument(case.calls, index, name, value + 987_654_321)
    return None


def longer_list(case: Case) -> list[ToolCall] | None:
    for index, name, value in arguments(case):
        if isinstance(value, list) and value:
            return with_argument(case.calls, index, name, [*value, *value, *value])
    return None


def unknown_field(case: Case) -> list[ToolCall] | None:
    for index, name, value in arguments(case):
        if isinstance(value, dict):
            return with_argument(case.calls, index, name, {**value, "zz_unknown": 1})
    return None


def null_value(case: Case) -> list[ToolCall] | None:
    for index, name, _ in arguments(case):
        return with_argument(case.calls, index, name, None)
    return None


def extra_call(case: Case) -> list[ToolCall] | None:
    return [*case.calls, case.calls[0]]


def extra_strange_call(case: Case) -> list[ToolCall] | None:
    return [ToolCall("zz_unknown", {}), *case.calls]


def missing_call(case: Case) -> list[ToolCall] | None:
    return case.calls[1:]


WRONG: tuple[Corruption, ...] = (
    unknown_name,
    neighbours_name,
    missing_required,
    missing_stated,
    unknown_parameter,
    wrong_type,
    number_as_text,
    flag_as_number,
    wrong_text,
    wrong_number,
    longer_list,
    unknown_field,
    null_value,
    extra_call,
    extra_strange_call,
    missing_call,
)
"""What makes right calls wrong, by the rules of every benchmark."""


def reversed_calls(case: Case) -> list[ToolCall] | None:
    return case.calls[::-1] if len(case.calls) > 1 else None


def spaced_text(case: Case) -> list[ToolCall] | None:
    for index, name, value in arguments(case):
        if isinstance(value, str) and case.kind(case.calls[index], name) == "string":
            return with_argument(case.calls, index, name, f" {value.upper()}. ")
    return None


def whole_number(case: Case) -> list[ToolCall] | None:
    for index, name, value in arguments(case):
        if isinstance(value, float) and value.is_integer() and case.kind(case.calls[index], name) == "number":
            return with_argument(case.calls, index, name, int(value))
    return None


def stated_optional(case: Case) -> list[ToolCall] | None:
    for index, one in enumerate(case.expectation.calls):
        for name, value in _left_out(case, one):
            return with_argument(case.calls, index, name, value)
    return None


def _left_out(case: Case, one: ExpectedCall) -> Iterator[tuple[str, Any]]:
    known = case.schemas[one.name]["properties"]
    for name, argument in one.arguments.items():
        plain = [value for value in argument.accepted if value != "" and not isinstance(value, dict | list)]
        if name in known and name not in one.example and plain:
            yield name, plain[-1]


RIGHT: tuple[Corruption, ...] = (reversed_calls, spaced_text, whole_number, stated_optional)
"""What leaves right calls right."""
