"""One experiment from start to report: warm up, evaluate, train, evaluate again, write the run folder.

`train` and `quickstart` differ in their options only. This stands among the commands because it is the one place
that needs finetune, trainer, evaluation and report together, and nothing below the command line may import all four.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from agents.algorithms.config import TrainConfig
from agents.cli.console import print_comparisons, print_scores, show, step_progress
from agents.cli.options import EngineOptions
from agents.distributed.ray_workers import RayWorkers
from agents.evaluation import Comparison, EvaluationResult, read_transcripts, write_transcripts
from agents.evaluation.held_out import HeldOut
from agents.evaluation.statistics import Interval
from agents.finetune import Demonstration, SFTConfig, SFTMetrics, sft
from agents.policies.causal_lm import CausalLMPolicy
from agents.report import write_report
from agents.report.run_folder import CHECKPOINT, CONFIG, EVALUATION, HEALTH, METRICS, REPORT, SAMPLES, TRANSCRIPTS
from agents.rows.mixture import MixtureConfig
from agents.trainer.agent import Agent
from agents.trainer.callbacks import Callback
from agents.trainer.card import ResultRow
from agents.trainer.checkpoint import checkpoint_name, whole_file
from agents.trainer.convergence import BEST, HeldOutEvaluation
from agents.trainer.generators import seed_generators
from textenvs.errors import CheckpointError, UsageError
from textenvs.vector import WorkerKind

EVENTS = "tensorboard"
"""Folder of the TensorBoard event files within the run folder."""
BEFORE = "before.jsonl"
"""The evaluation before training within the run folder; a resumed run needs it."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is to be done, resolved.

    Attributes:
        agent: class of the algorithm's agent.
        config: the algorithm's settings.
        env_id: environment that is trained on.
        env_kwargs: its settings.
        episodes: training episodes.
        held_out: how the policy is measured, before and after.
        sft: settings of the warm-up; None for none.
        folder: the run folder.
        record: every option, for ``config.json``.
        command: that runs the same experiment.
        workers: where environments are played in training.
        step_timeout_s: time limit of one environment step there, and of one reward.
        deterministic: whether they are scheduled by counts, and not by the clock.
        engine: what generates there.
        callbacks: what else is told of every update.
    """

    agent: type[Agent]
    config: TrainConfig
    env_id: str
    env_kwargs: Mapping[str, Any]
    episodes: int
    held_out: HeldOut
    sft: SFTConfig | None
    folder: Path
    record: Mapping[str, Any]
    command: str
    workers: WorkerKind | RayWorkers = "inline"
    step_timeout_s: float | None = None
    deterministic: bool = False
    engine: EngineOptions = field(default_factory=EngineOptions)
    callbacks: Sequence[Callback] = ()

    def valid_return(self, agent: Agent) -> Interval:
        """Return the agent's mean greedy return on the valid split, for the evaluations in training."""
        episodes = self.config.convergence.episodes
        held_out = replace(self.held_out, split="valid", episodes=episodes, samples=0, text_scores=False)
        return held_out.measure(agent)["greedy"].episode_return


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Attributes:
        tables: before against after.
        baselines: the scores of the environment's own baselines.
        seconds: wall time of everything, or since the run was resumed.
        resumed: whether training had begun before.
        measured: which agent stands under "after".
    """

    tables: Sequence[Comparison]
    baselines: Mapping[str, Mapping[str, Interval]]
    seconds: float
    resumed: bool
    measured: str


def prepare_folder(folder: Path, overwrite: bool) -> None:
    """Make the run folder; one that holds a run already is refused, or emptied of it.

    Raises:
        UsageError: if the folder holds a run and may not be overwritten.
    """
    if (folder / CONFIG).exists() and not overwrite:
        raise UsageError(f"{str(folder)!r} already holds a run; choose another --out, or add --overwrite")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (CONFIG, METRICS, HEALTH, SAMPLES, BEFORE, TRANSCRIPTS, EVALUATION, REPORT):
        (folder / name).unlink(missing_ok=True)
    for name in (CHECKPOINT, BEST, EVENTS, "checkpoints"):
        shutil.rmtree(folder / name, ignore_errors=True)


def begin(experiment: Experiment, policy: CausalLMPolicy, rows: Sequence[Demonstration], console: Console) -> Agent:
    """Start a run in its prepared folder: settings, warm-up, and the checkpoint from which training begins.

    Args:
        experiment: what to do.
        policy: to be trained, in place.
        rows: demonstrations for the warm-up.
        console: to report to.
    """
    _write_json(experiment.folder / CONFIG, experiment.record)
    seed_generators(experiment.config.seed)
    if experiment.sft is not None:
        warm_up(policy, rows, experiment.sft, console)
        policy.restart_critic()
    if policy.settings.reference == "copy":
        policy.freeze_reference()
    agent = new_agent(experiment, policy)
    agent.save(experiment.folder / "checkpoints" / checkpoint_name(0))
    return agent


def new_agent(experiment: Experiment, policy: CausalLMPolicy) -> Agent:
    """Return the agent that begins the training."""
    return experiment.agent(
        policy,
        experiment.env_id,
        env_kwargs=experiment.env_kwargs,
        config=experiment.config,
        run_dir=experiment.folder,
        workers=experiment.workers,
        step_timeout_s=experiment.step_timeout_s,
        deterministic=experiment.deterministic,
        engine=experiment.engine.open(),
    )


def train(experiment: Experiment, agent: Agent) -> None:
    """Train to the end; of several ranks, all that is not the first one's alone to do.

    Raises:
        TrainingInterrupted: on Ctrl-C, after a checkpoint was saved.
    """
    agent.learn(
        total_episodes=experiment.episodes,
        callback=[HeldOutEvaluation(experiment.valid_return), *experiment.callbacks],
        progress=True,
        resume=True,
    )


def finish(experiment: Experiment, agent: Agent, console: Console, start: float) -> Outcome:
    """Do what is left of a run, from its beginning or from a checkpoint: evaluate, train, evaluate, report.

    Args:
        experiment: what to do.
        agent: as `begin` or a checkpoint gave it.
        console: to report to.
        start: `time.perf_counter()` when all of this began.

    Raises:
        TrainingInterrupted: on Ctrl-C during training, after a checkpoint was saved.
        CheckpointError: if the policy has been trained and its evaluation before that is lost.
    """
    resumed = agent.trainer.update > 0
    before = _measure_before(experiment, agent, console)
    train(experiment, agent)
    agent.save(experiment.folder / CHECKPOINT)
    chosen, place, measured = _choose(experiment, agent)
    console.print(f"Evaluating after training: {measured} ...", highlight=False)
    after = experiment.held_out.measure(chosen.policy)
    outcome = Outcome(
        experiment.held_out.compare(before, after),
        experiment.held_out.measure_baselines(),
        time.perf_counter() - start,
        resumed,
        measured,
    )
    _write_results(experiment, chosen.policy, outcome, before, after)
    chosen.write_card(place, card_results(outcome.tables), experiment.command)
    return outcome


def _choose(experiment: Experiment, agent: Agent) -> tuple[Agent, Path, str]:
    """Return the agent that a run ends with, its folder and how to call it: the best one, where the run kept one.

    Raises:
        CheckpointError: if the best one is damaged.
    """
    best, last = experiment.folder / BEST, agent.trainer.update
    if not best.is_dir():
        return agent, experiment.folder / CHECKPOINT, f"the last agent, of update {last}"
    device = str(agent.policy.device)
    chosen = experiment.agent.load(best, experiment.env_id, env_kwargs=experiment.env_kwargs, device=device)
    return chosen, best, f"the best agent by held-out return, of update {chosen.trainer.update} of {last} ({BEST}/)"


def _measure_before(experiment: Experiment, agent: Agent, console: Console) -> dict[str, EvaluationResult]:
    """Evaluate the untrained policy, once in a run: what was found is kept in its folder."""
    file = experiment.folder / BEFORE
    if not file.is_file():
        if agent.trainer.update > 0:
            raise CheckpointError(f"{file} is lost: the policy as it was before training cannot be evaluated any more")
        console.print("Evaluating before training ...", highlight=False)
        with whole_file(file) as draft:
            write_transcripts(draft, experiment.held_out.measure(agent.policy))
    return read_transcripts(file)


def warm_up(
    policy: CausalLMPolicy,
    rows: Sequence[Demonstration],
    config: SFTConfig,
    console: Console,
    *,
    folder: Path | None = None,
    mixture: MixtureConfig | None = None,
) -> SFTMetrics:
    """Fine-tune on the demonstrations and say how it went; with a run folder, resume there.

    Args:
        policy: to be trained, in place.
        rows: demonstrations.
        config: of the fine-tuning.
        console: to report to.
        folder: of a run of its own; see `agents.finetune.sft`.
        mixture: of the rows' kinds.
    """
    with step_progress(console, "supervised fine-tuning") as progress:
        metrics = sft(policy, rows, config, progress, folder, mixture)
    console.print(
        f"Fine-tuned on {metrics.rows} demonstrations: {metrics.steps} steps, loss {metrics.loss:.3f}, "
        f"{metrics.seconds:.0f} s",
        highlight=False,
    )
    return metrics


def print_outcome(outcome: Outcome, folder: Path, console: Console) -> None:
    """Print the tables, and where everything is."""
    print_comparisons(console, outcome.tables)
    if outcome.baselines:
        print_scores(console, "Baselines on the same items", outcome.baselines)
    console.print(f"After: {outcome.measured}. 95 % intervals; differences are paired by item.", highlight=False)
    took = duration(outcome.seconds) + (" since the resume" if outcome.resumed else "")
    console.print(f"Took {took}. Report: {folder / REPORT}", highlight=False)


def card_results(tables: Sequence[Comparison]) -> dict[str, list[ResultRow]]:
    """Return the tables as the model card shows them."""
    return {
        table.title: [
            ResultRow(
                row.name + (" %" if row.percent else ""),
                show(row.before, row.percent),
                show(row.after, row.percent),
                show(row.difference, row.percent, signed=True),
            )
            for row in table.rows
        ]
        for table in tables
    }


def duration(seconds: float) -> str:
    """Return a wall time for people."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _write_results(
    experiment: Experiment,
    policy: CausalLMPolicy,
    outcome: Outcome,
    before: Mapping[str, EvaluationResult],
    after: Mapping[str, EvaluationResult],
) -> None:
    folder = experiment.folder
    write_transcripts(folder / TRANSCRIPTS, {"before": before["greedy"], "after": after["greedy"]})
    parameters = sum(weight.numel() for weight in policy.model.parameters())
    evaluation = {
        "facts": {
            "environment": experiment.env_id,
            "algorithm": experiment.agent.algorithm.name.upper(),
            "parameters": f"{parameters / 1e6:.2f} M",
            "training episodes": f"{experiment.episodes:,}",
            "since the resume" if outcome.resumed else "in all": duration(outcome.seconds),
        },
        "tables": [table.as_dict() for table in outcome.tables],
        "baselines": {
            name: {score: interval.as_dict() for score, interval in row.items()}
            for name, row in outcome.baselines.items()
        },
        "notes": [
            f"After: {outcome.measured}.",
            "95 % intervals. Differences are paired: both policies played the same items.",
        ],
        "seconds": outcome.seconds,
    }
    _write_json(folder / EVALUATION, evaluation)
    write_report(folder)


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
    with whole_file(path) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def _plain(value: object) -> object:
    """Return what JSON can hold of an option's value."""
    return asdict(cast(Any, value)) if hasattr(value, "__dataclass_fields__") else str(value)
