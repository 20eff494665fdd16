"""``textenvs preference``: DPO and its variants, or KTO, on preferences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.cli import preference_data
from agents.cli.models import TINY, build_policy, continue_policy
from agents.cli.options import MixOptions
from agents.cli.preference_data import PreferenceOptions, print_refused
from agents.cli.resume import parse_run
from agents.cli.stage_run import StageRun, print_record
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from agents.finetune.preference import PreferenceMetrics
    from agents.finetune.preference_config import PreferenceConfig
    from agents.finetune.preferences import LabelledAnswer, PreferencePair

COMMAND = "preference"
FLAGS = (*preference_data.FLAGS, "method", "loss_type", "beta", "sft_weight", "mix.shares", "mix.temperature")
"""What the command shows as flags."""


@dataclass(frozen=True)
class PreferenceCommand(PreferenceOptions["PreferenceConfig"]):
    """Train a policy to prefer what is preferred: pairs by dpo, single answers with a thumb up or down by kto."""

    data: tuple[Path, ...] = ()
    """Files of rows, {"prompt": [...], "chosen": [...], "rejected": [...]} or, for kto, {"prompt": [...], "completion":
    [...], "label": true} a line; pairs that the environment makes, if not given."""
    mix: MixOptions = field(default_factory=MixOptions)


def run(args: Sequence[str]) -> int:
    """Train and save."""
    from agents.finetune.preference_config import PreferenceConfig

    defaults = PreferenceCommand(settings=PreferenceConfig())
    options = parse_run(defaults, FLAGS, args, f"textenvs {COMMAND}", {"command": COMMAND})
    if options.dry_run:
        return print_record(COMMAND, options)
    stage = StageRun.of(COMMAND, options)
    if options.init is None and options.model.model == TINY:
        raise UsageError("a model built from nothing has no preferences to change: give --init RUN, or --model NAME")
    if options.judge is not None and options.settings.method == "kto":
        raise UsageError("--judge compares two answers; use it with --method dpo")
    options.check()
    options.mix.config()
    return _execute(options, stage)


def _execute(options: PreferenceCommand, stage: StageRun) -> int:
    from rich.console import Console

    from agents.cli.console import step_progress
    from agents.finetune.preference import train_on_preferences
    from agents.report.run_folder import CHECKPOINT
    from agents.trainer.saving import save_policy

    console, config = Console(), options.settings
    rows = _rows(options, console)
    stage.begin(config.seed)
    policy = (
        continue_policy(options.init, options.model, True)
        if options.init
        else build_policy(options.model, [], True, config.seed)
    )
    with stage.resumable(console), step_progress(console, config.method) as progress:
        metrics = train_on_preferences(policy, rows, config, progress, stage.folder, options.mix.config())
    save_policy(stage.folder / CHECKPOINT, policy)
    print_refused(metrics.refused, console)
    stage.end(_evaluation(config, metrics))
    found = ", ".join(f"{name} {value:.3f}" for name, value in metrics.held_out.items() if name != "rows")
    console.print(f"Held out: {found}. Measure it: textenvs eval {stage.folder}", markup=False, highlight=False)
    return 0


def _rows(options: PreferenceCommand, console: Console) -> Sequence[PreferencePair] | Sequence[LabelledAnswer]:
    from agents.finetune.preference_rows import read_labels
    from agents.finetune.preferences import Answers
    from agents.rows.on_demand import Joined

    labelled = options.settings.method == "kto"
    if labelled and options.data:
        return Joined(map(read_labels, options.data))
    pairs = options.load_pairs(options.settings.seed, console)
    return Answers(pairs) if labelled else pairs


def _evaluation(config: PreferenceConfig, metrics: PreferenceMetrics) -> dict[str, Any]:
    facts = {
        "stage": config.method.upper(),
        "loss": f"{config.loss}, {metrics.loss:.3f} on average",
        "rows": f"{metrics.rows:,}",
        "steps": f"{metrics.steps:,}",
        **{f"held-out {name}": f"{value:.3f}" for name, value in metrics.held_out.items() if name != "rows"},
    }
    notes = [f"Left out {len(origins)} rows: {reason}." for reason, origins in metrics.refused.items()]
    return {"facts": facts, "held_out": dict(metrics.held_out), "notes": notes, "seconds": metrics.seconds}
