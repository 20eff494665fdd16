"""What the commands that learn from preferences take, and the pairs that their options stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from agents.cli.environments import make_text_env
from agents.cli.models import ModelOptions, load_policy
from agents.cli.options import EnvOptions
from agents.cli.resume import RunOptions
from agents.cli.settings import FLAT
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from agents.finetune.preferences import PreferencePair
    from textenvs.rewards.judge import PairwiseJudge

FLAGS = (
    *("config", "set", "resume", "out", "overwrite", "dry_run", "data", "judge", "constitution", "init", "seed"),
    *("model", "lora_rank", "device", "dtype", "env.id", "env.corpus", "env.language", "env.difficulty", "env.kwargs"),
    *(
        "pairs.rows",
        "pairs.source",
        "epochs",
        "learning_rate",
        "lr_schedule",
        "batch_size",
        "microbatch_size",
        "max_length",
        "bf16",
    ),
)
"""What these commands show as flags, each beside some of its own; all else is set by ``--set`` or a file."""

C = TypeVar("C")
"""The settings of a stage, which are imported only when its command runs."""


@dataclass(frozen=True)
class PairOptions:
    """Pairs that an environment makes of its own answers, where no --data is given."""

    rows: int = 4000
    """How many."""
    source: Literal["graded", "sampled"] = "graded"
    """graded: right answers against corrupted ones; sampled: what the policy of --init said in several tries at an
    item, the better paid against the worse."""
    per_turn: int = 2
    """Graded pairs at one turn, at most."""
    lapses: float = 0.3
    """Probability that the conversation of graded answers goes on from a wrong one."""
    members: int = 8
    """Tries at an item."""
    least: float = 0.1
    """Smallest difference in what two tries were paid that makes a pair."""
    temperature: float = 1.0
    """Of the tries."""
    max_new_tokens: int = 64
    """Longest turn of a try, in tokens."""


@dataclass(frozen=True)
class PreferenceOptions(RunOptions, Generic[C]):
    """What is learned from, which model learns it, and the stage's own settings."""

    settings: C = field(metadata=FLAT)
    data: tuple[Path, ...] = ()
    """Files of pairs, {"prompt": [...], "chosen": [...], "rejected": [...]} a line, with a "margin" if there is one;
    pairs that the environment makes, if not given."""
    judge: str | None = None
    """A chat model, as URL#MODEL, that decides anew which answer of a pair is the better one."""
    constitution: Path | None = None
    """What the judge goes by: a text file that mentions $first and $second, and if wanted $instruction and
    $conversation. Without one it prefers what is correct, complete and brief."""
    init: Path | None = None
    """Checkpoint or run of a policy to start from, instead of --model."""
    model: ModelOptions = field(default_factory=ModelOptions, metadata=FLAT)
    env: EnvOptions = field(default_factory=EnvOptions)
    pairs: PairOptions = field(default_factory=PairOptions)

    def check(self) -> None:
        """Refuse a judge, files or an environment that cannot be had, before anything is built.

        Raises:
            UsageError: saying what is wrong.
        """
        from textenvs.corpus_file import find_file

        find_judge(self.judge, self.constitution)
        for path in self.data:
            find_file(path)
        if self.data:
            return
        make_text_env(self.env.id, self.env.settings())
        if self.pairs.source == "sampled" and self.init is None:
            raise UsageError("pairs.source=sampled are a policy's own answers: say whose, by --init RUN")

    def load_pairs(self, seed: int, console: Console) -> Sequence[PreferencePair]:
        """Return the pairs of the files, or of the environment's train split, as the judge has them if there is one.

        Raises:
            CorpusError: if a file is malformed.
            ConfigError: if the environment knows no right answers.
            EndpointError: if the judge does not answer.
        """
        pairs = self._read_pairs() if self.data else self._make_pairs(seed)
        judge = find_judge(self.judge, self.constitution)
        return judge_anew(judge, pairs, console) if judge else pairs

    def _read_pairs(self) -> Sequence[PreferencePair]:
        from agents.finetune.preference_rows import read_pairs
        from agents.rows.on_demand import Joined

        return Joined(map(read_pairs, self.data))

    def _make_pairs(self, seed: int) -> list[PreferencePair]:
        from agents.finetune.graded import graded_pairs

        settings, wanted = {**self.env.settings(), "split": "train"}, self.pairs
        if wanted.source == "sampled" and self.init is not None:
            return self._sample_pairs(self.init, settings, seed)
        return graded_pairs(
            self.env.id, settings, wanted.rows, seed=seed, per_turn=wanted.per_turn, lapses=wanted.lapses
        )

    def _sample_pairs(self, policy: Path, settings: Mapping[str, Any], seed: int) -> list[PreferencePair]:
        from agents.finetune.sampled import sampled_pairs
        from agents.rollout.sampling import SamplingParams

        wanted = self.pairs
        return sampled_pairs(
            load_policy(policy, self.model.device),
            self.env.id,
            settings,
            wanted.rows,
            members=wanted.members,
            least=wanted.least,
            params=SamplingParams(wanted.temperature, wanted.max_new_tokens, seed=seed),
            seed=seed,
        )


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
