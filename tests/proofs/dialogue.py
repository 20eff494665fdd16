"""The embedded model learns `DialogueStrategy-v0`, small, where the exact optimum is known: what it loses to it."""

from __future__ import annotations

from agents.evaluation.held_out import HeldOut
from agents.evaluation.results import EvaluationResult
from tests.proofs.learning import Learning, truths
from textenvs.envs.dialogue.assess import Report, assess

SHARED = ("--config", "examples/dialogue.toml")
OTHER = {"training users": {"users": "train"}}
"""Held-out names and wordings with the users of the other bank, whose habits are those of training."""


def report(result: EvaluationResult, place: HeldOut) -> Report:
    """Sum up an evaluation by the family's own measures, regret against the exact optimum among them."""
    return assess(truths(result, place), exact=True)


DIALOGUE = tuple(
    Learning(
        f"dialogue-{level}",
        "dialogue",
        "ppo",
        SHARED,
        ("--set", f"credit_level={level}", *more),
        report,
        seeds=(0, 1, 2, 3, 4),
        every=8,
        elsewhere=OTHER,
    )
    for level, more in (("token", ("--gae-lambda", "1")), ("turn", ("--set", "turn_lambda=1")))
)
"""PPO with a token, and with a whole turn for an action; everything is paid at the end."""
