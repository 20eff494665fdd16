"""How far choosing among edits goes in `MultiTurnRewrite-v0`: chance, the best one edit, PPO, and the best there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3 import PPO

import textenvs  # noqa: F401 (registers the ids)
from tests.cells import Cell, run_cell
from tests.proofs.rewrite import DATA
from textenvs.wrappers import Choices

ID = "MultiTurnRewrite-v0"
EPISODES = 300
STEPS = 12_000
RIGHT = 0.999
"""The reward of an exact rewrite is 1, but for rounding."""
CORPORA: Mapping[str, str] = {
    "REWRITE": "utterance_rewriter_zh_train.tsv",
    "CANARD": "canard_dev.tsv",
    "GECOR": "gecor_camrest676_annotated.json",
    "CQR": "alexa_cqr_dev.json",
}

Act = Callable[[Choices, Any], int]


def make(**settings: Any) -> Choices:
    """Return the environment, to be played by choosing."""
    return Choices(gym.make(ID, disable_env_checker=True, **settings))


def play(env: Choices, act: Act) -> list[float]:
    """Return the share of turns that were right and of episodes that succeeded, over a split's first items."""
    turns, right, succeeded = 0, 0.0, 0.0
    episodes = min(EPISODES, env.unwrapped.n_items or EPISODES)  # type: ignore[attr-defined]
    for index in range(episodes):
        seen, _ = env.reset(options={"index": index})
        ended, info = False, {"success": 0.0}
        while not ended:
            seen, reward, ended, _, info = env.step(act(env, seen))
            turns, right = turns + 1, right + (reward >= RIGHT)
        succeeded += info["success"]
    return [round(right / turns, 4), round(succeeded / episodes, 4)]


def best_move(env: Choices, _: Any) -> int:
    """Return the move that pays most now: what nobody can know who sees the numbers only."""
    inner: Any = env.unwrapped
    here, rewards = inner.snapshot(), list[float]()
    for number in range(len(env.menu.moves)):
        rewards.append(inner.step(env.menu.say(number))[1])
        inner.restore(here)
    return int(np.argmax(rewards))


def simple(env: Choices, seed: int) -> dict[str, Any]:
    """Return what chance, every single move and the best moves reach."""
    chance = np.random.default_rng(seed)
    moves = {name: play(env, lambda *_, number=number: number) for number, name in enumerate(env.menu.moves)}
    best = max(moves, key=lambda name: moves[name])
    return {
        "random": play(env, lambda env, _: int(chance.integers(len(env.menu.moves)))),
        "single": [best, *moves[best]],
        "ceiling": play(env, best_move),
    }


def learned(seed: int) -> Mapping[str, Any]:
    """Train PPO on training dialogues of both languages, and measure on those held out."""
    began = time.process_time()
    model = PPO("MlpPolicy", make(), seed=seed, device="cpu", n_steps=512, batch_size=128, learning_rate=1e-3)
    model.learn(STEPS)
    spent = round(time.process_time() - began, 1)

    def act(_: Choices, seen: Any) -> int:
        return int(model.predict(seen, deterministic=True)[0])

    played = {f"generated, {language}": play(make(language=language, split="test"), act) for language in ("zh", "en")}
    return {"steps": STEPS, "processor_seconds": spent, **played}


def reachable(seed: int) -> Mapping[str, Any]:
    """Measure what can be reached without learning, in the generated world and over real dialogues."""
    worlds: dict[str, dict[str, str]] = {f"generated, {language}": {"language": language} for language in ("zh", "en")}
    worlds |= {name: {"corpus": str(DATA / "rewrite" / file)} for name, file in CORPORA.items()}
    return {name: simple(make(split="test", **settings), seed) for name, settings in worlds.items()}


@dataclass(frozen=True)
class RewriteChoiceProof:
    """Choosing among edits: what is learned, or what can be reached.

    Attributes:
        name: of the cells.
        measure: makes the figures of a seed.
        seeds: to run.
        needs: a folder that has to be there.
    """

    name: str
    measure: Callable[[int], Mapping[str, Any]]
    seeds: tuple[int, ...]
    needs: Path | None = None

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run one cell, or return the stored one."""
        return run_cell(self.name, seed, f"python -m tests.proofs {self.name}", lambda: self.measure(seed), again=again)


REWRITE_CHOICES = (
    RewriteChoiceProof("rewrite-choices", learned, (0, 1, 2)),
    RewriteChoiceProof("rewrite-menu", reachable, (0,), DATA),
)
