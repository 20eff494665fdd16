"""A real HTTP server over the tiny model that speaks vLLM's and SGLang's protocols, as far as the engine uses them.

It shares nothing with the policy that is trained: weights reach it through folders alone.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.engine import Completion
from agents.rollout.local import LocalEngine
from agents.rollout.sampling import SamplingParams

BASE = "base"


class InferenceServer:
    """A model that is served.

    Attributes:
        url: base address; the model is called `BASE`.
        requests: paths so far.
        failing: how many requests are still answered with status 503.
        raw: whether log-probabilities are those of before the temperature, as vLLM's own are by default.
        garbled: whether answers to completions are nonsense.
        dead: whether connections are cut without an answer.
    """

    def __init__(self, policy: CausalLMPolicy) -> None:
        self.policy = policy
        self.url = ""
        self.requests: list[str] = []
        self.adapters: dict[str, Any] = {}
        self.failing = 0
        self.raw = self.garbled = self.dead = False
        self.lock = threading.Lock()

    def answer(self, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        with self.lock:
            self.requests.append(path)
            if self.failing:
                self.failing -= 1
                return 503, "busy"
            return {
                "/health": lambda _: (200, ""),
                "/v1/completions": self.completions,
                "/generate": self.generate,
                "/v1/load_lora_adapter": self.load_adapter,
                "/load_lora_adapter": self.load_adapter,
                "/v1/unload_lora_adapter": self.unload_adapter,
                "/unload_lora_adapter": self.unload_adapter,
                "/collective_rpc": lambda b: self.load_weights(b["kwargs"]["weights_path"]),
                "/reset_prefix_cache": lambda _: (200, ""),
                "/update_weights_from_disk": lambda b: self.load_weights(b["model_path"]),
            }[path](body)

    def completions(self, body: dict[str, Any]) -> tuple[int, Any]:
        if body["model"] not in (BASE, *self.adapters):
            return 404, f"The model `{body['model']}` does not exist."
        params = SamplingParams(
            temperature=body["temperature"] or 1.0,
            greedy=body["temperature"] == 0,
            top_k=max(body["top_k"], 0),
            top_p=body["top_p"],
            max_new_tokens=body["max_tokens"],
        )
        done, logprobs = self.sample(body["model"], body["prompt"], params, body["seed"], body["stop_token_ids"])
        said = {"tokens": [f"token_id:{token}" for token in done.token_ids], "token_logprobs": logprobs}
        choice = {"text": "...", "logprobs": said, "finish_reason": done.finish_reason}
        return 200, {"choices": ["?" if self.garbled else choice]}

    def generate(self, body: dict[str, Any]) -> tuple[int, Any]:
        sampling = body["sampling_params"]
        temperature = sampling["temperature"]
        params = SamplingParams(
            temperature=temperature or 1.0,
            greedy=temperature == 0 or sampling["top_k"] == 1,
            max_new_tokens=sampling["max_new_tokens"],
        )
        done, logprobs = self.sample(
            body.get("lora_path", BASE),
            body["input_ids"],
            params,
            sampling["sampling_seed"],
            sampling["stop_token_ids"],
        )
        pairs = [[logprob, token, None] for logprob, token in zip(logprobs, done.token_ids, strict=True)]
        return 200, {"meta_info": {"output_token_logprobs": pairs, "finish_reason": {"type": done.finish_reason}}}

    def sample(
        self, model: str, ids: list[int], params: SamplingParams, seed: int, stop_ids: list[int]
    ) -> tuple[Completion, list[float]]:
        self.policy.chat.stop_ids = tuple(stop_ids)
        network: Any = self.policy.model
        if model != BASE:
            network.set_adapter(model)
        engine = LocalEngine(self.policy)
        engine.append(0, ids)
        engine.submit(0, params, seed)
        done = engine.poll()[0]
        if not self.raw and not params.greedy:
            return done, done.logprobs
        with torch.no_grad():
            logits = network(torch.tensor([ids + done.token_ids])).logits[0, len(ids) - 1 : -1]
        divisor = 1.0 if self.raw else params.temperature
        chosen = torch.log_softmax(logits / divisor, -1).gather(1, torch.tensor(done.token_ids)[:, None])
        return done, chosen[:, 0].tolist()

    def load_adapter(self, body: dict[str, Any]) -> tuple[int, Any]:
        if body["lora_name"] in self.adapters:
            return 400, "it is loaded already"
        network: Any = self.policy.model
        network.load_adapter(body["lora_path"], adapter_name=body["lora_name"])
        self.adapters[body["lora_name"]] = body["lora_path"]
        return 200, "loaded"

    def unload_adapter(self, body: dict[str, Any]) -> tuple[int, Any]:
        if self.adapters.pop(body["lora_name"], None) is None:
            return 404, "there is none of this name"
        network: Any = self.policy.model
        network.delete_adapter(body["lora_name"])
        return 200, "unloaded"

    def load_weights(self, folder: str) -> tuple[int, Any]:
        if not Path(folder).is_dir():
            return 400, "there is no such folder"
        weights = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True).state_dict()
        self.policy.model.load_state_dict(weights)
        return 200, {"success": True}


@contextmanager
def inference_server(policy: CausalLMPolicy) -> Iterator[InferenceServer]:
    """Serve a policy, which the server then owns."""
    served = InferenceServer(policy)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.reply(None)

        def do_POST(self) -> None:
            self.reply(json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}"))

        def reply(self, body: dict[str, Any] | None) -> None:
            if served.dead:
                self.close_connection = True
                return
            status, answer = served.answer(self.path, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass  # a client that has given up

    server = Server(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        served.dead = True
        server.shutdown()
        server.server_close()
        thread.join()
