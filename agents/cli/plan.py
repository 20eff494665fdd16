"""``textenvs plan``: what a training would take on machines that are not at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agents.cli.options import EnvOptions
from agents.cli.parse import parse
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from agents.plan.estimates import Estimate, Memory
    from agents.plan.workload import Workload

SHOWN = 5
"""Placements in the table."""


@dataclass(frozen=True)
class Options:
    """Estimate memory, speed and the best placement of a GRPO training, and write its configuration."""

    model: str = "Qwen3-8B"
    """A Qwen3 model's name, or a folder with a config.json."""
    gpus: int = 8
    """How many."""
    gpu: str = "h100"
    """Of which kind: a10, rtx4090, l40s, a100, h100 or h200."""
    per_machine: int = 8
    """GPUs in one machine."""
    env: EnvOptions = field(default_factory=EnvOptions)
    episodes: int = 512
    """Played for one update."""
    group_size: int = 8
    """Episodes on the same item."""
    lora_rank: int = 32
    """Rank of the adapter; 0 trains every weight."""
    kl: bool = False
    """Whether a reference is asked."""
    microbatch_tokens: int = 4096
    """Fed to the update at a time."""
    out: Path | None = None
    """Write accelerate.yaml and train.json into this folder."""


def run(args: Sequence[str]) -> int:
    """Estimate, print the tables, and write the configuration."""
    options = parse(Options, args, "textenvs plan")
    if options.gpus < 1 or options.per_machine < 1 or options.episodes % options.group_size:
        raise UsageError("--gpus and --per_machine must be at least 1, and --episodes a multiple of --group_size")

    from rich.console import Console

    from agents.plan.devices import find_device
    from agents.plan.estimates import HEADROOM, learner_memory, placements
    from agents.plan.shapes import find_shape
    from agents.plan.workload import workload_of

    shape, device = find_shape(options.model), find_device(options.gpu)
    work = workload_of(options.env.id, options.env.settings(), episodes=options.episodes, group=options.group_size)
    memory = learner_memory(
        shape, work, lora_rank=options.lora_rank, microbatch_tokens=options.microbatch_tokens, kl=options.kl
    )
    found = placements(shape, work, device, options.gpus, lora_rank=options.lora_rank, kl=options.kl)
    console = Console()
    _print_work(console, options, work)
    fits = memory.total <= HEADROOM * device.memory
    _print_memory(console, memory, device.memory, fits)
    _print_placements(console, found, work)
    _print_simulation(console, found[0], work)
    if not fits:
        console.print(
            "It does not fit: every rank holds the whole policy. Take an adapter (--lora_rank 32), a smaller "
            "micro-batch, or an engine that cuts the model into shards: textenvs export --to verl",
            highlight=False,
        )
    if options.out is not None:
        _write(options, found[0], options.out)
        console.print(f"Wrote {options.out}/accelerate.yaml and train.json", highlight=False, soft_wrap=True)
    return 0 if fits else 1


def _print_work(console: Console, options: Options, work: Workload) -> None:
    console.print(
        f"{options.env.id}, as its oracle plays: prompt {work.prompt:.0f} tokens, {work.turns:.1f} turns of "
        f"{work.written:.0f} written and {work.read:.0f} read; an episode has {work.length:.0f}. "
        f"{work.episodes} episodes an update on {options.gpus} x {options.gpu}.",
        highlight=False,
    )


def _print_memory(console: Console, memory: Memory, available: float, fits: bool) -> None:
    from rich.table import Table

    from agents.plan.devices import GB

    table = Table("GB on a learner", *vars(memory), "total", "of", "fits")
    numbers = [*vars(memory).values(), memory.total, available]
    table.add_row("", *(f"{number / GB:.1f}" for number in numbers), "yes" if fits else "no")
    console.print(table)


def _print_placements(console: Console, found: Sequence[Estimate], work: Workload) -> None:
    from rich.table import Table

    table = Table("placement", "play", "learn", "rollout s", "update s", "s an update", "tokens/s written")
    together = next(one for one in found if one.placement == "together")
    for one in dict.fromkeys([*found[:SHOWN], together]):
        seconds = (f"{number:.1f}" for number in (one.rollout_s, one.update_s, one.seconds))
        table.add_row(
            one.placement, str(one.players), str(one.learners), *seconds, f"{work.sampled / one.seconds:,.0f}"
        )
    console.print(table)


def _print_simulation(console: Console, best: Estimate, work: Workload) -> None:
    """Print what heavy-tailed turns make of the best placement's numbers, at several numbers of workers."""
    from rich.table import Table

    from agents.plan.simulation import Setting, simulate

    table = Table("workers", "staleness", "s an update", "workers busy", "mean age", title="Turns with a heavy tail")
    turn_s = best.rollout_s / work.turns
    for workers in (8, 64, 1024):
        for staleness in (0, 1, 4):
            setting = Setting(workers, 2 * workers, work.turns, turn_s, best.update_s, staleness=staleness)
            out = simulate(setting, updates=40)
            row = (f"{out.update_s:.1f}", f"{out.busy:.0%}", f"{out.staleness:.1f}")
            table.add_row(f"{workers:,}", str(staleness), *row)
    console.print(table)


def _write(options: Options, best: Estimate, folder: Path) -> None:
    from agents.plan.files import accelerate_config, run_config, write_plan

    run_settings = run_config(
        best,
        options.model,
        options.env.id,
        lora_rank=options.lora_rank,
        episodes=options.episodes,
        group=options.group_size,
    )
    write_plan(folder, accelerate_config(best.learners, options.per_machine), run_settings)
