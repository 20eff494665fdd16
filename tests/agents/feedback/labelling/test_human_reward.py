"""HumanReward: the queue as a reward, on a real environment."""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path

import gymnasium as gym
import pytest

from agents.feedback.labelling.human_reward import HumanReward
from agents.feedback.labelling.queue import LabelQueue
from agents.feedback.labelling.verdict import Verdict
from agents.feedback.store import Store
from textenvs.errors import ConfigError
from textenvs.faults import Fault
from textenvs.messages import Message, Turn

ASKED = (Message("user", "那上海呢?"),)


class People:
    """Annotators who judge whatever waits, whenever the reward looks away: the longer answer is the better one."""

    def __init__(self, where: Path, ignored: str = "") -> None:
        self.where, self.ignored, self.looks = where, ignored, 0

    def __call__(self, seconds: float) -> None:
        self.looks += 1
        assert 0 <= seconds <= 1
        store = Store(self.where)
        queue = LabelQueue(store, "human", votes=1)
        while task := queue.next("ann", {one.impression.id for one in queue.interactions() if self._ignores(one)}):
            lengths = [len(candidate.text) for candidate in task.candidates]
            scores = [{"position": 0, "score": 1.0}] if len(lengths) == 1 else ()
            best = None if scores else lengths.index(max(lengths))
            queue.judge(Verdict(impression_id=task.id, annotator="ann", best=best, scores=scores))  # type: ignore[arg-type]
        store.close()

    def _ignores(self, one: object) -> bool:
        return bool(self.ignored) and self.ignored in repr(one)


def turn(action: str, asked: tuple[Message, ...] = ASKED) -> Turn:
    return Turn("Rewrite.", asked, action)


def test_people_reward_and_the_ignored_is_missing(tmp_path: Path) -> None:
    people = People(tmp_path / "l.db", ignored="不答")
    reward = HumanReward(tmp_path / "l.db", patience_s=0.3, sleep=people)
    ignored = turn("a", (Message("user", "不答"),))
    scores = reward.score_batch([turn("short"), turn("much longer"), turn("short"), ignored])
    assert [score.value for score in scores[:3]] == [-1, 1, -1]
    assert all(score.valid for score in scores[:3])
    assert (scores[3].valid, scores[3].fault) == (False, Fault.REWARD_TIMED_OUT)
    assert math.isnan(scores[3].parts["human"])
    looks = people.looks
    assert reward.score_batch([turn("short"), turn("much longer")])[1].value == 1
    assert people.looks == looks  # what was judged once is not waited for
    reward.close()


def test_without_patience_nobody_is_waited_for(tmp_path: Path) -> None:
    people = People(tmp_path / "l.db")
    reward = HumanReward(tmp_path / "l.db", patience_s=0, sleep=people)
    assert not reward(turn("a")).valid
    assert people.looks == 0
    people(0)
    assert reward(turn("a")).value == 1
    reward.close()
    with pytest.raises(ConfigError, match="patience_s"):
        HumanReward(tmp_path / "l.db", patience_s=math.nan)


def test_it_is_the_reward_of_an_environment(tmp_path: Path) -> None:
    reward = HumanReward(tmp_path / "l.db", patience_s=5, sleep=People(tmp_path / "l.db"))
    twin = pickle.loads(pickle.dumps(copy.deepcopy(HumanReward(tmp_path / "l.db"))))  # noqa: S301
    assert twin.__name__ == "human"
    env = gym.make("MultiTurnRewrite-v0", disable_env_checker=True, reward=reward)
    env.reset(options={"index": 0})
    _, value, *_, info = env.step("an answer")
    assert (value, info["reward_valid"], info["reward_parts"]["human"]) == (1.0, 1.0, 1.0)
    env.unwrapped.reward.function.close()  # type: ignore[attr-defined]
    reward.close()
