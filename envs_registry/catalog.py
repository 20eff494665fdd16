"""Every id in one table. The classes are named as strings, so nothing heavy is imported before `gym.make`."""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium
from gymnasium.envs.registration import EnvSpec


@dataclass(frozen=True, slots=True)
class Entry:
    """One environment of the catalogue.

    Attributes:
        id: what `gymnasium.make` takes.
        entry_point: ``"module:Class"``.
        summary: what the task is, in one sentence.
        extra: of this package, where the environment needs another one; ``""`` where it needs none.
    """

    id: str
    entry_point: str
    summary: str
    extra: str = ""


CATALOG: tuple[Entry, ...] = (
    Entry(
        "MultiTurnRewrite-v0",
        "textenvs.envs.rewrite.env:MultiTurnRewrite",
        "Rewrite the user's last utterance so that it stands alone, over 2 to 8 turns, in Chinese and English.",
    ),
    Entry(
        "DialogueStrategy-v0",
        "textenvs.envs.dialogue.env:DialogueStrategy",
        "Find out what a user wants, recommend, book or explain it, and stop: when to ask and when to answer.",
    ),
    Entry(
        "ToolCall-v0",
        "textenvs.envs.toolcall.env:ToolCall",
        "Serve requests with tools on a database: call, ask, answer or refuse; generated, benchmarks' or one's own.",
    ),
)

COMPOSED: tuple[Entry, ...] = (
    Entry(
        "MixedTasks-v0",
        "textenvs.envs.mixed.env:MixedTasks",
        "Several of the environments as one, in the shares that are asked for: rewrite, call tools and hold dialogues.",
    ),
)
"""Environments that are made of those in the catalogue, and have no items of their own."""

GUESTS: tuple[Entry, ...] = (
    Entry(
        "ReasoningGym-v0",
        "textenvs.adapters.reasoning_gym:ReasoningGym",
        "One question of a task of reasoning-gym, judged as it judges: task='leg_counting'.",
        "reasoning-gym",
    ),
    Entry(
        "TextArena-v0",
        "textenvs.adapters.textarena:TextArena",
        "A single-player game of TextArena: game='GuessTheNumber-v0'.",
        "textarena",
    ),
    Entry(
        "GEM-v0",
        "textenvs.adapters.gem:GEM",
        "A game of GEM: game='game:Mastermind-v0-easy'.",
        "gem",
    ),
)
"""Other people's environments. Their packages are optional, and nobody here answers for their tasks."""


ENTRIES: tuple[Entry, ...] = (*CATALOG, *COMPOSED, *GUESTS)
"""Every id that there is."""


def register_all() -> None:
    """Register every id of the catalogue, guests among them, that Gymnasium does not know yet."""
    for entry in ENTRIES:
        if entry.id not in gymnasium.registry:
            vector = f"textenvs.vector.entry_points:{entry.id}"
            gymnasium.registry[entry.id] = EnvSpec(entry.id, entry.entry_point, vector_entry_point=vector)
