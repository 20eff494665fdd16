"""ToolCall: decide whether, which and how to call, on generated tasks, a benchmark's or one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar, cast, get_args

from textenvs.core import Baseline, Honest, RewardTiming
from textenvs.envs.toolcall import reward as calling
from textenvs.envs.toolcall.baselines import scripted, spare_calls
from textenvs.envs.toolcall.corpora import Format, load_corpus
from textenvs.envs.toolcall.episode import Limits, ToolEpisode
from textenvs.envs.toolcall.honesty import honest_of
from textenvs.envs.toolcall.menu import ToolMenu
from textenvs.envs.toolcall.own import load_tasks
from textenvs.envs.toolcall.sources import GeneratedSource, Manner, TaskSource
from textenvs.envs.toolcall.workbench import ToolLike, Workbench, resolve
from textenvs.envs.toolcall.world.dials import Dials, dials_of
from textenvs.envs.toolcall.world.world import LanguageChoice, World
from textenvs.errors import ConfigError, check_known
from textenvs.menus import random_move
from textenvs.rewards.core import Reward, RewardFunction
from textenvs.rewards.spec import RewardSpec
from textenvs.seeding import Split
from textenvs.sources import Source, SourcedEnv
from textenvs.tools import call_format as named_format


class ToolCall(SourcedEnv):
    """An assistant with tools: call the right ones rightly, or ask, answer or refuse where that is right.

    In the generated world the tools work on a database, and the user goes on from request to request; the episode
    succeeds if every one was served rightly. One's own tools are run likewise, and the episode ends with the agent's
    final words. A benchmark only describes its tools, so an episode of it ends with the first action that can be read.

    Args:
        language: ``"zh"``, ``"en"`` or ``"mixed"`` (drawn for each episode); of the generated world only, as are
            `difficulty` and `mask_names`.
        difficulty: one of `dials.LEVELS` (``"small"``, ``"medium"``, ``"hard"``), or `Dials`.
        mask_names: call the tools ``tool_1``, ``tool_2`` and so on, so that descriptions must be read.
        corpus: a file of BFCL or ACEBench, with its answers in ``possible_answer/`` beside it; see `load_corpus`.
        corpus_format: its format; None tells it from the content.
        tools: one's own tools: functions, classes, or their names as ``"pkg.mod:name"``; see `Workbench`. Those of an
            MCP server are ``"mcp:COMMAND"`` or ``"mcp:URL"``, or what `textenvs.tools.mcp.mcp_tools` returns.
        tasks: a file of one's own tasks for them; see `own` for what a row holds.
        call_format: how calls are written, one of `CALL_FORMATS`.
        max_turns: most actions for one request.
        max_calls: most calls for one request.
        max_malformed: most actions in a row that cannot be read.
        checker_timeout_s: most seconds of a task's checker; one that takes longer leaves its task unscored.
        instruction: what the agent is told to do, in place of the environment's own words; ``""`` tells it nothing.
        any_wording: do not look at how the agent puts things. Otherwise, in the generated world, little is left of what
            a task is worth if the final words hold more than the answer and courtesies, or if calls are sprayed; see
            `tidy`.
        split: ``"train"``, ``"valid"`` or ``"test"``. In the generated world names of things and tools and the wordings
            differ; files are split by a hash of the first message.
        reward: see `TextEnv`; the default is `reward.toolcall_reward`.
        reward_timing: see `TextEnv`.
        render_mode: see `TextEnv`.

    Raises:
        UsageError: if an argument has no such value, a file cannot be read, or a function cannot become a tool.
    """

    family: ClassVar[str] = "toolcall"
    reward_range: ClassVar[tuple[float, float]] = calling.REWARD_RANGE
    return_range: ClassVar[tuple[float, float] | None] = calling.RETURN_RANGE

    def __init__(
        self,
        *,
        language: LanguageChoice = "mixed",
        difficulty: str | Dials = "medium",
        mask_names: bool = False,
        corpus: str | Path | None = None,
        corpus_format: Format | None = None,
        tools: Sequence[ToolLike | str] | str | None = None,
        tasks: str | Path | None = None,
        call_format: str = "hermes",
        max_turns: int = Limits.turns,
        max_calls: int = Limits.calls,
        max_malformed: int = Limits.malformed,
        checker_timeout_s: float = Limits.checker_s,
        instruction: str | None = None,
        any_wording: bool = False,
        split: Split = "train",
        reward: RewardSpec | None = None,
        reward_timing: RewardTiming = "turn",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, reward=reward, reward_timing=reward_timing, render_mode=render_mode)
        check_known("language", language, get_args(LanguageChoice))
        limits = _limits(max_turns, max_calls, max_malformed, checker_timeout_s)
        self._form = named_format(call_format)
        dials = dials_of(difficulty)
        world = World(language, replace(dials, masked=True) if mask_names else dials, self.split)
        manner = Manner(self._form, limits, instruction, any_wording)
        own = None if tools is None else resolve(tools)
        self.source = self._source(world, corpus, corpus_format, tasks, own, manner)

    def _source(
        self,
        world: World,
        corpus: str | Path | None,
        corpus_format: Format | None,
        tasks: str | Path | None,
        tools: Sequence[ToolLike] | None,
        manner: Manner,
    ) -> Source:
        if (tasks is None) != (tools is None) or (corpus is not None and tasks is not None):
            raise ConfigError('give corpus="FILE", or tools=[...] together with tasks="FILE.jsonl", or none of them')
        if corpus is not None:
            return TaskSource(load_corpus(corpus, corpus_format), self.split, str(corpus), manner)
        if tools is None:
            return GeneratedSource(world, self.family, manner)
        return TaskSource(load_tasks(str(tasks), Workbench(tools).toolbox), self.split, str(tasks), manner, tools)

    def parts(self) -> Mapping[str, RewardFunction]:
        """Return the seven parts: decision, name, arguments, state, facts, answer, cost."""
        return calling.PARTS

    def default_reward(self) -> Reward:
        """Return the fusion that pays each turn what the task gained by it."""
        return calling.default_reward()

    def menu(self) -> ToolMenu:
        """Return the moves and features with which `textenvs.wrappers.Choices` plays this environment."""
        return ToolMenu(self._form, self.oracle_action, self._observation)

    def honest(self) -> Honest:
        """Return the right action, but for one argument that may be left out and should not be."""
        return honest_of(cast("ToolEpisode", self._current()))

    def baselines(self) -> Mapping[str, Baseline]:
        """Return the oracle, the trivial policies of `baselines.scripted`, ``careless`` and ``random``.

        To the careless one calls are work; the random one takes any of the menu's decisions.
        """
        careless = partial(spare_calls, self.oracle_action, self._form)
        return {
            **super().baselines(),
            **scripted(self._form),
            "careless": careless,
            "random": random_move(self.menu()),
        }


def _limits(turns: int, calls: int, malformed: int, checker_s: float) -> Limits:
    for name, given in (("max_turns", turns), ("max_calls", calls), ("max_malformed", malformed)):
        if given < 1:
            raise ConfigError(f"{name}={given}: at least 1")
    if not checker_s > 0:
        raise ConfigError(f"checker_timeout_s={checker_s}: more than 0")
    return Limits(turns, calls, malformed, checker_s)
