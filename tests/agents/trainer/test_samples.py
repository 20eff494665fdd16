"""Samples: what is written of a token is what the update knew of it, bounded, and training does not notice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import GRPO, PPO, Callback
from agents.report.samples import QUANTITIES as SHOWN
from agents.trainer.agent import Agent
from agents.trainer.samples import QUANTITIES, SampleWriter, choose, short, token_texts
from agents.trainer.scoring import score_batch
from agents.trainer.update import UpdateState
from tests.agents.build import random_trajectories, scored, tiny_policy
from tests.agents.probes import PROBES
from tests.toy import EchoEnv

SMALL: dict[str, Any] = {"n_episodes_per_update": 8, "max_new_tokens": 6, "learning_rate": 1e-2}


class Keep(Callback):
    """Keeps the updates that callbacks are told of."""

    def __init__(self) -> None:
        self.updates: list[UpdateState] = []

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        assert agent.trainer.finished is not None
        self.updates.append(agent.trainer.finished)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_number_is_what_the_update_knew(tmp_path: Path) -> None:
    kept = Keep()
    policy = tiny_policy(critic="head", reference="copy")
    agent = PPO(policy, EchoEnv, run_dir=tmp_path, kl_coef=0.1, **SMALL)
    agent.learn(16, callback=kept)
    assert agent.trainer.finished is None
    written = lines(tmp_path)
    assert [line["update"] for line in written] == [0, 1]
    batch, credit = kept.updates[1].batch, kept.updates[1].credit
    for place, episode in zip(choose(batch, 8, (0, 1)), written[1]["episodes"], strict=True):
        assert episode["task_id"] == batch.trajectories[place].task_id
        assert episode["return"] == short(batch.trajectories[place].episode_return)
        here = np.flatnonzero(batch.trajectory_index == place)
        told = {name: [v for turn in episode["turns"] for v in turn["numbers"][name]] for name in QUANTITIES}
        assert told["logprob"] == [short(v) for v in batch.old_logprobs[here]]
        assert told["advantage"] == [short(v) for v in credit.advantages[here]]
        assert told["value"] == [short(v) for v in batch.values[here]]
        assert told["entropy"] == [short(v) for v in batch.entropy[here]]
        assert told["kl"] == [short(v) for v in (batch.old_logprobs - batch.ref_logprobs)[here]]
        assert told["trained"] == [1.0] * len(here)
        for turn in episode["turns"]:
            said = [m["content"] for m in episode["messages"] if m["role"] == "assistant"]
            assert {len(values) for values in turn["numbers"].values()} == {len(turn["tokens"])}
            assert turn["parts"].keys() == {"exact", "brief"}
            assert any("".join(turn["tokens"]).startswith(text.rstrip("\ufffd")) for text in said)


def test_the_ratio_says_what_the_update_has_changed(tmp_path: Path) -> None:
    kept = Keep()
    agent = GRPO(tiny_policy(), EchoEnv, run_dir=tmp_path, group_size=4, **SMALL)
    agent.learn(8, callback=kept)
    turns = [turn for episode in lines(tmp_path)[0]["episodes"] for turn in episode["turns"]]
    batch = kept.updates[0].batch
    now = score_batch(agent.policy, batch, 10_000, critic=False, reference=False).old_logprobs
    here = np.concatenate([np.flatnonzero(batch.trajectory_index == place) for place in choose(batch, 8, (0, 0))])
    told = [value for turn in turns for value in turn["numbers"]["ratio"]]
    assert told == pytest.approx(np.exp(now - batch.old_logprobs)[here], rel=1e-2)
    assert max(told) > 1.05
    assert "kl" not in turns[0]["numbers"], "there is no reference"
    assert "value" not in turns[0]["numbers"], "there is no critic"


def test_training_does_not_notice(tmp_path: Path) -> None:
    def weights(run_dir: Path | None) -> list[np.ndarray]:
        agent = PPO(tiny_policy(), PROBES["conditional"].env, run_dir=run_dir, **SMALL)
        agent.learn(16)
        return [weight.detach().numpy().copy() for _, weight in agent.policy.trainable_parameters()]

    assert all(np.array_equal(a, b) for a, b in zip(weights(None), weights(tmp_path), strict=True))


def test_what_is_written_is_bounded(tmp_path: Path) -> None:
    agent = GRPO(tiny_policy(), EchoEnv, group_size=4, **SMALL)
    agent.learn(8, callback=SampleWriter(tmp_path / "samples.jsonl", episodes=6, tokens=20))
    (line,) = lines(tmp_path)
    assert sum(len(turn["tokens"]) for episode in line["episodes"] for turn in episode["turns"]) == 20
    assert sum(turn["left_out"] for episode in line["episodes"] for turn in episode["turns"]) > 0


def test_whole_groups_are_chosen_and_repeatably() -> None:
    generator = np.random.default_rng(0)
    batch = scored(random_trajectories(generator, count=12, group_size=3), generator)
    chosen = choose(batch, 6, (0, 1))
    groups = [int(batch.group_ids[place]) for place in chosen]
    assert len(set(groups)) == 2
    assert groups == sorted(groups, key=groups.index)
    assert chosen == choose(batch, 6, (0, 1))
    assert any(choose(batch, 6, (0, update)) != chosen for update in range(5))
    assert len(choose(batch, 4, (0, 1))) == 4


def test_a_character_in_pieces_is_shown_once_it_is_whole() -> None:
    policy = tiny_policy()
    ids = policy.chat.tokenizer.encode("a北b", add_special_tokens=False)
    texts = token_texts(policy, np.array(ids))
    assert "".join(texts) == "a北b"
    assert "北" in texts
    assert "" in texts


def test_the_report_knows_every_quantity() -> None:
    assert {one.name for one in SHOWN} == set(QUANTITIES)


def test_a_resumed_run_goes_on_after_the_last_line(tmp_path: Path) -> None:
    agent = PPO(tiny_policy(), PROBES["conditional"].env, run_dir=tmp_path, **SMALL)
    agent.learn(8)
    agent.save(tmp_path / "here")
    agent.learn(8)
    assert [line["update"] for line in lines(tmp_path)] == [0, 1]
    again = PPO.load(tmp_path / "here", PROBES["conditional"].env, run_dir=tmp_path)
    again.learn(16, resume=True)
    assert [line["update"] for line in lines(tmp_path)] == [0, 1]


@pytest.mark.parametrize("bad", ["\ud800", "\x00", "\u202e"])
def test_any_text_can_be_written_and_read(tmp_path: Path, bad: str) -> None:
    SampleWriter(tmp_path / "samples.jsonl").write({"update": 0, "text": bad})
    assert lines(tmp_path) == [{"update": 0, "text": bad}]
