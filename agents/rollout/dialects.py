"""How vLLM and SGLang are spoken to: token ids in, token ids and their log-probabilities out, weights from a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from agents.rollout.sampling import SamplingParams
from textenvs.errors import ConfigError, check_known

MAX_SEED = (1 << 63) - 1
"""Largest seed that both servers take."""


class Call(NamedTuple):
    """One request to a server.

    Attributes:
        path: below its address.
        body: a JSON object; None asks with GET.
    """

    path: str
    body: Mapping[str, Any] | None = None


class Written(NamedTuple):
    """What a server has sampled.

    Attributes:
        token_ids: a sampled stop token included.
        logprobs: one per token.
        finish_reason: in the server's word.
    """

    token_ids: list[int]
    logprobs: list[float]
    finish_reason: str


@dataclass(frozen=True)
class Ask:
    """One turn to be sampled.

    Attributes:
        ids: the conversation so far.
        params: the sampler.
        stop_ids: tokens that end a turn.
        seed: of the noise, from 0 to `MAX_SEED`.
        adapter: by its name at the server; ``""`` for the weights below any adapter.
    """

    ids: Sequence[int]
    params: SamplingParams
    stop_ids: Sequence[int]
    seed: int
    adapter: str


class Dialect(Protocol):
    """A server's own way to say what every engine must be told."""

    health: Call
    command: str
    """Starts such a server so that it can be trained with."""

    def refuse(self, params: SamplingParams) -> None:
        """Raise a `ConfigError` for a sampler whose log-probabilities the server does not report."""
        ...

    def ask(self, turn: Ask, model: str) -> Call:
        """Sample a turn."""
        ...

    def read(self, answer: Any) -> Written:
        """Return what `ask` was answered; `LookupError`, `TypeError` or `ValueError` where it makes no sense."""
        ...

    def load_adapter(self, name: str, folder: str) -> Call:
        """Add an adapter that peft has saved."""
        ...

    def unload_adapter(self, name: str) -> Call:
        """Drop an adapter."""
        ...

    def load_weights(self, folder: str) -> Sequence[Call]:
        """Take all weights from a folder of transformers', and forget what was cached under the old ones."""
        ...


class VLLM:
    """vLLM's server. Its log-probabilities are those of the sampler with ``--logprobs-mode processed_logprobs`` only.

    Adapters need ``VLLM_ALLOW_RUNTIME_LORA_UPDATING=True``; full weights ``VLLM_SERVER_DEV_MODE=1`` and a version whose
    ``reload_weights`` takes a path.
    """

    health = Call("/health")
    command = (
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True VLLM_SERVER_DEV_MODE=1 "
        "vllm serve MODEL --enable-lora --max-lora-rank 64 --logprobs-mode processed_logprobs"
    )

    def refuse(self, params: SamplingParams) -> None:
        """Refuse the mixture with a uniform distribution, which vLLM does not have."""
        _refuse(params.epsilon > 0, "vllm", f"epsilon={params.epsilon}")

    def ask(self, turn: Ask, model: str) -> Call:
        """Ask for a completion of token ids; every setting is named, so that no file of the model's decides it."""
        params = turn.params
        body = {
            "model": turn.adapter or model,
            "prompt": list(turn.ids),
            "max_tokens": params.max_new_tokens,
            "temperature": 0.0 if params.greedy else params.temperature,
            "top_k": params.top_k or -1,
            "top_p": params.top_p,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "stop_token_ids": list(turn.stop_ids),
            "seed": turn.seed,
            "logprobs": 0,
            "return_tokens_as_token_ids": True,
        }
        return Call("/v1/completions", body)

    def read(self, answer: Any) -> Written:
        """Read the sampled ids from where their log-probabilities stand."""
        choice = answer["choices"][0]
        said = choice["logprobs"]
        ids = [_token_id(token) for token in said["tokens"]]
        return Written(ids, [float(number) for number in said["token_logprobs"]], str(choice["finish_reason"]))

    def load_adapter(self, name: str, folder: str) -> Call:
        """Add an adapter at run time."""
        return Call("/v1/load_lora_adapter", {"lora_name": name, "lora_path": folder})

    def unload_adapter(self, name: str) -> Call:
        """Drop an adapter."""
        return Call("/v1/unload_lora_adapter", {"lora_name": name})

    def load_weights(self, folder: str) -> Sequence[Call]:
        """Have every worker read the folder."""
        reload = {"method": "reload_weights", "kwargs": {"weights_path": folder}}
        return Call("/collective_rpc", reload), Call("/reset_prefix_cache", {})


class SGLang:
    """SGLang's server. Its log-probabilities are those after the temperature and before any truncation."""

    health = Call("/health")
    command = "python -m sglang.launch_server --model-path MODEL --enable-lora --max-lora-rank 64"

    def refuse(self, params: SamplingParams) -> None:
        """Refuse what its log-probabilities leave out."""
        _refuse(params.epsilon > 0, "sglang", f"epsilon={params.epsilon}")
        _refuse(params.top_k > 0 or params.top_p < 1, "sglang", f"top_k={params.top_k}, top_p={params.top_p}")

    def ask(self, turn: Ask, model: str) -> Call:
        """Ask for a continuation of token ids; every setting is named, so that no file of the model's decides it."""
        params = turn.params
        sampling = {
            "max_new_tokens": params.max_new_tokens,
            "temperature": 0.0 if params.greedy else params.temperature,
            "top_k": params.top_k or -1,
            "top_p": params.top_p,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "stop_token_ids": list(turn.stop_ids),
            "sampling_seed": turn.seed,
        }
        adapter = {"lora_path": turn.adapter} if turn.adapter else {}
        body = {"input_ids": list(turn.ids), "sampling_params": sampling, "return_logprob": True, **adapter}
        return Call("/generate", body)

    def read(self, answer: Any) -> Written:
        """Read pairs of log-probability and id."""
        meta = answer["meta_info"]
        pairs = meta["output_token_logprobs"]
        return Written(
            [int(pair[1]) for pair in pairs], [float(pair[0]) for pair in pairs], meta["finish_reason"]["type"]
        )

    def load_adapter(self, name: str, folder: str) -> Call:
        """Add an adapter at run time."""
        return Call("/load_lora_adapter", {"lora_name": name, "lora_path": folder})

    def unload_adapter(self, name: str) -> Call:
        """Drop an adapter."""
        return Call("/unload_lora_adapter", {"lora_name": name})

    def load_weights(self, folder: str) -> Sequence[Call]:
        """Have the server read the folder; it flushes its cache itself."""
        return (Call("/update_weights_from_disk", {"model_path": folder, "flush_cache": True}),)


_DIALECTS: Mapping[str, type[VLLM] | type[SGLang]] = {"vllm": VLLM, "sglang": SGLang}


def find_dialect(name: str) -> Dialect:
    """Return a dialect by name.

    Raises:
        UnknownNameError: if there is none.
    """
    check_known("dialect", name, _DIALECTS)
    return _DIALECTS[name]()


def _refuse(broken: bool, server: str, settings: str) -> None:
    if broken:
        raise ConfigError(
            f"{settings}: {server} does not report what such a sampler's tokens were drawn with; leave it out"
        )


def _token_id(token: str) -> int:
    """Return the number in ``"token_id:123"``."""
    found = re.fullmatch(r"token_id:(\d{1,9})", token)
    if found is None:
        raise ValueError(f"{token[:40]!r} is no token id")
    return int(found[1])
