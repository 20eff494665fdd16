"""``textenvs show``: one environment, its settings and an example episode."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from agents.cli.environments import make_text_env, settings_of
from agents.cli.options import EnvOptions, RewardOptions
from agents.cli.parse import parse
from agents.report.sanitize import neutralize
from textenvs.core import TextEnv


@dataclass(frozen=True)
class Options:
    """Show one environment."""

    id: Annotated[str, tyro.conf.Positional] = "MultiTurnRewrite-v0"
    """Id of the environment."""
    seed: int = 0
    """Of the example episode."""
    env: EnvOptions = field(default_factory=EnvOptions)
    reward: RewardOptions = field(default_factory=RewardOptions)


def run(args: Sequence[str]) -> int:
    """Print the environment's card."""
    options = parse(Options, args, "textenvs show")
    settings = options.env.settings() | options.reward.settings()
    env = make_text_env(options.id, settings | {"render_mode": "ansi"})
    print(f"{options.id}\n\n{inspect.cleandoc(type(env).__doc__ or '')}\n")
    print("Settings")
    for name, parameter in settings_of(options.id).items():
        default = "" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}"
        print(f"  {name}{default}")
    print(f"\nReward parts: {', '.join(env.parts())}")
    print(f"Baselines: {', '.join(env.baselines())}")
    print(f"\nAn episode of the {env.split} split, played by the oracle\n")
    print(textwrap.indent(neutralize(_example(env, options.seed)), "  "))
    return 0


def _example(env: TextEnv, seed: int) -> str:
    observation, _ = env.reset(seed=seed)
    ended, rewards = False, []
    while not ended:
        _, reward, terminated, truncated, _ = env.step(env.oracle_action())
        rewards.append(f"{reward:.2f}")
        ended = terminated or truncated
    return f"[instruction] {observation['instruction']}\n{env.render()}\nrewards: {', '.join(rewards)}"
