"""The embedded model learns `ToolCall-v0`: to call where its annotators spared themselves the work."""

from __future__ import annotations

from agents.evaluation.held_out import HeldOut
from agents.evaluation.results import EvaluationResult
from tests.proofs.learning import Learning, truths
from textenvs.envs.toolcall.assess import Report, assess

SHARED = ("--config", "examples/toolcall.toml")
CRITIC = ("--set", "critic_lr_scale=10", "--gae-lambda", "1")
SEEDS = (0, 1, 2, 3, 4)
OTHER = {"medium": {"difficulty": "medium"}}
"""The default level, which those who learn at the small one have never seen."""


def report(result: EvaluationResult, place: HeldOut) -> Report:
    """Sum up an evaluation by the family's own measures."""
    return assess(truths(result, place))


def elsewhere(name: str, *settings: str) -> Learning:
    """Return the recipe of PPO as it stands, in another language or at another level, with a start of its own."""
    return Learning(f"toolcall-{name}-ppo", f"toolcall-{name}", "ppo", (*SHARED, *settings), CRITIC, report, seeds=(0,))


TOOLCALL = (
    Learning("toolcall-ppo", "toolcall", "ppo", SHARED, CRITIC, report, seeds=SEEDS, elsewhere=OTHER),
    Learning("toolcall-grpo", "toolcall", "grpo", SHARED, (), report, seeds=SEEDS, elsewhere=OTHER),
    Learning(
        "toolcall-episode",
        "toolcall",
        "ppo",
        SHARED,
        (*CRITIC, "--reward.timing", "episode"),
        report,
    ),
    elsewhere("zh", "--env.language", "zh", "--max-new-tokens", "96"),
    elsewhere("mixed", "--env.language", "mixed", "--max-new-tokens", "96"),
    elsewhere("medium", "--env.difficulty", "medium", "--max-new-tokens", "160", "--set", "sft.microbatch_size=2"),
)
"""At the small size in English: PPO, GRPO, and PPO that is paid at the end of the episode only. PPO in Chinese, in both
languages, and at the default level, whose prompts are five times as long."""
