"""Scripted policies to compare with: functions of what the agent can see."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from textenvs.core import Baseline, Observation
from textenvs.envs.toolcall.records import language_of
from textenvs.envs.toolcall.wording import WORDINGS, Wording
from textenvs.messages import ToolCall
from textenvs.tools import CallFormat

_MOST = 32  # calls that an action of `call_everything` makes
LABORIOUS = 2
"""A call with as many arguments is the work that a careless annotator spares himself."""
_FILLERS: Mapping[Any, Any] = {"integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}, "null": None}


def scripted(form: CallFormat) -> dict[str, Baseline]:
    """Return the baselines by name.

    Args:
        form: in which they write calls.

    Returns:
        ``do_nothing`` ("Done.", in the user's language), ``always_ask``, ``first_tool`` (with made-up arguments),
        ``call_everything`` (every tool so), and ``echo`` (the world's last message). Those that call say "Done." to the
        results.
    """
    return {
        "do_nothing": _done,
        "always_ask": _ask,
        "first_tool": lambda observation: _call(observation, form, 1),
        "call_everything": lambda observation: _call(observation, form, _MOST),
        "echo": lambda observation: observation["history"][-1]["content"],
    }


def spare_calls(oracle: Callable[[], str], form: CallFormat, observation: Observation) -> str:
    """Return what a careless annotator says: the oracle's words, and "Done." where a call would be work.

    Args:
        oracle: returns the best action.
        form: in which calls are written.
        observation: what is seen.
    """
    best = oracle()
    work = any(len(call.arguments) >= LABORIOUS for call in form.parse(best).calls)
    return _done(observation) if work else best


def _done(observation: Observation) -> str:
    return words_of(observation).done.format(names="").strip()


def _ask(observation: Observation) -> str:
    words = words_of(observation)
    return words.question.format(names=words.this)


def words_of(observation: Observation) -> Wording:
    """Return the words of the language that the user speaks."""
    return WORDINGS[language_of(observation["history"][0]["content"])]


def _call(observation: Observation, form: CallFormat, most: int) -> str:
    if len(observation["history"]) > 1 or not observation["tools"]:
        return _done(observation)
    tools = [json.loads(tool)["function"] for tool in observation["tools"][:most]]
    return form.render([ToolCall(tool["name"], made_up(tool["parameters"])) for tool in tools])


def made_up(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments for the required parameters, of the right types."""
    properties = schema.get("properties", {})
    return {name: _value(properties.get(name, {})) for name in schema.get("required", ())}


def _value(schema: Mapping[str, Any]) -> Any:
    if "default" in schema:
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "string")
    return made_up(schema) if kind == "object" else _FILLERS.get(kind if isinstance(kind, str) else kind[0], "x")
