"""Supervised stages of fine-tuning, on TRL; every row is rendered by `agents.chat`.

Names are imported when they are first used: the settings of a stage need no torch. So no module here may be called
what a name is called: once imported, it would stand in its place.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.finetune.demonstrations import Demonstration, oracle_rows
    from agents.finetune.drills import copy_drills
    from agents.finetune.graded import graded_pairs
    from agents.finetune.lookups import lookup_drills
    from agents.finetune.preference import train_on_preferences
    from agents.finetune.preference_config import PreferenceConfig
    from agents.finetune.preference_rows import read_labels, read_pairs
    from agents.finetune.preferences import LabelledAnswer, PreferencePair
    from agents.finetune.reward_model import train_reward_model
    from agents.finetune.reward_model_config import RewardModelConfig
    from agents.finetune.supervised import SFTConfig, SFTMetrics, sft
    from agents.finetune.value_drills import call_drills
    from agents.finetune.word_noise import with_word_noise

__all__ = [
    "Demonstration",
    "LabelledAnswer",
    "PreferenceConfig",
    "PreferencePair",
    "RewardModelConfig",
    "SFTConfig",
    "SFTMetrics",
    "call_drills",
    "copy_drills",
    "graded_pairs",
    "lookup_drills",
    "oracle_rows",
    "read_labels",
    "read_pairs",
    "sft",
    "train_on_preferences",
    "train_reward_model",
    "with_word_noise",
]

_NAMES = {
    "demonstrations": ("Demonstration", "oracle_rows"),
    "drills": ("copy_drills",),
    "graded": ("graded_pairs",),
    "lookups": ("lookup_drills",),
    "preference": ("train_on_preferences",),
    "preference_config": ("PreferenceConfig",),
    "preference_rows": ("read_labels", "read_pairs"),
    "preferences": ("LabelledAnswer", "PreferencePair"),
    "reward_model": ("train_reward_model",),
    "reward_model_config": ("RewardModelConfig",),
    "supervised": ("SFTConfig", "SFTMetrics", "sft"),
    "value_drills": ("call_drills",),
    "word_noise": ("with_word_noise",),
}
_HOMES = {name: f"agents.finetune.{module}" for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
