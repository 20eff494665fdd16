"""From options to preferences: files of one's own, or pairs that an environment makes, decided anew by a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.cli.environments import make_text_env
from agents.cli.options import EnvOptions

if TYPE_CHECKING:
    from rich.console import Console

    from agents.finetune.preferences import PreferencePair


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


def judge_anew(pairs: Sequence[PreferencePair], endpoint: str, console: Console) -> list[PreferencePair]:
    """Have a chat model decide which answer of each pair is the better one, and say what it left open.

    Raises:
        EndpointError: if it does not answer.
    """
    from agents.finetune.preferences import judged_pairs
    from textenvs.chat_client import Endpoint, client_of
    from textenvs.rewards.judge import PairwiseJudge

    client_of(Endpoint.of(endpoint)).check()
    kept, dropped = judged_pairs(PairwiseJudge(endpoint), pairs)
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
