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
from envs_registry.cards import Card, Estimate, all_cards
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
    if (card := all_cards().get(options.id)) is not None:
        print(f"\n{_card(card)}")
    print(f"\nAn episode of the {env.split} split, played by the oracle\n")
    print(textwrap.indent(neutralize(_example(env, options.seed)), "  "))
    return 0


def _card(card: Card) -> str:
    """Return what was measured at the environment's default settings."""
    width = max(map(len, card.policies))
    heading = f"{'':<{width}}  {'success':>22}  {'return':>22}"
    rows = [
        f"{name:<{width}}  {_shown(score.success, '%'):>22}  {_shown(score.episode_return):>22}"
        for name, score in card.policies.items()
    ]
    measured = (
        f"Scores of {card.items} {card.split} items at the default settings, textenvs {card.version} ({card.commit})"
    )
    return "\n".join([measured, *(f"  {row}" for row in (heading, *rows)), *_exploit_lines(card)])


def _shown(estimate: Estimate, unit: str = "") -> str:
    if estimate.mean is None:
        return "–"
    scale, digits = (100, 0) if unit else (1, 2)
    low, high = (
        f"{(end or 0.0) * scale:.{digits}f}" if end is not None else "–" for end in (estimate.low, estimate.high)
    )
    return f"{estimate.mean * scale:.{digits}f}{unit and ' ' + unit} [{low}, {high}]"


def _exploit_lines(card: Card) -> list[str]:
    worst = card.exploit
    if worst is None:
        return []
    side = "below" if worst.below_honest >= 0 else "above"
    return [
        f"Worst exploit: {worst.name} ({worst.format}, {worst.language}) earns {worst.reward:.2f}, "
        f"{abs(worst.below_honest):.2f} {side} the weakest honest answer",
        f"  {worst.cells - worst.breaches} of {worst.cells} exploits x formats x languages stay {worst.margin:g} "
        f"below it, on {worst.items} items",
    ]


def _example(env: TextEnv, seed: int) -> str:
    observation, _ = env.reset(seed=seed)
    ended, rewards = False, []
    while not ended:
        _, reward, terminated, truncated, _ = env.step(env.oracle_action())
        rewards.append(f"{reward:.2f}")
        ended = terminated or truncated
    return f"[instruction] {observation['instruction']}\n{env.render()}\nrewards: {', '.join(rewards)}"
