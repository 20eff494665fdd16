"""Every call has a result, whatever the tool does."""

from __future__ import annotations

import json
import sys
import time

import pytest
from jsonschema import Draft202012Validator

from textenvs.errors import ConfigError
from textenvs.messages import ToolCall
from textenvs.tools import Failure, Tool, Toolbox, tool_of


def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


def refuse(reason: str) -> None:
    """Refuse."""
    raise PermissionError(reason)


def hang() -> None:
    """Never answer."""
    time.sleep(30)


def odd() -> object:
    """Return what is no JSON."""
    return object()


def nan() -> float:
    """Return what is no JSON number."""
    return float("nan")


def leave() -> None:
    """End the process."""
    sys.exit(0)


def deep() -> list:
    """Return what is nested too deeply."""
    value: list = []
    for _ in range(10_000):
        value = [value]
    return value


def impatient() -> None:
    """Run out of time by itself."""
    raise TimeoutError


BOX = Toolbox(
    [
        add,
        refuse,
        tool_of(hang, timeout_s=0.05),
        odd,
        nan,
        leave,
        tool_of(deep, timeout_s=None),
        tool_of(impatient, timeout_s=None),
    ]
)


@pytest.mark.parametrize(
    ("name", "arguments", "failure", "words"),
    [
        ("add", {"a": 1, "b": 2}, Failure.NONE, "3"),
        ("add", {"a": 1}, Failure.NONE, "2"),
        ("ad", {"a": 1}, Failure.UNKNOWN_TOOL, "did you mean add"),
        ("zzz", {}, Failure.UNKNOWN_TOOL, "the tools are: add, refuse"),
        ("add", {}, Failure.INVALID_ARGUMENTS, "'a' is a required property"),
        ("add", {"a": "1"}, Failure.INVALID_ARGUMENTS, "argument a: '1' is not of type 'integer'"),
        ("add", {"a": True}, Failure.INVALID_ARGUMENTS, "argument a: True is not of type 'integer'"),
        ("add", {"a": 1, "c": 2}, Failure.INVALID_ARGUMENTS, "'c' was unexpected"),
        ("refuse", {"reason": "not yours"}, Failure.RAISED, "PermissionError: not yours"),
        ("hang", {}, Failure.TIMED_OUT, "0.05 s"),
        ("odd", {}, Failure.NOT_JSON, "no JSON"),
        ("nan", {}, Failure.NOT_JSON, "no JSON"),
        ("leave", {}, Failure.RAISED, "SystemExit"),
        ("deep", {}, Failure.NOT_JSON, "no JSON"),
        ("impatient", {}, Failure.TIMED_OUT, "too long"),
    ],
)
def test_every_call_has_a_result(name: str, arguments: dict, failure: Failure, words: str):
    result = BOX.run(ToolCall(name, arguments, "7"))
    assert result.failure is failure
    assert words in result.content
    if failure:
        assert json.loads(result.content)["error"] == failure.value
    message = result.message()
    assert (message.role, message.name, message.call_id, message.content) == ("tool", name, "7", result.content)


def test_a_long_result_is_cut_and_says_so():
    result = Toolbox([Tool("long", "d", {"type": "object"}, lambda: "x" * 100_000)]).run(ToolCall("long", {}))
    assert len(result.content) < 21_000
    assert "100002 characters" in result.content


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="'add'"):
        Toolbox([add, Tool("add", "d", {"type": "object"}, print)])


def test_a_schema_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="'f'"):
        Toolbox([Tool("f", "d", {"type": "objekt"}, print)])


@pytest.mark.parametrize("reference", ["http://127.0.0.1:9/schema.json", "#/$defs/missing", "#/properties/x"])
def test_a_schema_that_leads_nowhere_is_a_message(reference: str, monkeypatch: pytest.MonkeyPatch):
    def fetch(*_: object, **__: object):
        raise AssertionError("a reference was fetched")

    monkeypatch.setattr("urllib.request.urlopen", fetch)
    parameters = {"type": "object", "properties": {"x": {"$ref": reference}}}
    result = Toolbox([Tool("f", "d", parameters, print)]).run(ToolCall("f", {"x": 1}))
    assert result.failure is Failure.INVALID_ARGUMENTS
    assert "schema" in result.content


def test_a_schema_is_checked_once_whatever_the_tools_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[object] = []
    monkeypatch.setattr(Draft202012Validator, "check_schema", checked.append)
    parameters = {"type": "object", "properties": {"seen_nowhere_else": {"type": "integer"}}}
    boxes = [Toolbox([Tool(name, "", parameters, add)]) for name in ("one", "other", "one")]
    assert checked == [parameters]
    assert [
        box.problem(ToolCall(name, {"seen_nowhere_else": "x"}))
        for box, name in zip(boxes, ("one", "other", "one"), strict=True)
    ] == ["argument seen_nowhere_else: 'x' is not of type 'integer'"] * 3
