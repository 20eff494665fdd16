"""How good a task was done, part by part. Pure: reward and success both follow from here.

- **decision**: whether the right thing was done with the request: call, ask, answer, refuse.
- **name**: F1 of the tools that were called against those expected.
- **arguments**: share of right arguments, over expected calls and surplus ones, in the best pairing.
- **state**: whether the tools' state is what it must be.
- **facts**: share of the facts that the final answer says and that a result (or the user) has said before.
- **answer**: whether the words name what they must, times what the task's checker says, times whether they are tidy.
- **cost**: `REDUNDANT` for every call that failed or was not needed, `MALFORMED` for every action that could not be
  read, at most `MOST`.

A part that a task says nothing about is NaN, and so is one that is only known at the end until then.

Where it counts how the agent puts things (in the generated world), what its words do is read by `tidy`, and whatever is
worth something is worth `UNTIDY` of it if the words hold more than that, or if calls were sprayed: everything that a
right answer can be buried in, and every shot into the dark beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from textenvs.envs.toolcall.matching import Agreement, agreement, repeated
from textenvs.envs.toolcall.tidy import Reading, read_answer
from textenvs.envs.toolcall.types import REFUSED, Decision, Expectation, Progress, Schema, Task, TurnTruth
from textenvs.envs.toolcall.values import same
from textenvs.envs.toolcall.wording import decision_of, names_right, says
from textenvs.messages import ToolCall

REDUNDANT, MALFORMED, MOST = 0.05, 0.1, 0.5
"""What a call too many costs, what a malformed action does, and the most that both do together."""

WRONG_DECISION = -0.5
"""What a wrong decision is worth, and the least that anything is."""

INCOMPLETE = 0.8
"""The most that is paid for parts that are right without the whole being right."""

UNTIDY = 0.1
"""What is left of a value where things are put untidily."""

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
    return _under_way(truth, truth.before)


def judge_after(truth: TurnTruth) -> Judgement:
    """Judge the moment after a turn."""
    return _at_the_end(truth) if truth.last else _under_way(truth, truth.after)


def _under_way(truth: TurnTruth, progress: Progress) -> Judgement:
    agreed = _agreed(truth.task.expectation, truth.schemas, progress)
    cost = _cost(progress, agreed)
    paid = 0.0 if agreed is None or not progress.calls else UNDER_WAY * agreed.arguments
    parts = _parts(name=agreed.name, arguments=agreed.arguments) if agreed and progress.calls else _parts()
    sprayed = truth.strict and progress.sprayed
    return Judgement({**parts, "cost": cost}, False, paid * (UNTIDY if sprayed else 1.0) - cost)


def _at_the_end(truth: TurnTruth) -> Judgement:
    task, progress = truth.task, truth.after
    expectation = task.expectation
    agreed = _agreed(expectation, truth.schemas, progress)
    said = _read(truth)
    decided = _decision(progress, said) in expectation.decisions
    tidy = said.tidy and not (truth.strict and progress.sprayed)
    words = _words(task, progress, truth.checked)
    parts = _parts(
        decision=float(decided),
        name=agreed.name if agreed else math.nan,
        arguments=agreed.arguments if agreed else math.nan,
        state=_state(expectation, progress),
        facts=_facts(task, progress),
        answer=_answer(words, said.tidy, truth.strict),
        cost=_cost(progress, agreed),
    )
    outcome = [one for one in (parts["state"], parts["facts"], words) if not math.isnan(one)]
    checkable = not (expectation.checker and math.isnan(truth.checked))
    right = min(outcome) == 1.0 if outcome else agreed is None or agreed.exact
    success = decided and progress.ended and checkable and right
    return Judgement(parts, success, _value(parts, decided, success, tidy))


def _read(truth: TurnTruth) -> Reading:
    """Read the final words; where nothing is strict about them, they are tidy."""
    progress = truth.after
    if not truth.strict or not progress.answer:
        return Reading(decision_of(progress.answer), True)
    return read_answer(progress.answer, truth.task.expectation, truth.task.language, _known(truth.task, progress))


def _parts(**known: float) -> dict[str, float]:
    return {name: known.get(name, math.nan) for name in PART_NAMES}


def _value(parts: Mapping[str, float], decided: bool, success: bool, tidy: bool) -> float:
    if not decided:
        return WRONG_DECISION
    graded = [parts[name] for name in PART_NAMES[1:-1] if not math.isnan(parts[name])]
    quality = 1.0 if success else INCOMPLETE * (sum(graded) / len(graded) if graded else 0.0)
    return max(WRONG_DECISION, quality * (1.0 if tidy else UNTIDY) - parts["cost"])


def _agreed(expectation: Expectation, schemas: Mapping[str, Schema], progress: Progress) -> Agreement | None:
    """Compare the calls that went through with the expected ones; None where no calls are prescribed."""
    if not expectation.calls:
        return None
    return agreement(_went_through(progress), expectation, schemas)


def _went_through(progress: Progress) -> list[ToolCall]:
    """Return the calls that were not refused: all where nothing is run, those with valid arguments where tools are."""
    if not progress.results:
        return list(progress.calls)
    return [result.call for result in progress.results if result.failure not in REFUSED]


def _cost(progress: Progress, agreed: Agreement | None) -> float:
    failed = len(progress.calls) - len(_went_through(progress))
    surplus = failed + (agreed.redundant if agreed else repeated(progress.calls))
    return min(MOST, REDUNDANT * surplus + MALFORMED * progress.malformed)


def decision_made(truth: TurnTruth) -> Decision | Literal[""]:
    """Return what was done with a request; ``""`` where nothing was."""
    return _decision(truth.after, _read(truth))


def _decision(progress: Progress, said: Reading) -> Decision | Literal[""]:
    if progress.calls:
        return "call"
    return said.decision if progress.answer else ""


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
    known = _known(task, progress)
    return sum(says(progress.answer, forms) and says(known, forms) for forms in facts) / len(facts)


def _known(task: Task, progress: Progress) -> str:
    """Return everything that the conversation has held, but for what failed."""
    results = (result.content for result in progress.results if not result.failure)
    return "\n".join([task.context, task.heard, task.opening, *results])


def _answer(words: float, tidy: bool, strict: bool) -> float:
    if not strict:
        return words
    return float(tidy) * (1.0 if math.isnan(words) else words)


def _words(task: Task, progress: Progress, checked: float) -> float:
    """Return how far the final words are right; NaN where nothing is asked of them."""
    if not (task.expectation.names or task.expectation.decoys) and math.isnan(checked):
        return math.nan
    return names_right(progress.answer, task.expectation, task.opening) * (1.0 if math.isnan(checked) else checked)
