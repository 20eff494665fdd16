"""Where the episodes of one split come from: the generated world, a benchmark's file, or one's own tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textenvs.envs.toolcall.episode import Limits, ToolEpisode
from textenvs.envs.toolcall.types import Task
from textenvs.envs.toolcall.wording import instruction
from textenvs.envs.toolcall.workbench import ToolLike, Workbench
from textenvs.envs.toolcall.world.bench import WorldBench
from textenvs.envs.toolcall.world.world import World
from textenvs.episode import Episode
from textenvs.errors import ConfigError
from textenvs.seeding import Split, item_generator
from textenvs.sources import Endless, Listed
from textenvs.tools import CallFormat


@dataclass(frozen=True, slots=True)
class Manner:
    """How episodes are played, wherever they come from.

    Attributes:
        form: in which calls are written.
        limits: what ends an episode.
        instruction: takes the place of the family's own; None keeps that.
        any_wording: whether nobody looks at how the agent puts things.
    """

    form: CallFormat
    limits: Limits
    instruction: str | None = None
    any_wording: bool = False


class GeneratedSource(Endless):
    """Endless episodes of the generated world.

    Args:
        world: draws them.
        family: first part of every item's key.
        manner: how they are played.
    """

    def __init__(self, world: World, family: str, manner: Manner) -> None:
        self._world = world
        self._manner = manner
        self._key = f"{family}|{world.language}|{world.difficulty!r}"
        self._prefix = f"{family}/{world.language}/{world.split}/"

    def episode(self, index: int) -> Episode:
        """Return the episode with this index, its database in the first state."""
        item = self._world.draw(item_generator(self._key, self._world.split, index))
        first, *others = item.tasks
        manner, named = self._manner, replace(first, task_id=f"{self._prefix}{index}")
        told = instruction(first, manner.form, manner.instruction, brief=item.brief)
        return ToolEpisode(
            (named, *others),
            manner.form,
            manner.limits,
            WorldBench(item),
            told=told,
            patience=item.patience,
            strict=not manner.any_wording,
        )


class TaskSource(Listed[Task]):
    """The tasks of one split, drawn without replacement in every pass.

    Args:
        tasks: of all splits.
        split: which part of them.
        name: of where they come from, for the error.
        manner: how they are played.
        tools: that are run; None where there is nothing to run.

    Raises:
        ConfigError: if the split is empty.
    """

    def __init__(
        self, tasks: Sequence[Task], split: Split, name: str, manner: Manner, tools: Sequence[ToolLike] | None = None
    ) -> None:
        held = tuple(task for task in tasks if task.belongs_to == split)
        if not held:
            raise ConfigError(f'{name}: none of its {len(tasks)} tasks is in split={split!r}; rows may have a "split"')
        super().__init__(held)
        self._manner = manner
        self._tools = tools

    def episode(self, index: int) -> Episode:
        """Return the task with this index to be played, its tools in their first state; see `item`."""
        task, manner = self.item(index), self._manner
        bench = None if self._tools is None else Workbench(self._tools)
        told = instruction(task, manner.form, manner.instruction)
        return ToolEpisode((task,), manner.form, manner.limits, bench, told=told)
