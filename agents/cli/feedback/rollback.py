"""``textenvs feedback rollback``: have an earlier policy serve again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.cli.parse import parse


@dataclass(frozen=True)
class Options:
    """Have an earlier policy serve again; what served until now stays in the folder."""

    deployment: Path = Path("deployment")
    """Folder of the deployment."""
    to: str | None = None
    """Which one, such as round-0002; the one that the present one was trained from, if not given."""


def run(args: Sequence[str]) -> int:
    """Roll back."""
    options = parse(Options, args, "textenvs feedback rollback")
    from agents.feedback.rounds.deployment import Deployment

    deployment = Deployment(options.deployment)
    with deployment.locked():
        before, after = deployment.serving, deployment.roll_back(options.to)
    print(f"{after} serves again, in place of {before}: {deployment.policy}")
    return 0
