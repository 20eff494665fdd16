"""``textenvs train ALGORITHM``: warm-up if asked for, reinforcement learning, evaluation before and after."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import tyro

from agents.cli.environments import make_text_env
from agents.cli.models import TINY, ModelOptions, build_policy, load_policy
from agents.cli.options import EnvOptions, EvalOptions, RewardOptions, SFTOptions, demonstrate
from agents.cli.parse import parse
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.algorithms.config import TrainConfig
    from agents.cli.experiment import Experiment
    from agents.finetune import Demonstration
    from agents.policies.causal_lm import CausalLMPolicy

NONE, SFT = "none", "sft"

C = TypeVar("C", bound="TrainConfig")
"""The algorithm's own settings."""


@dataclass(frozen=True)
class TrainOptions(Generic[C]):
    """Train a policy by reinforcement learning, and measure what it learned on held-out items."""

    settings: Annotated[C, tyro.conf.arg(name="")]
    model: Annotated[ModelOptions, tyro.conf.arg(name="")] = field(default_factory=ModelOptions)
    env: EnvOptions = field(default_factory=EnvOptions)
    reward: RewardOptions = field(default_factory=RewardOptions)
    sft: SFTOptions = field(default_factory=SFTOptions)
    eval: EvalOptions = field(default_factory=EvalOptions)
    init: str = "none"
    """What comes before: none, sft (a supervised warm-up), or a checkpoint folder to start from."""
    episodes: int = 20_000
    """Training episodes."""
    out: Path | None = None
    """Run folder; runs/<environment>-<algorithm>-<seed>, if not given."""
    overwrite: bool = False
    """Replace a run that the folder already holds."""
    dry_run: bool = False
    """Print the resolved settings as JSON and stop."""


def run(args: Sequence[str]) -> int:
    """Resolve the options, run the experiment, print the tables."""
    from agents.algorithms.registry import ALGORITHMS, find_algorithm

    if not args or args[0] in ("-h", "--help"):
        print(f"usage: textenvs train ALGORITHM [options]\n\nalgorithms: {', '.join(ALGORITHMS)}")
        print("options: textenvs train ALGORITHM --help")
        return 0
    if args[0].startswith("-"):
        raise UsageError("name the algorithm first, as in: textenvs train ppo --env.id MultiTurnRewrite-v0")
    algorithm = find_algorithm(args[0])
    options = parse(TrainOptions[algorithm.config], args[1:], f"textenvs train {algorithm.name}")
    experiment = resolve(options, algorithm.name)
    if options.dry_run:
        print(json.dumps(experiment.record, indent=2, ensure_ascii=False))
        return 0
    return execute(options, experiment)


def resolve(options: TrainOptions[Any], algorithm: str) -> Experiment:
    """Return the experiment that the options stand for, after everything that can be checked is checked.

    Raises:
        UsageError: if an option does not fit; nothing has been written yet.
    """
    from agents.cli.experiment import Experiment
    from agents.trainer.agents import agent_class

    settings, env = options.settings, options.env
    env_kwargs = {**env.settings(), **options.reward.settings()}
    make_text_env(env.id, env_kwargs)
    warm = options.init == SFT
    return Experiment(
        agent=agent_class(algorithm),
        config=settings,
        env_id=env.id,
        env_kwargs=env_kwargs | (options.sft.share_settings(env)[1] if warm else {}),
        episodes=options.episodes,
        held_out=options.eval.held_out(
            env.id,
            env_kwargs,
            text_scores=env.corpus is not None,
            max_new_tokens=settings.max_new_tokens,
            seed=settings.seed,
            temperature=settings.temperature,
        ),
        sft=options.sft.config(settings.seed) if warm else None,
        folder=options.out or Path("runs") / f"{env.id}-{algorithm}-{settings.seed}",
        record=_record(options, algorithm),
    )


def execute(options: TrainOptions[Any], experiment: Experiment) -> int:
    """Build the policy, run the experiment and print what it found."""
    from rich.console import Console

    from agents.cli.experiment import prepare_folder, print_outcome, run_experiment

    console = Console()
    prepare_folder(experiment.folder, options.overwrite)
    policy, rows = start(options, experiment)
    outcome = run_experiment(experiment, policy, rows, console)
    print_outcome(outcome, experiment.folder, console)
    return 0


def start(options: TrainOptions[Any], experiment: Experiment) -> tuple[CausalLMPolicy, list[Demonstration]]:
    """Return the policy before any training, and the demonstrations that the warm-up may use."""
    seed = experiment.config.seed
    checkpoint = options.init not in (NONE, SFT)
    needed = experiment.sft is not None or (options.model.model == TINY and not checkpoint)
    rows = demonstrate(options.env, options.sft, seed) if needed else []
    if checkpoint:
        return load_policy(Path(options.init), options.model.device), rows
    return build_policy(options.model, rows, experiment.agent.algorithm.critic, seed), rows


def _record(options: TrainOptions[Any], algorithm: str) -> dict[str, Any]:
    """Return every option as JSON holds it, for ``config.json`` and the dry run."""
    flat = dataclasses.asdict(options)
    record = {"command": "train", "algorithm": algorithm, **flat}
    return json.loads(json.dumps(record, default=str))
