"""One episode: what was asked for, and the live conversation that it becomes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from agents.rollout.engine import Completion
from agents.rollout.recording import Recording, failed_turn, turn_record
from agents.rollout.sampling import stream_key
from agents.trajectory import Trajectory
from textenvs.errors import ConfigError
from textenvs.vector import Step

NO_HANDLE = -1
"""`LiveEpisode.handle` before the engine has been given the conversation."""


@dataclass(frozen=True)
class EpisodeRequest:
    """One episode to play.

    Attributes:
        group_id: trajectories with the same id belong together.
        member: number within the group; it keys the sampling noise, so members differ.
        index: names the item, by ``reset(options={"index": index})``.
        seed: for environments without named items, by ``reset(seed=seed)``. Exactly one of the two is given.
        task: that the item belongs to, where several are mixed.

    Raises:
        ConfigError: if both or neither of `index` and `seed` are given.
    """

    group_id: int
    member: int = 0
    index: int | None = None
    seed: int | None = None
    task: str = ""

    def __post_init__(self) -> None:
        if (self.index is None) == (self.seed is None):
            raise ConfigError(f"an EpisodeRequest takes either index or seed; got {self.index=}, {self.seed=}")

    @property
    def item(self) -> int:
        """The number that names the item; it seeds the environment too, which may draw more than the item."""
        return self.index if self.index is not None else self.seed or 0


@dataclass
class LiveEpisode:
    """An episode while it is played.

    Attributes:
        place: of its request in the call.
        request: what was asked for.
        slot: number of the environment that plays it.
        update: number of the training update.
        weights_version: of the policy that samples.
        handle: of the conversation in the engine.
        observation: the latest.
        info: the latest.
        last_action: an action that the history does not show, because the environment has not answered it.
        finish_reason: of the last action.
        in_world: whether the environment has to answer next.
        stop: why it has ended; ``""`` while it goes on.
        terminated: whether the environment ended it.
        unsettled: temperature and finish reason of the turns whose rewards are not there yet.
        recording: its tokens and rewards so far.
    """

    place: int
    request: EpisodeRequest
    slot: int
    update: int
    weights_version: int
    handle: int = NO_HANDLE
    observation: Any = None
    info: dict[str, Any] = field(default_factory=dict[str, Any])
    last_action: str | None = None
    finish_reason: str = ""
    in_world: bool = True
    stop: str = ""
    terminated: bool = False
    unsettled: deque[tuple[float, str]] = field(default_factory=deque[tuple[float, str]])
    recording: Recording = field(default_factory=Recording)

    @property
    def is_complete(self) -> bool:
        """Whether it has ended and all its rewards are there."""
        return bool(self.stop) and not self.unsettled

    def stream(self, seed: int) -> int:
        """Return the name of the next turn's noise."""
        return stream_key(seed, self.update, self.request.item, self.request.member, self.recording.played)

    def say(self, completion: Completion, text: str, temperature: float) -> None:
        """Record an action that the world has yet to answer."""
        self.recording.add_turn(completion)
        self.last_action, self.finish_reason, self.in_world = text, completion.finish_reason, True
        self.unsettled.append((temperature, completion.finish_reason))

    def settle(self, step: Step) -> None:
        """Record what the oldest unsettled action was worth; a first observation is worth nothing."""
        failed = step.fault is not None and step.fault.stop is not None
        if self.unsettled:
            sampled = self.unsettled.popleft()
            record = failed_turn(*sampled) if failed else turn_record(step.reward, step.info, *sampled)
            self.recording.turns.append(record)
        if not failed:
            self.info = step.info

    def trajectory(self, limit: int) -> Trajectory:
        """Return what the episode leaves behind.

        Args:
            limit: longest `final_ids`, in tokens.
        """
        return self.recording.finish(
            terminated=self.terminated,
            weights_version=self.weights_version,
            group_id=self.request.group_id,
            stop=self.stop,
            info=self.info,
            messages=self._messages(),
            limit=limit,
            task=self.request.task,
        )

    def _messages(self) -> list[dict[str, str]]:
        if self.observation is None:
            return []
        instruction = self.observation["instruction"]
        system = [{"role": "system", "content": instruction}] if instruction else []
        unseen = [] if self.last_action is None else [{"role": "assistant", "content": self.last_action}]
        return [*system, *(dict(message) for message in self.observation["history"]), *unseen]
