"""The engine behind an HTTP server: vLLM or SGLang generate, and take the trained weights from a folder."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Self

from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.connection import Connection
from agents.rollout.dialects import MAX_SEED, Ask, find_dialect
from agents.rollout.engine import Completion
from agents.rollout.sampling import SamplingParams
from textenvs.chat_client import Endpoint
from textenvs.errors import EndpointError

logger = logging.getLogger(__name__)

LOST = "lost"
"""`Completion.finish_reason` of a turn that the server did not give."""


class ServerEngine:
    """An `Engine` over HTTP. A turn is asked for as soon as it is submitted; the server batches and caches.

    `sync` saves the policy's weights into a folder that the server reads: of a policy with an adapter, the adapter
    alone. A turn that no attempt brings is a failed completion, which the collector counts; the next `sync` then waits
    for the server and gives it the weights again, for it may have been started anew.

    The noise is the server's own, seeded by the turn's stream: it repeats with the same server, and is another one than
    the local engine's.

    Args:
        endpoint: where the server answers and what its model is called, such as ``"http://127.0.0.1:8000#my-model"``;
            an `Endpoint` also sets time-outs, retries and how many turns are asked for at a time.
        dialect: ``"vllm"`` or ``"sglang"``.
        folder: for weights, which the server sees under the same path; a temporary one of this machine, if not given.

    Raises:
        ConfigError: if the address is none, or the HTTP library is not installed.
        UnknownNameError: if there is no such dialect.
    """

    def __init__(self, endpoint: Endpoint | str, dialect: str = "vllm", folder: str | Path | None = None) -> None:
        place = Path(folder) if folder is not None else None
        self._server = Connection(Endpoint.of(endpoint), find_dialect(dialect), place)
        self._retries = self._server.endpoint.retries
        self._threads = ThreadPoolExecutor(self._server.endpoint.concurrency, thread_name_prefix="server-engine")
        self._conversations: dict[int, list[int]] = {}
        self._asked: dict[Future[Completion], int] = {}
        self._policy: CausalLMPolicy | None = None
        self._version = 0
        self._lost = False

    def append(self, handle: int, ids: Sequence[int]) -> None:
        """Add tokens to a conversation; an unknown handle opens one."""
        self._conversations.setdefault(handle, []).extend(ids)

    def submit(self, handle: int, params: SamplingParams, stream: int) -> None:
        """Ask for the next turn of a conversation that `append` has opened.

        Raises:
            ConfigError: if the server cannot say under what such a sampler's tokens were drawn.
        """
        ids = self._conversations[handle]
        if not ids:
            raise ValueError(f"conversation {handle} is empty: nothing would predict its first token")
        turn = self._server.question(tuple(ids), params, stream & MAX_SEED)
        self._asked[self._threads.submit(self._complete, handle, turn)] = handle

    def poll(self) -> list[Completion]:
        """Return the turns that have come since the last call; wait for one, if any is still to come."""
        done = wait(self._asked, return_when=FIRST_COMPLETED).done if self._asked else ()
        completions = [future.result() for future in self._asked if future in done]
        for completion in completions:
            self._conversations[completion.handle].extend(completion.token_ids)
        self._asked = {future: handle for future, handle in self._asked.items() if future not in done}
        return completions

    def release(self, handle: int) -> None:
        """Forget a conversation; to a turn of it that is under way nobody listens any more."""
        self._conversations.pop(handle, None)
        for future in [future for future, asked in self._asked.items() if asked == handle]:
            future.cancel()
            del self._asked[future]

    def sync(self, policy: CausalLMPolicy) -> int:
        """Give the server the policy's weights, unless it has them, and return their version.

        Raises:
            EndpointError: if the server is down, or does not take them; with the command that starts one.
        """
        if self._lost or policy is not self._policy or policy.weights_version != self._version:
            self._server.give(policy)
            self._policy, self._version, self._lost = policy, policy.weights_version, False
        return self._version

    def close(self) -> None:
        """End connections and threads, and delete the weights that were left for the server."""
        self._threads.shutdown(cancel_futures=True)
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _complete(self, handle: int, turn: Ask) -> Completion:
        """Return a turn, or one that has failed; runs in a thread of its own.

        Once a turn was lost, the others try only once: the server is away, and they would wait for it one by one.
        """
        try:
            written = self._server.sample(turn, 0 if self._lost else self._retries)
        except EndpointError as error:
            logger.warning("a turn is lost: %s: %s", self._server.endpoint, error)
            self._lost = True
            return Completion(handle, [], [], LOST)
        reason = "stop" if written.token_ids[-1] in turn.stop_ids else "length"
        logprobs = [0.0] * len(written.logprobs) if turn.params.greedy else written.logprobs
        return Completion(handle, written.token_ids, logprobs, reason)
