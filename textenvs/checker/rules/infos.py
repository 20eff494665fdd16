"""Infos: floats that may be averaged, two names, and the parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from textenvs.checker.examination import Examination
from textenvs.checker.rule import rule

NAMES = ("task_id", "stop")
"""What an info holds as text; everything else is a float, or a mapping of floats."""

NEEDED = frozenset({"success", "turn", "invalid_action", "reward_valid", "reward_parts", *NAMES})


@rule("Write float(value); vector environments cast a column to the type of its first value.")
def infos_hold_floats(exam: Examination) -> Iterator[str]:
    """An info holds floats, mappings of floats, task_id and stop; neither int, bool, None nor arrays."""
    for played in exam.plays:
        for turn, state in enumerate(played.states):
            for name, value in _flat(state.info):
                if type(value) not in (float, str) and not isinstance(value, float):
                    yield f"{played.at(turn)}: {name} is a {type(value).__name__}"
                elif isinstance(value, str) != (name in NAMES):
                    yield f"{played.at(turn)}: {name} is {value!r:.80}"


@rule("Give an info every key at every step, NaN where there is nothing to tell.")
def infos_have_fixed_keys(exam: Examination) -> Iterator[str]:
    """The keys of an info are the same at every step, the reset included, and the needed ones are among them."""
    expected = set(exam.plays[0].opening.info)
    if missing := NEEDED - expected:
        yield f"{exam.plays[0].at(0)}: without {sorted(missing)}"
    for played in exam.plays:
        for turn, state in enumerate(played.states):
            if changed := set(state.info) ^ expected:
                yield f"{played.at(turn)}: {sorted(changed)} come and go"


@rule("Keep numbers, texts and mappings of them in the info.")
def infos_are_json(exam: Examination) -> Iterator[str]:
    """An info can be written as JSON, so that transcripts can be stored."""
    for played in exam.plays:
        for turn, state in enumerate(played.states):
            try:
                json.dumps(state.info)
            except (TypeError, ValueError) as error:
                yield f"{played.at(turn)}: {error}"


@rule("Set Outcome.success only together with a Stop.")
def success_comes_at_the_end(exam: Examination) -> Iterator[str]:
    """info["success"] is 0.0 while the episode runs, and 0.0 or 1.0 when it ends."""
    for played in exam.plays:
        for turn, state in enumerate(played.states):
            if state.info["success"] not in ((0.0, 1.0) if state.ended else (0.0,)):
                yield f"{played.at(turn)}: success={state.info['success']}, ended={state.ended}"


@rule("Leave the count to TextEnv.")
def turns_are_counted(exam: Examination) -> Iterator[str]:
    """info["turn"] is the number of actions that were played."""
    for played in exam.plays:
        for turn, state in enumerate(played.states):
            if state.info["turn"] != turn:
                yield f"{played.at(turn)}: turn={state.info['turn']}"


@rule("Return 1.0 or 0.0.")
def flags_are_flags(exam: Examination) -> Iterator[str]:
    """reward_valid and invalid_action are 1.0 or 0.0."""
    for played in exam.plays:
        for turn, state in enumerate(played.states):
            for name in ("reward_valid", "invalid_action"):
                if state.info[name] not in (0.0, 1.0):
                    yield f"{played.at(turn)}: {name}={state.info[name]}"


def _flat(info: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in info.items():
        if isinstance(value, Mapping):
            inner = cast("Mapping[str, Any]", value)
            yield from ((f"{name}.{key}", one) for key, one in inner.items())
        else:
            yield name, value
