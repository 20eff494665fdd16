"""Robustness: whatever the agent says has an outcome, soon, and next to others too."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from textenvs.checker.examination import Examination
from textenvs.checker.plays import begin, show, take
from textenvs.checker.rule import rule
from textenvs.vector import Step as VectorStep
from textenvs.vector import TextVectorEnv

STEP_LIMIT_S = 1.0
"""Longest step or reset."""

MEDIAN_LIMIT_S = 0.05
"""Longest median of steps and of resets: twenty a second, for one environment."""

SIBLINGS = 3


@rule("Make Episode.act() total: what cannot be read is an Outcome with invalid=True, never an exception.")
def malformed_actions_are_total(exam: Examination) -> Iterator[str]:
    """Any text has an outcome: nothing, control characters, forged turns, broken JSON, very long and very deep text."""
    for played in exam.hostile_plays:
        if played.error:
            yield f"{played.at(len(played.steps) + 1)}: {played.error}"


@rule("Raise a TypeError for what is no str.")
def only_text_is_an_action(exam: Examination) -> Iterator[str]:
    """An action that is no text is refused by a TypeError, before the world has moved."""
    env = exam.make()
    for action in (None, 3, b"bytes", ["a list"]):
        begin(env, 0)
        try:
            env.step(action)
        except TypeError:
            if take(env, "no").shown != _first(exam):
                yield f"{action!r} is refused, but the world has moved"
        else:
            yield f"{action!r} is taken for an action"


@rule("Do the work once per item or when the module is imported, and slow scoring in the reward's score_batch.")
def steps_are_quick(exam: Examination) -> Iterator[str]:
    """No step and no reset takes longer than a second, and half of them less than 50 ms."""
    for what, slow in (
        ("reset", [(played.at(0), played.opening.seconds) for played in exam.plays]),
        ("step", [(p.at(turn), step.seconds) for p in exam.plays for turn, step in enumerate(p.steps, 1)]),
    ):
        median = statistics.median([seconds for _, seconds in slow] or [0.0])
        if median > MEDIAN_LIMIT_S:
            yield f"half of all {what}s take {median:.3f} s or more"
        yield from (f"{place}: {seconds:.1f} s" for place, seconds in slow if seconds > STEP_LIMIT_S)


@rule("Keep state in the instance; return fresh observations.")
def plays_in_a_vector(exam: Examination) -> Iterator[str]:
    """A TextVectorEnv of it shows what single environments show."""
    singles = [exam.make() for _ in range(SIBLINGS)]
    expected = [show([env.reset(seed=seed)[0], env.step("no")]) for seed, env in enumerate(singles)]
    envs = TextVectorEnv(exam.make, SIBLINGS)
    try:
        for place in range(SIBLINGS):
            envs.begin(place, seed=place)
        opened = _received(envs)
        envs.send(dict.fromkeys(range(SIBLINGS), "no"))
        played = _received(envs)
    finally:
        envs.close()
    for place, (first, step) in enumerate(zip(opened, played, strict=True)):
        result = (step.observation, step.reward, step.terminated, step.truncated, step.info)
        if show([first.observation, result]) != expected[place]:
            yield f"environment {place} of {SIBLINGS} shows something else than it does alone"


def _received(envs: TextVectorEnv) -> list[VectorStep]:
    """Return the next step of every environment, in order."""
    steps: dict[int, VectorStep] = {}
    while len(steps) < SIBLINGS:
        steps.update({step.index: step for step in envs.receive()})
    return [steps[place] for place in range(SIBLINGS)]


def _first(exam: Examination) -> str:
    env = exam.make()
    begin(env, 0)
    return take(env, "no").shown
