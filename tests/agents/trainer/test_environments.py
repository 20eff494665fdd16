"""From what a user gives as the environment to what is played."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from agents import GRPO, PPO
from agents.trainer.environments import open_environments
from tests.agents.build import tiny_policy
from tests.agents.probes import PROBES
from tests.toy import EchoEnv
from textenvs.errors import ConfigError

SMALL: dict[str, Any] = {"n_episodes_per_update": 8, "max_new_tokens": 2}


@pytest.fixture
def echo_id() -> Iterator[str]:
    gym.register("EchoForAgents-v0", "tests.toy:EchoEnv")
    yield "EchoForAgents-v0"
    gym.registry.pop("EchoForAgents-v0")


def test_text_environments_name_their_items_and_others_do_not() -> None:
    assert open_environments(EchoEnv, {}).named_items
    assert not open_environments(lambda: PROBES["constant"].env(), {}).named_items


def test_the_environment_that_was_looked_at_is_played_first() -> None:
    made: list[EchoEnv] = []

    def make() -> EchoEnv:
        made.append(EchoEnv())
        return made[-1]

    environments = open_environments(make, {})
    assert [environments.source.take(), environments.source.take()] == made


def test_a_corpus_says_how_many_items_it_has() -> None:
    class Corpus(EchoEnv):
        n_items = 5

    assert open_environments(Corpus, {}).n_items == 5
    agent = PPO(tiny_policy(), Corpus, **SMALL)
    requests = agent.trainer.rollouts.draws.requests(5)
    assert sorted(request.index for request in requests if request.index is not None) == list(range(5))


def test_an_id_with_settings_is_saved_and_made_again(echo_id: str, tmp_path: Path) -> None:
    agent = PPO(tiny_policy(), echo_id, env_kwargs={"split": "valid"}, **SMALL).learn(8)
    agent.save(tmp_path / "a")
    loaded = PPO.load(tmp_path / "a")
    assert (loaded.env, loaded.env_kwargs) == (echo_id, {"split": "valid"})


def test_what_json_cannot_hold_has_to_be_given_again(echo_id: str, tmp_path: Path) -> None:
    kwargs = {"reward": lambda turn: 1.0}
    PPO(tiny_policy(), echo_id, env_kwargs=kwargs, **SMALL).save(tmp_path / "a")
    assert PPO.load(tmp_path / "a", echo_id, env_kwargs=kwargs).settings.n_episodes_per_update == 8


def test_a_single_environment_plays_one_episode_at_a_time() -> None:
    agent = PPO(tiny_policy(), EchoEnv(), **SMALL).learn(8)
    assert agent.trainer.update == 1
    with pytest.raises(ConfigError, match="already made"):
        PPO(tiny_policy(), EchoEnv(), env_kwargs={"split": "valid"}, **SMALL)


def test_the_members_of_a_group_play_the_same_item() -> None:
    trainer = GRPO(tiny_policy(), EchoEnv, group_size=4, **SMALL).trainer
    trajectories, _ = trainer.rollouts.play(update=0, temperature=1.0, progress=0.0)
    tasks = [(trajectory.group_id, trajectory.task_id) for trajectory in trajectories]
    assert len(set(tasks)) == 2
    assert [group for group, _ in tasks] == [0] * 4 + [1] * 4
    texts = {str(trajectory.messages) for trajectory in trajectories[:4]}
    assert len(texts) > 1, "members sample different answers"
