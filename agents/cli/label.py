"""``textenvs label``: a page on which people choose, rank, score or correct answers, without knowing whose they are."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from agents.cli.feedback.stores import Stored, open_store, read_token
from agents.cli.parse import parse
from agents.cli.stored import AFTER, BEFORE, is_run, read_stored
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.feedback.labelling.service import LabelConfig
    from agents.feedback.labelling.tasks import Played, Question


@dataclass(frozen=True, kw_only=True)
class Options(Stored):
    """Judge different answers to the same conversations on a page in the browser; labels go into a store of feedback.

    `textenvs feedback signals` turns them into rows for SFT, preferences and KTO.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Training runs (before against after), evaluations or their files of episodes; none goes on with the queue."""
    queue: str = "default"
    """Name of the queue; a HumanReward has one of its own."""
    ask: tuple[Literal["choose", "rank", "score", "correct"], ...] = ("choose", "correct")
    """What may be said: which is best, in what order, how good each part is, what it should have said."""
    parts: tuple[str, ...] = ("",)
    """What is scored; the whole answer, if not given."""
    votes: int = 2
    """People who shall judge each task; from two on, their agreement is shown."""
    least: int = 2
    """Different answers that a conversation must have; 1 is for scoring and correcting single ones."""
    most: int = 4
    """Answers that are shown together; of more, some are drawn."""
    seed: int = 0
    """Of the order of the answers, and of the draw."""
    language: Literal["en", "zh"] = "en"
    """Of the page; a visitor can change it."""
    host: str = "127.0.0.1"
    """Address to listen on; any but a loopback address needs a token, and TLS in front of it."""
    port: int = 8091
    """Port to listen on."""
    token_file: Path | None = None
    """File whose first line is the token that visitors must give; or set TEXTENVS_FEEDBACK_TOKEN."""


def run(args: Sequence[str]) -> int:
    """Fill the queue and serve the page."""
    options = parse(Options, args, "textenvs label")
    if not options.runs and "://" not in options.store and not Path(options.store).is_file():
        raise UsageError(f"--store {options.store!r}: there is no such file; name a run whose answers are to be judged")
    config, wanted = _config(options), _wanted(options)
    with open_store(options.store, new=True) as store:
        from agents.feedback.labelling.queue import LabelQueue
        from agents.feedback.labelling.service import serve_labels

        queue = LabelQueue(store, options.queue, votes=options.votes, seed=options.seed)
        with contextlib.suppress(KeyboardInterrupt):
            queue.add(wanted, most=options.most)
            held = f"{queue.progress('').tasks} tasks in the queue {options.queue!r}"
            print(f"{held}; page: http://{options.host}:{options.port}/", flush=True)
            serve_labels(store, queue, config, options.host, options.port)
    return 0


def _config(options: Options) -> LabelConfig:
    """Return how the page behaves.

    Raises:
        ConfigError: if a value is out of range, or others were let in without a token.
    """
    from agents.feedback.hosting import check_address
    from agents.feedback.labelling.service import LabelConfig

    token = read_token(options.token_file)
    check_address(options.host, token)
    return LabelConfig(ask=options.ask, parts=options.parts, language=options.language, token=token)


def _wanted(options: Options) -> list[Question]:
    """Return what the runs said that is to be judged; a store is made for that only."""
    from agents.feedback.labelling.tasks import questions

    found = questions(played for path in options.runs for played in _read(path))
    wanted = [one for one in found if len(one.answers) >= options.least]
    if options.runs and not wanted:
        raise UsageError(
            f"nothing to judge: none of {len(found)} conversations has {options.least} different answers; "
            "name several runs, or episodes that were sampled, or say --least 1"
        )
    return wanted


def _read(path: Path) -> Iterator[Played]:
    """Yield the episodes of a run, or of an evaluation, with what their policies were told."""
    from agents.feedback.labelling.tasks import Played

    for phase in (BEFORE, AFTER) if is_run(path) else ("",):
        stored = read_stored(path, phase)
        version = re.sub(r"[^\w.:/@+-]", "_", f"{path}/{phase}".strip("/"))[-128:]
        worlds = {one.name: one.make(**stored.settings) for one in stored.suite.slices}
        for episode in stored.result.episodes:
            observation, _ = worlds[episode.group].reset(options={"index": episode.index})
            yield Played(version, episode, observation["instruction"], observation["tools"])
