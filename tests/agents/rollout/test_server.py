"""What only a server can do wrong: be away, come back empty, garble, report the wrong log-probabilities."""

from __future__ import annotations

import copy
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("httpx2", reason="the extra textenvs[judge] is not installed")

from agents.cli.options import EngineOptions
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.tiny import TinyConfig, build_tiny
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.sampling import SamplingParams
from agents.rollout.server import LOST, ServerEngine
from agents.trainer.agents import GRPO
from agents.trainer.callbacks import MetricsFeed
from agents.trainer.scoring import score_batch
from agents.trajectory import TokenBatch
from tests.agents.rollout.inference_server import BASE, InferenceServer, inference_server
from tests.toy import WORDS, EchoEnv
from textenvs.chat_client import Endpoint
from textenvs.errors import ConfigError, EndpointError, UnknownNameError
from textenvs.faults import Fault
from textenvs.messages import Stop

PARAMS = SamplingParams(temperature=0.7, max_new_tokens=6)
REQUESTS = [EpisodeRequest(group_id=i, index=i) for i in range(8)]


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let attempts follow each other at once."""
    monkeypatch.setattr("textenvs.chat_client.transport.sleep", lambda _: None)


def echo_policy(seed: int = 0) -> CausalLMPolicy:
    size = TinyConfig(vocab_size=320, hidden_size=32, layers=2, seed=seed)
    return build_tiny([f"Repeat the word. {' '.join(WORDS)}"] * 3, size)


def engine_of(served: InferenceServer, **settings: int) -> ServerEngine:
    return ServerEngine(Endpoint(served.url, BASE, **settings))


def one_turn(engine: ServerEngine) -> str:
    """Ask for a turn of a new conversation, and say how it ended."""
    engine.release(0)
    engine.append(0, [7, 8])
    engine.submit(0, PARAMS, 0)
    return engine.poll()[0].finish_reason


def test_episodes_through_a_server_are_the_trainers_own_to_1e_5():
    policy = echo_policy()
    with inference_server(echo_policy(seed=1)) as served, engine_of(served) as engine:
        collector = Collector(policy, EchoEnv, PARAMS, engine=engine)
        episodes = collector.collect(REQUESTS)
        batch = score_batch(policy, TokenBatch.of(episodes), 2048, critic=False, reference=False)
    assert len(batch) > 100
    np.testing.assert_allclose(batch.behavior_logprobs, batch.old_logprobs, atol=1e-5)


def test_weights_are_given_once_a_version_and_nothing_is_left_behind(tmp_path: Path):
    policy = echo_policy()
    with inference_server(echo_policy()) as served:
        with ServerEngine(f"{served.url}#{BASE}", folder=tmp_path) as engine:
            for _ in range(2):
                engine.sync(policy)
                engine.sync(policy)
                assert len(list(tmp_path.iterdir())) == 1
                policy.mark_updated()
        assert served.requests.count("/collective_rpc") == 2
    assert list(tmp_path.iterdir()) == []


def test_a_passing_failure_is_tried_again():
    with inference_server(echo_policy()) as served, engine_of(served, retries=2) as engine:
        engine.sync(echo_policy())
        served.failing = 2
        assert one_turn(engine) in ("stop", "length")


def test_a_turn_that_no_attempt_brings_is_counted_and_the_weights_are_given_anew(caplog: pytest.LogCaptureFixture):
    policy = echo_policy()
    with inference_server(echo_policy()) as served, engine_of(served, retries=1, concurrency=2) as engine:
        collector = Collector(policy, EchoEnv, PARAMS, engine=engine)
        engine.sync(policy)
        served.failing = 10**6
        with caplog.at_level(logging.WARNING):
            lost = collector.collect(REQUESTS)
        assert {episode.stop for episode in lost} == {Stop.GENERATION_FAILED.value}
        assert collector.counts[Fault.GENERATION_FAILED] == len(REQUESTS)
        assert "a turn is lost" in caplog.text
        assert "status 503" in caplog.text
        served.failing, given = 0, served.requests.count("/collective_rpc")
        again = collector.collect(REQUESTS)
        assert not any(episode.failed for episode in again)
        assert served.requests.count("/collective_rpc") == given + 1


def test_a_server_that_died_is_an_error_that_says_how_to_start_one():
    with inference_server(echo_policy()) as served:
        engine = engine_of(served, retries=1)
        engine.sync(echo_policy())
    with engine:
        assert one_turn(engine) == LOST
        with pytest.raises(EndpointError, match=rf"cannot be reached.*vllm serve {BASE} .*processed_logprobs"):
            engine.sync(echo_policy())


def test_a_server_that_knows_another_model_is_refused_at_once():
    with (
        inference_server(echo_policy()) as served,
        ServerEngine(f"{served.url}#other") as engine,
        pytest.raises(EndpointError, match="does not exist"),
    ):
        engine.sync(echo_policy())


def test_a_server_that_keeps_weights_of_before_is_found_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(InferenceServer, "load_weights", lambda _served, _folder: (200, {"success": True}))
    policy = echo_policy()
    with torch.no_grad():
        policy.model.get_output_embeddings().weight[:, 0] += 1.0
    with inference_server(echo_policy()) as served, engine_of(served) as engine:
        with pytest.raises(EndpointError, match=r"nats off the policy's.*not taken all of them"):
            engine.sync(policy)
        engine.sync(echo_policy())


def test_log_probabilities_of_before_the_temperature_are_refused():
    with inference_server(echo_policy()) as served, engine_of(served) as engine:
        served.raw = True
        engine.sync(echo_policy())
        engine.append(0, [7])
        with pytest.raises(ConfigError, match=r"before the temperature.*--logprobs-mode processed_logprobs"):
            engine.submit(0, PARAMS, 0)
        engine.submit(0, SamplingParams(max_new_tokens=3), 0)
        assert engine.poll()[0].finish_reason in ("stop", "length")


def test_nonsense_is_a_lost_turn():
    with inference_server(echo_policy()) as served, engine_of(served) as engine:
        engine.sync(echo_policy())
        served.garbled = True
        assert one_turn(engine) == LOST


@pytest.mark.parametrize(
    ("dialect", "params"),
    [("vllm", {"epsilon": 0.1}), ("sglang", {"epsilon": 0.1}), ("sglang", {"top_k": 5}), ("sglang", {"top_p": 0.9})],
)
def test_a_sampler_that_the_server_cannot_account_for_is_refused(dialect: str, params: dict[str, float]):
    with ServerEngine("http://127.0.0.1:9#m", dialect) as engine:
        engine.append(0, [7])
        with pytest.raises(ConfigError, match="does not report"):
            engine.submit(0, SamplingParams(**params), 0)


def test_an_unknown_dialect_is_named_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'vllm'"):
        ServerEngine("http://127.0.0.1:9#m", "vlm")


def test_an_agent_trains_through_a_server():
    policy = build_tiny((), TinyConfig(vocab_size=300, hidden_size=32, layers=2), critic=None, reference=None)
    with inference_server(echo_policy(seed=1)) as served, engine_of(served) as engine:
        served.policy.model = copy.deepcopy(policy.model)
        agent = GRPO(policy, EchoEnv, n_episodes_per_update=8, group_size=4, max_new_tokens=4, engine=engine)
        gaps: list[float] = []
        agent.learn(16, callback=MetricsFeed(lambda metrics, _: gaps.append(metrics["sampler_gap_max"])))
        agent.close()
        assert policy.weights_version == 2
        assert served.requests.count("/collective_rpc") == 2
    assert max(gaps) < 1e-5


def test_the_command_lines_engine_is_the_one_of_its_address():
    assert EngineOptions().open() is None
    engine = EngineOptions(url="http://127.0.0.1:9#m", dialect="sglang").open()
    assert isinstance(engine, ServerEngine)
    engine.close()
