"""Training a reward model: the loss is the published one, it learns, it is measured on what it has not seen."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from trl.trainer.reward_trainer import RewardTrainer

from agents.chat import ChatRenderer
from agents.finetune.preference_tokens import render_pairs
from agents.finetune.preferences import PreferencePair, split_by_prompt
from agents.finetune.reward_model import train_reward_model
from agents.finetune.reward_model_config import RewardModelConfig
from agents.policies.answers import prompt_ids
from agents.policies.reward_network import RewardNetwork
from agents.trainer.checkpoint import checkpoints
from tests.agents.build import tiny_policy
from textenvs.errors import ConfigError
from textenvs.messages import Message

PAIRS = [
    PreferencePair((Message("user", word * n),), "a" * n, "b" * m, 0.5, origin=f"{word}{n}{m}")
    for word in "cd"
    for n in (1, 2, 3)
    for m in (1, 2)
]
FAST = RewardModelConfig(epochs=12, learning_rate=3e-3, batch_size=6, held_out=0.0)


def fresh() -> tuple[RewardNetwork, ChatRenderer]:
    policy = tiny_policy(critic=None, reference=None)
    return RewardNetwork.on(policy.model, 0), policy.chat


def scores(network: RewardNetwork, chat: ChatRenderer) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the better answers and of the others, each row alone."""
    network.eval()
    rows = [
        [prompt_ids(chat, pair.prompt) + chat.action_ids(getattr(pair, side)) for pair in PAIRS]
        for side in ("chosen", "rejected")
    ]
    found = [torch.tensor([network.scores([ids], 1000)[0] for ids in side]) for side in rows]
    return found[0], found[1]


@pytest.mark.parametrize(("margin_scale", "centring"), [(0.0, 0.0), (2.0, 0.3)])
def test_the_loss_is_the_published_one(margin_scale: float, centring: float) -> None:
    network, chat = fresh()
    chosen, rejected = scores(network, chat)
    expected = -F.logsigmoid(chosen - rejected - margin_scale * 0.5) + centring * (chosen + rejected) ** 2
    config = replace(FAST, epochs=1, batch_size=len(PAIRS), margin_scale=margin_scale, centring=centring)
    assert train_reward_model(network, chat, PAIRS, config).loss == pytest.approx(float(expected.mean()), abs=1e-5)


def test_it_learns_which_answer_is_better_and_centres_its_scores() -> None:
    network, chat = fresh()
    metrics = train_reward_model(network, chat, PAIRS, FAST)
    chosen, rejected = scores(network, chat)
    assert bool((chosen > rejected + 0.5).all())
    assert metrics.rows == 12
    assert metrics.steps == 24
    both = torch.cat([chosen, rejected])
    assert metrics.settings.centre == pytest.approx(float(both.mean()), abs=1e-5)
    assert metrics.settings.spread == pytest.approx(float(both.std(correction=0)), abs=1e-5)
    assert (metrics.settings.max_length, metrics.settings.history) == (128, "append")
    assert not network.training
    assert all(weight.grad is None for weight in network.parameters())


def test_it_is_measured_on_pairs_of_other_prompts() -> None:
    network, chat = fresh()
    metrics = train_reward_model(network, chat, PAIRS, replace(FAST, held_out=0.4))
    learned, kept = split_by_prompt(PAIRS, 0.4, 0)
    assert kept
    assert (metrics.rows, metrics.held_out.pairs) == (len(learned), len(kept))
    rows, _ = render_pairs(chat, [PAIRS[place] for place in kept], 128)
    sides = [[[*row["prompt_ids"], *row[side]] for row in rows] for side in ("chosen_ids", "rejected_ids")]
    chosen, rejected = (np.array(network.scores(side, 1000)) for side in sides)
    assert metrics.held_out.accuracy == np.mean(chosen > rejected)
    assert metrics.held_out.margin == pytest.approx(np.mean(chosen - rejected), abs=1e-5)


def test_pairs_that_say_nothing_are_refused_counted_and_named() -> None:
    network, chat = fresh()
    same = replace(PAIRS[0], rejected=PAIRS[0].chosen, origin="pairs.jsonl:9")
    metrics = train_reward_model(network, chat, [*PAIRS, same], replace(FAST, epochs=1))
    assert metrics.refused == {"the answers are the same within 128 tokens": ["pairs.jsonl:9"]}
    with pytest.raises(ConfigError, match="none of 1 pairs"):
        train_reward_model(network, chat, [same], FAST)


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(step: int, total: int, loss: float) -> None:
        if step == 5:
            raise StoppedError

    config = replace(FAST, epochs=4, checkpoint_every=2)
    (whole, chat), (stopped, _), (resumed, _) = fresh(), fresh(), fresh()
    train_reward_model(whole, chat, PAIRS, config)
    with pytest.raises(StoppedError):
        train_reward_model(stopped, chat, PAIRS, config, stop, tmp_path)
    assert checkpoints(tmp_path / "checkpoints")
    assert train_reward_model(resumed, chat, PAIRS, config, None, tmp_path).steps == 8
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_trl_still_takes_rows_that_are_tokens() -> None:
    """It leaves rows with these columns alone, keeps the margin, and hands the network whatever the collator made."""
    source = inspect.getsource(RewardTrainer)
    assert '"chosen_ids" in column_names and "rejected_ids" in column_names' in source
    assert '["chosen_ids", "rejected_ids", "margin"]' in source
    assert "model(**inputs)" in source


@pytest.mark.parametrize("bad", [{"margin_scale": -1.0}, {"centring": -0.1}, {"held_out": 1.0}, {"epochs": 0.0}])
def test_settings_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="reward model"):
        RewardModelConfig(**bad)
