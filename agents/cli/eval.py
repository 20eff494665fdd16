"""``textenvs eval``: a saved policy or a baseline on held-out items."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from agents.cli.environments import make_text_env
from agents.cli.models import load_policy
from agents.cli.options import EnvOptions, EvalOptions, RewardOptions
from agents.cli.parse import parse
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.evaluation.runner import Subject
    from agents.policies.remote import RemotePolicy

ENDPOINT = "endpoint:"
"""What the address of a chat model begins with."""


@dataclass(frozen=True)
class Options:
    """Measure a policy or a baseline on items that training never sees."""

    policy: Annotated[str, tyro.conf.Positional]
    """A checkpoint folder, one of the environment's baselines, or endpoint:URL#MODEL for a chat model elsewhere."""
    env: EnvOptions = field(default_factory=EnvOptions)
    reward: RewardOptions = field(default_factory=RewardOptions)
    eval: EvalOptions = field(default_factory=EvalOptions)
    max_new_tokens: int = 64
    """Longest turn, in tokens."""
    seed: int = 0
    """Of the sampling noise."""
    device: str | None = None
    """Such as cpu or cuda; a GPU where there is one, if not given."""
    json: Path | None = None
    """Write the scores to this file too."""


def run(args: Sequence[str]) -> int:
    """Play the items and print the scores."""
    options = parse(Options, args, "textenvs eval")
    settings = {**options.env.settings(), **options.reward.settings()}
    subject = _subject(options, settings, list(make_text_env(options.env.id, settings).baselines()))
    held_out = options.eval.held_out(
        options.env.id, settings, max_new_tokens=options.max_new_tokens, seed=options.seed,
        text_scores=options.env.corpus is not None,
    )  # fmt: skip

    from rich.console import Console

    from agents.cli.console import print_scores

    scores = held_out.score(subject)
    print_scores(Console(), f"{options.env.id}, {options.eval.split} items", scores)
    if options.json is not None:
        plain = {mode: {name: i.as_dict() for name, i in row.items()} for mode, row in scores.items()}
        options.json.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
    return 0


def _subject(options: Options, settings: Mapping[str, Any], baselines: Sequence[str]) -> Subject:
    if options.policy in baselines:
        return options.policy
    if options.policy.startswith(ENDPOINT):
        return _remote(options.policy.removeprefix(ENDPOINT), settings)
    if not Path(options.policy).is_dir():
        names = ", ".join(baselines)
        raise UsageError(
            f"{options.policy!r} is neither a checkpoint folder nor a baseline ({names}) nor {ENDPOINT}URL#MODEL"
        )
    return load_policy(Path(options.policy), options.device)


def _remote(address: str, settings: Mapping[str, Any]) -> RemotePolicy:
    from agents.policies.remote import RemotePolicy
    from textenvs.chat_client import Endpoint

    return RemotePolicy(Endpoint.of(address), form=settings.get("call_format", RemotePolicy.form))
