"""Visitors: users of an environment whose true wishes are known, for trying out rounds before real people see them.

A service shows every visitor some of the answers that its policy drew for a conversation. Whether an answer is right
is the environment's own verdict (`TextEnv.honest`); what visitors do about it is noisy, selective, late and biased by
position, and some are hostile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from agents.evaluation.results import EpisodeScore, EvaluationResult
from agents.feedback.events import MAX_CANDIDATES, Candidate, Click, Correction, Event, Impression, Thumb
from agents.feedback.off_policy import Target
from textenvs.core import TextEnv
from textenvs.errors import ConfigError
from textenvs.messages import Message

HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class VisitorsConfig:
    """What stands between the visitors' wishes and the log.

    Attributes:
        examination: how likely a visitor looks at each place; the last value holds for further ones.
        noise: how often a visitor takes a right answer for a wrong one, or the reverse.
        speaks: how likely a visitor says something about an answer that he looked at, beside clicking on it.
        corrects: how likely one who speaks, and saw nothing right, writes down what he wanted.
        delay_s: an event comes up to this much after its impression, uniformly.
        hostile: share of visitors who praise what is wrong and complain about what is right.

    Raises:
        ConfigError: if a value is no probability.
    """

    examination: tuple[float, ...] = (1.0, 0.8, 0.6)
    noise: float = 0.05
    speaks: float = 0.6
    corrects: float = 0.5
    delay_s: float = HOUR_S
    hostile: float = 0.02

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        chances = (*self.examination, self.noise, self.speaks, self.corrects, self.hostile)
        if not self.examination or not all(0 <= chance <= 1 for chance in chances) or self.delay_s < 0:
            raise ConfigError(f"{self}: all but delay_s are probabilities, and that is not negative")


@dataclass
class _Shown:
    """A conversation, what the policy drew for it, and what would have been right."""

    history: tuple[Message, ...]
    instruction: str
    tools: tuple[str, ...]
    wanted: str
    draws: int = 0
    right: dict[str, bool] = field(default_factory=dict[str, bool])


class Visitors:
    """A crowd of simulated users.

    Args:
        env: that they come to; it says what is right.
        config: how they behave.
        seed: of everything they do.
    """

    def __init__(self, env: TextEnv, config: VisitorsConfig, seed: int) -> None:
        self._env, self._config = env, config
        self._draw = np.random.default_rng(seed)

    def visit(
        self, played: EvaluationResult, policy_version: str, target: Target, *, now: float, hours: float = 24.0
    ) -> Iterator[Impression | Event]:
        """Yield what is shown and what is done about it, as far as it is known at a moment.

        Args:
            played: episodes of the policy, several of each item; every different answer to a conversation is shown.
            policy_version: that the impressions carry; their ids begin with it.
            target: the policy's own probabilities of its answers, from which the propensities follow.
            now: the moment, in seconds since 1970; what would happen later is not there.
            hours: the impressions' times are uniform over as many before the moment.
        """
        for number, shown in enumerate(self._shown(played)):
            time = now - self._draw.uniform(0, hours * HOUR_S)
            impression = _impression(shown, f"{policy_version}/{number}", policy_version, time)
            impression = _with_propensities(impression, target(impression), shown.draws)
            yield impression
            right = [shown.right[candidate.text] for candidate in impression.candidates]
            events = self._events(impression, right, shown.wanted)
            yield from (event for event in events if event.time <= now)

    def _shown(self, played: EvaluationResult) -> list[_Shown]:
        """Gather the conversations, in order of appearance."""
        found: dict[tuple[object, ...], _Shown] = {}
        for episode in played.episodes:
            for shown, action, right in self._replay(episode):
                one = found.setdefault((episode.group, episode.index, shown.history), shown)
                one.draws += 1
                one.right.setdefault(action, right)
        return list(found.values())

    def _replay(self, episode: EpisodeScore) -> Iterator[tuple[_Shown, str, bool]]:
        observation, _ = self._env.reset(options={"index": episode.index})
        instruction, tools, history = observation["instruction"], observation["tools"], observation["history"]
        for action in episode.actions:
            shown = _Shown(tuple(history), instruction, tuple(tools), self._env.oracle_action())
            yield shown, action, self._env.honest().accepts(action)
            turn = self._env.advance(action)
            history = turn.after

    def _events(self, impression: Impression, right: Sequence[bool], wanted: str) -> Iterator[Event]:
        draw, config = self._draw, self._config
        hostile = draw.random() < config.hostile
        looked = [place for place in range(len(right)) if draw.random() < self._looks(place)]
        likes = {place: (right[place] != hostile) != (draw.random() < config.noise) for place in looked}
        yield from (self._event(Click, impression, place) for place in looked if likes[place])
        if not looked or draw.random() >= config.speaks:
            return
        yield from (self._event(Thumb, impression, place, up=likes[place]) for place in looked)
        if not any(likes.values()) and not hostile and draw.random() < config.corrects:
            yield self._event(Correction, impression, looked[0], text=wanted)

    def _looks(self, place: int) -> float:
        looks = self._config.examination
        return looks[min(place, len(looks) - 1)]

    def _event(
        self, kind: type[Click | Thumb | Correction], impression: Impression, place: int, **said: object
    ) -> Event:
        time = impression.time + self._draw.uniform(0, self._config.delay_s)
        name = f"{impression.id}/{kind.__name__}/{place}"
        facts = {"id": name, "time": time, "impression_id": impression.id, "position": place}
        return kind.model_validate({**facts, **said})


def _impression(shown: _Shown, name: str, policy_version: str, time: float) -> Impression:
    system = (Message("system", shown.instruction),) if shown.instruction else ()
    return Impression(
        id=name,
        time=time,
        policy_version=policy_version,
        conversation=(*system, *shown.history),
        candidates=tuple(Candidate(text=text, propensity=1.0) for text in list(shown.right)[:MAX_CANDIDATES]),
        tools=shown.tools,
        user_id=f"visitor-{name}"[:128],
    )


def _with_propensities(impression: Impression, chances: Sequence[float], draws: int) -> Impression:
    """Return the impression with how likely each answer was among as many draws: ``1 - (1 - p)^draws``."""
    likely = [min(1.0, max(1e-9, 1 - (1 - chance) ** draws)) for chance in chances]
    pairs = zip(impression.candidates, likely, strict=True)
    shown = tuple(one.model_copy(update={"propensity": propensity}) for one, propensity in pairs)
    return impression.model_copy(update={"candidates": shown})
