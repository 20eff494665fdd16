"""Preference pairs that an environment makes by itself: what it knows to be right against graded corruptions of it.

At every turn of an episode the environment names its best action and, through `TextEnv.honest`, other wordings of it,
weaker answers given in good faith, and wrong ones that look right. Beside these stand the best action with a slip in
it, what the baselines do, and an exploit of `textenvs.rewards.exploits`. Two answers of different grade make a pair.
No reward is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from agents.finetune.drills import UNITS
from agents.finetune.preferences import PreferencePair
from textenvs.core import Honest, Observation, TextEnv
from textenvs.errors import ConfigError
from textenvs.messages import Message, strip_thinking
from textenvs.rewards.exploits import EXPLOITS, FORMATS, Scene
from textenvs.rewards.exploits.battery import moves, scene_of

GRADES: Mapping[str, float] = {
    "right": 1.0,
    "weaker": 0.6,
    "slip": 0.3,
    "rival": 0.3,
    "baseline": 0.3,
    "exploit": 0.0,
}
"""How good an answer of each kind is taken to be; the margin of a pair is the difference."""

ATTEMPTS = 8
"""Classes of exploit that are tried until one can be written for a turn."""


@dataclass(frozen=True, slots=True)
class GradedAnswer:
    """An answer of known quality.

    Attributes:
        text: what is said.
        kind: one of `GRADES`.
        source: what gives it: the name of a baseline, else the kind.
    """

    text: str
    kind: str
    source: str

    @property
    def grade(self) -> float:
        """How good it is, in [0, 1]."""
        return GRADES[self.kind]


def graded_pairs(
    env_id: str,
    env_kwargs: Mapping[str, Any] | None = None,
    n: int = 2000,
    *,
    seed: int = 0,
    per_turn: int = 2,
    lapses: float = 0.3,
) -> list[PreferencePair]:
    """Return pairs from the turns of an environment's own episodes.

    Args:
        env_id: of a registered environment.
        env_kwargs: for `gymnasium.make`; the reward is not asked for.
        n: how many pairs.
        seed: of the items, the answers and the lapses.
        per_turn: pairs that are drawn at one turn; fewer where fewer differ.
        lapses: the probability, at every turn, that the conversation goes on from a wrong answer, so that what comes
            after a mistake is seen too.

    Raises:
        ConfigError: if the environment is no `TextEnv`, or a number is out of range.
    """
    if n < 1 or per_turn < 1 or not 0.0 <= lapses < 1.0:
        raise ConfigError(f"n={n}, per_turn={per_turn}: at least 1 each; lapses={lapses}: from 0 up to, not with, 1")
    env = gym.make(env_id, disable_env_checker=True, **dict(env_kwargs or {})).unwrapped
    if not isinstance(env, TextEnv):
        raise ConfigError(f"{env_id} knows no right answers: pairs need an environment built on textenvs.TextEnv")
    generator = np.random.default_rng(seed)
    pairs: list[PreferencePair] = []
    env.reset(seed=seed)
    while len(pairs) < n:
        pairs += _episode(env, generator, per_turn, lapses)
    return pairs[:n]


def graded_answers(env: TextEnv, observation: Observation, generator: np.random.Generator) -> list[GradedAnswer]:
    """Return answers of every kind to this point of an episode, the best action first; no text comes twice.

    An answer that `Honest.accepts` is right, whoever gives it.

    Args:
        env: stands there, and stays there.
        observation: what it shows.
        generator: of the exploit.
    """
    known, best = env.honest(), env.oracle_action()
    found = {best: GradedAnswer(best, "right", "best action")}
    for kind, source, texts in _candidates(env, observation, known, generator):
        for text in texts:
            graded = GradedAnswer(text, "right" if kind == "right" or known.accepts(text) else kind, source)
            found.setdefault(strip_thinking(text), graded)
    return list(found.values())


def _candidates(
    env: TextEnv, observation: Observation, known: Honest, generator: np.random.Generator
) -> Iterator[tuple[str, str, Iterable[str]]]:
    """Yield kind, source and texts."""
    scene = scene_of(env, observation, known, tuple(int(x) for x in generator.integers(2**31, size=2)))
    yield "right", "wording", known.wordings
    yield "weaker", "weaker", known.answers
    yield "rival", "rival", known.rivals
    yield "slip", "slip", _slips(scene, generator)
    yield from (("baseline", name, [act(observation)]) for name, act in env.baselines().items() if name != "oracle")
    yield "exploit", "exploit", _exploits(scene, known, generator)


def _slips(scene: Scene, generator: np.random.Generator) -> list[str]:
    """Return the best action with one of its words left out, said twice, or replaced by another of the conversation."""
    words = list(UNITS.finditer(scene.gold))
    heard = [word for message in scene.history for word in UNITS.findall(message.content)]
    if not words or not heard:
        return []
    place = words[generator.integers(len(words))]
    word, other = place.group(), heard[generator.integers(len(heard))]
    return [scene.gold[: place.start()] + slip + scene.gold[place.end() :] for slip in ("", word * 2, other)]


def _exploits(scene: Scene, known: Honest, generator: np.random.Generator) -> list[str]:
    """Return one exploit in one format, of a class that can be written here; nothing after too many that cannot."""
    names = list(FORMATS)
    for number in generator.permutation(len(EXPLOITS))[:ATTEMPTS]:
        name = names[generator.integers(len(names))]
        for move in moves(scene, known, EXPLOITS[number], {name: FORMATS[name]}):
            return [move.action]
    return []


def _episode(env: TextEnv, generator: np.random.Generator, per_turn: int, lapses: float) -> Iterator[PreferencePair]:
    """Yield the pairs of one episode."""
    observation: Observation
    observation, info = env.reset()
    while True:
        answers = graded_answers(env, observation, generator)
        yield from _pairs(observation, answers, generator, per_turn, f"{info['task_id']}#{len(observation['history'])}")
        turn = env.advance(_next(answers, generator, lapses))
        if turn.last:
            return
        observation = {**observation, "history": turn.after}


def _pairs(
    observation: Observation, answers: list[GradedAnswer], generator: np.random.Generator, count: int, origin: str
) -> Iterator[PreferencePair]:
    """Yield pairs of this turn; the source of the worse answer is drawn first, so that many from one count as one.

    Of the right answers only the best action is preferred to others: other wordings are often written in a form of
    their own (no capitals, no marks at the end), and a reward model would learn that form instead of what is said.
    """
    instruction = observation["instruction"]
    system = (Message("system", instruction),) if instruction else ()
    drawn: set[tuple[str, str]] = set()
    for _ in range(count):
        worse = _draw([answer for answer in answers if answer.kind != "right"], generator)
        if worse is None:
            return
        preferable = [answers[0], *(answer for answer in answers if answer.kind != "right")]
        better = _draw([answer for answer in preferable if answer.grade > worse.grade], generator)
        if better is None or (better.text, worse.text) in drawn:
            continue
        drawn.add((better.text, worse.text))
        margin = round(better.grade - worse.grade, 6)
        prompt = (*system, *observation["history"])
        yield PreferencePair(prompt, better.text, worse.text, margin, observation["tools"], origin)


def _draw(answers: list[GradedAnswer], generator: np.random.Generator) -> GradedAnswer | None:
    """Return one of the answers, all sources being equally likely."""
    sources = sorted({answer.source for answer in answers})
    if not sources:
        return None
    source = sources[generator.integers(len(sources))]
    alike = [answer for answer in answers if answer.source == source]
    return alike[generator.integers(len(alike))]


def _next(answers: list[GradedAnswer], generator: np.random.Generator, lapses: float) -> str:
    """Return what the conversation goes on with: the best action, or after a lapse one that is not right."""
    lapsed = generator.random() < lapses
    wrong = _draw([answer for answer in answers if answer.kind != "right"], generator) if lapsed else None
    return wrong.text if wrong else answers[0].text
