"""Slow and unsteady rewards: asked again so often and no more, given up in time, and missing at last, never 0."""

from __future__ import annotations

import math
import pickle
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.toy import EchoEnv, brief, broken
from textenvs import Turn
from textenvs.errors import RewardSpecError
from textenvs.faults import Fault
from textenvs.rewards import Normalize, Retry, Reward, Score, WeightedSum
from textenvs.vector import TextVectorEnv


def turns(count: int) -> list[Turn]:
    return [Turn("", (), "red", index=i) for i in range(count)]


class Flaky:
    """Fails so often on each turn, then says its index; counts how often each turn was asked about."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.asked: Counter[int] = Counter()

    def __call__(self, turn: Turn) -> float:
        self.asked[turn.index] += 1
        if turn.index % 2 and self.asked[turn.index] <= self.failures:
            raise ConnectionError("try again")
        return float(turn.index)


class FlakyBatch(Flaky):
    """The same for batches, which it remembers."""

    def __init__(self, failures: int) -> None:
        super().__init__(failures)
        self.batches: list[list[int]] = []

    def score_batch(self, turns: Sequence[Turn]) -> list[Score]:
        self.batches.append([turn.index for turn in turns])
        return [self.one(turn) for turn in turns]

    def one(self, turn: Turn) -> Score:
        try:
            return Score(self(turn), {"p": float(turn.index)})
        except ConnectionError:
            return Score.missing(("p",), Fault.REWARD_FAILED)


@pytest.fixture
def stuck() -> Iterator[Callable[[Turn], float]]:
    """A reward that hangs on turn 1 until the test is over."""
    over = threading.Event()

    def reward(turn: Turn) -> float:
        if turn.index == 1:
            over.wait(60)
        return 1.0

    yield reward
    over.set()


@pytest.mark.parametrize(("retries", "valid"), [(0, False), (1, False), (2, True), (5, True)])
def test_it_is_asked_again_so_often_and_no_more(retries: int, valid: bool) -> None:
    flaky = Flaky(failures=2)
    scores = Retry(flaky, retries, wait_s=0.0).score_batch(turns(4))
    assert [score.valid for score in scores] == [True, valid, True, valid]
    assert [score.value for score in scores] == [0.0, 1.0 if valid else 0.0, 2.0, 3.0 if valid else 0.0]
    assert flaky.asked == {0: 1, 1: 1 + min(retries, 2), 2: 1, 3: 1 + min(retries, 2)}


def test_what_stays_missing_is_missing_and_not_0() -> None:
    score = Retry(broken, retries=1, wait_s=0.0)(turns(1)[0])
    assert (score.valid, score.fault, math.isnan(score.parts["broken"])) == (False, Fault.REWARD_FAILED, True)


def test_of_a_batch_only_what_is_missing_is_asked_again() -> None:
    flaky = FlakyBatch(failures=1)
    reward = Retry(flaky, wait_s=0.0)
    assert [score.value for score in reward.score_batch(turns(5))] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert flaky.batches == [[0, 1, 2, 3, 4], [1, 3]]
    assert reward.batches
    assert not Retry(brief).batches


def test_waits_grow_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("textenvs.rewards.retry.time.sleep", waits.append)
    Retry(broken, retries=5, wait_s=4.0).score_batch(turns(1))
    assert waits == [4.0, 8.0, 16.0, 30.0, 30.0]
    waits.clear()
    Retry(brief, retries=5).score_batch(turns(1))
    assert waits == []


def test_a_call_that_hangs_is_given_up_and_holds_nobody_up(stuck: Callable[[Turn], float]) -> None:
    scores = Retry(stuck, retries=1, timeout_s=0.4, wait_s=0.0).score_batch(turns(3))
    assert [score.valid for score in scores] == [True, False, True]
    assert (scores[1].fault, scores[1].value) == (Fault.REWARD_TIMED_OUT, 0.0)
    assert math.isnan(scores[1].parts["reward"])


def test_a_batch_that_hangs_is_given_up_whole() -> None:
    over = threading.Event()

    class Hanging:
        def __call__(self, turn: Turn) -> float:
            raise AssertionError("scored one by one")

        def score_batch(self, turns: Sequence[Turn]) -> list[float]:
            over.wait(60)
            return [1.0 for _ in turns]

    scores = Retry(Hanging(), retries=0, timeout_s=0.1).score_batch(turns(2))
    over.set()
    assert [score.fault for score in scores] == [Fault.REWARD_TIMED_OUT] * 2


def test_calls_run_side_by_side_but_not_too_many() -> None:
    together = threading.Barrier(3)
    most, lock, now = [0], threading.Lock(), [0]

    def slow(turn: Turn) -> float:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        together.wait(60)  # three calls have to be open at the same time
        time.sleep(0.02)  # for a fourth to show, if there were one
        with lock:
            now[0] -= 1
        return float(turn.index)

    scores = Retry(slow, concurrency=3).score_batch(turns(9))
    assert [score.value for score in scores] == [float(i) for i in range(9)]
    assert most == [3]


class Careless(Reward):
    """A reward that breaks the promise never to raise."""

    part_names = ("a", "b")

    def score_batch(self, turns: Sequence[Turn]) -> list[Score]:
        raise RuntimeError("oh")


@pytest.mark.parametrize("timeout_s", [None, 30.0])
def test_one_that_raises_where_it_may_not_is_missing(timeout_s: float | None) -> None:
    scores = Retry(Careless("careless"), 1, timeout_s, wait_s=0.0).score_batch(turns(2))
    assert [(score.valid, set(score.parts)) for score in scores] == [(False, {"a", "b"})] * 2


def test_it_is_no_part_of_its_own_and_passes_on_what_training_says() -> None:
    scaled = Normalize(brief)
    tree = WeightedSum({"taste": Retry(scaled), "plain": brief})
    assert tree.part_names == ("taste", "taste.reward", "plain")
    tree.score_batch(turns(3))
    tree.set_progress(0.5)
    assert scaled.state()["statistics"]["count"] == 3
    fresh = WeightedSum({"taste": Retry(Normalize(brief)), "plain": brief})
    fresh.restore(tree.state())
    assert fresh.state() == tree.state()
    assert repr(Retry(brief)) == "Retry(brief, retries=2, timeout_s=None)"
    assert pickle.loads(pickle.dumps(Retry(brief)))(turns(1)[0]).value == 1.0  # noqa: S301 (our own bytes)


@pytest.mark.parametrize("workers", ["inline", "thread"])
def test_environments_are_paid_after_all(workers: str) -> None:
    flaky = Flaky(failures=1)
    env = TextVectorEnv(lambda: EchoEnv(reward=Retry(flaky, wait_s=0.0)), 1, workers=workers)  # type: ignore[arg-type]
    env.reset(seed=1)
    paid = [env.step(["red"])[1][0] for _ in range(2)]
    env.close()
    assert paid == [0.0, 1.0]
    assert flaky.asked == {0: 1, 1: 2}


@pytest.mark.parametrize("wrong", [{"retries": -1}, {"timeout_s": 0.0}, {"wait_s": -1.0}, {"concurrency": 0}])
def test_mistakes_are_told(wrong: dict[str, float]) -> None:
    with pytest.raises(RewardSpecError, match=next(iter(wrong))):
        Retry(brief, **wrong)  # type: ignore[arg-type]
