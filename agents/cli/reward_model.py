"""``textenvs reward-model``: a reward model from preference pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.cli import preference_data
from agents.cli.models import build_policy, load_policy
from agents.cli.preference_data import PreferenceOptions, print_refused
from agents.cli.resume import parse_run
from agents.cli.stage_run import StageRun, print_record

if TYPE_CHECKING:
    from rich.console import Console

    from agents.finetune.preferences import PreferencePair
    from agents.finetune.reward_model import RewardModelMetrics
    from agents.finetune.reward_model_config import RewardModelConfig  # noqa: F401 (a base class names it)
    from agents.policies.causal_lm import CausalLMPolicy
    from agents.policies.reward_network import RewardNetwork

COMMAND = "reward-model"
FLAGS = (*preference_data.FLAGS, "margin_scale", "centring", "held_out")
"""What the command shows as flags."""


@dataclass(frozen=True)
class RewardModelCommand(PreferenceOptions["RewardModelConfig"]):
    """Train a reward model on pairs of answers, the better one of which is known, and measure it on pairs kept back."""


def run(args: Sequence[str]) -> int:
    """Train, measure and save."""
    from agents.finetune.reward_model_config import RewardModelConfig

    defaults = RewardModelCommand(settings=RewardModelConfig())
    options = parse_run(defaults, FLAGS, args, f"textenvs {COMMAND}", {"command": COMMAND})
    if options.dry_run:
        return print_record(COMMAND, options)
    stage = StageRun.of(COMMAND, options)
    options.check()
    return _execute(options, stage)


def _execute(options: RewardModelCommand, stage: StageRun) -> int:
    from rich.console import Console

    from agents.cli.console import step_progress
    from agents.finetune.reward_model import train_reward_model
    from agents.policies.reward_model import CHECKPOINT, save_reward_model
    from agents.trainer.checkpoint import write_folder

    console, config = Console(), options.settings
    pairs = options.load_pairs(config.seed, console)
    stage.begin(config.seed)
    policy = _policy(options, pairs)
    network = _network(policy, options)
    with stage.resumable(console), step_progress(console, "reward model") as progress:
        metrics = train_reward_model(network, policy.chat, pairs, config, progress, stage.folder)
    write_folder(
        stage.folder / CHECKPOINT,
        lambda folder: save_reward_model(folder, network, policy.tokenizer, metrics.settings),
    )
    print_refused(metrics.refused, console)
    stage.end(_evaluation(metrics))
    _tell(metrics, stage.folder, console)
    return 0


def _policy(options: RewardModelCommand, pairs: Sequence[PreferencePair]) -> CausalLMPolicy:
    """Return the language model that is built on, without an adapter of its own."""
    from agents.rows.demonstration import Demonstration
    from textenvs.messages import Message

    if options.init is not None:
        return load_policy(options.init, options.model.device)
    said = [Demonstration((*pair.prompt, Message("assistant", pair.chosen)), pair.tools) for pair in pairs]
    plain = dataclasses.replace(options.model, lora_rank=None)
    return build_policy(plain, said, False, options.settings.seed, (pair.rejected for pair in pairs))


def _network(policy: CausalLMPolicy, options: RewardModelCommand) -> RewardNetwork:
    from agents.policies.reward_network import RewardNetwork
    from agents.policies.storage import add_adapter

    network = RewardNetwork.on(policy.model, options.settings.seed)
    if options.model.lora_rank:
        network.classifier = add_adapter(network.classifier, {"r": options.model.lora_rank}, "SEQ_CLS")
    return network


def _evaluation(metrics: RewardModelMetrics) -> dict[str, Any]:
    found = metrics.held_out
    facts = {
        "stage": "reward model",
        "pairs": f"{metrics.rows:,}",
        "steps": f"{metrics.steps:,}",
        "loss": f"{metrics.loss:.3f} on average",
        **_figures(metrics),
    }
    notes = [f"Left out {len(origins)} pairs: {reason}." for reason, origins in metrics.refused.items()]
    held_out = {"pairs": found.pairs, "accuracy": found.interval.as_dict()}
    if found.pairs:
        held_out |= {"margin": found.margin, "log_loss": found.log_loss, "calibration_error": found.error}
    bins = [one._asdict() for one in found.bins]
    return {"facts": facts, "held_out": {**held_out, "bins": bins}, "notes": notes, "seconds": metrics.seconds}


def _figures(metrics: RewardModelMetrics) -> dict[str, str]:
    from agents.cli.console import show

    found = metrics.held_out
    if not found.pairs:
        return {}
    return {
        "held-out pairs": f"{found.pairs:,}",
        "held-out accuracy %": show(found.interval, percent=True),
        "calibration error": f"{found.error:.3f}",
    }


def _tell(metrics: RewardModelMetrics, folder: Path, console: Console) -> None:
    """Say how good the model is, and how it is used."""
    for name, figure in _figures(metrics).items():
        console.print(f"{name}: {figure}", markup=False, highlight=False)
    for one in metrics.held_out.bins:
        line = f"  {one.pairs:>6,} pairs: {one.confidence:.0%} sure, {one.accuracy:.0%} right"
        console.print(line, markup=False, highlight=False)
    console.print(f"Use it: textenvs train ppo --reward {folder} ...", markup=False, highlight=False)
