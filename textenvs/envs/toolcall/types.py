"""What a tool-calling task is, whatever it came from: the currency between sources, episode and reward."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from textenvs.messages import ToolCall
from textenvs.seeding import Split, split_of
from textenvs.tools import Failure, ToolResult

Decision = Literal["call", "ask", "answer", "refuse"]
"""What an assistant can do with a request: call tools, ask back, answer, or say that it cannot or may not."""

Language = Literal["zh", "en"]

Rules = Literal["exact", "bfcl", "acebench"]
"""By which rules an argument's value is compared; see `values`."""

Schema = Mapping[str, Any]

REFUSED = (Failure.UNKNOWN_TOOL, Failure.INVALID_ARGUMENTS)
"""Failures of calls that no tool has taken."""

TEXT_DECISIONS: tuple[Decision, ...] = ("ask", "answer", "refuse")
"""The decisions that need no call."""


@dataclass(frozen=True, slots=True)
class ExpectedArgument:
    """What one argument of an expected call may be.

    Attributes:
        accepted: every value that is right, in the shape that the task's `Rules` read.
        optional: whether the argument may be left out.
    """

    accepted: tuple[Any, ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """One call that the task asks for.

    Attributes:
        name: of the tool.
        arguments: what each may be, by name; no other may be given.
        example: arguments that are right.
    """

    name: str
    arguments: Mapping[str, ExpectedArgument]
    example: Mapping[str, Any]

    def call(self) -> ToolCall:
        """Return the call as an agent could make it."""
        return ToolCall(self.name, self.example)


@dataclass(frozen=True, slots=True)
class Expectation:
    """The hidden truth of a task.

    Attributes:
        decisions: what may be done with the request, any of these; never empty.
        calls: expected calls; empty where there are none or none are prescribed.
        ordered: whether the calls depend on one another and must come in this order.
        rules: how their values are compared.
        names: what a question or a refusal must name, such as the missing parameters; one entry a thing, each as the
            forms any of which will do.
        decoys: names that an answer which must name something else has no business naming, or that
            must not be said at all where nothing is to be named; see `wording.names_right`.
        facts: what the final answer must say, in the same shape. Where tools were run, a fact must come from a result.
        state: what the tools' state must hold at the end, by key; None where the task does not say.
        checker: ``"pkg.mod:fn"``, a function of `Progress` that returns a number in [0, 1]; ``""`` without one.
        answer: what the oracle says at the end.
    """

    decisions: tuple[Decision, ...]
    calls: tuple[ExpectedCall, ...] = ()
    ordered: bool = False
    rules: Rules = "exact"
    names: tuple[tuple[str, ...], ...] = ()
    decoys: tuple[str, ...] = ()
    facts: tuple[tuple[str, ...], ...] = ()
    state: Mapping[str, Any] | None = None
    checker: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One item, before it is played.

    Attributes:
        task_id: its name.
        language: of the conversation, ``"zh"`` or ``"en"``.
        opening: what the agent reads first; what the user says next, where an episode has several tasks.
        tools: what is on offer, each as chat templates take it; empty where the environment's own tools are.
        expectation: the hidden truth.
        context: what the agent is told besides, such as the date; it follows the instruction.
        group: equal for tasks that must stay in one split, for they share their beginning.
        split: the split that it belongs to; None to draw it from the group.
        heard: what was said before the opening; a fact may come from it.
        reaction: what the user says if the task goes wrong and another one follows.
    """

    task_id: str
    language: Language
    opening: str
    tools: tuple[Mapping[str, Any], ...]
    expectation: Expectation
    context: str = ""
    group: str = ""
    split: Split | None = None
    heard: str = ""
    reaction: str = ""

    @property
    def belongs_to(self) -> Split:
        """The split of the task: its own, or its group's."""
        return self.split or split_of(self.group or self.opening)

    def schemas(self) -> dict[str, Schema]:
        """Return the parameters' JSON Schema of every tool by name; of two with one name, the first."""
        found: dict[str, Schema] = {}
        for tool in self.tools:
            found.setdefault(tool["function"]["name"], tool["function"]["parameters"])
        return found


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is at one moment: all that is judged.

    Attributes:
        calls: made so far, in order.
        results: what came of those that were run.
        answer: the final text, without thinking; ``""`` while there is none.
        ended: whether the agent is done: it gave its final text, or calls that nothing is run for.
        malformed: how many actions could not be read.
        state: of the tools now, None where they have none; only where `ended`.
        sprayed: whether a message held more calls than were due, a call twice, or refused calls among others.
    """

    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()
    answer: str = ""
    ended: bool = False
    malformed: int = 0
    state: Mapping[str, Any] | None = None
    sprayed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class TurnTruth:
    """The hidden truth of one turn, for the reward.

    Attributes:
        task: what was to be done.
        schemas: parameters of the tools on offer, by name.
        before: how far the task was before the action.
        after: how far it is now.
        last: whether the task ended with it.
        checked: what the task's checker said at the end, in [0, 1]; NaN without one, where it failed, or before.
        share: of the episode's value that the task decides; 1 where there is no other.
        missed: the share of the tasks that were never begun, because the episode ended with this turn.
        strict: whether it counts how the agent puts things and whether it sprays calls.
    """

    task: Task
    schemas: Mapping[str, Schema]
    before: Progress
    after: Progress
    last: bool = False
    checked: float = math.nan
    share: float = 1.0
    missed: float = 0.0
    strict: bool = False
