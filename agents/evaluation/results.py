"""What an evaluation found: one record per episode, and the means over them with their intervals."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents.evaluation.statistics import Interval, mean_interval, share_interval
from agents.trajectory import Trajectory, TurnRecord, action_places


@dataclass(frozen=True, slots=True)
class EpisodeScore:
    """One evaluated episode.

    Attributes:
        index: of the item within its split; the same index is the same item for every policy.
        task_id: the item's name.
        group: which part of the evaluation it belongs to, such as a language; ``""`` where there is one only.
        success: 1.0, 0.0, or NaN where the environment does not say.
        episode_return: sum of rewards; NaN if a turn could not be scored.
        turns: one record per action.
        stop: why the episode ended.
        messages: the conversation, as role/content mappings.
        member: number of the episode among those of the same item.
        tokens: that the policy sampled; NaN where it has none.
        seconds: its share of the time that it was played in.
    """

    index: int
    task_id: str
    group: str
    success: float
    episode_return: float
    turns: tuple[TurnRecord, ...]
    stop: str
    messages: tuple[Mapping[str, str], ...]
    member: int = 0
    tokens: float = math.nan
    seconds: float = math.nan

    @classmethod
    def of(cls, trajectory: Trajectory, index: int, group: str = "", member: int = 0) -> EpisodeScore:
        """Build the record of a collected trajectory."""
        return cls(
            index=index,
            task_id=trajectory.task_id,
            group=group,
            success=trajectory.success,
            episode_return=trajectory.episode_return if trajectory.valid else math.nan,
            turns=trajectory.turns,
            stop=trajectory.stop,
            messages=tuple(dict(message) for message in trajectory.messages),
            member=member,
            tokens=float(trajectory.action_tokens),
        )

    @property
    def actions(self) -> tuple[str, ...]:
        """What the policy wrote, turn by turn."""
        places = action_places(self.messages, len(self.turns))
        return tuple(self.messages[place]["content"] for place in places)

    def part(self, name: str) -> float:
        """Return the mean of one reward part over the turns that have it; NaN if none has."""
        values = [turn.parts[name] for turn in self.turns if not math.isnan(turn.parts.get(name, math.nan))]
        return math.fsum(values) / len(values) if values else math.nan

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> EpisodeScore:
        """Build the record again from what `as_dict` returned."""
        return cls(
            index=record["index"],
            task_id=record["task_id"],
            group=record["group"],
            success=_number(record["success"]),
            episode_return=_number(record["return"]),
            turns=tuple(_turn(turn) for turn in record["turns"]),
            stop=record["stop"],
            messages=tuple(record["messages"]),
            member=record.get("member", 0),
            tokens=_number(record.get("tokens")),
            seconds=_number(record.get("seconds")),
        )

    def as_dict(self) -> dict[str, object]:
        """Return the record for a line of ``transcripts.jsonl``."""
        return {
            "index": self.index,
            "task_id": self.task_id,
            "group": self.group,
            "success": _json_number(self.success),
            "return": _json_number(self.episode_return),
            "stop": str(self.stop),
            "messages": [dict(message) for message in self.messages],
            "turns": [_turn_dict(turn) for turn in self.turns],
            "member": self.member,
            "tokens": _json_number(self.tokens),
            "seconds": _json_number(self.seconds),
        }


Measure = Callable[[EpisodeScore], float]
"""A number of an episode; NaN where it is missing."""


@dataclass(frozen=True)
class EvaluationResult:
    """A policy's scores on a fixed list of items.

    Attributes:
        episodes: one record each, in the order of the items.
    """

    episodes: tuple[EpisodeScore, ...]

    @classmethod
    def merge(cls, results: Iterable[EvaluationResult]) -> EvaluationResult:
        """Join evaluations of several groups into one."""
        return cls(tuple(episode for result in results for episode in result.episodes))

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups, in order of appearance."""
        return tuple(dict.fromkeys(episode.group for episode in self.episodes))

    @property
    def part_names(self) -> tuple[str, ...]:
        """The names of the reward parts, in order of appearance."""
        return tuple(dict.fromkeys(n for e in self.episodes for turn in e.turns for n in turn.parts))

    @property
    def items(self) -> tuple[tuple[str, int, str], ...]:
        """(group, index, task_id) per episode: two results pair if these are equal."""
        return tuple((episode.group, episode.index, episode.task_id) for episode in self.episodes)

    def only(self, group: str) -> EvaluationResult:
        """Return the episodes of one group."""
        return EvaluationResult(tuple(episode for episode in self.episodes if episode.group == group))

    def values(self, measure: Measure) -> np.ndarray:
        """Return [N] one number per episode."""
        return np.array([measure(episode) for episode in self.episodes], dtype=np.float64)

    @property
    def success(self) -> Interval:
        """Share of episodes that succeeded; every item counts once."""
        return share_interval(self.values(lambda episode: episode.success), self.items)

    @property
    def episode_return(self) -> Interval:
        """Mean sum of rewards, over the episodes that could be scored."""
        return mean_interval(self.values(lambda episode: episode.episode_return), self.items)

    def part(self, name: str) -> Interval:
        """Mean of one reward part."""
        return mean_interval(self.values(lambda episode: episode.part(name)), self.items)

    def summary(self) -> dict[str, Interval]:
        """Return every mean by name: success, return, each part, turns."""
        parts = {f"parts/{name}": self.part(name) for name in self.part_names}
        turns = mean_interval(self.values(lambda episode: len(episode.turns)), self.items)
        return {"success": self.success, "return": self.episode_return, **parts, "turns": turns}


def write_transcripts(path: Path, phases: Mapping[str, EvaluationResult]) -> None:
    """Write one JSON line per episode and phase (such as ``before`` and ``after``)."""
    with path.open("w", encoding="utf-8") as file:
        for phase, result in phases.items():
            for episode in result.episodes:
                line = json.dumps({"phase": phase, **episode.as_dict()}, allow_nan=False)
                file.write(line + "\n")


def read_transcripts(path: Path) -> dict[str, EvaluationResult]:
    """Read what `write_transcripts` wrote: every phase by name."""
    phases: dict[str, list[EpisodeScore]] = {}
    with path.open(encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            phases.setdefault(record["phase"], []).append(EpisodeScore.from_dict(record))
    return {phase: EvaluationResult(tuple(episodes)) for phase, episodes in phases.items()}


def paired_items(before: EvaluationResult, after: EvaluationResult) -> Sequence[tuple[str, int, str]]:
    """Return the items that both results hold, in order.

    Raises:
        ValueError: if the two do not hold the same items in the same order.
    """
    if before.items != after.items:
        raise ValueError("the two evaluations hold different items; evaluate both on the same indices")
    return before.items


def _turn_dict(turn: TurnRecord) -> dict[str, object]:
    fields = asdict(turn)
    fields["reward"] = _json_number(turn.reward) if turn.valid else None
    fields["temperature"] = _json_number(turn.temperature)
    fields["parts"] = {name: _json_number(value) for name, value in turn.parts.items()}
    return fields


def _turn(fields: Mapping[str, Any]) -> TurnRecord:
    """Build a turn again; the reward of one that could not be scored was not kept."""
    parts = {name: _number(value) for name, value in fields["parts"].items()}
    reward = _number(fields["reward"]) if fields["valid"] else 0.0
    return TurnRecord(**{**fields, "parts": parts, "reward": reward, "temperature": _number(fields["temperature"])})


def _number(value: float | None) -> float:
    """Undo `_json_number`."""
    return math.nan if value is None else value


def _json_number(value: float) -> float | None:
    """Return a number for JSON, which has neither NaN nor infinity: None stands for them."""
    return float(value) if math.isfinite(value) else None
