"""``textenvs eval``: a policy on held-out items, of a suite or of one environment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from agents.cli.environments import make_text_env
from agents.cli.options import EnvOptions, EvalOptions, RewardOptions
from agents.cli.parse import parse
from agents.cli.subjects import find_subject
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.evaluation import EvaluationResult, Sampling
    from agents.evaluation.players import Subject
    from agents.evaluation.scorecard import Scorecard
    from envs_registry.suites import Suite

SCORES = "scores.json"
"""Name of the scores in an evaluation's folder."""


@dataclass(frozen=True)
class Options:
    """Measure a policy on items that training never sees."""

    policy: Annotated[str, tyro.conf.Positional]
    """A checkpoint folder, a Hugging Face name, a baseline, module:function, endpoint:URL#MODEL, or sb3:FILE#PPO."""
    suite: str | None = None
    """Play a suite, instead of one environment; `textenvs list suites` names them all."""
    env: EnvOptions = field(default_factory=EnvOptions)
    reward: RewardOptions = field(default_factory=RewardOptions)
    eval: EvalOptions = field(default_factory=EvalOptions)
    temperature: float = 1.0
    """Of the sampled episodes."""
    max_new_tokens: int = 64
    """Longest turn, in tokens."""
    seed: int = 0
    """Of the sampling noise."""
    device: str | None = None
    """Such as cpu or cuda; a GPU where there is one, if not given."""
    out: Path | None = None
    """Folder for the scores and all episodes. The same command goes on there after it was killed."""
    json: Path | None = None
    """Write the scores to this file too."""


def run(args: Sequence[str]) -> int:
    """Play the items and print the scores."""
    options = parse(Options, args, "textenvs eval")
    suite, settings = played(options.suite, options.env, options.reward, options.eval)
    subject = find_subject(options.policy, suite, settings, options.device, options.max_new_tokens)

    from rich.console import Console

    from agents.cli.console import print_scorecards
    from agents.evaluation.scorecard import scorecards

    record: dict[str, Any] = {"policy": options.policy, "suite": str(suite)}
    for mode, sampling in _modes(options).items():
        result = _play(options, mode, subject, suite, sampling, settings)
        cards = _with_text_scores(scorecards(result), result, options, suite)
        print_scorecards(Console(), f"{options.policy} on {suite}, {mode}", cards)
        record[mode] = {name: card.as_dict() for name, card in cards.items()}
    for path in filter(None, (options.json, options.out and options.out / SCORES)):
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


def played(
    suite: str | None, env: EnvOptions, reward: RewardOptions, items: EvalOptions
) -> tuple[Suite, Mapping[str, Any]]:
    """Return what is played, and the settings that go before a suite's own.

    Args:
        suite: name of a suite; None takes items of one environment.
        env: that environment.
        reward: what an action is worth.
        items: of the environment.

    Raises:
        UsageError: if there is no such suite or environment, or both are given.
    """
    if suite is None:
        settings = {**env.settings(), **reward.settings()}
        make_text_env(env.id, settings)
        return items.suite(env.id, settings), {}
    if env.settings():
        raise UsageError("a suite sets up its environments itself: leave out --suite, or the --env options")

    from agents.evaluation.runner import find_suite

    return find_suite(suite), reward.settings()


def _modes(options: Options) -> dict[str, Sampling]:
    from agents.evaluation import Sampling

    greedy = Sampling(1, True, options.temperature, options.max_new_tokens, options.seed)
    samples = options.eval.samples
    sampled = {"sampled": replace(greedy, samples=samples, deterministic=False)} if samples else {}
    return {"greedy": greedy, **sampled}


def _play(
    options: Options,
    mode: str,
    subject: Subject,
    suite: Suite,
    sampling: Sampling,
    settings: Mapping[str, Any],
) -> EvaluationResult:
    from agents.evaluation.log import EvaluationLog, log_file
    from agents.evaluation.runner import evaluate_slices

    log = None if options.out is None else EvaluationLog(log_file(options.out, mode), {"policy": options.policy})
    return evaluate_slices(subject, suite, sampling, settings, log)


def _with_text_scores(
    cards: dict[str, Scorecard], result: EvaluationResult, options: Options, suite: Suite
) -> dict[str, Scorecard]:
    """Add the corpus scores of rewriting, where one corpus was played."""
    if options.env.corpus is None or len(suite.slices) != 1:
        return cards
    from agents.evaluation.text_scores import score_texts, text_counts

    one = suite.slices[0]
    texts = score_texts(text_counts(result, one.env_id, one.settings, one.split))
    return {name: replace(card, means={**card.means, **texts}) for name, card in cards.items()}
