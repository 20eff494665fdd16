from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.tiny import TinyConfig, build_tiny
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.engine import Completion
from agents.rollout.local import LocalEngine
from agents.rollout.sampling import SamplingParams
from agents.trajectory import NO_TURN, Trajectory
from tests.toy import WORDS, EchoEnv, brief, broken
from textenvs import Message, Turn
from textenvs.errors import ConfigError, UnknownNameError
from textenvs.faults import Fault
from textenvs.rewards import Normalize, Schedule, WeightedSum
from textenvs.vector import WorkerKind

PARAMS = SamplingParams(temperature=0.7, max_new_tokens=6)
POLICY = build_tiny([f"Repeat the word. {' '.join(WORDS)}"] * 3, TinyConfig(vocab_size=320, hidden_size=32, layers=2))


class Counting(gym.Env[Any, Any]):
    """Answers every turn with a number; what it does at which turn is given by the item's index."""

    def __init__(self, fails_at: int = -1, tools_change: bool = False, odd_reward: float | None = None) -> None:
        self.fails_at = fails_at
        self.tools_change = tools_change
        self.odd_reward = odd_reward
        self.closed = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.index = options["index"] if options else seed
        self.turn, self.history = 0, (Message("user", f"item {self.index}"),)
        if self.fails_at == 0:
            raise RuntimeError("no world today")
        return self.observation(), {"task_id": f"counting/{self.index}"}

    def observation(self) -> dict[str, Any]:
        tools = (f'{{"name": "tool{self.turn}"}}',) if self.tools_change else ()
        return {"instruction": "Count.", "tools": tools, "history": self.history}

    def step(self, action: str) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self.turn += 1
        if self.turn == self.fails_at:
            raise RuntimeError("the world broke")
        self.history = (*self.history, Message("assistant", action), Message("user", f"more {self.turn}"))
        reward = self.odd_reward if self.odd_reward is not None else float(self.turn)
        info = {"task_id": f"counting/{self.index}", "turn": float(self.turn), "stop": ""}
        return self.observation(), reward, self.turn == 1 + self.index % 3, False, info

    def close(self) -> None:
        self.closed = True


def collector(envs: Any, params: SamplingParams = PARAMS, **options) -> Collector:
    return Collector(POLICY, envs, params, **options)


def requests(items: int, members: int = 1) -> list[EpisodeRequest]:
    return [EpisodeRequest(group_id=i, member=m, index=i) for i in range(items) for m in range(members)]


def opening(index: int) -> dict[str, Any]:
    return {"instruction": "Count.", "tools": (), "history": (Message("user", f"item {index}"),)}


def tokens(trajectory: Trajectory) -> list[list[int]]:
    return [segment.token_ids.tolist() for segment in trajectory.segments]


def test_an_episode_leaves_its_tokens_masks_and_rewards():
    for trajectory in collector(EchoEnv).collect(requests(4, 2)):
        (segment,) = trajectory.segments
        assert trajectory.terminated
        assert not trajectory.truncated
        assert trajectory.final_ids is None
        assert trajectory.stop in ("success", "failure")
        assert trajectory.success in (0.0, 1.0)
        assert len(trajectory.turns) == 3
        assert set(trajectory.turns[0].parts) == {"exact", "brief"}
        assert {turn.temperature for turn in trajectory.turns} == {0.7}
        assert (segment.turn_index >= 0).tolist() == segment.action_mask.tolist()
        assert (segment.behavior_logprobs[segment.action_mask] < 0).all()
        assert (segment.behavior_logprobs[~segment.action_mask] == 0).all()
        assert segment.action_mask[-1]  # nothing after the last action


def test_each_turns_tokens_are_what_the_world_heard():
    for trajectory in collector(EchoEnv).collect(requests(6)):
        (segment,) = trajectory.segments
        said = [m["content"] for m in trajectory.messages if m["role"] == "assistant"]
        assert len(said) == len(trajectory.turns)
        for number, turn in enumerate(trajectory.turns):
            ids = segment.token_ids[segment.turn_index == number].tolist()
            assert POLICY.chat.action_text(ids) == said[number]
            assert (turn.finish_reason == "stop") == (ids[-1] in POLICY.chat.stop_ids)
            assert turn.reward == pytest.approx(0.75 * turn.parts["exact"] + 0.25 * turn.parts["brief"])


def test_a_sampled_stop_token_is_trained():
    policy = build_tiny((), TinyConfig(vocab_size=262, hidden_size=32, layers=1))
    policy.chat.stop_ids = tuple(range(60, 120))
    stopped = 0
    for trajectory in Collector(policy, EchoEnv, PARAMS).collect(requests(4)):
        (segment,) = trajectory.segments
        for number, turn in enumerate(trajectory.turns):
            last = segment.token_ids[segment.turn_index == number][-1]
            assert (turn.finish_reason == "stop") == (last in policy.chat.stop_ids)
            stopped += turn.finish_reason == "stop"
    assert stopped


def test_the_segment_is_prompt_turn_and_template_in_order():
    (trajectory,) = collector(Counting).collect([EpisodeRequest(0, index=1)])
    (segment,) = trajectory.segments
    first = opening(1)
    prompt = POLICY.chat.prompt_ids(first)
    assert segment.token_ids[: len(prompt)].tolist() == prompt
    assert (segment.turn_index[: len(prompt)] == NO_TURN).all()
    after = {**first, "history": (*first["history"], Message("assistant", "x"), Message("user", "more 1"))}
    between = POLICY.chat.delta_ids(first, after, trajectory.turns[0].finish_reason)
    start = int(np.flatnonzero(segment.turn_index == 0)[-1]) + 1
    assert segment.token_ids[start : start + len(between)].tolist() == between
    assert segment.turn_index[start + len(between)] == 1


def test_episodes_of_unequal_length_play_side_by_side():
    played = collector(Counting).collect(requests(9))
    assert [len(t.turns) for t in played] == [1, 2, 3] * 3
    assert [t.group_id for t in played] == list(range(9))
    assert [t.task_id for t in played] == [f"counting/{i}" for i in range(9)]
    assert played[2].episode_return == 1 + 2 + 3
    assert played[2].extra == {"turn": 3.0}
    assert math.isnan(played[2].success)


def test_company_order_and_number_of_environments_change_nothing():
    asked = requests(3, 2)
    together = [tokens(t) for t in collector(EchoEnv).collect(asked, update=3)]
    apart = [tokens(collector(EchoEnv).collect([one], update=3)[0]) for one in asked]
    backwards = [tokens(t) for t in collector([EchoEnv(), EchoEnv()]).collect(asked[::-1], update=3)][::-1]
    assert together == apart == backwards


def test_members_updates_and_seeds_have_their_own_noise():
    first, second = collector(EchoEnv).collect(requests(1, 2))
    (later,) = collector(EchoEnv).collect(requests(1), update=1)
    (other,) = collector(EchoEnv, SamplingParams(temperature=0.7, max_new_tokens=6, seed=1)).collect(requests(1))
    assert len({str(tokens(t)) for t in (first, second, later, other)}) == 4


def test_an_environment_without_named_items_is_seeded():
    one, two = (collector(Counting).collect([EpisodeRequest(0, seed=4)])[0] for _ in range(2))
    assert one.task_id == "counting/4"
    assert tokens(one) == tokens(two)


def test_an_invalid_reward_is_missing_not_zero():
    (trajectory,) = collector(lambda: EchoEnv(reward=broken)).collect(requests(1))
    assert not trajectory.valid
    assert all(math.isnan(turn.parts["broken"]) for turn in trajectory.turns)


@pytest.mark.parametrize("reward", [float("nan"), float("inf")])
def test_a_reward_that_is_no_number_is_invalid(reward: float):
    (trajectory,) = collector(lambda: Counting(odd_reward=reward)).collect(requests(1))
    assert [(turn.reward, turn.valid) for turn in trajectory.turns] == [(0.0, False)]


def test_an_environment_that_breaks_is_data_not_a_crash(caplog):
    made: list[Counting] = []

    def make() -> Counting:
        made.append(Counting(fails_at=2 if not made else -1))
        return made[-1]

    plays = collector(make, max_live=1)
    failed, fine = plays.collect([EpisodeRequest(0, index=2), EpisodeRequest(1, index=2)])
    assert plays.counts == {Fault.ENVIRONMENT_RAISED: 1}
    assert "the world broke" in caplog.text
    assert failed.stop == "error"
    assert failed.truncated
    assert [turn.valid for turn in failed.turns] == [True, False]
    assert failed.segments[0].turn_index.max() == 1
    assert failed.messages[-1]["role"] == "assistant"
    assert fine.terminated
    assert made[0].closed
    assert len(made) == 2


def test_an_environment_that_cannot_begin_leaves_an_empty_trajectory():
    plays = collector(lambda: Counting(fails_at=0))
    (trajectory,) = plays.collect(requests(1))
    assert (trajectory.stop, trajectory.turns, trajectory.action_tokens) == ("error", (), 0)
    assert trajectory.final_ids is None
    assert plays.counts == {Fault.ENVIRONMENT_RAISED: 1}


def test_a_users_mistake_is_not_a_fault():
    class Strict(Counting):
        def reset(self, *, seed=None, options=None):
            raise UnknownNameError.of("reset option", "index", ["item"])

    with pytest.raises(UnknownNameError, match="item"):
        collector(Strict).collect(requests(1))


def test_an_outside_limit_truncates_and_keeps_the_next_prompt():
    limited = collector(lambda: gym.wrappers.TimeLimit(Counting(), max_episode_steps=2))
    (trajectory,) = limited.collect([EpisodeRequest(0, index=2)])
    (segment,) = trajectory.segments
    assert trajectory.truncated
    assert not trajectory.terminated
    assert trajectory.stop == "truncated"
    assert len(trajectory.turns) == 2
    assert segment.action_mask[-1]
    assert trajectory.final_ids is not None
    assert len(trajectory.final_ids) > len(segment.token_ids)
    assert trajectory.final_ids[: len(segment.token_ids)].tolist() == segment.token_ids.tolist()
    assert trajectory.final_ids[-1] == POLICY.tokenizer.convert_tokens_to_ids("<|im_start|>assistant\n")


def test_a_full_context_truncates():
    room = len(POLICY.chat.prompt_ids(opening(2))) + 2 * PARAMS.max_new_tokens
    (trajectory,) = collector(Counting, max_context=room).collect([EpisodeRequest(0, index=2)])
    assert trajectory.stop == "context_full"
    assert trajectory.truncated
    assert len(trajectory.turns) == 1
    assert trajectory.final_ids is not None
    assert len(trajectory.final_ids) <= room


def test_a_prompt_that_does_not_fit_gives_an_episode_without_turns():
    (trajectory,) = collector(Counting, max_context=PARAMS.max_new_tokens + 2).collect(requests(1))
    assert (trajectory.stop, trajectory.turns, trajectory.action_tokens) == ("context_full", (), 0)


def test_a_rewritten_past_starts_a_new_segment():
    (trajectory,) = collector(lambda: Counting(tools_change=True)).collect([EpisodeRequest(0, index=2)])
    assert len(trajectory.segments) == 3
    for number, segment in enumerate(trajectory.segments):
        assert set(segment.turn_index.tolist()) == {NO_TURN, number}
        assert segment.action_mask[-1]
    assert tokens(trajectory)[1] != tokens(trajectory)[0][: len(tokens(trajectory)[1])]


def test_the_weights_version_is_recorded():
    policy: CausalLMPolicy = build_tiny((), TinyConfig(vocab_size=262, hidden_size=32, layers=1))
    policy.mark_updated()
    assert Collector(policy, Counting, PARAMS).collect(requests(1))[0].weights_version == 1


def test_closing_closes_the_environments():
    envs = [Counting(), Counting()]
    plays = collector(envs)
    plays.collect(requests(3))
    plays.close()
    assert all(env.closed for env in envs)


@pytest.mark.parametrize("options", [{}, {"index": 1, "seed": 1}])
def test_a_request_names_an_item_or_a_seed(options: dict):
    with pytest.raises(ConfigError, match="either index or seed"):
        EpisodeRequest(0, **options)


def test_what_can_never_play_is_refused():
    with pytest.raises(ConfigError, match="no room"):
        collector(Counting, max_context=PARAMS.max_new_tokens)
    with pytest.raises(ConfigError, match="empty"):
        collector([])


def test_every_turn_of_every_episode_has_noise_of_its_own():
    class Listening(LocalEngine):
        def submit(self, handle: int, params: SamplingParams, stream: int) -> None:
            streams.append(stream)
            super().submit(handle, params, stream)

    streams: list[int] = []
    played = collector(EchoEnv, engine=Listening(POLICY)).collect(requests(4, 3))
    assert len(set(streams)) == len(streams) == sum(len(t.turns) for t in played)


@pytest.mark.parametrize("workers", ["thread", "process"])
def test_workers_change_nothing(workers: WorkerKind):
    asked = requests(3, 2)
    inline = collector(EchoEnv).collect(asked, update=3)
    elsewhere = collector(EchoEnv, workers=workers, step_timeout_s=30.0)
    for again in (elsewhere.collect(asked, update=3), elsewhere.collect(asked, update=3)):
        assert [tokens(t) for t in again] == [tokens(t) for t in inline]
        assert [t.turns for t in again] == [t.turns for t in inline]
        assert [(t.stop, t.task_id, t.success, t.messages) for t in again] == [
            (t.stop, t.task_id, t.success, t.messages) for t in inline
        ]
    elsewhere.close()


def test_the_next_turn_does_not_wait_for_the_last_ones_reward():
    class Listening(LocalEngine):
        def submit(self, handle: int, params: SamplingParams, stream: int) -> None:
            submitted.append(len(scored))
            super().submit(handle, params, stream)

    def slow(turn: Turn) -> float:
        time.sleep(0.5)
        scored.append(turn.index)
        return float(turn.index)

    submitted: list[int] = []
    scored: list[int] = []
    plays = collector(lambda: EchoEnv(reward=slow), workers="thread", engine=Listening(POLICY))
    (trajectory,) = plays.collect(requests(1))
    plays.close()
    assert submitted == [0, 0, 0]
    assert [turn.reward for turn in trajectory.turns] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("deterministic", [True, False])
def test_deterministic_means_scheduled_by_counts_whatever_the_clock_says(deterministic: bool):
    """The worlds and judges of the second run are quick where those of the first are slow."""

    class Listening(LocalEngine):
        def submit(self, handle: int, params: SamplingParams, stream: int) -> None:
            heard.append(stream)
            super().submit(handle, params, stream)

        def poll(self) -> list[Completion]:
            heard.append("poll")
            return super().poll()

    class Uneven(EchoEnv):
        quickest = 0

        def step(self, action: Any) -> Any:
            time.sleep(0.02 * abs(self.quickest - self._episode.index))
            return super().step(action)

    heard: list[Any] = []
    schedules = []
    for quickest in (0, 3):
        Uneven.quickest = quickest
        engine = Listening(POLICY)
        plays = collector(Uneven, workers="thread", max_live=4, engine=engine, deterministic=deterministic)
        plays.collect(requests(4, 2))
        plays.close()
        schedules.append(list(heard))
        heard.clear()
    assert (schedules[0] == schedules[1]) is deterministic


def test_a_call_that_was_interrupted_leaves_nothing_behind():
    class Interrupted(LocalEngine):
        def poll(self) -> list[Completion]:
            polls.append(1)
            if len(polls) == 2:
                raise KeyboardInterrupt
            return super().poll()

    polls: list[int] = []
    plays = collector(EchoEnv, engine=Interrupted(POLICY))
    with pytest.raises(KeyboardInterrupt):
        plays.collect(requests(4))
    again = plays.collect(requests(2), update=1)
    assert [tokens(t) for t in again] == [tokens(t) for t in collector(EchoEnv).collect(requests(2), update=1)]


def scheduled(points: list[tuple[float, float]]) -> WeightedSum:
    return WeightedSum({"early": Schedule({"brief": brief}, {"brief": points}), "scaled": Normalize(length)})


def length(turn: Turn) -> float:
    return float(len(turn.action))


@pytest.mark.parametrize("workers", ["inline", "thread"])
def test_a_reward_is_told_of_progress_and_goes_on_where_it_was(workers: WorkerKind) -> None:
    def played(state: Mapping[str, Any] | None, progress: float) -> tuple[list[list[float]], Mapping[str, Any]]:
        made = collector(lambda: EchoEnv(reward=scheduled([(0.0, 4.0), (1.0, 0.0)])), max_live=2, workers=workers)
        if state is not None:
            made.restore(state)
        made.set_progress(progress)
        rewards = [[turn.parts["early"] for turn in trajectory.turns] for trajectory in made.collect(requests(4))]
        made.close()
        return rewards, json.loads(json.dumps(made.state()))

    first, state = played(None, 0.0)
    second, later = played(state, 0.75)
    assert {value for turns in first for value in turns} <= {0.0, 4.0}
    assert {value for turns in second for value in turns} <= {0.0, 1.0}
    assert [[4 * value for value in turns] for turns in second] == first
    statistics = later["reward"]["children"]["scaled"]["statistics"]
    assert statistics["count"] == len(statistics["fresh"]) == sum(map(len, first))
