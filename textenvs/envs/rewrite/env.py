"""MultiTurnRewrite: make the user's last utterance stand alone, before a service answers it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, cast, get_args

from textenvs.core import Baseline, Honest, RewardTiming
from textenvs.envs.rewrite import reward as rewriting
from textenvs.envs.rewrite.corpora import Format, HistorySource, load_corpus
from textenvs.envs.rewrite.dials import Dials, dials_of
from textenvs.envs.rewrite.honesty import Rewriting, honest_of
from textenvs.envs.rewrite.menu import RewriteMenu
from textenvs.envs.rewrite.oracle import BASELINES, copy_what_grows
from textenvs.envs.rewrite.reading import PhraseReader, Reader, WordingReader
from textenvs.envs.rewrite.sources import CorpusSource, GeneratedSource
from textenvs.envs.rewrite.world import LanguageChoice, World
from textenvs.errors import check_known
from textenvs.rewards.core import Reward, RewardFunction
from textenvs.rewards.spec import RewardSpec
from textenvs.seeding import Split
from textenvs.sources import SourcedEnv


class MultiTurnRewrite(SourcedEnv):
    """A user talks to a service; the agent rewrites each utterance so that it can be understood without the rest.

    In the generated world the service answers what the rewrite asks. A wrong rewrite gets a wrong answer, the user
    reacts, and the turn is lost; the episode succeeds if every planned request was answered rightly. Over a corpus
    the record goes on whatever the agent says, and the episode succeeds if every rewrite was exact.

    Args:
        language: ``"zh"``, ``"en"`` or ``"mixed"`` (drawn for each dialogue; of a corpus, whatever it has).
        difficulty: one of `dials.LEVELS` (``"tiny"``, ``"easy"``, ``"medium"``, ``"hard"``), or `Dials`; of the
            generated world only.
        split: ``"train"``, ``"valid"`` or ``"test"``: names, templates and operator combinations differ.
        corpus: a file of real dialogues to play instead of generated ones; see `load_corpus`.
        corpus_format: its format; None tells it from the content.
        holdout: how many scored turns of the corpus the test split has; None is a tenth, at most 1,000.
        history_source: what later turns of a corpus see of earlier ones, ``"original"`` or ``"own"``.
        portion: the part of a corpus's split to keep to, such as ``(0.5, 1.0)`` for its second half: so that supervised
            and reinforcement learning can take different dialogues.
        instruction: what the agent is told to do, in place of the environment's own words; ``""`` tells it nothing.
        reward: see `TextEnv`; the default is `reward.rewrite_reward`.
        reward_timing: see `TextEnv`.
        render_mode: see `TextEnv`.

    Raises:
        UsageError: if an argument has no such value, or the corpus cannot be read.
    """

    family: ClassVar[str] = "rewrite"

    def __init__(
        self,
        *,
        language: LanguageChoice = "mixed",
        difficulty: str | Dials = "medium",
        split: Split = "train",
        corpus: str | Path | None = None,
        corpus_format: Format | None = None,
        holdout: int | None = None,
        history_source: HistorySource = "original",
        portion: tuple[float, float] = (0.0, 1.0),
        instruction: str | None = None,
        reward: RewardSpec | None = None,
        reward_timing: RewardTiming = "turn",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, reward=reward, reward_timing=reward_timing, render_mode=render_mode)
        check_known("language", language, get_args(LanguageChoice))
        check_known("history_source", history_source, get_args(HistorySource))
        world = World(language, dials_of(difficulty), self.split)
        self.source = GeneratedSource(world, self.family, instruction)
        self._reader: Reader = WordingReader()
        if corpus is not None:
            read = load_corpus(corpus, corpus_format, holdout)
            self.source = CorpusSource(read, self.split, language, history_source, portion, instruction)
            self._reader = PhraseReader()

    def parts(self) -> Mapping[str, RewardFunction]:
        """Return the four parts: coreference, keywords, consistency, fluency."""
        return rewriting.PARTS

    def default_reward(self) -> Reward:
        """Return the fusion in which no part can be farmed."""
        return rewriting.default_reward()

    def menu(self) -> RewriteMenu:
        """Return the moves and features with which `textenvs.wrappers.Choices` plays this environment."""
        return RewriteMenu(self._reader, self._observation)

    def honest(self) -> Honest:
        """Return the rewrites that leave exactly one of several removed slots unrestored; else the gold.

        Of an utterance that lost a single slot nothing is restored without it: leaving it out is copying.
        """
        return honest_of(cast("Rewriting", self._current()).truth)

    def baselines(self) -> Mapping[str, Baseline]:
        """Return ``"oracle"``, ``"random"``, ``"copy"``, ``"dump"`` and ``"careless"``."""
        careless = partial(copy_what_grows, self.oracle_action)
        return {**super().baselines(), **BASELINES, "careless": careless}
