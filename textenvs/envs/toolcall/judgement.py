"""How good a task was done, part by part. Pure: reward and success both follow from here.

- **decision**: whether the right thing was done with the request: call, ask, answer, refuse.
- **name**: F1 of the tools that were called against those expected.
- **arguments**: share of right arguments, over expected calls and surplus ones, in the best pairing.
- **state**: whether the tools' state is what it must be.
- **facts**: share of the facts that the final answer says and that a result (or the user) has said before.
- **answer**: whether the words name what they must, times what the task's checker says.
- **cost**: `REDUNDANT` for every call that failed or was not needed, `MALFORMED` for every action that could not be
  read, at most `MOST`.

A part that a task says nothing about is NaN, and so is one that is only known at the end until then.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from textenvs.envs.toolcall.matching import Agreement, agreement
from textenvs.envs.toolcall.types import Decision, Expectation, Progress, Schema, Task, TurnTruth
from textenvs.envs.toolcall.values import same
from textenvs.envs.toolcall.wording import decision_of, names_right, says
from textenvs.messages import ToolCall
from textenvs.tools import Failure

REDUNDANT, MALFORMED, MOST = 0.05, 0.1, 0.5
"""What a call too many costs, what a malformed action does, and the most that both do together."""

WRONG_DECISION = -0.5
"""What a wrong decision is worth, and the least that anything is."""

INCOMPLETE = 0.8
"""The most that is paid for parts that are right without the whole being right."""

UNDER_WAY = 0.4
"""The most that the calls of a task that is not finished have been paid."""

PART_NAMES = ("decision", "name", "arguments", "state", "facts", "answer", "cost")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known about a task at one moment.

    Attributes:
        parts: by name, see the module's docstring; all but cost in [0, 1].
        success: whether the task is done, all of it.
        value: what it is worth so far, in [WRONG_DECISION, 1].
    """

    parts: Mapping[str, float]
    success: bool
    value: float


def judge_before(truth: TurnTruth) -> Judgement:
    """Judge the moment before a turn."""
    return _under_way(truth.task, truth.schemas, truth.before)


def judge_after(truth: TurnTruth) -> Judgement:
    """Judge the moment after a turn."""
    if not truth.last:
        return _under_way(truth.task, truth.schemas, truth.after)
    return _at_the_end(truth.task, truth.schemas, truth.after, truth.checked)


def _under_way(task: Task, schemas: Mapping[str, Schema], progress: Progress) -> Judgement:
    agreed = _agreed(task.expectation, schemas, progress)
    cost = _cost(progress, agreed)
    paid = 0.0 if agreed is None or not progress.calls else UNDER_WAY * agreed.arguments
    parts = _parts(name=agreed.name, arguments=agreed.arguments) if agreed and progress.calls else _parts()
    return Judgement({**parts, "cost": cost}, False, paid - cost)


def _at_the_end(task: Task, schemas: Mapping[str, Schema], progress: Progress, checked: float) -> Judgement:
    expectation = task.expectation
    agreed = _agreed(expectation, schemas, progress)
    decided = decision_made(progress) in expectation.decisions
    parts = _parts(
        decision=float(decided),
        name=agreed.name if agreed else math.nan,
        arguments=agreed.arguments if agreed else math.nan,
        state=_state(expectation, progress),
        facts=_facts(task, progress),
        answer=_answer(task, progress, checked),
        cost=_cost(progress, agreed),
    )
    success = decided and progress.ended and _all_right(expectation, parts, agreed, checked)
    return Judgement(parts, success, _value(parts, decided, success))


def _parts(**known: float) -> dict[str, float]:
    return {name: known.get(name, math.nan) for name in PART_NAMES}


def _value(parts: Mapping[str, float], decided: bool, success: bool) -> float:
    if not decided:
        return WRONG_DECISION
    graded = [parts[name] for name in PART_NAMES[1:-1] if not math.isnan(parts[name])]
    quality = 1.0 if success else INCOMPLETE * (sum(graded) / len(graded) if graded else 0.0)
    return max(WRONG_DECISION, quality - parts["cost"])


def _agreed(expectation: Expectation, schemas: Mapping[str, Schema], progress: Progress) -> Agreement | None:
    """Compare the calls that went through with the expected ones; None where no calls are prescribed."""
    if not expectation.calls:
        return None
    return agreement(_went_through(progress), expectation, schemas)


def _went_through(progress: Progress) -> list[ToolCall]:
    """Return the calls that were not refused: all where nothing is run, those with valid arguments where tools are."""
    if not progress.results:
        return list(progress.calls)
    refused = (Failure.UNKNOWN_TOOL, Failure.INVALID_ARGUMENTS)
    return [result.call for result in progress.results if result.failure not in refused]


def _cost(progress: Progress, agreed: Agreement | None) -> float:
    failed = len(progress.calls) - len(_went_through(progress))
    repeated = len(progress.calls) - len({repr(call) for call in progress.calls})
    surplus = failed + (agreed.redundant if agreed else repeated)
    return min(MOST, REDUNDANT * surplus + MALFORMED * progress.malformed)


def decision_made(progress: Progress) -> Decision | Literal[""]:
    """Return what was done with a request; ``""`` where nothing was."""
    if progress.calls:
        return "call"
    return decision_of(progress.answer) if progress.answer else ""


def _state(expectation: Expectation, progress: Progress) -> float:
    if expectation.state is None:
        return math.nan
    now: Mapping[str, Any] = progress.state or {}
    return float(all(key in now and same(now[key], value) for key, value in expectation.state.items()))


def _facts(task: Task, progress: Progress) -> float:
    """Return the share of the facts that are said, and were there to be known."""
    facts = task.expectation.facts
    if not facts:
        return math.nan
    known = "\n".join(
        [task.context, task.heard, task.opening, *(result.content for result in progress.results if not result.failure)]
    )
    return sum(says(progress.answer, forms) and says(known, forms) for forms in facts) / len(facts)


def _answer(task: Task, progress: Progress, checked: float) -> float:
    if not task.expectation.names and math.isnan(checked):
        return math.nan
    return names_right(progress.answer, task.expectation, task.opening) * (1.0 if math.isnan(checked) else checked)


def _all_right(expectation: Expectation, parts: Mapping[str, float], agreed: Agreement | None, checked: float) -> bool:
    """Say whether the outcome is right; where a task has no outcome to look at, whether the calls are."""
    if expectation.checker and math.isnan(checked):
        return False
    outcome = [parts[name] for name in ("state", "facts", "answer") if not math.isnan(parts[name])]
    if outcome:
        return min(outcome) == 1.0
    return agreed is None or agreed.exact
