"""The language model under stable-baselines3's and sb3-contrib's own algorithms, none of which is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from sb3_contrib import TRPO, MaskablePPO
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.env_util import make_vec_env

from agents.policies.causal_lm import CausalLMPolicy
from agents.sb3.maskable import MaskableTokenPolicy
from agents.sb3.policy import TokenPolicy
from agents.sb3.views import phrases, token_view
from tests.agents.sb3.world import SAYINGS, dialogue, language_model, mean_return, taught, token_dialogue
from textenvs.errors import ConfigError

BATCH = {"n_steps": 16, "batch_size": 64, "n_epochs": 1}
ALGORITHMS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "PPO": (PPO, TokenPolicy, BATCH),
    "A2C": (A2C, TokenPolicy, {"n_steps": 16}),
    "TRPO": (TRPO, TokenPolicy, {"n_steps": 16, "batch_size": 64, "cg_max_steps": 3, "n_critic_updates": 2}),
    "MaskablePPO": (MaskablePPO, MaskableTokenPolicy, BATCH),
}


def model_of(name: str, policy: CausalLMPolicy, form: Any = "dict", **settings: Any) -> Any:
    make, policy_class, defaults = ALGORITHMS[name]
    envs = make_vec_env(lambda: token_dialogue(policy, form=form), 4, seed=0)
    given = {**defaults, **settings, "policy_kwargs": {"language_model": policy}}
    return make(policy_class, envs, seed=0, device="cpu", **given)


@pytest.mark.parametrize("form", ["dict", "box"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_trains_the_language_model_in_place(name: str, form: Any) -> None:
    policy = language_model()
    before = {key: weight.clone() for key, weight in policy.model.named_parameters()}
    model = model_of(name, policy, form).learn(64)
    after = dict(policy.model.named_parameters())
    assert all(torch.isfinite(weight).all() for weight in after.values())
    assert all(not torch.equal(before[key], after[key]) for key in before if "norm" not in key)
    critic = model.policy.value_net[0].output.weight
    assert torch.isfinite(critic).all()
    assert critic.abs().sum() > 0


def test_the_distribution_is_the_language_models_own() -> None:
    policy = language_model()
    model = model_of("PPO", policy)
    views = [token_dialogue(policy) for _ in range(3)]
    contexts = [view.reset(options={"index": index})[0] for index, view in enumerate(views)]
    observations = {key: np.stack([one[key] for one in contexts]) for key in ("ids", "mask")}
    tensors, _ = model.policy.obs_to_tensor(observations)
    actions, _, logprobs = model.policy(tensors)
    again, entropy = model.policy.evaluate_actions(tensors, actions)[1:]
    torch.testing.assert_close(again, logprobs)
    for row, view in enumerate(views):
        ids = torch.tensor([[*view.chat.prompt_ids(view._seen), int(actions[row])]])  # type: ignore[arg-type]
        select = torch.zeros_like(ids, dtype=torch.bool)
        select[0, -1] = True
        scores = policy.score(ids, torch.ones_like(select), select, torch.ones(ids.shape))
        torch.testing.assert_close(scores.logprobs, logprobs[row : row + 1], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(scores.entropy, entropy[row : row + 1], atol=1e-5, rtol=1e-5)


def test_dropout_stays_off_so_that_the_first_ratio_is_one() -> None:
    policy = language_model()
    policy.model.config.attention_dropout = 0.5
    for layer in policy.model.model.layers:
        layer.self_attn.attention_dropout = 0.5
    model = model_of("PPO", policy, learning_rate=0.0).learn(64)
    assert model.logger.name_to_value["train/approx_kl"] == pytest.approx(0.0, abs=1e-6)
    assert model.logger.name_to_value["train/clip_fraction"] == 0.0


def test_masks_are_kept() -> None:
    policy = language_model()
    view = token_dialogue(policy, allowed=phrases(policy, SAYINGS))
    model = MaskablePPO(
        MaskableTokenPolicy, view, policy_kwargs={"language_model": policy}, seed=0, device="cpu", **BATCH
    )
    model.learn(64)  # a token that the masks forbid would be an error
    said = {message.content for message in view.unwrapped._history if message.role == "assistant"}  # type: ignore[attr-defined]
    assert said <= set(SAYINGS)


def test_by_default_everything_may_be_written_and_no_control_token_but_the_stop() -> None:
    policy = language_model()
    allowed = set(np.flatnonzero(token_dialogue(policy).action_masks()))
    control = {number for number, token in policy.tokenizer.added_tokens_decoder.items() if token.special}
    assert allowed & control == set(policy.chat.stop_ids) & control
    assert allowed | control == set(policy.tokenizer.get_vocab().values())


@pytest.mark.parametrize("name", ["PPO", "MaskablePPO"])
def test_saved_and_loaded_it_says_the_same(name: str, tmp_path: Path) -> None:
    policy = language_model()
    model = model_of(name, policy).learn(64)
    model.save(tmp_path / "model")
    again = ALGORITHMS[name][0].load(tmp_path / "model", device="cpu")
    seen, _ = token_dialogue(policy).reset(options={"index": 3})
    ours, theirs = (
        one.policy.get_distribution(one.policy.obs_to_tensor(seen)[0]).distribution.logits for one in (model, again)
    )
    torch.testing.assert_close(ours, theirs)


def test_named_by_its_folder_the_language_model_is_no_part_of_the_files_settings(tmp_path: Path) -> None:
    policy = language_model()
    policy.save(tmp_path / "policy")
    envs = make_vec_env(lambda: token_dialogue(policy), 4)
    kwargs = {"language_model": str(tmp_path / "policy")}
    model = PPO(TokenPolicy, envs, policy_kwargs=kwargs, seed=0, device="cpu", **BATCH).learn(64)
    model.save(tmp_path / "model")
    again = PPO.load(tmp_path / "model", device="cpu")
    assert again.policy_kwargs == kwargs
    for ours, theirs in zip(model.policy.parameters(), again.policy.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_says_what_it_cannot_act_on() -> None:
    policy = language_model()
    with pytest.raises(ConfigError, match="token_view"):
        PPO(TokenPolicy, gym.make("CartPole-v1"), policy_kwargs={"language_model": policy}, device="cpu")
    other = language_model()
    other.model.resize_token_embeddings(300)
    with pytest.raises(ConfigError, match="400 tokens and the language model 300"):
        PPO(TokenPolicy, token_dialogue(policy), policy_kwargs={"language_model": other}, device="cpu")


def test_ppo_learns_to_speak_better_than_chance() -> None:
    policy = taught(language_model())
    model = PPO(
        TokenPolicy,
        make_vec_env(lambda: token_dialogue(policy), 16, seed=0),
        policy_kwargs={"language_model": policy},
        n_steps=64,
        batch_size=256,
        n_epochs=4,
        learning_rate=2e-3,
        seed=0,
        device="cpu",
    )
    view, generator = token_dialogue(policy), np.random.default_rng(0)
    chance = mean_return(view, lambda seen: generator.integers(view.action_space.n), 60)  # type: ignore[attr-defined]
    model.policy.set_training_mode(False)
    before = mean_return(view, lambda seen: model.predict(seen)[0], 60)
    model.learn(2 * 1024)
    after = mean_return(view, lambda seen: model.predict(seen, deterministic=True)[0], 60)
    assert after > chance + 0.15, (after, chance)
    assert after > before + 0.15, (after, before)


def test_a_context_length_beyond_the_models_own_is_the_models_own() -> None:
    policy = language_model()
    view = token_view(dialogue(), policy, context_length=10_000)
    assert view.observation_space["ids"].shape == (policy.context_length,)  # type: ignore[index]
