"""Reward models: the last real token, one pass for many turns, the same score in any company, one handle."""

from __future__ import annotations

import copy
import json
import math
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

import textenvs  # noqa: F401 (registers the ids)
from agents.policies.answers import prompt_ids
from agents.policies.ensemble_name import EnsembleName
from agents.policies.reward_model import RewardEnsemble, RewardModel, RewardSettings, save_reward_model
from agents.policies.reward_network import RewardNetwork
from agents.policies.storage import add_adapter
from tests.agents.build import tiny_policy
from textenvs.errors import CheckpointError, ConfigError, RewardSpecError, UnknownNameError
from textenvs.messages import Message, Turn
from textenvs.rewards import build_reward
from textenvs.vector import TextVectorEnv


def saved(folder: Path, seed: int = 0, **settings: Any) -> Path:
    policy = tiny_policy(critic=None, reference=None)
    network = RewardNetwork.on(policy.model, seed)
    save_reward_model(folder, network, policy.tokenizer, RewardSettings(128, **settings))
    return folder


def network_and_ids() -> tuple[RewardNetwork, list[list[int]]]:
    policy = tiny_policy(critic=None, reference=None)
    generator = np.random.default_rng(0)
    ids = [[int(x) for x in generator.integers(1, 250, size=n)] for n in (3, 17, 8, 17, 5, 30, 1)]
    return RewardNetwork.on(policy.model, 0).eval(), ids


def by_hand(network: RewardNetwork, ids: Sequence[int]) -> float:
    """Alone, without padding: the head on the last state."""
    with torch.no_grad():
        states = network.classifier.model(input_ids=torch.tensor([ids])).last_hidden_state
        return float(network.classifier.score(states[0, -1]))


def turns(n: int = 6) -> list[Turn]:
    said = [Message("user", "abc"[: 1 + i % 3] * (1 + i % 4)) for i in range(n)]
    return [Turn("say it" if i % 2 else "", (said[i],), "ab" * (i % 3) + "c") for i in range(n)]


# The network


def test_a_score_is_the_heads_on_the_last_real_token() -> None:
    network, ids = network_and_ids()
    assert network.scores(ids, 10_000) == pytest.approx([by_hand(network, one) for one in ids], abs=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_that_is_the_stop_token_too_changes_nothing(side: str) -> None:
    """The rows end with the very token that they are padded with; transformers' own pooling would step back over it."""
    network, ids = network_and_ids()
    stop = 7
    network.config.get_text_config().pad_token_id = stop
    rows = [[*one, stop] for one in ids]
    width = max(map(len, rows))
    pad = [([stop] * (width - len(row)), [0] * (width - len(row))) for row in rows]
    real = [[1] * len(row) for row in rows]
    if side == "right":
        padded = [(row + p, m + q) for row, m, (p, q) in zip(rows, real, pad, strict=True)]
    else:
        padded = [(p + row, q + m) for row, m, (p, q) in zip(rows, real, pad, strict=True)]
    with torch.no_grad():
        found = network(torch.tensor([p for p, _ in padded]), torch.tensor([m for _, m in padded])).logits.squeeze(1)
    expected = [by_hand(network, row) for row in rows]
    assert found.tolist() == pytest.approx(expected, abs=1e-5)
    theirs = network.classifier(
        torch.tensor([p for p, _ in padded]), attention_mask=torch.tensor([m for _, m in padded])
    ).logits.squeeze(1)
    assert not np.allclose(theirs.tolist(), expected, atol=1e-3), "the trap is real"


def test_what_is_of_like_length_shares_a_pass_and_what_comes_twice_is_scored_once() -> None:
    network, ids = network_and_ids()
    shapes: list[tuple[int, ...]] = []
    hook = network.classifier.model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    whole = network.scores([*ids, ids[0], ids[5]], 10_000)
    assert shapes == [(7, 30)]
    shapes.clear()
    parts = network.scores([*ids, ids[0], ids[5]], 40)
    hook.remove()
    assert len(shapes) > 1
    assert all(rows * width <= 40 for rows, width in shapes)
    assert parts == pytest.approx(whole, abs=1e-5)
    assert whole[-2:] == [whole[0], whole[5]]


def test_the_trunk_is_the_policys_and_the_head_follows_the_seed() -> None:
    policy = tiny_policy(critic=None, reference=None)
    trunk = policy.model.get_decoder()
    network = RewardNetwork.on(policy.model, 3)
    assert network.classifier.model is trunk
    heads = [RewardNetwork.on(tiny_policy(critic=None).model, seed).classifier.score.weight for seed in (3, 3, 4)]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
    assert all(weight.requires_grad and not weight.is_meta for weight in network.parameters())


# The handle


def test_scores_are_the_same_alone_and_in_any_batch(tmp_path: Path) -> None:
    model = RewardModel(saved(tmp_path))
    many = turns(12)
    together = model.score_batch(many)
    assert [model(turn) for turn in many] == pytest.approx(together, abs=1e-5)
    assert model.score_batch(many[::-1]) == pytest.approx(together[::-1], abs=1e-5)
    assert RewardModel(tmp_path, batch_tokens=40).score_batch(many) == pytest.approx(together, abs=1e-5)
    assert len({round(score, 6) for score in together}) > 6


def test_a_turn_is_scored_as_its_tokens_are(tmp_path: Path) -> None:
    model = RewardModel(saved(tmp_path, centre=0.5, spread=4.0))
    policy = tiny_policy(critic=None, reference=None)
    network = RewardNetwork.on(policy.model, 0).eval()
    said = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    turn = Turn("say it", said, "<think>hm</think> abc")
    ids = prompt_ids(policy.chat, (Message("system", "say it"), *said)) + policy.chat.action_ids("abc")
    assert model(turn) == pytest.approx((by_hand(network, ids) - 0.5) / 4.0, abs=1e-5)
    long = replace(turn, history=(Message("user", "abc " * 60), *said))
    rendered = prompt_ids(policy.chat, (Message("system", "say it"), *long.history)) + policy.chat.action_ids("abc")
    assert len(rendered) > 128
    assert model(long) == pytest.approx((by_hand(network, rendered[-128:]) - 0.5) / 4.0, abs=1e-5)


def test_a_copy_is_the_same_handle_and_a_pickle_a_path(tmp_path: Path) -> None:
    model = RewardModel(saved(tmp_path))
    assert copy.deepcopy({"reward": [model]})["reward"][0] is model
    assert copy.copy(model) is model
    restored = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own
    assert len(pickle.dumps(model)) < 500
    assert restored(turns()[0]) == model(turns()[0])


def test_handles_of_one_folder_share_the_network_which_is_read_when_first_needed(tmp_path: Path) -> None:
    one, other = RewardModel(saved(tmp_path)), RewardModel(tmp_path)
    assert one._loaded is None
    one.score_batch(turns())
    other.score_batch(turns())
    assert one._loaded is other._loaded
    folder = tmp_path / "run" / "checkpoint"
    assert RewardModel(saved(folder).parent).path == folder


def test_transformers_loads_the_folder_too(tmp_path: Path) -> None:
    saved(tmp_path)
    classifier = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert classifier.config.num_labels == 1
    assert not list(tmp_path.glob("*.bin")) + list(tmp_path.glob("*.pt"))


def test_an_adapter_is_merged_when_it_is_saved(tmp_path: Path) -> None:
    policy = tiny_policy(critic=None, reference=None)
    network = RewardNetwork.on(policy.model, 0)
    network.classifier = add_adapter(network.classifier, {"r": 2}, "SEQ_CLS")
    trained = [name for name, weight in network.named_parameters() if weight.requires_grad]
    assert any("score" in name for name in trained)
    assert all("score" in name or "lora" in name for name in trained)
    with torch.no_grad():
        for _, weight in network.named_parameters():
            weight.add_(0.02)
    before = network.eval().scores([[1, 2, 3], [4, 5]], 100)
    save_reward_model(tmp_path, network, policy.tokenizer, RewardSettings(128))
    classifier = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert RewardNetwork(classifier).eval().scores([[1, 2, 3], [4, 5]], 100) == pytest.approx(before, abs=1e-4)


# As a reward


def test_a_vector_of_environments_is_scored_in_one_forward_pass(tmp_path: Path) -> None:
    model = RewardModel(saved(tmp_path))
    env = TextVectorEnv(
        lambda: gym.make("MultiTurnRewrite-v0", difficulty="tiny", reward=model, disable_env_checker=True), 4
    )
    env.reset(seed=0)
    model.score_batch(turns(1))
    passes: list[int] = []
    assert model._loaded is not None
    hook = model._loaded.network.register_forward_hook(lambda module, args, output: passes.append(len(output.logits)))
    _, rewards, _, _, infos = env.step(("a", "b", "c", "d"))
    hook.remove()
    env.close()
    assert passes == [4]
    assert np.isfinite(rewards).all()
    assert infos["reward_valid"].all()


def test_it_is_named_by_its_folder_in_a_spec_and_in_weights(tmp_path: Path) -> None:
    name = f"agents.policies.reward_model:RewardModel:{saved(tmp_path)}"
    env = gym.make("MultiTurnRewrite-v0", difficulty="tiny", reward={"fluency": 0.5, name: 2.0})
    assert env.spec is not None
    assert name in env.spec.to_json()
    env.reset(seed=0)
    _, reward, _, _, info = env.step("x")
    parts = info["reward_parts"]
    assert reward == pytest.approx(0.5 * parts["fluency"] + 2.0 * parts[name], abs=1e-9)
    alone = build_reward(name, {})
    assert alone.name == "reward_model"
    assert alone(turns()[0]).value == pytest.approx(RewardModel(tmp_path)(turns()[0]), abs=1e-6)


def test_what_is_no_reward_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        RewardModel(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="no reward model in it"):
        RewardModel(tmp_path)
    with pytest.raises(ConfigError, match="textenvs reward-model"):
        build_reward("agents.policies.reward_model:RewardModel:nowhere", {})
    with pytest.raises(UnknownNameError, match="RewardModel"):
        build_reward("agents.policies.reward_model:RewardModl:x", {})
    with pytest.raises(RewardSpecError, match="cannot be called"):
        build_reward("agents.policies.reward_model:SETTINGS_FILE:x", {})
    (saved(tmp_path) / "reward_model.json").write_text(json.dumps({"max_len": 3}))
    with pytest.raises(CheckpointError, match="no saved reward model"):
        RewardModel(tmp_path).score_batch(turns())


# Several


def test_an_ensemble_gives_mean_and_disagreement_and_the_least_behind_its_gate(tmp_path: Path) -> None:
    models = [RewardModel(saved(tmp_path / str(seed), seed)) for seed in range(3)]
    many = turns(8)
    columns = np.array([model.score_batch(many) for model in models])
    found = RewardEnsemble([models[0], str(models[1].path), models[2].path]).score_batch(many)
    assert [score.value for score in found] == pytest.approx(columns.mean(0), abs=1e-6)
    assert [score.parts["disagreement"] for score in found] == pytest.approx(columns.std(0), abs=1e-6)
    assert all(score.parts["gated"] == 0.0 for score in found)
    gate = float(np.median(columns.std(0)))
    gated = RewardEnsemble(models, gate=gate).score_batch(many)
    expected = np.where(columns.std(0) > gate, columns.min(0), columns.mean(0))
    assert [score.value for score in gated] == pytest.approx(expected, abs=1e-6)
    assert 0 < math.fsum(score.parts["gated"] for score in gated) < len(many)
    env = gym.make("MultiTurnRewrite-v0", difficulty="tiny", reward=RewardEnsemble(models))
    env.reset(seed=0)
    assert {"mean", "disagreement", "gated"} <= env.step("x")[4]["reward_parts"].keys()
    with pytest.raises(ConfigError, match="at least two"):
        RewardEnsemble(models[:1])


def test_an_ensemble_can_be_named_with_its_gate(tmp_path: Path) -> None:
    folders = [saved(tmp_path / str(seed), seed) for seed in range(2)]
    many, name = turns(4), ",".join(map(str, folders))
    whole, gated = (build_reward(f"agents.policies.reward_model:RewardEnsemble:{name}{at}", {}) for at in ("", "@0.0"))
    expected = RewardEnsemble([*folders]).score_batch(many)
    assert [score.value for score in whole.score_batch(many)] == [score.value for score in expected]
    least = RewardEnsemble([*folders], gate=0).score_batch(many)
    assert [score.value for score in gated.score_batch(many)] == [score.value for score in least]
    assert all(score.parts["gated"] for score in least)
    with pytest.raises(ConfigError, match="gate=-1"):
        RewardEnsemble(f"{name}@-1")
    with pytest.raises(ConfigError, match="at least two"):
        RewardEnsemble(str(folders[0]))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a", EnsembleName(("a",))),
        ("a,b", EnsembleName(("a", "b"))),
        ("runs/a,runs/b@0.5", EnsembleName(("runs/a", "runs/b"), 0.5)),
        ("me@home/a,b", EnsembleName(("me@home/a", "b"))),
    ],
)
def test_a_name_is_read_as_it_is_written(text: str, name: EnsembleName) -> None:
    assert EnsembleName.read(text) == name
    assert str(name) == text
