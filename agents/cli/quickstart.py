"""``textenvs quickstart``: `train` with everything chosen, small enough for two CPU cores and five minutes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agents.cli.models import ModelOptions, TinyOptions
from agents.cli.options import EnvOptions, EvalOptions, SFTOptions
from agents.cli.parse import parse
from agents.cli.train import SFT, TrainOptions, execute, resolve

if TYPE_CHECKING:
    from agents.algorithms.ppo import PPOConfig

LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Options:
    """Train the embedded model on MultiTurnRewrite-v0 and show what it learned.

    A model of 0.8 million parameters is built from scratch, warmed up by supervision until it gets some dialogues
    right, trained by multi-reward PPO, and measured before and after on dialogues it has never seen.
    """

    seed: int = 0
    """Of the weights, the items and the sampling."""
    language: Literal["zh", "en", "mixed"] = "mixed"
    """Language of the dialogues."""
    out: Path = Path("runs/quickstart")
    """Run folder; an earlier quickstart in it is replaced."""
    demonstrations: int = 18_000
    """Dialogues for the supervised warm-up."""
    episodes: int = 6144
    """Dialogues for reinforcement learning."""
    batch: int = 256
    """Dialogues per update."""
    held_out: int = 200
    """Held-out dialogues per language."""


def run(args: Sequence[str]) -> int:
    """Run it."""
    options = train_options(parse(Options, args, "textenvs quickstart"))
    return execute(options, resolve(options, "ppo"))


def train_options(options: Options) -> TrainOptions[PPOConfig]:
    """Return what the quickstart stands for, as options of ``textenvs train ppo``."""
    from agents.algorithms.ppo import PPOConfig

    languages = LANGUAGES if options.language == "mixed" else (options.language,)
    return TrainOptions(
        settings=PPOConfig(
            learning_rate=2e-4,
            critic_lr_scale=10.0,  # the critic's own weights begin at nothing
            lr_schedule="linear",
            warmup_updates=2,
            n_episodes_per_update=options.batch,
            n_epochs=2,
            n_minibatches=2,
            microbatch_tokens=4096,
            gae_lambda=1.0,
            kl_coef=0.05,
            kl_placement="loss",
            kl_estimator="k2",
            max_new_tokens=32,
            seed=options.seed,
        ),
        # One token for every Chinese character, and few enough that names stay in pieces.
        model=ModelOptions(critic_detach=True, tiny=TinyOptions(vocab_size=1080, rope_theta=1e5)),
        # A model that knows one task needs no telling; every prompt is a quarter shorter.
        env=EnvOptions(language=options.language, difficulty="tiny", instruction=""),
        # Predicting what users and service say teaches it to read names off the dialogue; answers alone hardly do.
        sft=SFTOptions(
            rows=options.demonstrations, lapses=0.65, batch_size=16, learning_rate=1.5e-3, prompt_weight=0.2
        ),
        eval=EvalOptions(
            episodes=options.held_out,
            groups=json.dumps({language: {"language": language} for language in languages}),
        ),
        init=SFT,
        matmul_precision="medium",
        threads=1,  # for a model this small a second one costs more than it brings
        episodes=options.episodes,
        out=options.out,
        overwrite=True,
    )
