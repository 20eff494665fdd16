"""One environment for every rule that breaks it: `Sums` with one thing wrong."""

from __future__ import annotations

import random
import socket
import sys
import tempfile
import time
import types
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from tests.textenvs.checker.sums import Sums, SumsEpisode, draw_numbers
from textenvs import Message, Outcome, Score, Stop, TextEnv, Turn
from textenvs.rewards import Reward
from textenvs.spaces import UnicodeText

BREAKS: dict[str, type[gym.Env[Any, Any]]] = {}
"""By the rule that the environment breaks."""


def breaks(rule: str) -> Any:
    def register(world: type[gym.Env[Any, Any]]) -> type[gym.Env[Any, Any]]:
        BREAKS[rule] = world
        return world

    return register


def of(env: TextEnv) -> Any:
    """The episode that is being played."""
    return env._episode  # pyright: ignore[reportPrivateUsage]


class Result(Sums):
    """Changes what a step returns."""

    def step(self, action: str) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        return self.change(observation, reward, terminated, truncated, info)

    def change(self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: Any) -> Any:
        raise NotImplementedError


class OtherEpisode(Sums):
    """Plays episodes of another class."""

    kind: ClassVar[type[SumsEpisode]]

    def make_episode(self, index: int) -> SumsEpisode:
        return self.kind(f"{self.family}/{self.split}/{index}", draw_numbers(self.family, self.split, index))


# Construction


@breaks("is_a_text_env")
class Plain(gym.Env[Any, Any]):
    metadata = {"render_modes": []}  # noqa: RUF012
    observation_space = gym.spaces.Discrete(2)
    action_space = UnicodeText()

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return 0, {}

    def step(self, action: str) -> Any:
        return 1, 0.0, True, False, {}


@breaks("passes_check_env")
class WrongSpace(Sums):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.observation_space = gym.spaces.Discrete(2)  # type: ignore[assignment]


@breaks("takes_the_common_settings")
class Deaf(Sums):
    def __init__(self, split: Any = "train", reward: Any = None, render_mode: Any = None) -> None:
        super().__init__(split=split, reward=reward, render_mode=render_mode)


@breaks("refuses_unknown_values")
class Agreeable(Sums):
    def __init__(self, *, split: Any = "train", **kwargs: Any) -> None:
        super().__init__(split=split if split in ("valid", "test") else "train", **kwargs)


@breaks("has_three_splits")
class NoTest(Sums):
    def make_episode(self, index: int) -> SumsEpisode:
        if self.split == "test":
            raise FileNotFoundError("test.jsonl")
        return super().make_episode(index)


@breaks("spec_survives_json")
class HoldsAFunction(Sums):
    """Puts a function among its settings."""

    @property
    def spec(self) -> Any:
        return super().spec

    @spec.setter
    def spec(self, spec: Any) -> None:
        spec.kwargs = {**spec.kwargs, "reward": print}
        TextEnv.spec.fset(self, spec)  # type: ignore[attr-defined]


@breaks("is_light")
@breaks("needs_no_network")
@breaks("writes_no_files")
class Heavy(Sums):
    """Stands in for an import of torch that asks a hub and fills a cache."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sys.modules.setdefault("vllm", types.ModuleType("vllm"))
        with socket.socket() as client:
            client.settimeout(0.01)
            client.connect_ex(("127.0.0.1", 9))
        with tempfile.TemporaryFile() as cache:
            cache.write(b"weights")


@breaks("renders_safely")
class RawRender(Sums):
    def render(self) -> Any:
        return str([message.content for message in self._history]).encode().decode("unicode_escape")


# Determinism


@breaks("repeats_itself")
class Remembering(Sums):
    played = 0

    def make_episode(self, index: int) -> SumsEpisode:
        self.played += 1
        return super().make_episode(index + 1000 * (self.played > 1))


@breaks("seeds_repeat")
class ByClock(Sums):
    def draw_index(self) -> int:
        return time.perf_counter_ns()


@breaks("siblings_do_not_interfere")
class Shared(Sums):
    turn: ClassVar[list[int]] = [0]

    def make_episode(self, index: int) -> SumsEpisode:
        self.turn[0] = 0
        return super().make_episode(index)

    def advance(self, action: str) -> Turn:
        self.turn[0] += 1
        turn = super().advance(action)
        return replace(turn, index=self.turn[0])


@breaks("processes_agree")
class ByHash(Sums):
    def make_episode(self, index: int) -> SumsEpisode:
        return super().make_episode(hash(str(index)) % 2**60)


@breaks("leaves_global_randomness")
class Seeding(Sums):
    def make_episode(self, index: int) -> SumsEpisode:
        np.random.seed(index % 1000)  # noqa: NPY002
        return super().make_episode(index)


@breaks("ignores_global_randomness")
class Drawing(Sums):
    def make_episode(self, index: int) -> SumsEpisode:
        return super().make_episode(random.randrange(10**6))  # noqa: S311


# Items


@breaks("items_do_not_repeat")
class FewItems(Sums):
    def make_episode(self, index: int) -> SumsEpisode:
        return super().make_episode(index % 20)


@breaks("neighbouring_seeds_differ")
class SeedPlusIndex(Sums):
    drawn = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        if seed is not None:
            self.drawn = seed
        return super().reset(seed=seed, options=options)

    def draw_index(self) -> int:
        self.drawn += 1
        return self.drawn


@breaks("splits_share_no_item")
class OneSplit(Sums):
    def make_episode(self, index: int) -> SumsEpisode:
        return SumsEpisode(f"{self.split}/{index}", draw_numbers(self.family, "train", index))


class Restless(SumsEpisode):
    def content(self) -> str:
        return f"{super().content()} {self.turn}"


@breaks("item_hash_is_the_content")
class MovingHash(OtherEpisode):
    kind = Restless


@breaks("task_id_names_the_item")
class Anonymous(Sums):
    def make_episode(self, index: int) -> SumsEpisode:
        return replace(super().make_episode(index), task_id="a sum")


# Turns


@breaks("observations_fit_the_space")
class NumberInText(Result):
    def change(self, observation: Any, *rest: Any) -> Any:
        return {**observation, "instruction": 7}, *rest


@breaks("history_only_grows")
class Forgetful(Result):
    def change(self, observation: Any, *rest: Any) -> Any:
        return {**observation, "history": observation["history"][-2:]}, *rest


@breaks("observations_stay_as_they_were")
class Growing(Result):
    log: Any = None

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        observation, info = super().reset(seed=seed, options=options)
        self.log = dict(observation)
        return self.log, info

    def change(self, observation: Any, *rest: Any) -> Any:
        self.log.update(observation)
        return self.log, *rest


@breaks("action_is_kept_verbatim")
class Trimming(Sums):
    def advance(self, action: str) -> Turn:
        return super().advance(action.strip())


class Ventriloquist(SumsEpisode):
    def act(self, action: str) -> Outcome:
        outcome = super().act(action)
        return outcome._replace(replies=(*outcome.replies, Message("assistant", "I see.")))


@breaks("world_never_speaks_as_the_agent")
class PutsWordsIntoMouths(OtherEpisode):
    kind = Ventriloquist


@breaks("instruction_stays")
class ChangesItsMind(Result):
    def change(self, observation: Any, *rest: Any) -> Any:
        return {**observation, "instruction": f"Turn {len(observation['history'])}."}, *rest


class BadTool(SumsEpisode):
    tools = ('{"name": "add", "parameters": {"type": "nonsense"}}',)


@breaks("tools_are_schemas")
class BadTools(OtherEpisode):
    kind = BadTool


class Endless(SumsEpisode):
    def act(self, action: str) -> Outcome:
        return super().act(action) if action.strip() else Outcome((Message("user", "Pardon?"),), "")


@breaks("episodes_end")
class NeverEnds(OtherEpisode):
    kind = Endless


@breaks("own_budget_terminates")
class Truncates(Result):
    def change(self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: Any) -> Any:
        return observation, reward, False, terminated, info


@breaks("stop_says_why")
class NoReason(Result):
    def change(self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: Any) -> Any:
        return observation, reward, terminated, truncated, {**info, "stop": ""}


@breaks("needs_a_reset")
class GoesOn(Sums):
    def step(self, action: str) -> Any:
        if self._ended and self._episode is not None:
            return self._observation(), 0.0, True, False, {}
        return super().step(action)


@breaks("refuses_bad_reset_options")
class TakesAnyOption(Sums):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        known = options if options and str(options.get("index", "x")).isdigit() else None
        return super().reset(seed=seed, options=known)


@breaks("step_is_settle_of_advance")
class OwnStep(Result):
    def change(self, observation: Any, reward: Any, *rest: Any) -> Any:
        return observation, reward / 2, *rest


class Twin(SumsEpisode):
    def act(self, action: str) -> Outcome:
        self.turn = min(self.turn, len(self.numbers) - 1)
        return super().act(action)

    def fork(self) -> SumsEpisode:
        return self


@breaks("snapshots_restore")
class SharedFork(OtherEpisode):
    kind = Twin


@breaks("survives_pickling")
class Unpicklable(Sums):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hook = lambda: None


@breaks("same_words_meet_the_same_world")
class Moody(Sums):
    mood = 0

    def make_episode(self, index: int) -> SumsEpisode:
        Moody.mood += 1
        return super().make_episode(index + 5000 * (Moody.mood > 3))


# Rewards


@breaks("reward_is_in_range")
class Generous(Result):
    def change(self, observation: Any, reward: Any, *rest: Any) -> Any:
        return observation, reward + 1.0, *rest


@breaks("parts_fuse_to_the_reward")
class HiddenBonus(Result):
    def change(self, observation: Any, reward: Any, *rest: Any) -> Any:
        return observation, reward * 0.9, *rest


@breaks("parts_have_fixed_names")
class ComingAndGoing(Result):
    def change(self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: Any) -> Any:
        parts = dict(info["reward_parts"]) | ({"bonus": 1.0} if terminated else {})
        return observation, reward, terminated, truncated, {**info, "reward_parts": parts}


@breaks("delayed_reward_adds_up")
class PaysTwice(Result):
    def change(self, observation: Any, reward: Any, terminated: bool, *rest: Any) -> Any:
        return observation, reward * (2 if self.reward_timing == "episode" else 1), terminated, *rest


@breaks("reward_does_not_move_the_world")
class FollowsTheMoney(Result):
    def change(self, observation: Any, reward: Any, *rest: Any) -> Any:
        self._ended = self._ended or reward == 0.5
        return {**observation, "instruction": "Good." if reward == 0.5 else observation["instruction"]}, *(
            reward,
            *rest,
        )


class NoNaN(Reward):
    """Calls a failure 0."""

    def __init__(self, inner: Reward) -> None:
        super().__init__(inner.name)
        self.inner = inner
        self.part_names = inner.part_names  # type: ignore[misc]

    part_names: tuple[str, ...] = ()  # type: ignore[assignment]

    def score_batch(self, turns: Any) -> list[Score]:
        scores = self.inner.score_batch(turns)
        return [score if score.valid else Score(score.value, dict.fromkeys(score.parts, 0.0)) for score in scores]


@breaks("failed_reward_is_missing")
class CallsFailureZero(Sums):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reward = NoNaN(self.reward)


class Modest(SumsEpisode):
    def oracle(self) -> str:
        return "a sum, I think"


@breaks("oracle_is_the_maximum")
class BadOracle(OtherEpisode):
    kind = Modest


class Acting(SumsEpisode):
    def oracle(self) -> str:
        said = super().oracle()
        self.numbers = (self.numbers[0] + 1, *self.numbers[1:])
        return said


@breaks("oracle_only_looks")
class MovingOracle(OtherEpisode):
    kind = Acting


@breaks("baselines_play")
class NumberedBaseline(Sums):
    def baselines(self) -> Mapping[str, Any]:
        return {**super().baselines(), "length": lambda observation: len(observation["history"])}


# Infos


@breaks("infos_hold_floats")
class IntegerInfo(Result):
    def change(self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: Any) -> Any:
        return observation, reward, terminated, truncated, {**info, "turn": int(info["turn"])}


@breaks("infos_have_fixed_keys")
class FinalScore(Result):
    def change(self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: Any) -> Any:
        return observation, reward, terminated, truncated, {**info, **({"score": 1.0} if terminated else {})}


@breaks("infos_are_json")
class ObjectInInfo(Result):
    def change(self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: Any) -> Any:
        return observation, reward, terminated, truncated, {**info, "stop": Stop, "turn": np.float32(info["turn"])}


@breaks("success_comes_at_the_end")
class EarlySuccess(Result):
    def change(self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: Any) -> Any:
        return observation, reward, terminated, truncated, {**info, "success": reward}


@breaks("turns_are_counted")
class StuckCount(Result):
    def change(self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: Any) -> Any:
        return observation, reward, terminated, truncated, {**info, "turn": 1.0}


@breaks("flags_are_flags")
class HalfValid(Result):
    def change(self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: Any) -> Any:
        return observation, reward, terminated, truncated, {**info, "reward_valid": 0.5}


# Robustness


class Strict(SumsEpisode):
    def act(self, action: str) -> Outcome:
        int(action)
        return super().act(action)


@breaks("malformed_actions_are_total")
class NumbersOnly(OtherEpisode):
    kind = Strict


@breaks("only_text_is_an_action")
class Casting(Sums):
    def step(self, action: Any) -> Any:
        return super().step(str(action))


@breaks("steps_are_quick")
class Slow(Sums):
    def make_episode(self, index: int) -> SumsEpisode:
        time.sleep(0.06)
        return super().make_episode(index)


@breaks("plays_in_a_vector")
class Exclusive(Sums):
    alive: ClassVar[list[int]] = [0]

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.alive[0] = id(self)
        return super().reset(seed=seed, options=options)

    def advance(self, action: str) -> Turn:
        turn = super().advance(action)
        return turn if self.alive[0] == id(self) else replace(turn, replies=(Message("user", "Busy."),))
