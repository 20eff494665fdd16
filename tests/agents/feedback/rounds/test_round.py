"""A round from end to end on a tiny model: learn from corrections, compare, promote, go on after a stop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from agents.algorithms.ppo import PPOConfig
from agents.evaluation.players import Sampling
from agents.feedback.rounds import round as module
from agents.feedback.rounds.deployment import RECORD, Deployment
from agents.feedback.rounds.guard import GuardConfig
from agents.feedback.rounds.round import RoundConfig, run_round
from agents.feedback.rounds.routes import RewardRoute
from agents.feedback.store import Store
from agents.finetune.preference_config import PreferenceConfig
from agents.finetune.reward_model_config import RewardModelConfig
from agents.finetune.supervised import SFTConfig
from agents.policies.reward_model import RewardModel
from agents.policies.storage import PolicySettings
from agents.policies.tiny import TinyConfig, build_tiny
from agents.rows.demonstration import Demonstration
from envs_registry.suites import Slice, Suite
from tests.agents.feedback.records import event, shown
from textenvs.errors import ConfigError, UsageError
from textenvs.messages import Message, Turn

SUITE = Suite("toy", (Slice("", "MultiTurnRewrite-v0", {"language": "en", "difficulty": "tiny"}, "test", (0, 1, 2)),))
LIKED = {"reward": f"{__name__}:liked"}


def liked(turn: Turn) -> float:
    """What the users of these tests like: an answer that begins with d."""
    return float(turn.answer.startswith("d"))


def config(**changes: Any) -> RoundConfig:
    """Learn what is liked, and be measured by it."""
    settings: dict[str, Any] = {
        "route": SFTConfig(learning_rate=3e-3, epochs=20, batch_size=4),
        "suite": SUITE,
        "settings": LIKED,
        "fresh": 3,
        "sampling": Sampling(max_new_tokens=4),
        "guard": GuardConfig(measure="return", guards=("success",)),
    }
    return RoundConfig(**{**settings, **changes})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "f.db")
    opened.append([shown("old"), event("correction", "old", "old", text="old")])
    yield opened
    opened.close()


@pytest.fixture
def deployment(tmp_path: Path, store: Store) -> Deployment:
    tiny(tmp_path / "policy")
    return Deployment.begin(tmp_path / "d", tmp_path / "policy", store.last_seq())


def tiny(folder: Path) -> None:
    """Save a model that knows nothing."""
    size = TinyConfig(vocab_size=300, hidden_size=32, layers=2, heads=2, context_length=512)
    build_tiny(["a b c d"] * 4, size, critic=None, reference=None).save(folder)


def tell(store: Store, text: str = "d", name: str = "i") -> None:
    """Users correct the answers to the openings of eight dialogues to this text."""
    env = gym.make("MultiTurnRewrite-v0", disable_env_checker=True, language="en", difficulty="tiny")
    for number in range(8):
        opening, _ = env.reset(options={"index": number})
        asked = (Message("system", opening["instruction"]), *opening["history"])
        impression = shown(f"{name}{number}").model_copy(update={"conversation": asked})
        store.append([impression, event("correction", f"e-{impression.id}", impression.id, position=0, text=text)])


def test_a_round_learns_and_is_promoted(store: Store, deployment: Deployment) -> None:
    tell(store)
    said: list[str] = []
    replay = [Demonstration(({"role": "user", "content": "b"}, {"role": "assistant", "content": "d"}))] * 4
    found = run_round(deployment, store, config(), lambda: replay, said.append)
    assert found.decision.promoted, found.decision.objections
    assert (deployment.serving, found.parent) == ("round-0001", "round-0000")
    assert (found.rows["sft"], found.kept) == (8, 8)  # what the first policy knew already is not learned again
    record = deployment.record("round-0001")
    assert record["last_seq"] == store.last_seq()
    assert (record["findings"][0]["suite"], record["findings"][0]["measure"]) == ("fixed", "return")
    assert record["config"]["route"]["stage"] == "sft"
    assert len(said) == 3
    with pytest.raises(UsageError, match="nothing to learn from"):
        run_round(deployment, store, config())
    assert deployment.roll_back() == "round-0000"


def test_a_round_that_was_stopped_goes_on(
    store: Store, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(store)
    wanted = config(route=SFTConfig(epochs=1, batch_size=4))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "decide", stop)
        with pytest.raises(KeyboardInterrupt):
            run_round(deployment, store, wanted)
    store.append([shown("late"), event("correction", "e-late", "late", text="d")])
    with monkeypatch.context() as patch:
        for done in ("learn", "save_policy", "write_signals"):
            patch.setattr(module, done, stop)
        found = run_round(deployment, store, wanted)
    assert found.rows["sft"] == 8  # what came later belongs to the next round
    assert not found.decision.promoted
    assert deployment.serving == "round-0000"
    again = run_round(deployment, store, wanted)
    assert (again.version, again.parent, again.rows["sft"]) == ("round-0002", "round-0000", 9)


def test_other_settings_begin_the_round_anew(
    store: Store, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(store)
    monkeypatch.setattr(module, "fresh_suite", lambda *_: 1 / 0)
    for route in (SFTConfig(epochs=1), PreferenceConfig(epochs=1, held_out=0.0)):
        with pytest.raises(ZeroDivisionError):
            run_round(deployment, store, config(route=route))
    begun = json.loads((deployment.folder / "round-0001" / "begun.json").read_text())
    assert begun["config"]["route"]["stage"] == "preference"
    assert not (deployment.folder / "round-0001" / RECORD).exists()


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_the_routes_over_preferences(store: Store, deployment: Deployment, method: Any) -> None:
    tell(store)
    route = PreferenceConfig(method=method, epochs=1, batch_size=4, held_out=0.0)
    found = run_round(deployment, store, config(route=route))
    assert found.training["rows"] == {"dpo": 8, "kto": 16}[method]
    assert PolicySettings.read(deployment.candidate("round-0001")).critic is None


def test_a_reward_model_of_the_pairs_and_ppo_against_it(store: Store, deployment: Deployment) -> None:
    tell(store)
    ppo = PPOConfig(n_episodes_per_update=4, max_new_tokens=4)
    route = RewardRoute(ppo=ppo, episodes=4, reward_model=RewardModelConfig(epochs=1, held_out=0.0))
    found = run_round(deployment, store, config(route=route))
    assert (found.training["pairs"], found.training["episodes"]) == (8, 4)
    assert RewardModel(found.training["reward_model"]).path.is_dir()
    kept = replace(route, kept=Path(found.training["reward_model"]))
    again = run_round(deployment, store, config(route=kept))
    assert "pairs" not in again.training
    assert PolicySettings.read(deployment.candidate("round-0002")).critic == "head"


@pytest.mark.parametrize("wrong", [{"fresh": 1}, {"feedback_share": 1.0}])
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        config(**wrong)


def test_fresh_items_are_never_seen_twice() -> None:
    suites = [SUITE, *(module.fresh_suite(SUITE, number, 5) for number in (1, 2, 3))]
    indices = [index for suite in suites for index in suite.slices[0].indices]
    assert indices == list(range(18))
