"""SB3Agent: models of stable-baselines3 among the policies that are evaluated."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sb3_contrib import MaskablePPO, RecurrentPPO
from stable_baselines3 import PPO

from agents import evaluate
from agents.cli.main import main
from agents.sb3.agent import SB3Agent, algorithms
from agents.sb3.maskable import MaskableTokenPolicy
from agents.sb3.policy import TokenPolicy
from agents.sb3.views import phrases, token_view
from tests.agents.sb3.world import SAYINGS, TOY, TURN, choices, language_model, mean_return, token_dialogue
from textenvs.errors import ConfigError, UnknownNameError, UsageError

DIALOGUE: dict[str, Any] = {"difficulty": TOY, "language": "en", "reward_timing": "turn", "instruction": "Help."}
QUICK: dict[str, Any] = {"seed": 0, "device": "cpu", "n_steps": 128, "batch_size": 64}


def test_choices_are_judged_as_the_text_that_they_become() -> None:
    env = choices("DialogueStrategy-v0", **DIALOGUE)
    model = PPO("MlpPolicy", env, **QUICK).learn(128)
    found = evaluate(SB3Agent(model), "DialogueStrategy-v0", env_kwargs=DIALOGUE, split="train", episodes=30)
    means = [episode.episode_return for episode in found.episodes]
    played = choices("DialogueStrategy-v0", **DIALOGUE)
    expected = mean_return(played, lambda seen: model.predict(seen, deterministic=True)[0], 30)
    assert np.mean(means) == pytest.approx(expected)
    first = found.episodes[0]
    assert len(first.turns) == len(first.actions) > 0
    assert set(first.turns[-1].parts) >= {"completion", "satisfaction"}


@pytest.mark.parametrize("masked", [False, True])
def test_tokens_are_judged_as_the_text_that_they_become(masked: bool) -> None:
    policy = language_model()
    allowed = phrases(policy, SAYINGS) if masked else None
    view = token_dialogue(policy, allowed=allowed)
    algorithm, policy_class = (MaskablePPO, MaskableTokenPolicy) if masked else (PPO, TokenPolicy)
    model: Any = algorithm(policy_class, view, policy_kwargs={"language_model": policy}, **QUICK)
    agent = SB3Agent(
        model, partial(token_view, policy=policy, max_new_tokens=TURN, context_length=256, allowed=allowed)
    )
    found = evaluate(agent, "DialogueStrategy-v0", env_kwargs=DIALOGUE, split="train", episodes=3, deterministic=False)
    for episode in found.episodes:
        assert episode.turns
        assert not masked or set(episode.actions) <= set(SAYINGS)
        assert all(len(policy.chat.action_ids(action)) <= 4 * TURN for action in episode.actions)
    if not masked:
        # The language model is trained in place: as a policy of ours it says the same.
        greedy = [
            evaluate(one, "DialogueStrategy-v0", env_kwargs=DIALOGUE, episodes=3, max_new_tokens=TURN)
            for one in (agent, policy)
        ]
        assert [e.actions[:1] for e in greedy[0].episodes] == [e.actions[:1] for e in greedy[1].episodes]


def test_sampled_episodes_repeat_by_seed_and_leave_the_global_generator_alone() -> None:
    import torch

    env = choices("DialogueStrategy-v0", **DIALOGUE)
    agent = SB3Agent(PPO("MlpPolicy", env, **QUICK))

    def played(seed: int) -> list[Any]:
        settings: dict[str, Any] = {"env_kwargs": DIALOGUE, "episodes": 5, "samples": 2, "deterministic": False}
        found = evaluate(agent, "DialogueStrategy-v0", seed=seed, **settings)
        return [episode.actions for episode in found.episodes]

    state = torch.get_rng_state()
    assert played(1) == played(1) != played(2)
    assert any(one != other for one, other in zip(played(1)[::2], played(1)[1::2], strict=True))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_policy_with_a_memory_begins_every_episode_anew() -> None:
    env = choices("DialogueStrategy-v0", **DIALOGUE)
    agent = SB3Agent(RecurrentPPO("MlpLstmPolicy", env, **QUICK))
    evaluated = [
        evaluate(agent, "DialogueStrategy-v0", env_kwargs=DIALOGUE, indices=indices).episodes[-1].actions
        for indices in ([4], [1, 2, 4])
    ]
    assert evaluated[0] == evaluated[1]


def test_another_environment_than_the_one_it_was_trained_in_is_refused() -> None:
    agent = SB3Agent(PPO("MlpPolicy", choices("DialogueStrategy-v0", **DIALOGUE), **QUICK))
    with pytest.raises(ConfigError, match="trained with action_space"):
        evaluate(agent, "ToolCall-v0", episodes=1)


@pytest.mark.parametrize(
    ("env_id", "settings", "steps", "margin"),
    [
        ("DialogueStrategy-v0", DIALOGUE, 2_048, 0.3),
        ("ToolCall-v0", {"difficulty": "small"}, 2_048, 0.15),
        ("MultiTurnRewrite-v0", {}, 1_024, 0.5),
    ],
)
def test_ppo_learns_by_choosing_and_beats_chance(
    env_id: str, settings: dict[str, Any], steps: int, margin: float
) -> None:
    model = PPO("MlpPolicy", choices(env_id, **settings), learning_rate=1e-3, **{**QUICK, "n_steps": 512})
    agent, chance = SB3Agent(model.learn(steps)), np.random.default_rng(0)
    env = choices(env_id, split="test", **settings)
    random = mean_return(env, lambda seen: chance.integers(env.action_space.n), 150)  # type: ignore[attr-defined]
    found = evaluate(agent, env_id, env_kwargs=settings, episodes=150)
    learned = np.mean([episode.episode_return for episode in found.episodes])
    assert learned > random + margin, (learned, random)


def test_the_command_takes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env = choices("DialogueStrategy-v0", difficulty="small")
    PPO("MlpPolicy", env, **QUICK).save(tmp_path / "dialogue.zip")
    name = f"sb3:{tmp_path / 'dialogue.zip'}"
    task = ["--env.id", "DialogueStrategy-v0", "--env.difficulty", "small", "--eval.episodes", "4"]
    assert main(["eval", f"{name}#PPO", *task, "--json", str(tmp_path / "scores.json")]) == 0
    assert "greedy" in (tmp_path / "scores.json").read_text()
    capsys.readouterr()
    for wrong, message in (
        (name, "say the algorithm"),
        (f"{name}#PPOO", "PPO"),
        (f"{name}#DQN", "no model of DQN"),
        ("sb3:nothing.zip#PPO", "no file"),
    ):
        assert main(["eval", wrong, *task]) == 2
        assert message in " ".join(capsys.readouterr().err.split())


def test_a_file_of_a_language_model_is_loaded_with_its_view(tmp_path: Path) -> None:
    policy = language_model()
    model = PPO(TokenPolicy, token_dialogue(policy, form="box"), policy_kwargs={"language_model": policy}, **QUICK)
    model.save(tmp_path / "model.zip")
    agent = SB3Agent.load(tmp_path / "model.zip", "PPO", max_new_tokens=TURN, device="cpu")
    found = evaluate(agent, "DialogueStrategy-v0", env_kwargs=DIALOGUE, episodes=2)
    assert all(episode.actions for episode in found.episodes)


def test_knows_the_algorithms_of_both_libraries() -> None:
    assert {"PPO", "A2C", "DQN", "TRPO", "MaskablePPO", "RecurrentPPO"} <= set(algorithms())
    with pytest.raises(UnknownNameError, match="MaskablePPO"):
        SB3Agent.load("x.zip", "MaskedPPO")
    with pytest.raises(UsageError, match="no file"):
        SB3Agent.load("x.zip", "PPO")
