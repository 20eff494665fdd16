"""The points of decision that are exported: what an agent is shown there, and how its answer is scored later."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import gymnasium as gym

from agents.finetune.preferences import PreferencePair
from agents.trainer.items import ItemSequence
from textenvs.core import Observation, TextEnv
from textenvs.errors import ConfigError, UsageError
from textenvs.messages import Message

_LOCAL = threading.local()


@dataclass(frozen=True, slots=True)
class Task:
    """Where an answer is given: all that is needed to score it, as text that a data set can hold.

    Attributes:
        env_id: of a registered environment.
        env_kwargs: for `gymnasium.make`.
        index: of the item.
        actions: what the agent has done before, in order.
    """

    env_id: str
    env_kwargs: Mapping[str, Any]
    index: int
    actions: tuple[str, ...]

    def as_text(self) -> str:
        """Return the task as JSON."""
        fields = {"env": self.env_id, "settings": self.env_kwargs, "index": self.index, "actions": self.actions}
        return json.dumps(fields, ensure_ascii=False, sort_keys=True)

    @classmethod
    def of_text(cls, text: str) -> Task:
        """Return the task that `as_text` wrote.

        Raises:
            UsageError: if it is none, or its environment is no registered one: a data set names no modules to import.
        """
        try:
            fields = json.loads(text)
            task = cls(str(fields["env"]), fields["settings"], int(fields["index"]), tuple(fields["actions"]))
        except (ValueError, LookupError, TypeError) as error:
            raise UsageError(f"{text[:80]!r} is no task that textenvs export wrote") from error
        if ":" in task.env_id:
            raise UsageError(f"{task.env_id!r} names a module; the environment must be registered before it is scored")
        return task


@dataclass(frozen=True, slots=True)
class State:
    """A point of decision.

    Attributes:
        task: by which an answer is scored.
        prompt: the conversation; the instruction, if any, is its first message, of role ``"system"``.
        tools: JSON Schemas on offer, as JSON text.
        answer: the oracle's.
        rivals: what the environment's other baselines answer.
    """

    task: Task
    prompt: tuple[Message, ...]
    tools: tuple[str, ...]
    answer: str
    rivals: tuple[str, ...]


def states(env_id: str, env_kwargs: Mapping[str, Any], episodes: int, seed: int) -> Iterator[State]:
    """Yield every point of decision of some episodes, as the oracle comes to them.

    Args:
        env_id: of a registered environment.
        env_kwargs: for `gymnasium.make`.
        episodes: how many; of a finite corpus, each once before any comes twice.
        seed: of the items drawn.

    Raises:
        ConfigError: if the environment has no oracle.
    """
    env = _open(env_id, env_kwargs)
    items = ItemSequence(seed, n_items=getattr(env, "n_items", None))
    for index in items.numbers(0, episodes):
        yield from _episode(env, Task(env_id, env_kwargs, index, ()))


def best_pair(state: State) -> PreferencePair | None:
    """Return the oracle's answer and the best of those that are worth less; None where there is none."""
    worth = {answer: score(state.task, answer) for answer in (state.answer, *state.rivals)}
    known = {answer: value for answer, value in worth.items() if value is not None}
    best = known.get(state.answer)
    worse = [answer for answer, value in known.items() if best is not None and value < best]
    if not worse or best is None:
        return None
    rejected = max(worse, key=lambda answer: known[answer])
    return PreferencePair(state.prompt, state.answer, rejected, best - known[rejected], state.tools)


def score(task: Task, answer: str) -> float | None:
    """Return what an answer is worth: what its turn pays, and what the oracle still gets from there to the end.

    What a turn pays by itself says little where the episode's success is paid at its end.

    Returns:
        The undiscounted sum of rewards; None where one of them cannot be known.
    """
    env = _environment(task)
    env.reset(options={"index": task.index})
    for action in task.actions:
        env.advance(action)
    total, ended = 0.0, False
    while not ended:
        _, reward, terminated, truncated, info = env.step(answer)
        if not info["reward_valid"]:
            return None
        total, ended = total + float(reward), terminated or truncated
        answer = "" if ended else env.oracle_action()
    return total


def _episode(env: TextEnv, task: Task) -> Iterator[State]:
    baselines = env.baselines()
    observation, _ = env.reset(options={"index": task.index})
    said: Sequence[Mapping[str, str]] = observation["history"]
    instruction, actions = observation["instruction"], ()
    while True:
        shown = cast("Observation", {**observation, "history": tuple(said)})
        prompt = (*((Message("system", instruction),) if instruction else ()), *(Message(**one) for one in said))
        answer = baselines["oracle"](shown)
        rivals = {baseline(shown) for name, baseline in baselines.items() if name != "oracle"} - {answer}
        here = Task(task.env_id, task.env_kwargs, task.index, actions)
        yield State(here, prompt, tuple(observation["tools"]), answer, tuple(sorted(rivals)))
        turn = env.advance(answer)
        if turn.last:
            return
        said, actions = (*turn.history, Message("assistant", answer), *turn.replies), (*actions, answer)


def _environment(task: Task) -> TextEnv:
    """Return this thread's environment for a task; it is made once."""
    known: dict[str, TextEnv] = _LOCAL.__dict__.setdefault("environments", {})
    key = json.dumps([task.env_id, task.env_kwargs], sort_keys=True)
    if key not in known:
        known[key] = _open(task.env_id, task.env_kwargs)
    return known[key]


def _open(env_id: str, env_kwargs: Mapping[str, Any]) -> TextEnv:
    env = gym.make(env_id, disable_env_checker=True, **env_kwargs).unwrapped
    if not isinstance(env, TextEnv):
        raise ConfigError(f"{env_id} has no oracle: an export needs an environment built on textenvs.TextEnv")
    return env
