"""One tool-calling task being played."""

from __future__ import annotations

import copy
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

from textenvs.envs.toolcall.judgement import judge_after
from textenvs.envs.toolcall.types import Progress, Schema, Task, TurnTruth
from textenvs.envs.toolcall.wording import instruction, oracle_text
from textenvs.envs.toolcall.workbench import Workbench
from textenvs.episode import Outcome
from textenvs.messages import Message, Stop, ToolCall
from textenvs.rewards.spec import import_named
from textenvs.time_limit import within
from textenvs.tools import CallFormat

logger = logging.getLogger("textenvs.toolcall")

MAX_ANSWER = 8_000
"""Most characters of a final answer: whoever needs more is not answering."""


@dataclass(frozen=True)
class Limits:
    """What ends an episode.

    Attributes:
        turns: most actions.
        calls: most calls, over all actions.
        malformed: most actions in a row that cannot be read.
        checker_s: most seconds of a task's checker.
    """

    turns: int = 8
    calls: int = 32
    malformed: int = 3
    checker_s: float = 10.0


class ToolEpisode:
    """A task whose calls are run, or only judged where there is nothing to run.

    With a workbench the agent calls until it says its final words; their results come as tool messages. Without one
    (benchmarks describe tools and implement none) the first action that can be read is the whole answer.

    Args:
        task: what is to be done.
        form: in which calls are written.
        limits: what ends the episode.
        workbench: runs the calls; None where there is nothing to run.
        own_instruction: what the agent is told, in place of the family's words; None keeps those.
    """

    def __init__(
        self,
        task: Task,
        form: CallFormat,
        limits: Limits,
        workbench: Workbench | None = None,
        own_instruction: str | None = None,
    ) -> None:
        self.task = task
        self.task_id = task.task_id
        self.instruction = instruction(task.language, form, task.context, own_instruction)
        self.opening = (Message("user", task.opening),)
        self._form = form
        self._limits = limits
        self._workbench = workbench
        self.tools, self._schemas = _offer(task, workbench)
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
        if said.calls and self._workbench is not None:
            return self._run(before, said.calls, self._workbench)
        answer = "" if said.calls else said.text
        self._progress = replace(before, calls=(*before.calls, *said.calls), answer=answer, ended=True)
        return self._close(before, Stop.SUCCESS, said.calls)

    def oracle(self) -> str:
        """Return the next expected calls, or the final words."""
        expectation, made = self.task.expectation, len(self._progress.calls)
        due = expectation.calls[made:]
        if not due:
            return oracle_text(expectation, self.task.language)
        if expectation.ordered and self._workbench is not None:
            due = due[:1]
        return self._form.render([one.call() for one in due])

    def content(self) -> str:
        """Return the task and the tools as canonical JSON."""
        return json.dumps([asdict(replace(self.task, task_id="")), self.tools], ensure_ascii=False, sort_keys=True)

    def fork(self) -> Self:
        """Return an independent copy at this point; see `Workbench` for what plain functions keep."""
        twin = copy.copy(self)
        twin._workbench = None if self._workbench is None else self._workbench.fork()
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

    def _run(self, before: Progress, calls: Sequence[ToolCall], workbench: Workbench) -> Outcome:
        """Run the calls in order; each has its own result."""
        first = len(before.calls) + 1
        named = tuple(replace(call, call_id=call.call_id or f"call_{i}") for i, call in enumerate(calls, first))
        results = tuple(workbench.toolbox.run(call) for call in named)
        self._progress = replace(before, calls=(*before.calls, *named), results=(*before.results, *results))
        return self._go_on(before, named, tuple(result.message() for result in results))

    def _go_on(
        self, before: Progress, calls: tuple[ToolCall, ...], replies: tuple[Message, ...], invalid: bool = False
    ) -> Outcome:
        if self._turns >= self._limits.turns:
            return self._close(before, Stop.TURN_BUDGET, calls, replies, invalid)
        truth = TurnTruth(self.task, self._schemas, before, self._progress)
        return Outcome(replies, truth, invalid=invalid, calls=calls)

    def _close(
        self,
        before: Progress,
        stop: Stop,
        calls: tuple[ToolCall, ...],
        replies: tuple[Message, ...] = (),
        invalid: bool = False,
    ) -> Outcome:
        """End the episode; `Stop.SUCCESS` stands for the agent's own end, be it a success or not."""
        if self._workbench is not None:
            self._progress = replace(self._progress, state=self._workbench.state())
        checked = _check(self.task.expectation.checker, self._progress, self._limits.checker_s)
        truth = TurnTruth(self.task, self._schemas, before, self._progress, True, checked)
        success = judge_after(truth).success
        if stop is Stop.SUCCESS and not success:
            stop = Stop.FAILURE
        return Outcome(replies, truth, stop, success, invalid, calls)


def _offer(task: Task, workbench: Workbench | None) -> tuple[tuple[str, ...], Mapping[str, Schema]]:
    """Return the tools as the agent is shown them, and their parameters by name."""
    if workbench is None:
        return tuple(json.dumps(tool, ensure_ascii=False) for tool in task.tools), task.schemas()
    toolbox = workbench.toolbox
    return toolbox.schemas, {name: tool.parameters for name, tool in toolbox.tools.items()}


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
