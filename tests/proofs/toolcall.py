"""The embedded model learns `ToolCall-v0`, small: to call where its annotators spared themselves the work."""

from __future__ import annotations

from agents.evaluation.held_out import HeldOut
from agents.evaluation.results import EvaluationResult
from tests.proofs.learning import Learning, truths
from textenvs.envs.toolcall.assess import Report, assess

SHARED = ("--config", "examples/toolcall.toml")
CRITIC = ("--set", "critic_lr_scale=10", "--gae-lambda", "1")
SEEDS = (0, 1, 2, 3, 4)


def report(result: EvaluationResult, place: HeldOut) -> Report:
    """Sum up an evaluation by the family's own measures."""
    return assess(truths(result, place))


TOOLCALL = (
    Learning("toolcall-ppo", "toolcall", "ppo", SHARED, CRITIC, report, seeds=SEEDS),
    Learning("toolcall-grpo", "toolcall", "grpo", SHARED, (), report, seeds=SEEDS),
    Learning(
        "toolcall-episode",
        "toolcall",
        "ppo",
        SHARED,
        (*CRITIC, "--reward.timing", "episode"),
        report,
    ),
)
"""PPO, GRPO, and PPO that is paid at the end of the episode only."""
