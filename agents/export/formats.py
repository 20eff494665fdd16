"""The schemas of other engines, row by row.

Sources: TRL's "Dataset formats and types"; ms-swift's "Custom dataset" (standard format); verl's "Prepare data for
post-training" and its multi-turn SFT data set.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from agents.export.states import State
from agents.finetune.preferences import PreferencePair
from agents.rows.demonstration import Demonstration
from textenvs.errors import ConfigError, check_known

Row = dict[str, Any]
FileType = Literal["jsonl", "parquet"]


class Format(Protocol):
    """One engine's schemas."""

    @property
    def name(self) -> str:
        """Of the engine."""
        ...

    @property
    def file_type(self) -> FileType:
        """In which its files are written."""
        ...

    @property
    def pairs(self) -> bool:
        """Whether the engine trains on pairs."""
        ...

    def demonstration(self, row: Demonstration) -> Row:
        """Return a conversation to imitate."""
        ...

    def pair(self, pair: PreferencePair) -> Row:
        """Return a better and a worse answer."""
        ...

    def prompt(self, state: State) -> Row:
        """Return a prompt for reinforcement learning, with what the reward hook needs."""
        ...


@dataclass(frozen=True)
class TRL:
    """TRL: conversational rows; tools as JSON text, which its SFT and DPO trainers parse."""

    name: str = "trl"
    file_type: FileType = "jsonl"
    pairs: bool = True

    def demonstration(self, row: Demonstration) -> Row:
        """Return ``messages``."""
        return {"messages": _plain(row.messages), **_tools(row.tools)}

    def pair(self, pair: PreferencePair) -> Row:
        """Return ``prompt``, ``chosen`` and ``rejected``."""
        answers = {"chosen": _said(pair.chosen), "rejected": _said(pair.rejected)}
        return {"prompt": _plain(pair.prompt), **answers, **_tools(pair.tools)}

    def prompt(self, state: State) -> Row:
        """Return ``prompt`` and ``task``; TRL hands every further column to the reward function."""
        return {"prompt": _with_tools(state), "task": state.task.as_text()}


@dataclass(frozen=True)
class Swift:
    """ms-swift: one list of messages, a pair's worse answer beside it."""

    name: str = "ms-swift"
    file_type: FileType = "jsonl"
    pairs: bool = True

    def demonstration(self, row: Demonstration) -> Row:
        """Return ``messages``."""
        return {"messages": _plain(row.messages), **_tools(row.tools)}

    def pair(self, pair: PreferencePair) -> Row:
        """Return ``messages``, which end with the better answer, and ``rejected_response``."""
        messages = [*_plain(pair.prompt), *_said(pair.chosen)]
        return {"messages": messages, "rejected_response": pair.rejected, **_tools(pair.tools)}

    def prompt(self, state: State) -> Row:
        """Return ``messages`` without an answer, and ``task`` for the plugin."""
        return {"messages": _plain(state.prompt), "task": state.task.as_text(), **_tools(state.tools)}


@dataclass(frozen=True)
class Verl:
    """verl: Parquet; its rows have no column that holds tools of different schemas, and it trains on no pairs."""

    name: str = "verl"
    file_type: FileType = "parquet"
    pairs: bool = False

    def demonstration(self, row: Demonstration) -> Row:
        """Return ``messages``, with the tools in the instruction."""
        return {"messages": _described(_plain(row.messages), row.tools)}

    def pair(self, pair: PreferencePair) -> Row:
        """Refuse: there is no such row."""
        raise ConfigError("verl trains on no pairs; export them to trl or ms-swift")

    def prompt(self, state: State) -> Row:
        """Return what verl's RL data set reads; the task stands where its reward function finds the truth."""
        task = state.task
        return {
            "data_source": f"textenvs/{task.env_id}",
            "prompt": _with_tools(state),
            "ability": "dialogue",
            "reward_model": {"style": "rule", "ground_truth": task.as_text()},
            "extra_info": {"index": str(task.index), "turn": len(task.actions)},
        }


FORMATS: Mapping[str, Format] = {format.name: format for format in (TRL(), Swift(), Verl())}


def find_format(name: str) -> Format:
    """Return an engine's format.

    Raises:
        UnknownNameError: if there is none.
    """
    check_known("engine", name, FORMATS)
    return FORMATS[name]


def _plain(messages: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return messages with the fields that every template knows: who, and what."""
    return [{"role": message["role"], "content": message["content"]} for message in messages]


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _tools(tools: Sequence[str]) -> Row:
    """Return the column of the tools: JSON text, since columns of objects would share one schema."""
    return {"tools": f"[{', '.join(tools)}]"} if tools else {}


def _with_tools(state: State) -> list[dict[str, str]]:
    return _described(_plain(state.prompt), state.tools)


def _described(messages: list[dict[str, str]], tools: Sequence[str]) -> list[dict[str, str]]:
    """Return messages whose instruction describes the tools, for engines that have no column for them."""
    if not tools:
        return messages
    text = (
        "Tools that you may call, one JSON Schema a line:\n"
        + "\n".join(tools)
        + "\nTo call one, write <tool_call>"
        + json.dumps({"name": "NAME", "arguments": {}})
        + "</tool_call>."
    )
    system = messages[0]["content"] + "\n\n" if messages[0]["role"] == "system" else ""
    rest = messages[1:] if system else messages
    return [{"role": "system", "content": system + text}, *rest]
