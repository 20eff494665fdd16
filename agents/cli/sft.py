"""``textenvs sft``: supervised fine-tuning, on rows of one's own or on an environment's demonstrations."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.cli.environments import make_text_env
from agents.cli.models import ModelOptions, build_policy, continue_policy
from agents.cli.options import EnvOptions, SFTOptions, demonstrate, heard
from agents.cli.resume import ABOUT_THE_RUN, RunOptions, parse_run
from agents.cli.settings import FLAT, as_tree
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.finetune import Demonstration, SFTMetrics
    from agents.policies.causal_lm import CausalLMPolicy

FLAGS = (
    *("config", "set", "resume", "out", "overwrite", "dry_run", "data", "init", "seed"),
    *("model", "lora_rank", "device", "dtype", "env.id", "env.corpus", "env.language", "env.difficulty", "env.kwargs"),
    *("sft.rows", "sft.epochs", "sft.learning_rate", "sft.lr_schedule", "sft.batch_size", "sft.microbatch_size"),
    *("sft.packing", "sft.bf16", "sft.lapses"),
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
    seed: int = 0
    """Of the demonstrations drawn, the order of the rows and fresh weights."""


def run(args: Sequence[str]) -> int:
    """Fine-tune and save."""
    options = parse_run(SFTCommand(), FLAGS, args, "textenvs sft", {"command": "sft"})
    if options.dry_run:
        print(json.dumps(_record(options), indent=2, ensure_ascii=False))
        return 0
    if options.out is None:
        raise UsageError("--out is missing: give a folder for the run")
    if not options.data:
        make_text_env(options.env.id, options.env.settings())
    options.sft.config(options.seed)
    return _execute(options, options.out)


def _execute(options: SFTCommand, folder: Path) -> int:
    from rich.console import Console

    from agents.cli.experiment import prepare_folder, warm_up
    from agents.report.run_folder import CHECKPOINT, CONFIG
    from agents.trainer.checkpoint import whole_file, write_json
    from agents.trainer.generators import seed_generators
    from agents.trainer.saving import save_policy

    console = Console()
    rows = _rows(options)
    if options.resume is None:
        prepare_folder(folder, options.overwrite)
        with whole_file(folder / CONFIG) as draft:
            write_json(draft, _record(options))
    seed_generators(options.seed)
    policy = _policy(options, rows)
    try:
        metrics = warm_up(policy, rows, options.sft.config(options.seed), console, folder)
    except KeyboardInterrupt:
        console.print(f"Go on with: textenvs sft --resume {shlex.quote(str(folder))}", markup=False, highlight=False)
        raise
    save_policy(folder / CHECKPOINT, policy)
    _write_facts(folder, policy, metrics)
    console.print(f"Saved in {folder}. Measure it: textenvs eval {folder}", highlight=False)
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


def _write_facts(folder: Path, policy: CausalLMPolicy, metrics: SFTMetrics) -> None:
    """Write what was done, by which a run is known to be finished, and the report."""
    from agents.report import write_report
    from agents.report.run_folder import EVALUATION
    from agents.trainer.checkpoint import whole_file, write_json

    parameters = sum(weight.numel() for weight in policy.model.parameters())
    facts = {
        "stage": "SFT",
        "parameters": f"{parameters / 1e6:.2f} M",
        "conversations": f"{metrics.rows:,}",
        "steps": f"{metrics.steps:,}",
        "loss": f"{metrics.loss:.3f}",
    }
    with whole_file(folder / EVALUATION) as draft:
        write_json(draft, {"facts": facts, "seconds": metrics.seconds})
    write_report(folder)


def _record(options: SFTCommand) -> Mapping[str, Any]:
    """Return every setting as JSON holds it; ``--config`` reads it again."""
    tree = {name: value for name, value in as_tree(options).items() if name not in ABOUT_THE_RUN}
    return json.loads(json.dumps({"command": "sft", **tree}, default=str))
