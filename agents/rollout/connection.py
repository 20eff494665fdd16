"""A model's server as the server engine sees it: it samples turns, and takes weights from a folder."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from peft import PeftModel

from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.dialects import Ask, Call, Dialect, Written
from agents.rollout.sampling import SamplingParams
from textenvs.chat_client import Endpoint, open_transport
from textenvs.errors import ConfigError, EndpointError

MAX_GAP = 0.1
"""Nats by which a server's log-probability may differ from the policy's, for it may compute in bfloat16."""
_LIKELIEST = SamplingParams(max_new_tokens=1, top_k=1)
_ANY = SamplingParams(max_new_tokens=1)


class Connection:
    """A server that samples.

    Args:
        endpoint: where it answers; time-outs, retries and the most requests at a time.
        dialect: how it is spoken to.
        folder: for weights, which it sees under the same path; a temporary one, if not given.

    Raises:
        ConfigError: if the HTTP library is not installed.
    """

    def __init__(self, endpoint: Endpoint, dialect: Dialect, folder: Path | None) -> None:
        self.endpoint = replace(endpoint, url=endpoint.url.removesuffix("/v1"))
        self.dialect = dialect
        self._transport = open_transport(self.endpoint)
        self._borrowed = folder is not None
        self._folder = folder or Path(tempfile.mkdtemp(prefix="textenvs-weights-"))
        self._name = f"policy-{uuid.uuid4().hex[:8]}"
        self._given = 0
        self._place: Path | None = None
        self._adapter = ""
        self._stop_ids: tuple[int, ...] = ()
        self._vocabulary = 0
        self._raw_logprobs = False

    def give(self, policy: CausalLMPolicy) -> None:
        """Have the server sample with the policy's weights as they are now: an adapter goes alone, under a new name.

        Raises:
            EndpointError: if the server is down, or does not take them; with the command that starts one.
        """
        self._stop_ids = tuple(policy.chat.stop_ids)
        self._vocabulary = int(policy.model.config.get_text_config().vocab_size)
        try:
            self._send(self.dialect.health, self.endpoint.retries)
            self._load(policy)
            self._probe()
            self._compare(policy)
        except EndpointError as error:
            raise EndpointError(f"{self.endpoint}: {error}. Such a server starts with: {self._command}") from error

    def question(self, ids: tuple[int, ...], params: SamplingParams, seed: int) -> Ask:
        """Return what is to be asked for one turn.

        Raises:
            ConfigError: if the server cannot say under what such a sampler's tokens were drawn.
        """
        self.dialect.refuse(params)
        plain = params.temperature == 1 and not params.top_k and params.top_p == 1
        if self._raw_logprobs and not plain and not params.greedy:
            raise ConfigError(
                f"{self.endpoint} reports log-probabilities of before the temperature, but {params.temperature=}, "
                f"{params.top_k=}, {params.top_p=} are asked for; start it with: {self._command}"
            )
        return Ask(ids, params, self._stop_ids, seed, self._adapter)

    def sample(self, turn: Ask, retries: int) -> Written:
        """Return one turn.

        Raises:
            EndpointError: if there is none after every attempt, or it makes no sense.
        """
        answer = self._send(self.dialect.ask(turn, self.endpoint.model), retries)
        try:
            written = self.dialect.read(json.loads(answer))
        except (ValueError, RecursionError, LookupError, TypeError) as error:
            raise EndpointError(f"what it sends are no tokens with log-probabilities: {answer[:200]!r}") from error
        self._check(written, turn)
        return written

    def close(self) -> None:
        """Close the connections, and delete the weights that were left for the server."""
        self._transport.close()
        for place in (None if self._borrowed else self._folder, self._place):
            if place is not None:
                shutil.rmtree(place, ignore_errors=True)

    @property
    def _command(self) -> str:
        return self.dialect.command.replace("MODEL", self.endpoint.model)

    def _send(self, call: Call, retries: int) -> str:
        return self._transport.send(call.path, call.body, retries)

    def _load(self, policy: CausalLMPolicy) -> None:
        """Save the weights and have the server read them; what it had before is dropped."""
        self._given += 1
        name, old, outdated = f"{self._name}-{self._given}", self._adapter, self._place
        self._place = self._folder.absolute() / name
        policy.model.save_pretrained(str(self._place))
        adapter = isinstance(policy.model, PeftModel)
        place, retries = str(self._place), self.endpoint.retries
        for call in (self.dialect.load_adapter(name, place),) if adapter else self.dialect.load_weights(place):
            self._send(call, retries)
        self._adapter = name if adapter else ""
        if old:
            with suppress(EndpointError):  # a server that was started anew has never heard of it
                self._send(self.dialect.unload_adapter(old), retries)
        if outdated is not None:
            shutil.rmtree(outdated, ignore_errors=True)

    def _probe(self) -> None:
        """Ask for the likeliest token at two temperatures: the model answers, and what it reports is known.

        Log-probabilities of the sampler are 0 at both, for `top_k` is 1; those after the temperature differ; those of
        before it are equal and below 0.
        """
        asked = [
            Ask(self._stop_ids[:1], replace(_LIKELIEST, temperature=t), self._stop_ids, 0, self._adapter)
            for t in (1.0, 2.0)
        ]
        cold, warm = (self.sample(ask, self.endpoint.retries).logprobs[0] for ask in asked)
        self._raw_logprobs = cold == warm and cold < -1e-6

    def _compare(self, policy: CausalLMPolicy) -> None:
        """Ask for any token and score it here: a server that has kept weights of before samples from another policy."""
        turn = Ask(self._stop_ids[:1], _ANY, self._stop_ids, 0, self._adapter)
        written = self.sample(turn, self.endpoint.retries)
        gap = abs(written.logprobs[0] - _logprob(policy, [*turn.ids, *written.token_ids]))
        if gap > MAX_GAP:
            raise EndpointError(
                f"with the new weights, its log-probability of a token is {gap:.2f} nats off the policy's, so it has "
                "not taken all of them (vLLM on a CPU keeps an output head that is tied to the embedding; an adapter "
                "it takes whole)"
            )

    def _check(self, written: Written, turn: Ask) -> None:
        """Refuse tokens that the model does not have, turns that did not end, and what is no log-probability."""
        ids, logprobs = written.token_ids, written.logprobs
        sound = (
            0 < len(ids) == len(logprobs) <= turn.params.max_new_tokens
            and all(0 <= token < self._vocabulary for token in ids)
            and all(math.isfinite(number) and number < 1e-3 for number in logprobs)
            and (ids[-1] in turn.stop_ids or len(ids) == turn.params.max_new_tokens)
        )
        if not sound:
            raise EndpointError(
                f"it answers with {len(ids)} tokens, {len(logprobs)} log-probabilities and "
                f"{written.finish_reason[:40]!r}, which is no turn of this model"
            )


@torch.no_grad()
def _logprob(policy: CausalLMPolicy, ids: list[int]) -> float:
    """Return the policy's log-probability of the last token, at temperature 1."""
    token_ids = torch.tensor([ids], device=policy.device)
    last = torch.zeros_like(token_ids, dtype=torch.bool)
    last[0, -1] = True
    scores = policy.score(token_ids, torch.ones_like(last), last, torch.ones(last.shape, device=policy.device))
    return float(scores.logprobs[0])
