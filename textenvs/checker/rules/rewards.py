"""Rewards: finite, in range, made of their named parts, and apart from the world."""

from __future__ import annotations

import contextlib
import logging
import math
import statistics
from collections.abc import Generator, Iterator, Mapping

from textenvs.checker.examination import COUNTER, Examination
from textenvs.checker.plays import Play, Step, show
from textenvs.checker.rule import NotOfferedError, rule
from textenvs.core import TextEnv
from textenvs.messages import Turn
from textenvs.rewards.fusion import Fusion

TOLERANCE = 1e-9


def constant_reward(turn: Turn) -> float:
    """Return 0.5, whatever was said."""
    return 0.5


def failing_reward(turn: Turn) -> float:
    """Fail, as an endpoint that is down does."""
    raise RuntimeError("this reward always fails")


@rule("Bound the reward, and declare its least and greatest value of one step as reward_range.")
def reward_is_in_range(exam: Examination) -> Iterator[str]:
    """Every reward is a finite float inside the declared reward_range."""
    low, high = exam.make_text_env().reward_range
    for played, turn, step in _steps(exam.plays):
        if not isinstance(step.reward, float) or not low - TOLERANCE <= step.reward <= high + TOLERANCE:
            yield f"{played.at(turn)}: {step.reward!r} outside [{low}, {high}]"


@rule("Fuse the parts by WeightedSum, Product or Gate, or return them in the Score of one function.")
def parts_fuse_to_the_reward(exam: Examination) -> Iterator[str]:
    """The reward is the fusion of the parts in the info: of its own, and of any weights given by name."""
    env = exam.make_text_env()
    if isinstance(env.reward, Fusion):
        for played, turn, step in _steps(exam.plays):
            fused = env.reward.fuse({name: step.info["reward_parts"][name] for name in env.reward.children})
            if math.isfinite(fused) and abs(fused - step.reward) > TOLERANCE:
                yield f"{played.at(turn)}: the parts fuse to {fused}, the reward is {step.reward}"
    weights = {name: float(place) for place, name in enumerate(env.parts(), 1)}
    for played in _played(exam, reward=weights):
        for turn, step in enumerate(played.steps, 1):
            fused = math.fsum(weights[name] * step.info["reward_parts"][name] for name in weights)
            if step.info["reward_valid"] and not abs(fused - step.reward) <= TOLERANCE:
                yield f"{played.at(turn)}: with reward={weights} the parts sum to {fused}, not {step.reward}"


@rule("Return every part at every step, NaN where there is nothing to score.")
def parts_have_fixed_names(exam: Examination) -> Iterator[str]:
    """The names of the parts are the same at every step, the reset included, where all are NaN."""
    expected: set[str] | None = None
    for played in exam.plays:
        for turn, state in enumerate(played.states):
            parts: Mapping[str, float] = state.info["reward_parts"]
            expected = set(parts) if expected is None else expected
            if set(parts) != expected:
                yield f"{played.at(turn)}: {sorted(set(parts) ^ expected)} come and go"
            if turn == 0 and not all(map(math.isnan, parts.values())):
                yield f"{played.at(turn)}: something is scored before the first action"


@rule("Leave the timing to TextEnv: return each turn's reward and let it hold back what is owed.")
def delayed_reward_adds_up(exam: Examination) -> Iterator[str]:
    """Paid at the end (reward_timing="episode") the return is the same, and nothing is paid before."""
    at_once = {(played.policy, played.index): played for played in _played(exam)}
    for played in _played(exam, reward_timing="episode"):
        paid = at_once[played.policy, played.index].episode_return
        if abs(played.episode_return - paid) > TOLERANCE * max(1, len(played.steps)):
            yield f"{played.at(0)}: {played.episode_return} at the end, {paid} turn by turn"
        if any(step.reward for step in played.steps[:-1]):
            yield f"{played.at(0)}: something is paid before the end"


@rule("Decide what the world does in Episode.act(), which never sees the reward.")
def reward_does_not_move_the_world(exam: Examination) -> Iterator[str]:
    """With a constant reward the world says and does the same."""
    usual = {(played.policy, played.index): _world(played) for played in _played(exam)}
    for played in _played(exam, reward=f"{__name__}:{constant_reward.__name__}"):
        if _world(played) != usual[played.policy, played.index]:
            yield f"{played.at(0)}: the conversation changes with the reward"


@rule("Let reward errors through to Scored, which marks the turn; never put a number in place of a failure.")
def failed_reward_is_missing(exam: Examination) -> Iterator[str]:
    """A reward that fails is missing: reward_valid 0.0, its part NaN, the step's reward finite, the episode goes on."""
    name = f"{__name__}:{failing_reward.__name__}"
    with _quiet():
        plays = list(_played(exam, reward=name))
    for played in plays:
        if played.error:
            yield f"{played.at(len(played.steps))}: {played.error}"
        for turn, step in enumerate(played.steps, 1):
            part = step.info["reward_parts"].get(name, 0.0)
            if step.info["reward_valid"] or not math.isnan(part) or not math.isfinite(step.reward):
                yield f"{played.at(turn)}: reward {step.reward}, part {part}, valid {step.info['reward_valid']}"


@rule("Let Episode.oracle() play for the return, and check the reward where a baseline beats it.")
def oracle_is_the_maximum(exam: Examination) -> Iterator[str]:
    """No baseline, and no nonsense, earns more than the oracle over the same items, or succeeds more often."""
    exam.make_text_env()
    oracle = _policy(exam, "oracle")
    for name in dict.fromkeys(played.policy for played in exam.plays):
        if name == "oracle" or len(others := _policy(exam, name)) < exam.items:
            continue
        for what, measure in (("earns", _earned), ("succeeds in", _success)):
            best, other = (statistics.fmean(map(measure, plays)) for plays in (oracle, others))
            if other > best + TOLERANCE:
                yield f"{name} {what} {other:.4f} on average, the oracle {best:.4f}"


@rule("Let Episode.oracle() look and not act.")
def oracle_only_looks(exam: Examination) -> Iterator[str]:
    """Asking the oracle changes nothing, and asked twice it says the same."""
    env = exam.make_text_env()
    for index in range(exam.items):
        env.reset(options={"index": index})
        try:
            first, second = env.oracle_action(), env.oracle_action()
        except NotImplementedError as error:
            raise NotOfferedError("the environment has no oracle") from error
        if first != second:
            yield f"item {index}: it says {first!r:.80}, and then {second!r:.80}"
        if show(env.step("no")) != _first_step(exam, index):
            yield f"item {index}: asking the oracle changed the episode"


@rule("Return a str for every observation that the environment can give.")
def baselines_play(exam: Examination) -> Iterator[str]:
    """Every baseline plays every item to its end, the oracle is one of them, and each says the same every time."""
    names = set(exam.make_text_env().baselines())
    if "oracle" not in names:
        yield "baselines() has no 'oracle'"
    for played in exam.plays:
        if played.policy in names and played.error:
            yield f"{played.at(len(played.steps) + 1)}: {played.error}"
    for played in _played(exam):
        if played.fingerprint != exam.play(played.policy, played.index).fingerprint:
            yield f"{played.at(0)}: it plays differently in a fresh environment"


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Keep the log free of failures that are meant."""
    log = logging.getLogger("textenvs.rewards")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _first_step(exam: Examination, index: int) -> str:
    """Return what an item's first step shows where nobody has asked the oracle."""
    env = exam.make_text_env()
    env.reset(options={"index": index})
    return show(env.step("no"))


def _played(exam: Examination, **settings: object) -> Iterator[Play]:
    """Play a few items with the oracle and the counter under other settings."""
    names = ["oracle", COUNTER] if isinstance(exam.make(), TextEnv) else [COUNTER]
    for name in names:
        for index in range(min(exam.items, 4)):
            yield exam.play(name, index, **settings)


def _policy(exam: Examination, name: str) -> list[Play]:
    return [played for played in exam.plays if played.policy == name]


def _steps(plays: tuple[Play, ...]) -> Iterator[tuple[Play, int, Step]]:
    return ((played, turn, step) for played in plays for turn, step in enumerate(played.steps, 1))


def _world(played: Play) -> str:
    return show([(s.observation, s.terminated, s.truncated, s.info["success"], s.info["stop"]) for s in played.states])


def _earned(played: Play) -> float:
    return played.episode_return


def _success(played: Play) -> float:
    return float(played.states[-1].info["success"])
