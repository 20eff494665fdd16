"""``textenvs feedback estimate``: what a candidate is worth, before it is served."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.cli.feedback.stores import Stored, open_store
from agents.cli.parse import parse
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.feedback.off_policy import PolicyValue, Target


@dataclass(frozen=True, kw_only=True)
class Options(Stored):
    """Estimate from the clicks what a candidate policy is worth, before it is served."""

    target: Path | None = None
    """JSON lines: {"impression_id": ..., "probabilities": [one for each candidate shown]}."""
    policy: Path | None = None
    """A checkpoint folder instead, whose own probabilities of the answers are taken, at temperature 1."""
    device: str | None = None
    """Of the checkpoint, such as cpu or cuda; a GPU where there is one, if not given."""
    examination: tuple[float, ...] = ()
    """How likely each position is looked at, the first first; every one is, if not given."""
    window_s: float = 0.0
    """How long a click may take; younger impressions are left out."""
    one_vote: bool = False
    """Let every user count once, however much he does."""
    clip: float = 10.0
    """Largest weight of the clipped estimate."""


def run(args: Sequence[str]) -> int:
    """Estimate, and print every estimate with its interval."""
    options = parse(Options, args, "textenvs feedback estimate")
    with open_store(options.store) as store:
        from agents.feedback.off_policy import OffPolicyConfig, evaluate_offline

        config = OffPolicyConfig(
            examination=options.examination, window_s=options.window_s, one_vote=options.one_vote, clip=options.clip
        )
        found = evaluate_offline(store.interactions(), _target(options), config, time.time())
    _print(found)
    return 0


def _target(options: Options) -> Target:
    """Return the candidate's probabilities of what was shown."""
    if (options.target is None) == (options.policy is None):
        raise UsageError("give either --target, a file of probabilities, or --policy, a checkpoint folder")
    if options.target is not None:
        from agents.feedback.targets import read_target

        return read_target(options.target)
    from agents.cli.models import load_policy
    from agents.feedback.rounds.probabilities import policy_target

    return policy_target(load_policy(options.policy or Path(), options.device))


def _print(found: PolicyValue) -> None:
    from agents.cli.console import show

    for name in ("naive", "ips", "clipped", "snips", "doubly_robust", "coverage"):
        print(f"{name.replace('_', ' '):<14}{show(getattr(found, name))}")
    size = found.effective_sample_size
    print(f"{found.impressions} impressions ({found.too_young} too young), worth {size:.0f} without weights")
    if not found.coverage.low <= 1 <= found.coverage.high:
        print(
            "coverage is clear of 1: the propensities are wrong, or the log does not show what the candidate would say"
        )
