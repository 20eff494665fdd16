"""``textenvs play``: an episode by hand, or by a baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from agents.cli.environments import make_text_env
from agents.cli.options import EnvOptions, RewardOptions
from agents.cli.parse import parse
from agents.report.sanitize import neutralize
from textenvs.advice import Adviser
from textenvs.core import Observation, TextEnv
from textenvs.errors import UsageError, check_known


@dataclass(frozen=True)
class Options:
    """Play one episode. You write the agent's turns; an empty line plays the oracle's."""

    id: Annotated[str | None, tyro.conf.Positional] = None
    """Of the environment; --env.id, if not given."""
    env: EnvOptions = field(default_factory=EnvOptions)
    reward: RewardOptions = field(default_factory=RewardOptions)
    split: str = "train"
    """Which items: train, valid or test."""
    seed: int | None = None
    """Draws the item; a fresh one each time, if not given."""
    baseline: str | None = None
    """Let this baseline play instead of you."""
    advice: bool = False
    """Show before every turn what each move is worth, where the environment knows it exactly (small dialogues do)."""


def run(args: Sequence[str]) -> int:
    """Play until the episode ends."""
    options = parse(Options, args, "textenvs play")
    settings = options.env.settings() | options.reward.settings() | {"split": options.split}
    env = make_text_env(options.id or options.env.id, settings)
    act = _by_hand(env) if options.baseline is None else _by_baseline(env, options.baseline)
    observation, _ = env.reset(seed=options.seed)
    _say("instruction", observation["instruction"])
    _say_new(observation, 0)
    stop = ""
    while not stop:
        if options.advice:
            print(_advice(env))
        seen = len(observation["history"])
        observation, reward, terminated, truncated, info = env.step(act(observation))
        _say_new(observation, seen)
        parts = ", ".join(f"{name} {value:.2f}" for name, value in info["reward_parts"].items())
        print(f"    reward {f'{reward:.2f}' if info['reward_valid'] else 'missing'}  ({parts})")
        stop = info["stop"] if terminated or truncated else ""
    print(f"The episode ended: {stop}.")
    return 0


def _by_hand(env: TextEnv) -> Callable[[Observation], str]:
    def act(_: Observation) -> str:
        try:
            return input("you> ") or env.oracle_action()
        except EOFError:
            raise KeyboardInterrupt from None

    return act


def _by_baseline(env: TextEnv, name: str) -> Callable[[Observation], str]:
    baselines = env.baselines()
    check_known("baseline", name, baselines)
    return baselines[name]


def _advice(env: TextEnv) -> str:
    """Return a table of what every move is worth.

    Raises:
        UsageError: if the environment does not know it.
    """
    if not isinstance(env, Adviser):
        raise UsageError(f"--advice: {type(env).__name__} does not know what a move is worth; DialogueStrategy-v0 does")
    rows = [f"    {one.worth:7.3f}  {one.gain:+7.3f}  {one.sort:8}  {neutralize(one.action)}" for one in env.advice()]
    return "\n".join(["      worth     gain  move", *rows])


def _say_new(observation: Observation, seen: int) -> None:
    for message in observation["history"][seen:]:
        _say(message.role, message.content)


def _say(role: str, text: str) -> None:
    print(f"[{role}] {neutralize(text)}")
