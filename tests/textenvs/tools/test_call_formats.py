"""Call formats: what is written is read back, and nothing else passes for a call or for an answer."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textenvs.errors import UnknownNameError
from textenvs.messages import ToolCall
from textenvs.tools import CALL_FORMATS, MalformedJSONError, call_format, read_json
from textenvs.tools.call_formats import MAX_CALLS
from textenvs.tools.strict_json import MAX_CHARACTERS

NAMES = list(CALL_FORMATS)
HERMES, LLAMA, MISTRAL, JSON = (CALL_FORMATS[name] for name in ("hermes", "llama3", "mistral", "json"))

markers = st.sampled_from(["<think>", "</think>", "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "<|python_tag|>", ";"])
text = st.text(st.characters(exclude_categories=("Cs",)), max_size=20) | markers
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
calls = st.lists(
    st.builds(ToolCall, st.from_regex(r"\A[a-z_.]{1,12}\Z"), st.dictionaries(text, values, max_size=3)),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize("name", NAMES)
@given(made=calls)
def test_what_is_rendered_is_read(name: str, made: list[ToolCall]):
    read = CALL_FORMATS[name].parse(CALL_FORMATS[name].render(made))
    assert (list(read.calls), read.text, read.problem) == (made, "", "")


@pytest.mark.parametrize("name", NAMES)
@given(said=st.text(max_size=60))
def test_any_text_has_a_reading(name: str, said: str):
    read = CALL_FORMATS[name].parse(said)
    assert not (read.calls and read.problem)


CALL = [ToolCall("add", {"a": 1})]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_a_call_in_a_foreign_format_is_no_answer(name: str, other: str):
    read = CALL_FORMATS[name].parse(CALL_FORMATS[other].render(CALL))
    if name == other:
        assert read.calls == tuple(CALL)
    else:
        assert read.calls == () or {name, other} == {"llama3", "json"}
        assert read.problem
        assert CALL_FORMATS[name].example in read.problem


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("<tool_call>{}", "not closed"),
        ("done</tool_call>", "no <tool_call> before it"),
        ('<tool_call>{"name": "f", "arguments": {}}</tool_call></tool_call>', "no <tool_call> before it"),
        ("<tool_call>{'name': 'f'}</tool_call>", "no valid JSON"),
        ("<tool_call></tool_call>", "no valid JSON"),
        ('<tool_call>{"name": "f", "arguments": {"a": 1}} extra</tool_call>', "Extra data"),
        ('<tool_call>{"name": "f", "arguments": {"a": 1, "a": 2}}</tool_call>', "comes twice"),
        ('<tool_call>{"name": "f", "arguments": [1]}</tool_call>', '"arguments" must be a JSON object'),
        ('<tool_call>{"arguments": {}}</tool_call>', 'needs a "name"'),
        ('<tool_call>{"name": "f", "parameters": {}}</tool_call>', "no 'parameters'"),
        ("<tool_call>[1]</tool_call>", "must be a JSON object"),
        ("[TOOL_CALLS][]", "not how calls are written"),
        ('{"name": "f"', "looks like a call"),
        ('<tool_call>{"name": "f"}</tool_call>' * (MAX_CALLS + 1), f"at most {MAX_CALLS}"),
    ],
)
def test_a_malformed_call_says_what_is_wrong(said: str, problem: str):
    read = HERMES.parse(said)
    assert read.calls == ()
    assert problem in read.problem
    assert "Write a call like this" in read.problem


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "said",
    [
        'I will look. {"name": "add", "arguments": {"a": 1}}',
        'Here:\n```json\n{"name": "add", "parameters": {"a": 1}}\n```',
        'So: { "arguments" : {"a": 1}, "name": "add"}',
        "[add(a=1)]",
        "add(a=1, b=2)",
        'Well. <TOOL_CALL>{"name": "add"}',
        '<function_call>{"name": "add"}</function_call>',
        '<invoke name="add">1</invoke>',
    ],
)
def test_a_call_in_no_format_is_no_answer(name: str, said: str):
    read = CALL_FORMATS[name].parse(said)
    assert (read.calls, bool(read.problem)) == ((), True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "said",
    [
        'Her name is "add" (see {"phone": 3}).',
        'The record is {"name": "Ann", "phone": 3}.',
        "f(x) = 3, and add (a = 1) is a name.",
        "It costs < 3 and is [invoked] {now}.",
    ],
)
def test_words_that_only_resemble_a_call_are_an_answer(name: str, said: str):
    read = CALL_FORMATS[name].parse(said)
    assert (read.calls, read.text, read.problem) == ((), said, "")


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_a_calls_keys_does_not_matter(name: str):
    form = CALL_FORMATS[name]
    key = "parameters" if name == "llama3" else "arguments"
    said = form.render(CALL).replace(f'"name": "add", "{key}": {{"a": 1}}', f'"{key}": {{"a": 1}}, "name": "add"')
    assert said != form.render(CALL)
    assert form.parse(said).calls == tuple(CALL)


def test_words_may_go_with_calls():
    read = HERMES.parse('Let me see.\n<tool_call>{"name": "f", "arguments": {}}</tool_call>\n')
    assert (read.calls, read.text) == ((ToolCall("f", {}),), "Let me see.")
    assert LLAMA.parse('<|python_tag|>{"name": "f", "parameters": {"a": ";}"}}; {"name": "g"}').calls == (
        ToolCall("f", {"a": ";}"}),
        ToolCall("g", {}),
    )
    assert MISTRAL.parse('[TOOL_CALLS] [{"name": "f", "arguments": {}, "id": "x1"}]').calls == (
        ToolCall("f", {}, "x1"),
    )
    assert JSON.parse('[{"name": "f"}, {"name": "g"}]').calls == (ToolCall("f", {}), ToolCall("g", {}))


@pytest.mark.parametrize("name", NAMES)
def test_thinking_is_never_run(name: str):
    form = CALL_FORMATS[name]
    call = form.render(CALL)
    assert form.parse(f"<think>{call}</think>It is 3.").calls == ()
    assert form.parse(f"<think>{call}</think>It is 3.").text == "It is 3."
    assert form.parse(f"<think>{call}").calls == ()
    assert form.parse(f"Well <think>{call}</think> 3.").text == "Well  3."
    assert form.parse(f"<think>maybe</think>\n{call}").calls == tuple(CALL)


@pytest.mark.parametrize(
    "said",
    [
        "{" * 10_000,
        "[" * 10_000,
        '{"a":' * 10_000,
        "9" * 5_000,
        "NaN",
        "1e400",
        "-Infinity",
        '"\ud800"',
        '{"\ud800": 1}',
        "\0",
        json.dumps("a" * MAX_CHARACTERS),
    ],
)
def test_hostile_json_is_refused_with_one_error(said: str):
    with pytest.raises(MalformedJSONError):
        read_json(said)


UNITS = (
    "<tool_call>",
    "</tool_call>",
    '{"a":',
    "[",
    '"\\',
    "<think>",
    "; {",
    "[TOOL_CALLS]",
    '<tool_call>{"name":"f"}',
    "\ud800",
    "`[ {",
    "a" * 50 + "<",
    '{"name":"',
    "{ ",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("unit", UNITS)
def test_a_megabyte_is_read_in_linear_time(name: str, unit: str):
    said = unit * (1_000_000 // len(unit))
    for prefix in ("", "{", "<|python_tag|>", "<tool_call>"):
        assert min(seconds_to_read(name, prefix + said) for _ in range(3)) < 0.1


def seconds_to_read(name: str, text: str) -> float:
    start = time.process_time()
    CALL_FORMATS[name].parse(text)
    return time.process_time() - start


def test_an_unknown_format_names_the_nearest():
    with pytest.raises(UnknownNameError, match="hermes"):
        call_format("hermess")
