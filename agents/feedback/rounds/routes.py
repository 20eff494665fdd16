"""Routes: the ways in which a policy learns from feedback, by the settings of the stage that does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agents.finetune.preference import train_on_preferences
from agents.finetune.preference_config import PreferenceConfig
from agents.finetune.preference_rows import read_labels, read_pairs
from agents.finetune.supervised import SFTConfig, sft
from agents.policies.causal_lm import CausalLMPolicy
from agents.rows.demonstration import Demonstration
from agents.rows.files import RowFile
from agents.rows.kinds import FEEDBACK
from agents.rows.mixture import MixtureConfig

Route = SFTConfig | PreferenceConfig
"""SFT on corrections, DPO on pairs, KTO on single answers."""
REPLAY = "replay"
"""The kind of the demonstrations that are mixed among corrections."""


def rows_of(route: Route) -> str:
    """Return the name of the file of rows that a route learns from."""
    if isinstance(route, SFTConfig):
        return "sft"
    return "preference" if route.method == "dpo" else "unpaired"


def learn(
    policy: CausalLMPolicy, file: Path, route: Route, replay: Sequence[Demonstration], share: float
) -> Mapping[str, Any]:
    """Train the policy in place, and return what is worth knowing about it.

    Args:
        policy: to be trained.
        file: of rows, of the form that the route learns from.
        route: settings of the stage.
        replay: demonstrations that are mixed among the corrections, so that what the policy can do is not forgotten;
            the other routes are held by their reference.
        share: of the feedback in every batch of that mixture.
    """
    if isinstance(route, SFTConfig):
        rows, mixture = _mixed(RowFile(file), replay, share, route.epochs)
        return sft(policy, rows, route, mixture=mixture)._asdict()
    answers = read_pairs(file) if route.method == "dpo" else read_labels(file)
    found = train_on_preferences(policy, answers, route)._asdict()
    return {**found, "refused": {reason: len(where) for reason, where in found["refused"].items()}}


def _mixed(
    rows: Sequence[Demonstration], replay: Sequence[Demonstration], share: float, epochs: float
) -> tuple[Sequence[Demonstration], MixtureConfig | None]:
    if not replay:
        return rows, None
    kinds = [replace(row, kind=FEEDBACK) for row in rows], [replace(row, kind=REPLAY) for row in replay]
    return [*kinds[0], *kinds[1]], MixtureConfig(
        shares={FEEDBACK: share, REPLAY: 1 - share}, most_epochs=max(epochs, MixtureConfig.most_epochs)
    )
