"""``textenvs feedback round``: learn from feedback, compare with the policy that serves, and promote or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from agents.cli.demonstrations import demonstrate
from agents.cli.eval import played
from agents.cli.feedback.stores import open_store
from agents.cli.options import EnvOptions, EvalOptions, RewardOptions, SFTOptions
from agents.cli.sources import Sources, parse_settings
from agents.cli.stage_run import print_record
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from agents.algorithms.ppo import PPOConfig
    from agents.feedback.rounds.deployment import Deployment
    from agents.feedback.rounds.guard import Finding, GuardConfig
    from agents.feedback.rounds.round import RoundConfig, RoundResult
    from agents.feedback.rounds.routes import Route
    from agents.feedback.store import Store
    from agents.finetune.preference_config import PreferenceConfig
    from agents.finetune.reward_model_config import RewardModelConfig
    from agents.finetune.supervised import SFTConfig
    from agents.rows.cleaning import CleaningConfig
    from agents.rows.demonstration import Demonstration

COMMAND = "feedback round"
FLAGS = (
    *(
        "config",
        "set",
        "dry_run",
        "store",
        "deployment",
        "start",
        "route",
        "suite",
        "env.id",
        "env.corpus",
        "env.language",
    ),
    *("env.difficulty", "env.kwargs", "reward.fn", "reward.weights", "eval.episodes", "eval.split", "fresh"),
    *("guard.measure", "guard.guards", "guard.tolerance", "replay", "feedback_share", "sft.epochs"),
    *("sft.learning_rate", "preference.epochs", "preference.learning_rate", "preference.beta"),
    *("ppo.learning_rate", "ppo.kl_coef", "episodes", "reward_model.epochs", "keep_reward_model"),
    *("max_new_tokens", "seed", "device"),
)
"""What the command shows as flags; all else is set by ``--set`` or a file."""

S = TypeVar("S", bound="SFTConfig")
P = TypeVar("P", bound="PreferenceConfig")
G = TypeVar("G", bound="GuardConfig")
C = TypeVar("C", bound="CleaningConfig")
Q = TypeVar("Q", bound="PPOConfig")
M = TypeVar("M", bound="RewardModelConfig")
"""Settings that are imported only when the command runs."""


@dataclass(frozen=True, kw_only=True)
class RoundCommand(Sources, Generic[S, P, G, C, Q, M]):
    """Learn from the feedback since the policy that serves was made, and promote the result only if it is better.

    The candidate and the policy that serves play the same fixed items, and fresh ones that no round has seen. It is
    promoted if the paired interval of the measure lies above zero on both and no guard fell on either.
    """

    dry_run: bool = False
    """Print the resolved settings as JSON and stop."""
    store: str = "feedback.db"
    """Path of an SQLite file, or postgresql://USER@HOST/NAME."""
    deployment: Path = Path("deployment")
    """Folder of the deployment; its link `serving` is the policy that serves."""
    start: Path | None = None
    """Policy that serves first, to begin the deployment with; feedback that is there already counts."""
    route: Literal["sft", "dpo", "kto", "ppo"] = "sft"
    """How to learn: sft on corrections, dpo on pairs, kto on single answers, ppo against a model of the pairs."""
    suite: str | None = None
    """Fixed items: a suite, instead of one environment; `textenvs list suites` names them all."""
    env: EnvOptions = field(default_factory=EnvOptions)
    reward: RewardOptions = field(default_factory=RewardOptions)
    eval: EvalOptions = field(default_factory=EvalOptions)
    fresh: int = 100
    """Fresh items of each slice."""
    guard: G
    cleaning: C
    replay: int = 0
    """Demonstrations of the environment that sft mixes among the corrections, so that nothing is forgotten."""
    feedback_share: float = 0.5
    """Share of the corrections in every batch of that mixture."""
    sft: S
    preference: P
    ppo: Q
    episodes: int = 2000
    """Training episodes; ppo."""
    reward_model: M
    keep_reward_model: Path | None = None
    """A reward model that is there already; ppo trains one on the pairs, if not given."""
    max_new_tokens: int = 64
    """Longest turn, in tokens."""
    seed: int = 0
    """Of the order of the rows and of the demonstrations."""
    device: str | None = None
    """Such as cpu or cuda; a GPU where there is one, if not given."""


AnyRound = RoundCommand[
    "SFTConfig", "PreferenceConfig", "GuardConfig", "CleaningConfig", "PPOConfig", "RewardModelConfig"
]


def run(args: Sequence[str]) -> int:
    """Do one round; return 0 whether or not the candidate was promoted."""
    options = parse_settings(_defaults(), FLAGS, args, f"textenvs {COMMAND}", {"command": COMMAND})
    if options.dry_run:
        return print_record(COMMAND, options)
    config = _config(options)

    from rich.console import Console
    from transformers.utils.logging import disable_progress_bar

    from agents.feedback.rounds.round import run_round
    from agents.trainer.generators import seed_generators

    disable_progress_bar()
    console = Console()
    with open_store(options.store) as store:
        deployment = _open(options, store)
        seed_generators(options.seed)
        found = run_round(deployment, store, config, _replay(options), lambda text: _say(console, f"{text} ..."))
    _print(console, found, deployment)
    return 0


def _defaults() -> AnyRound:
    try:
        from agents.rows.cleaning import CleaningConfig
    except ModuleNotFoundError as error:
        raise UsageError(f"cleaning needs {error.name}; install it: pip install 'textenvs[clean]'") from None
    from agents.algorithms.ppo import PPOConfig
    from agents.feedback.rounds.guard import GuardConfig
    from agents.finetune.preference_config import PreferenceConfig
    from agents.finetune.reward_model_config import RewardModelConfig
    from agents.finetune.supervised import SFTConfig

    return RoundCommand(
        guard=GuardConfig(),
        cleaning=CleaningConfig(near_duplicates=1.0),
        sft=SFTConfig(),
        preference=PreferenceConfig(),
        ppo=PPOConfig(),
        reward_model=RewardModelConfig(),
    )


def _config(options: AnyRound) -> RoundConfig:
    """Return what the round does.

    Raises:
        UsageError: if options do not fit together.
    """
    from agents.evaluation import Sampling
    from agents.feedback.rounds.round import RoundConfig

    suite, settings = played(options.suite, options.env, options.reward, options.eval)
    if options.replay and options.suite is not None:
        raise UsageError("--replay draws demonstrations of one environment: leave out --suite, or --replay")
    return RoundConfig(
        route=_route(options),
        suite=suite,
        settings=settings,
        fresh=options.fresh,
        sampling=Sampling(max_new_tokens=options.max_new_tokens, seed=options.seed),
        guard=options.guard,
        cleaning=options.cleaning,
        feedback_share=options.feedback_share,
        device=options.device,
    )


def _route(options: AnyRound) -> Route:
    if options.route == "sft":
        return replace(options.sft, seed=options.seed)
    if options.route == "ppo":
        from agents.feedback.rounds.routes import RewardRoute

        learner = replace(options.ppo, seed=options.seed, max_new_tokens=options.max_new_tokens)
        model = replace(options.reward_model, seed=options.seed)
        kept = options.keep_reward_model
        return RewardRoute(ppo=learner, episodes=options.episodes, reward_model=model, kept=kept)
    return replace(options.preference, method=options.route, seed=options.seed)


def _open(options: AnyRound, store: Store) -> Deployment:
    """Return the deployment; begin it where the options name a policy to start with."""
    from agents.cli.models import policy_folder
    from agents.feedback.rounds.deployment import Deployment

    if options.start is None:
        return Deployment(options.deployment)
    return Deployment.begin(options.deployment, policy_folder(options.start), last_seq=0)


def _replay(options: AnyRound) -> Callable[[], Sequence[Demonstration]]:
    if not options.replay:
        return list
    return lambda: demonstrate(options.env, SFTOptions(rows=options.replay), options.seed)


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)


def _print(console: Console, found: RoundResult, deployment: Deployment) -> None:
    from agents.cli.console import print_rows

    dropped = "".join(f", {count:,} {reason}" for reason, count in found.dropped.items() if count)
    _say(console, f"learned from {found.kept:,} rows{f' (set aside: {dropped[2:]})' if dropped else ''}")
    heads = ("suite", "measure", "serving", "candidate", "difference", "")
    print_rows(
        console, f"{found.version} against {found.parent}", heads, [_row(one) for one in found.decision.findings]
    )
    if found.decision.promoted:
        _say(console, f"Promoted: {found.version} serves now, {deployment.folder / 'serving'}")
        _say(console, f"Take it back: textenvs feedback rollback --deployment {deployment.folder}")
    else:
        _say(console, f"Not promoted: {'; '.join(found.decision.objections)}. {found.parent} goes on serving.")


def _row(found: Finding) -> tuple[str, ...]:
    from agents.cli.console import show

    percent = found.measure == "success"
    sides = (show(found.serving, percent), show(found.candidate, percent))
    name = f"{found.measure}{' %' if percent else ''}{' (guard)' if found.guard else ''}"
    return found.suite, name, *sides, show(found.difference, percent, signed=True), found.objection and "objects"
