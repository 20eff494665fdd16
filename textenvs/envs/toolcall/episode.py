"""Tool-calling tasks being played, one after the other."""

from __future__ import annotations

import copy
import json
import logging
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from textenvs.envs.toolcall.judgement import judge_after
from textenvs.envs.toolcall.matching import outstanding, repeated
from textenvs.envs.toolcall.types import REFUSED, Progress, Schema, Task, TurnTruth
from textenvs.envs.toolcall.wording import oracle_text
from textenvs.envs.toolcall.workbench import Bench
from textenvs.episode import Outcome
from textenvs.messages import Message, Stop, ToolCall
from textenvs.rewards.spec import import_named
from textenvs.time_limit import within
from textenvs.tools import CallFormat, ToolResult

logger = logging.getLogger("textenvs.toolcall")

MAX_ANSWER = 8_000
"""Most characters of a final answer: whoever needs more is not answering."""


@dataclass(frozen=True)
class Limits:
    """What ends an episode.

    Attributes:
        turns: most actions for one task.
        calls: most calls for one task, over all actions.
        malformed: most actions in a row that cannot be read.
        checker_s: most seconds of a task's checker.
    """

    turns: int = 12
    calls: int = 32
    malformed: int = 3
    checker_s: float = 10.0


class ToolEpisode:
    """Tasks whose calls are run, or one that is only judged where there is nothing to run.

    With a bench the agent calls until it says its final words; their results come as tool messages. Then the user goes
    on to the next task, whether this one went right or not, until it has been enough. Without a bench (benchmarks
    describe tools and implement none) the first action that can be read is the whole answer.

    Args:
        tasks: what is to be done, one after the other; the first one gives name, language and context.
        form: in which calls are written.
        limits: what ends the episode.
        bench: runs the calls; None where there is nothing to run.
        told: what the agent is told.
        patience: how many tasks may go wrong before the user leaves.
        strict: see `TurnTruth`.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        form: CallFormat,
        limits: Limits,
        bench: Bench | None = None,
        *,
        told: str,
        patience: int = 1,
        strict: bool = False,
    ) -> None:
        self.tasks = tuple(tasks)
        self.task_id = tasks[0].task_id
        self.instruction = told
        self.opening = (Message("user", tasks[0].opening),)
        self._form = form
        self._limits = limits
        self._bench = bench
        self._patience = patience
        self._strict = strict
        self.tools, self._schemas = _offer(tasks[0], bench)
        self._number = 0
        self._failed = 0
        self._begin()

    @property
    def task(self) -> Task:
        """What is to be done now."""
        return self.tasks[self._number]

    def _begin(self) -> None:
        """Begin a task."""
        self._progress = Progress()
        self._turns = 0
        self._malformed_in_a_row = 0

    def act(self, action: str) -> Outcome:
        """Take calls, final words, or what cannot be read."""
        self._turns += 1
        before, said = self._progress, self._form.parse(action)
        problem = said.problem or _problem(said.calls, said.text)
        if problem:
            return self._complain(before, problem)
        self._malformed_in_a_row = 0
        if len(before.calls) + len(said.calls) > self._limits.calls:
            self._progress = replace(before, calls=(*before.calls, *said.calls))
            return self._close(before, Stop.CALL_BUDGET, said.calls)
        if said.calls and self._bench is not None:
            return self._run(before, said.calls, self._bench)
        answer = "" if said.calls else said.text
        self._progress = replace(before, calls=(*before.calls, *said.calls), answer=answer, ended=True)
        return self._close(before, Stop.SUCCESS, said.calls)

    def oracle(self) -> str:
        """Return the expected calls that are due, or the final words."""
        due = self.due()
        return self.write(due) if due else oracle_text(self.task.expectation, self.task.language)

    def due(self) -> tuple[ToolCall, ...]:
        """Return the expected calls that the next message should hold; empty where final words are due."""
        expectation = self.task.expectation
        left = outstanding(self._progress.calls, expectation, self._schemas)
        in_turn = expectation.ordered and self._bench is not None
        return tuple(one.call() for one in (left[:1] if in_turn else left))

    @property
    def forgiving(self) -> bool:
        """Whether the user would not leave if the task went wrong; true of the last one, too."""
        return self._failed + 1 < self._patience or self._number == len(self.tasks) - 1

    def required(self, tool: str) -> Collection[str]:
        """Return the arguments that a tool cannot do without."""
        return self._schemas.get(tool, {}).get("required", ())

    def write(self, calls: Sequence[ToolCall]) -> str:
        """Return calls in the format that is spoken."""
        return self._form.render(calls)

    def content(self) -> str:
        """Return the tasks and the tools in full."""
        return repr(([replace(task, task_id="") for task in self.tasks], self.tools))

    def fork(self) -> Self:
        """Return an independent copy at this point; see `Workbench` for what plain functions keep."""
        twin = copy.copy(self)
        twin._bench = None if self._bench is None else self._bench.fork()
        return twin

    # What an action comes to

    def _complain(self, before: Progress, problem: str) -> Outcome:
        """Tell the agent what is wrong with its action; too often in a row ends the episode."""
        self._malformed_in_a_row += 1
        self._progress = replace(before, malformed=before.malformed + 1)
        reply = (Message("tool", problem),)
        if self._malformed_in_a_row >= self._limits.malformed:
            return self._close(before, Stop.INVALID_ACTIONS, (), reply, invalid=True)
        return self._go_on(before, (), reply, invalid=True)

    def _run(self, before: Progress, calls: Sequence[ToolCall], bench: Bench) -> Outcome:
        """Run the calls in order; each has its own result."""
        first = len(before.calls) + 1
        named = tuple(replace(call, call_id=call.call_id or f"call_{i}") for i, call in enumerate(calls, first))
        results = tuple(bench.toolbox.run(call) for call in named)
        self._progress = replace(
            before,
            calls=(*before.calls, *named),
            results=(*before.results, *results),
            sprayed=before.sprayed or self._sprayed(before, results),
        )
        return self._go_on(before, named, tuple(result.message() for result in results))

    def _sprayed(self, before: Progress, results: Sequence[ToolResult]) -> bool:
        """Say whether one message held more calls than are due, one twice, or refused ones among others."""
        due = outstanding(before.calls, self.task.expectation, self._schemas)
        refused = {one.failure in REFUSED for one in results}
        return len(results) > max(1, len(due)) or repeated(one.call for one in results) > 0 or len(refused) > 1

    def _go_on(
        self, before: Progress, calls: tuple[ToolCall, ...], replies: tuple[Message, ...], invalid: bool = False
    ) -> Outcome:
        if self._turns >= self._limits.turns:
            return self._close(before, Stop.TURN_BUDGET, calls, replies, invalid)
        share = 1.0 / len(self.tasks)
        truth = TurnTruth(self.task, self._schemas, before, self._progress, share=share, strict=self._strict)
        return Outcome(replies, truth, invalid=invalid, calls=calls)

    def _close(
        self,
        before: Progress,
        stop: Stop,
        calls: tuple[ToolCall, ...],
        replies: tuple[Message, ...] = (),
        invalid: bool = False,
    ) -> Outcome:
        """End the task, and with it the episode unless the user goes on.

        `Stop.SUCCESS` stands for the agent's own end, be it a success or not; everything else ends the episode.
        """
        if self._bench is not None:
            self._progress = replace(self._progress, state=self._bench.state())
        checked = _check(self.task.expectation.checker, self._progress, self._limits.checker_s)
        share = 1.0 / len(self.tasks)
        truth = TurnTruth(self.task, self._schemas, before, self._progress, True, checked, share, strict=self._strict)
        right = judge_after(truth).success
        self._failed += not right
        left = len(self.tasks) - 1 - self._number
        if stop is Stop.SUCCESS and left and self._failed < self._patience and self._bench is not None:
            return Outcome((*replies, self._next(right, self._bench)), truth, calls=calls)
        if stop is Stop.SUCCESS and self._failed:
            stop = Stop.USER_LEFT if left else Stop.FAILURE
        return Outcome(replies, replace(truth, missed=left * share), stop, not self._failed, invalid, calls)

    def _next(self, right: bool, bench: Bench) -> Message:
        """Begin the next task, and return what the user says."""
        reaction = "" if right else self.task.reaction
        self._number += 1
        self._begin()
        bench.begin(self._number, put_right=not right)
        return Message("user", "\n".join(part for part in (reaction, self.task.opening) if part))


def _offer(task: Task, bench: Bench | None) -> tuple[tuple[str, ...], Mapping[str, Schema]]:
    """Return the tools as the agent is shown them, and their parameters by name."""
    if bench is None:
        return tuple(json.dumps(tool, ensure_ascii=False) for tool in task.tools), task.schemas()
    return bench.offered, bench.parameters


def _problem(calls: Sequence[ToolCall], text: str) -> str:
    if calls:
        return ""
    if not text:
        return "The message is empty. Call a tool or say something."
    if len(text) > MAX_ANSWER:
        return f"The message has {len(text)} characters; an answer has at most {MAX_ANSWER}."
    return ""


def _check(checker: str, progress: Progress, seconds: float) -> float:
    """Return what a task's checker says, in [0, 1]; NaN without one, or where it fails: a failed check is no 0."""
    if not checker:
        return math.nan
    try:
        verdict = float(within(seconds, lambda: import_named(checker)(progress), f"checker {checker}"))
        if not math.isfinite(verdict):
            raise ValueError(f"it returned {verdict}")
    except (Exception, SystemExit) as error:
        logger.warning("the checker %s failed and its task counts as unscored: %s: %s", checker, type(error), error)
        return math.nan
    return min(1.0, max(0.0, verdict))
