"""Whether, which and when to call, without the language: named moves, and what can be seen in numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from textenvs.core import Observation
from textenvs.envs.toolcall.baselines import made_up, words_of
from textenvs.envs.toolcall.wording import decision_of
from textenvs.messages import Message, ToolCall
from textenvs.tools import CallFormat

_DECISIONS = ("ask", "refuse", "answer")
_LONG = 10  # turns after which nothing is learned from their number

_WORD = re.compile(r"[a-z]+|[\u4e00-\u9fff]")


class ToolMenu:
    """Moves and features of `ToolCall`; see `textenvs.wrappers.Menu`.

    ``call_i`` calls the i-th tool on offer; the other moves are words. Only the decision is the learner's: where it is
    the one that is due, it is carried out as the oracle would (with its arguments, and calls due together at once);
    any other is carried out with made-up arguments or empty words.

    Args:
        form: in which calls are written.
        best: returns the oracle's action.
        seen: returns the observation.
        tools: how many tools have a move; those beyond cannot be called.
    """

    def __init__(
        self, form: CallFormat, best: Callable[[], str], seen: Callable[[], Observation], tools: int = 8
    ) -> None:
        self._form = form
        self._best = best
        self._seen = seen
        self._tools = tools
        self.moves = (*(f"call_{number}" for number in range(tools)), *_DECISIONS)
        self.features = (
            *(f"{what}_{number}" for number in range(tools) for what in ("there", "named", "nearest", "called")),
            *("result", "error", "question", "turn"),
            *(f"last_{move}" for move in self.moves),
        )

    def look(self) -> list[float]:
        """Return the features, each in [0, 1]."""
        seen = self._seen()
        history, tools = seen["history"], [_tool(text) for text in seen["tools"][: self._tools]]
        request = next(message.content for message in reversed(history) if message.role == "user")
        said = [message.content for message in history if message.role == "assistant"]
        near = [_share_named(words, request) for _, words in tools]
        numbers: list[float] = []
        for place in range(self._tools):
            there = place < len(tools)
            nearest = there and near[place] == max(near) > 0.0
            called = there and any(tools[place][0] in action for action in said)
            numbers += [float(there), near[place] if there else 0.0, float(nearest), float(called)]
        last = self._number(said[-1], [name for name, _ in tools]) if said else None
        lasts = [float(number == last) for number in range(len(self.moves))]
        return [*numbers, *_state(history[-1], request), min(1.0, len(said) / _LONG), *lasts]

    def say(self, move: int) -> str:
        """Return the text of a move at this point."""
        best = self._best()
        functions: list[dict[str, Any]] = [json.loads(text)["function"] for text in self._seen()["tools"]]
        names = [str(function["name"]) for function in functions]
        if self._number(best, names) == move:
            return best
        if move < self._tools:
            schema: dict[str, Any] = functions[move]["parameters"] if move < len(names) else {}
            name = names[move] if move < len(names) else self.moves[move]
            return self._form.render([ToolCall(name, made_up(schema))])
        words = words_of(self._seen())
        return (words.question, words.refusal, words.done)[move - self._tools].format(names=words.this)

    def _number(self, action: str, names: list[str]) -> int | None:
        """Return the number of the move that an action is."""
        said = self._form.parse(action)
        if not said.calls:
            return self._tools + _DECISIONS.index(decision_of(said.text)) if said.text else None
        called = said.calls[0].name
        return names.index(called) if called in names[: self._tools] else None


def _state(last: Message, request: str) -> tuple[float, float, float]:
    """Return whether the last message is a result, looks like an error, and whether the request is a question."""
    result = last.role == "tool"
    error = result and "error" in last.content[:200].lower()
    return float(result), float(error), float("?" in request or "？" in request)


@lru_cache(maxsize=1 << 12)
def _tool(text: str) -> tuple[str, frozenset[str]]:
    """Return a tool's name and the words of its name and description."""
    function = json.loads(text)["function"]
    told = f"{function['name']} {function.get('description', '')}".replace("_", " ").lower()
    return function["name"], frozenset(_WORD.findall(told))


def _share_named(words: frozenset[str], request: str) -> float:
    """Return the share of some words that a request has."""
    return len(words.intersection(_WORD.findall(request.lower()))) / len(words) if words else 0.0
