"""``textenvs train ALGORITHM``: warm-up if asked for, reinforcement learning, evaluation before and after."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from agents.cli.demonstrations import demonstrate, heard
from agents.cli.environments import make_text_env
from agents.cli.models import TINY, ModelOptions, build_policy, continue_policy
from agents.cli.options import EngineOptions, EnvOptions, EvalOptions, RewardOptions, SFTOptions
from agents.cli.resume import ABOUT_THE_RUN, RunOptions, parse_run, resume_agent
from agents.cli.settings import FLAT, as_tree, settings_of
from agents.cli.sources import as_toml
from agents.distributed.ray_workers import RayWorkers
from textenvs.errors import UsageError
from textenvs.vector import WorkerKind

if TYPE_CHECKING:
    from agents.algorithms.base import AnyAlgorithm
    from agents.algorithms.config import TrainConfig
    from agents.cli.experiment import Experiment
    from agents.finetune import Demonstration
    from agents.policies.causal_lm import CausalLMPolicy

NONE, SFT = "none", "sft"

FLAGS = (
    *("config", "set", "resume", "model", "init", "episodes", "out", "overwrite", "dry_run", "seed"),
    *("env.id", "env.corpus", "env.language", "env.difficulty", "env.kwargs"),
    *("reward.fn", "reward.weights", "reward.timing"),
    *("sft.rows", "sft.epochs", "sft.learning_rate"),
    *("eval.episodes", "eval.samples"),
    *("lora_rank", "device", "learning_rate", "lr_schedule", "n_episodes_per_update", "group_size"),
    *("n_epochs", "n_minibatches", "kl_coef", "entropy_coef", "temperature", "max_new_tokens", "checkpoints.every"),
    *("clip_range", "gae_lambda", "loss_type", "tensorboard"),
)
"""What ``textenvs train`` shows as flags, of every algorithm; 40 at most. All else is set by ``--set`` or a file."""

C = TypeVar("C", bound="TrainConfig")
"""The algorithm's own settings."""


@dataclass(frozen=True)
class TrainOptions(RunOptions, Generic[C]):
    """Train a policy by reinforcement learning, and measure what it learned on held-out items."""

    settings: C = field(metadata=FLAT)
    model: ModelOptions = field(default_factory=ModelOptions, metadata=FLAT)
    env: EnvOptions = field(default_factory=EnvOptions)
    reward: RewardOptions = field(default_factory=RewardOptions)
    sft: SFTOptions = field(default_factory=SFTOptions)
    eval: EvalOptions = field(default_factory=EvalOptions)
    init: str = "none"
    """What comes before: none, sft (a supervised warm-up), or a checkpoint folder to start from."""
    episodes: int = 20_000
    """Training episodes."""
    workers: WorkerKind = "inline"
    """Where environments are played: inline, or each in a thread or a process of its own."""
    step_timeout_s: float | None = None
    """Seconds that one environment step or one reward may take, with threads or processes; no limit, if not given."""
    deterministic: bool = False
    """On a CPU, repeat to the bit with threads and processes too: scheduled by counts, not by the clock."""
    engine: EngineOptions = field(default_factory=EngineOptions)
    ray: RayWorkers = field(default_factory=RayWorkers)
    tensorboard: bool = False
    """Write TensorBoard event files into the run folder too."""
    threads: int | None = None
    """CPU threads; as many as torch takes of itself, if not given."""
    matmul_precision: Literal["highest", "high", "medium"] = "highest"
    """How float32 matrices are multiplied. Medium takes a processor's bfloat16 units where it has such, and elsewhere a
    library that is exact too and may be twice as fast; high allows a GPU TF32."""


def run(args: Sequence[str]) -> int:
    """Resolve the options, run the experiment, print the tables."""
    from agents.algorithms.registry import ALGORITHMS, find_algorithm

    if not args or args[0] in ("-h", "--help"):
        print(_overview(ALGORITHMS.values()))
        return 0
    if args[0].startswith("-"):
        raise UsageError("name the algorithm first, as in: textenvs train ppo --env.id MultiTurnRewrite-v0")
    algorithm = find_algorithm(args[0])
    options = read_options(algorithm, args[1:])
    experiment = resolve(options, algorithm.name)
    if options.dry_run:
        print(json.dumps(experiment.record, indent=2, ensure_ascii=False))
        return 0
    return execute(options, experiment)


def read_options(algorithm: AnyAlgorithm, args: Sequence[str]) -> TrainOptions[Any]:
    """Return the options that the arguments after ``textenvs train ALGORITHM`` stand for.

    Raises:
        UsageError: if one does not exist or does not fit.
    """
    defaults = TrainOptions(settings=algorithm.config())
    facts = {"command": "train", "algorithm": algorithm.name}
    return parse_run(defaults, FLAGS, args, f"textenvs train {algorithm.name}", facts)


def resolve(options: TrainOptions[Any], algorithm: str) -> Experiment:
    """Return the experiment that the options stand for, after everything that can be checked is checked.

    Raises:
        UsageError: if an option does not fit; nothing has been written yet.
    """
    from agents.cli.experiment import EVENTS, Experiment
    from agents.trainer.agents import agent_class
    from agents.trainer.callbacks import TensorBoard

    settings, env = options.settings, options.env
    folder = options.out or Path("runs") / f"{env.id}-{algorithm}-{settings.seed}"
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
        folder=folder,
        record=_record(options, algorithm),
        command=_command(options, algorithm),
        workers=options.ray if options.ray.actors else options.workers,
        step_timeout_s=options.step_timeout_s,
        deterministic=options.deterministic,
        engine=options.engine,
        callbacks=[TensorBoard(folder / EVENTS)] if options.tensorboard else [],
    )


def execute(options: TrainOptions[Any], experiment: Experiment) -> int:
    """Build the policy, run the experiment and print what it found."""
    from agents.distributed.ranks import join_ranks, leave_ranks

    set_arithmetic(options.threads, options.matmul_precision)
    ranks = join_ranks()
    if ranks.size > 1 and experiment.sft is not None:
        raise UsageError(
            "--init sft warms up in one process: run textenvs sft first, and launch the training with --init FOLDER"
        )
    try:
        return _lead(options, experiment) if ranks.first else _follow(options, experiment)
    finally:
        leave_ranks()


def _lead(options: TrainOptions[Any], experiment: Experiment) -> int:
    """Do everything, as the only rank or the first."""
    from rich.console import Console

    from agents.cli.experiment import begin, finish, prepare_folder, print_outcome

    console, began = Console(), time.perf_counter()
    make_text_env(experiment.env_id, experiment.env_kwargs).reward.check()
    agent = None
    if options.resume is None:
        prepare_folder(experiment.folder, options.overwrite)
    else:
        agent = resume_agent(experiment, options.model.device, console)
    try:
        agent = agent or begin(experiment, *start(options, experiment), console)
        outcome = finish(experiment, agent, console, began)
    except KeyboardInterrupt:
        console.print(f"Go on with: {_resume_command(experiment)}", markup=False, highlight=False)
        raise
    print_outcome(outcome, experiment.folder, console)
    return 0


def _follow(options: TrainOptions[Any], experiment: Experiment) -> int:
    """Take part in the training, and leave to the first rank what is written, shown and evaluated."""
    from rich.console import Console

    from agents.cli.experiment import new_agent, train

    resumed = options.resume and resume_agent(experiment, options.model.device, Console(quiet=True))
    train(experiment, resumed or new_agent(experiment, start(options, experiment)[0]))
    return 0


KERNELS_KEPT = 64
"""How many compiled multiplications oneDNN keeps. It compiles one for every shape in half a millisecond and keeps
1,024 of its own accord, a third of a megabyte each; sequences of every length have far more shapes than come again."""


def set_arithmetic(threads: int | None, matmul_precision: str) -> None:
    """Set how torch computes; sums depend on it in their last bits, so a run keeps it when it is resumed.

    Call it before anything is multiplied: oneDNN reads its variable once, when it first compiles.
    """
    import torch

    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS_KEPT))
    torch.set_float32_matmul_precision(matmul_precision)
    if threads is not None:
        torch.set_num_threads(threads)


def _resume_command(experiment: Experiment) -> str:
    return f"textenvs train {experiment.agent.algorithm.name} --resume {shlex.quote(str(experiment.folder))}"


def start(options: TrainOptions[Any], experiment: Experiment) -> tuple[CausalLMPolicy, list[Demonstration]]:
    """Return the policy before any training, and the demonstrations that the warm-up may use."""
    seed = experiment.config.seed
    checkpoint = options.init not in (NONE, SFT)
    needed = experiment.sft is not None or (options.model.model == TINY and not checkpoint)
    rows = demonstrate(options.env, options.sft, seed) if needed else []
    algorithm = experiment.agent.algorithm
    critic = algorithm.critic is not None
    policy = (
        continue_policy(Path(options.init), options.model, critic)
        if checkpoint
        else build_policy(options.model, rows, critic, seed, heard(options.env, options.sft))
    )
    if algorithm.trust_region is not None:
        policy.make_twice_differentiable()
    return policy, rows


def _overview(algorithms: Collection[AnyAlgorithm]) -> str:
    """Return the help of ``textenvs train`` before an algorithm is named."""
    width = 2 + max(len(algorithm.name) for algorithm in algorithms)
    return "\n".join(
        [
            "usage: textenvs train ALGORITHM [options]",
            "",
            *(f"  {algorithm.name:<{width}}{algorithm.title}" for algorithm in algorithms),
            "",
            "  textenvs train ALGORITHM --help      its flags",
            "  textenvs train ALGORITHM --dry-run   every setting, as a --config file holds them",
            "  textenvs algos show ALGORITHM        its equation and where it comes from",
            "",
            "example: textenvs train ppo --env.id MultiTurnRewrite-v0 --model tiny --init sft",
        ]
    )


def _command(options: TrainOptions[Any], algorithm: str) -> str:
    """Return the command that stands for these options, with every setting that is not the default."""
    defaults = settings_of(TrainOptions(settings=type(options.settings)()))
    changed = {
        name: setting.value
        for name, setting in settings_of(options).items()
        if name not in ABOUT_THE_RUN and setting.value != defaults[name].value
    }
    words = [word for name, value in changed.items() for word in ("--set", f"{name}={as_toml(value)}")]
    return shlex.join(["textenvs", "train", algorithm, *words])


def _record(options: TrainOptions[Any], algorithm: str) -> dict[str, Any]:
    """Return every setting as JSON holds it, for ``config.json`` and the dry run; ``--config`` reads it again."""
    tree = {name: value for name, value in as_tree(options).items() if name not in ABOUT_THE_RUN}
    return json.loads(json.dumps({"command": "train", "algorithm": algorithm, **tree}, default=str))
