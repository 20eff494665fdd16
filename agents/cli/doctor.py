"""``textenvs doctor``: is this model, in this environment, trained on what it really says?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from agents.cli.demonstrations import demonstrate
from agents.cli.environments import make_text_env
from agents.cli.models import TINY, ModelOptions, build_policy, load_policy
from agents.cli.options import EnvOptions, RewardOptions, SFTOptions
from agents.cli.parse import parse

if TYPE_CHECKING:
    from agents.policies.causal_lm import CausalLMPolicy


@dataclass(frozen=True)
class Options:
    """Check rendering, sampler against trainer, and determinism; say what is wrong and what to do."""

    policy: Annotated[str | None, tyro.conf.Positional] = None
    """A checkpoint folder to examine, instead of --model."""
    model: Annotated[ModelOptions, tyro.conf.arg(name="")] = field(default_factory=ModelOptions)
    env: EnvOptions = field(default_factory=EnvOptions)
    reward: RewardOptions = field(default_factory=RewardOptions)
    episodes: int = 16
    """Episodes to play."""
    max_new_tokens: int = 32
    """Longest turn, in tokens."""
    seed: int = 0
    """Of the items and the sampling."""


def run(args: Sequence[str]) -> int:
    """Examine, print the findings, and return 1 if training would go wrong."""
    options = parse(Options, args, "textenvs doctor")
    settings = {**options.env.settings(), **options.reward.settings()}
    make_text_env(options.env.id, settings)

    from rich.console import Console

    from agents.cli.console import print_findings
    from agents.doctor import Verdict, examine

    findings = examine(
        _policy(options),
        options.env.id,
        settings,
        episodes=options.episodes,
        max_new_tokens=options.max_new_tokens,
        seed=options.seed,
    )
    print_findings(Console(), findings)
    return int(any(finding.verdict is Verdict.FAULT for finding in findings))


def _policy(options: Options) -> CausalLMPolicy:
    if options.policy is not None:
        return load_policy(Path(options.policy), options.model.device)
    rows = demonstrate(options.env, SFTOptions(rows=200), options.seed) if options.model.model == TINY else []
    return build_policy(options.model, rows, critic=True, seed=options.seed)
