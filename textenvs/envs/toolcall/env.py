"""ToolCall: decide whether, which and how to call, on a benchmark's tasks or one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from textenvs.core import Baseline, RewardTiming, TextEnv
from textenvs.envs.toolcall import reward as calling
from textenvs.envs.toolcall.baselines import scripted
from textenvs.envs.toolcall.corpora import Format, load_corpus
from textenvs.envs.toolcall.episode import Limits, ToolEpisode
from textenvs.envs.toolcall.own import load_tasks
from textenvs.envs.toolcall.sources import TaskSource
from textenvs.envs.toolcall.types import Task
from textenvs.envs.toolcall.workbench import ToolLike, Workbench, resolve
from textenvs.episode import Episode
from textenvs.errors import ConfigError
from textenvs.rewards.core import Reward, RewardFunction
from textenvs.rewards.spec import RewardSpec
from textenvs.seeding import Split
from textenvs.tools import call_format as named_format


class ToolCall(TextEnv):
    """An assistant with tools: call the right ones rightly, or ask, answer or refuse where that is right.

    One's own tools are really run, their results come as tool messages, and the episode ends with the agent's final
    words. A benchmark only describes its tools, so an episode of it ends with the first action that can be read.

    Args:
        corpus: a file of BFCL or ACEBench, with its answers in ``possible_answer/`` beside it; see `load_corpus`.
        corpus_format: its format; None tells it from the content.
        tools: one's own tools: functions, classes, or their names as ``"pkg.mod:name"``; see `Workbench`. Those of an
            MCP server are ``"mcp:COMMAND"`` or ``"mcp:URL"``, or what `textenvs.tools.mcp.mcp_tools` returns.
        tasks: a file of one's own tasks for them; see `own` for what a row holds.
        call_format: how calls are written, one of `CALL_FORMATS`.
        max_turns: most actions of an episode.
        max_calls: most calls of an episode.
        max_malformed: most actions in a row that cannot be read.
        checker_timeout_s: most seconds of a task's checker; one that takes longer leaves its task unscored.
        instruction: what the agent is told to do, in place of the environment's own words; ``""`` tells it nothing.
        split: ``"train"``, ``"valid"`` or ``"test"``, drawn by a hash of the first message.
        reward: see `TextEnv`; the default is `reward.toolcall_reward`.
        reward_timing: see `TextEnv`.
        render_mode: see `TextEnv`.

    Raises:
        UsageError: if an argument has no such value, a file cannot be read, or a function cannot become a tool.
    """

    family: ClassVar[str] = "toolcall"
    reward_range: ClassVar[tuple[float, float]] = calling.REWARD_RANGE

    def __init__(
        self,
        *,
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
        split: Split = "train",
        reward: RewardSpec | None = None,
        reward_timing: RewardTiming = "turn",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, reward=reward, reward_timing=reward_timing, render_mode=render_mode)
        self._form = named_format(call_format)
        self._limits = _limits(max_turns, max_calls, max_malformed, checker_timeout_s)
        self._instruction = instruction
        self._tools = None if tools is None else resolve(tools)
        self.source = TaskSource(self._read(corpus, corpus_format, tasks), self.split, str(corpus or tasks))

    def _read(
        self, corpus: str | Path | None, corpus_format: Format | None, tasks: str | Path | None
    ) -> tuple[Task, ...]:
        if (corpus is None) == (tasks is None) or (tasks is None) != (self._tools is None):
            raise ConfigError('give either corpus="FILE", or tools=[...] together with tasks="FILE.jsonl"')
        if corpus is not None:
            return load_corpus(corpus, corpus_format)
        return load_tasks(str(tasks), Workbench(self._tools or ()).toolbox)

    @property
    def n_items(self) -> int:
        """How many tasks the split has."""
        return self.source.n_items

    def draw_index(self) -> int:
        """Draw the index of the next task, without replacement in every pass."""
        return self.source.draw(self.np_random)

    def make_episode(self, index: int) -> Episode:
        """Return the task with this index, its tools in their first state."""
        workbench = None if self._tools is None else Workbench(self._tools)
        return ToolEpisode(self.source.task(index), self._form, self._limits, workbench, self._instruction)

    def parts(self) -> Mapping[str, RewardFunction]:
        """Return the seven parts: decision, name, arguments, state, facts, answer, cost."""
        return calling.PARTS

    def default_reward(self) -> Reward:
        """Return the fusion that pays each turn what the task gained by it."""
        return calling.default_reward()

    def baselines(self) -> Mapping[str, Baseline]:
        """Return the oracle, ``do_nothing``, ``always_ask``, ``first_tool``, ``call_everything`` and ``echo``."""
        return {**super().baselines(), **scripted(self._form)}


def _limits(turns: int, calls: int, malformed: int, checker_s: float) -> Limits:
    for name, given in (("max_turns", turns), ("max_calls", calls), ("max_malformed", malformed)):
        if given < 1:
            raise ConfigError(f"{name}={given}: at least 1")
    if not checker_s > 0:
        raise ConfigError(f"checker_timeout_s={checker_s}: more than 0")
    return Limits(turns, calls, malformed, checker_s)
