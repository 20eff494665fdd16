"""``textenvs sft``: supervised fine-tuning, on rows of one's own or on an environment's demonstrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agents.cli.demonstrations import demonstrate, heard
from agents.cli.environments import make_text_env
from agents.cli.models import ModelOptions, build_policy, continue_policy
from agents.cli.options import EnvOptions, MixOptions, SFTOptions
from agents.cli.resume import RunOptions, parse_run
from agents.cli.settings import FLAT
from agents.cli.stage_run import StageRun, print_record

if TYPE_CHECKING:
    from agents.finetune import Demonstration, SFTMetrics
    from agents.policies.causal_lm import CausalLMPolicy

COMMAND = "sft"
FLAGS = (
    *("config", "set", "resume", "out", "overwrite", "dry_run", "data", "init", "seed"),
    *("model", "lora_rank", "device", "dtype", "env.id", "env.corpus", "env.language", "env.difficulty", "env.kwargs"),
    *("sft.rows", "sft.epochs", "sft.learning_rate", "sft.lr_schedule", "sft.batch_size", "sft.microbatch_size"),
    *("sft.packing", "sft.bf16", "sft.lapses", "mix.shares", "mix.temperature"),
)
"""What ``textenvs sft`` shows as flags; all else is set by ``--set`` or a file."""


@dataclass(frozen=True)
class SFTCommand(RunOptions):
    """Fine-tune a model on rows of your own, or on what an environment's oracle does."""

    data: tuple[Path, ...] = ()
    """Files of rows, {"messages": [...], "tools": [...]} a line; an environment's demonstrations, if not given."""
    init: Path | None = None
    """Checkpoint or run to start from, instead of --model."""
    model: ModelOptions = field(default_factory=ModelOptions, metadata=FLAT)
    env: EnvOptions = field(default_factory=EnvOptions)
    sft: SFTOptions = field(default_factory=SFTOptions)
    mix: MixOptions = field(default_factory=MixOptions)
    seed: int = 0
    """Of the demonstrations drawn, the order of the rows and fresh weights."""


def run(args: Sequence[str]) -> int:
    """Fine-tune and save."""
    options = parse_run(SFTCommand(), FLAGS, args, f"textenvs {COMMAND}", {"command": COMMAND})
    if options.dry_run:
        return print_record(COMMAND, options)
    stage = StageRun.of(COMMAND, options)
    if not options.data:
        make_text_env(options.env.id, options.env.settings())
    options.sft.config(options.seed)
    options.mix.config()
    return _execute(options, stage)


def _execute(options: SFTCommand, stage: StageRun) -> int:
    from rich.console import Console

    from agents.cli.experiment import warm_up
    from agents.report.run_folder import CHECKPOINT
    from agents.trainer.saving import save_policy

    console = Console()
    rows = _rows(options)
    stage.begin(options.seed)
    policy = _policy(options, rows)
    with stage.resumable(console):
        config = options.sft.config(options.seed)
        metrics = warm_up(policy, rows, config, console, folder=stage.folder, mixture=options.mix.config())
    save_policy(stage.folder / CHECKPOINT, policy)
    stage.end({"facts": _facts(policy, metrics), "seconds": metrics.seconds})
    console.print(f"Saved in {stage.folder}. Measure it: textenvs eval {stage.folder}", highlight=False)
    return 0


def _rows(options: SFTCommand) -> Sequence[Demonstration]:
    """Return what is learned."""
    if not options.data:
        return demonstrate(options.env, options.sft, options.seed)
    from agents.rows.files import RowFiles

    return RowFiles(options.data)


def _policy(options: SFTCommand, rows: Sequence[Demonstration]) -> CausalLMPolicy:
    """Return the policy before the fine-tuning."""
    if options.init is not None:
        return continue_policy(options.init, options.model, True)
    said = () if options.data else heard(options.env, options.sft)
    return build_policy(options.model, rows, True, options.seed, said)


def _facts(policy: CausalLMPolicy, metrics: SFTMetrics) -> dict[str, str]:
    parameters = sum(weight.numel() for weight in policy.model.parameters())
    return {
        "stage": "SFT",
        "parameters": f"{parameters / 1e6:.2f} M",
        "conversations": f"{metrics.rows:,}",
        "steps": f"{metrics.steps:,}",
        "loss": f"{metrics.loss:.3f}",
    }
