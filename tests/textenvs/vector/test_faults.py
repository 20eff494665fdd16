"""What a vector does about environments that raise, hang and die, and about rewards that fail."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.worlds import DIES, HANG_S, HANGS, RAISES, BrokenEnv, EndlessEnv, TroubledEnv, slow_at_first
from tests.conftest import ROOT
from tests.toy import EchoEnv, broken, not_a_number
from textenvs.errors import EnvironmentFaultError
from textenvs.faults import Fault
from textenvs.messages import Stop
from textenvs.vector import Step, TextVectorEnv

LIMIT_S = 0.1


@pytest.fixture
def close() -> Iterator[list[TextVectorEnv]]:
    made: list[TextVectorEnv] = []
    yield made
    for envs in made:
        envs.close()


def play(envs: TextVectorEnv, index: int, action: str = "a") -> Step:
    envs.send({index: action})
    (step,) = envs.receive()
    return step


def open_and_play(envs: TextVectorEnv, item: int) -> Step:
    """Play an item to its second action."""
    envs.begin(0, options={"index": item})
    assert [step.fault for step in envs.receive()] == [None]
    assert play(envs, 0).fault is None
    return play(envs, 0)


def alive(process: int) -> bool:
    status = Path(f"/proc/{process}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def wait_until_gone(process: int) -> None:
    end = time.monotonic() + 10
    while alive(process):
        assert time.monotonic() < end, f"process {process} is still there"
        time.sleep(0.02)


@pytest.mark.parametrize("workers", ["inline", "thread", "process"])
def test_an_environment_that_raises_ends_its_episode_and_is_replaced(workers: Any, close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv(TroubledEnv, 1, workers=workers)
    close.append(envs)
    step = open_and_play(envs, RAISES)
    assert (step.fault, step.info["stop"]) == (Fault.ENVIRONMENT_RAISED, Stop.ERROR)
    assert (step.terminated, step.truncated, step.reward) == (False, True, 0.0)
    assert step.info["reward_valid"] == 0.0
    assert math.isnan(step.info["success"])
    assert all(math.isnan(part) for part in step.info["reward_parts"].values())
    assert [message["content"] for message in step.observation["history"]][1:2] == ["a"]
    assert open_and_play(envs, 0).fault is None


@pytest.mark.parametrize("workers", ["thread", "process"])
def test_one_that_hangs_is_ended_at_its_limit_and_replaced(workers: Any, close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv(TroubledEnv, 2, workers=workers, step_timeout_s=LIMIT_S)
    close.append(envs)
    envs.begin(1, options={"index": 0})
    (_,) = envs.receive()
    start = time.perf_counter()
    envs.begin(0, options={"index": HANGS})
    (_,) = envs.receive()
    play(envs, 0)
    begun = time.perf_counter()
    envs.send({0: "a", 1: "b"})
    other, hung = envs.receive() + envs.receive()
    assert LIMIT_S <= time.perf_counter() - begun < HANG_S
    assert (other.index, other.fault) == (1, None)
    assert (hung.fault, hung.info["stop"], hung.truncated) == (Fault.ENVIRONMENT_TIMED_OUT, Stop.TIMED_OUT, True)
    assert open_and_play(envs, 0).fault is None
    assert time.perf_counter() - start < 20


def test_a_worker_that_hangs_is_killed(close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv(TroubledEnv, 1, workers="process", step_timeout_s=LIMIT_S)
    close.append(envs)
    envs.reset(options={"index": HANGS})
    (before,) = envs.call("process")
    envs.step(("a",))
    infos = envs.step(("a",))[4]
    assert infos["final_info"]["stop"].tolist() == ["timed_out"]
    wait_until_gone(before)
    assert envs.call("process") != (before,)


def test_a_worker_that_dies_is_replaced(close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv(TroubledEnv, 1, workers="process")
    close.append(envs)
    step = open_and_play(envs, DIES)
    assert (step.fault, step.info["stop"]) == (Fault.WORKER_DIED, Stop.WORKER_DIED)
    assert open_and_play(envs, 0).fault is None


def test_a_replaced_environment_goes_on_with_a_seed_of_its_own() -> None:
    played = []
    for _ in range(2):
        envs = TextVectorEnv(TroubledEnv, 2)
        envs.reset(seed=1)
        envs.reset(seed=1, options={"index": [RAISES, 0]})
        envs.step(("a", "a"))
        _, _, terminated, truncated, infos = envs.step(("a", "a"))
        assert (terminated.tolist(), truncated.tolist()) == ([False, False], [True, False])
        assert infos["final_info"]["task_id"].tolist() == [f"echo/{RAISES}", None]
        played.append(infos["task_id"].tolist())
    assert played[0] == played[1]


@pytest.mark.parametrize(("reward", "fault"), [(broken, "failed"), (not_a_number, "not_finite")])
def test_a_reward_that_fails_is_missing_and_the_episode_goes_on(reward: Any, fault: str) -> None:
    envs = TextVectorEnv(partial(EchoEnv, reward=reward), 1)
    step = open_and_play_one(envs)
    assert step.fault == f"reward_{fault}"
    assert (step.reward, step.ended, step.info["reward_valid"], step.info["stop"]) == (0.0, False, 0.0, "")


def open_and_play_one(envs: TextVectorEnv) -> Step:
    envs.begin(0, options={"index": 0})
    (_,) = envs.receive()
    return play(envs, 0)


def test_a_reward_that_is_late_is_missing_and_the_episode_goes_on(close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv(partial(EchoEnv, reward=slow_at_first), 1, workers="thread", step_timeout_s=LIMIT_S)
    close.append(envs)
    late = open_and_play_one(envs)
    assert late.fault == Fault.REWARD_TIMED_OUT
    assert (late.reward, late.ended, late.info["reward_valid"]) == (0.0, False, 0.0)
    assert math.isnan(late.info["reward_parts"]["slow_at_first"])
    time.sleep(0.3)  # the judge answers at last, and nobody listens
    step = play(envs, 0)
    assert (step.fault, step.reward, step.info["turn"]) == (None, 1.0, 2.0)


def test_a_reward_that_computes_on_its_own_account_is_checked_too() -> None:
    class Whole(EchoEnv):
        def step(self, action: str) -> Any:
            after, _, terminated, truncated, info = super().step(action)
            return after, math.inf, terminated, truncated, info

    assert open_and_play_one(TextVectorEnv([Whole()])).fault == Fault.REWARD_NOT_FINITE
    assert open_and_play_one(TextVectorEnv([EchoEnv(reward=broken)])).fault == Fault.REWARD_FAILED


def test_a_world_that_never_begins_is_an_error() -> None:
    with pytest.raises(EnvironmentFaultError, match="3 times"):
        TextVectorEnv(BrokenEnv, 2).reset(seed=0)


def test_closing_ends_every_process_also_one_that_hangs() -> None:
    envs = TextVectorEnv(TroubledEnv, 2, workers="process")
    envs.reset(options={"index": [HANGS, 0]})
    processes = envs.call("process")
    envs.step(("a", "a"))
    envs.send({0: "a"})
    envs.close()
    for process in processes:
        wait_until_gone(process)
    assert not [thread for thread in threading.enumerate() if thread.name == "textenvs-1"]


PARENT = """
import functools, sys, time
from tests.chaos.worlds import EndlessEnv
from textenvs.vector import TextVectorEnv
envs = TextVectorEnv(EndlessEnv, 2, workers="process")
envs.reset(seed=0)
envs.send({0: "a"})
print(*[slot.worker._player._process.pid for slot in envs._stage._slots], flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_its_parent(how: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as parent:
        assert parent.stdout is not None
        children = [int(number) for number in parent.stdout.readline().split()]
        assert len(children) == 2
        assert all(alive(child) for child in children)
        parent.send_signal(how)
    for child in children:
        wait_until_gone(child)


def test_after_ctrl_c_the_vector_can_be_used_and_closed(close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv(EndlessEnv, 2, workers="thread")
    close.append(envs)
    envs.reset(seed=0)
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        envs.step(("a", "a"))
    observations, _ = envs.reset(seed=0)
    assert [len(history) for history in observations["history"]] == [1, 1]
