"""From options to preferences: files of one's own, or pairs that an environment makes, decided anew by a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.cli.environments import make_text_env
from agents.cli.options import EnvOptions
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from agents.finetune.preferences import PreferencePair
    from textenvs.rewards.judge import PairwiseJudge


@dataclass(frozen=True)
class PairOptions:
    """Pairs that an environment makes of its own answers, where no --data is given."""

    rows: int = 4000
    """How many."""
    per_turn: int = 2
    """At one turn, at most."""
    lapses: float = 0.3
    """Probability that the conversation goes on from a wrong answer."""


def check_source(data: Sequence[Path], env: EnvOptions) -> None:
    """Refuse files that are not there, or an environment that cannot be made, before anything is built.

    Raises:
        UsageError: saying what is wrong.
    """
    from textenvs.corpus_file import find_file

    for path in data:
        find_file(path)
    if not data:
        make_text_env(env.id, env.settings())


def load_pairs(data: Sequence[Path], env: EnvOptions, pairs: PairOptions, seed: int) -> list[PreferencePair]:
    """Return the pairs of the files, or of the environment's train split if there are none.

    Raises:
        CorpusError: if a file is malformed.
        ConfigError: if the environment knows no right answers.
    """
    from agents.finetune.graded import graded_pairs
    from agents.finetune.preference_rows import read_pairs

    if data:
        return [pair for path in data for pair in read_pairs(path)]
    settings = {**env.settings(), "split": "train"}
    return graded_pairs(env.id, settings, pairs.rows, seed=seed, per_turn=pairs.per_turn, lapses=pairs.lapses)


def find_judge(endpoint: str | None, constitution: Path | None) -> PairwiseJudge | None:
    """Return the judge that the options name; None where they name none.

    Raises:
        UsageError: if the endpoint is none, or the constitution is no rubric for pairs, or there is nobody to go by it.
    """
    from textenvs.corpus_file import find_file, read_text
    from textenvs.rewards.judge import PairwiseJudge
    from textenvs.rewards.rubric import PAIR

    if endpoint is not None:
        return PairwiseJudge(endpoint, PAIR if constitution is None else read_text(find_file(constitution)))
    if constitution is not None:
        raise UsageError(f"--constitution {constitution} is what a judge goes by: give --judge URL#MODEL too")
    return None


def judge_anew(judge: PairwiseJudge, pairs: Sequence[PreferencePair], console: Console) -> list[PreferencePair]:
    """Have a chat model decide which answer of each pair is the better one, and say what it left open.

    Raises:
        EndpointError: if it does not answer.
    """
    from agents.finetune.preferences import judged_pairs
    from textenvs.chat_client import client_of

    client_of(judge.endpoint).check()
    kept, dropped = judged_pairs(judge, pairs)
    left_out = "".join(f"; {count}: {reason}" for reason, count in dropped.items())
    console.print(f"The judge decided {len(kept)} of {len(pairs)} pairs{left_out}.", markup=False, highlight=False)
    return kept


def print_refused(refused: Mapping[str, Sequence[str]], console: Console, shown: int = 3) -> None:
    """Say which rows were left out, and why."""
    for reason, origins in refused.items():
        more = f" and {len(origins) - shown} more" if len(origins) > shown else ""
        console.print(
            f"Left out {len(origins)}: {reason} ({', '.join(origins[:shown])}{more})", markup=False, highlight=False
        )
