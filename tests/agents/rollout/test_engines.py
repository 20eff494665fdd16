"""The contract of every engine, held by the one in this process and by those behind a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
import torch

pytest.importorskip("httpx2", reason="the extra textenvs[judge] is not installed")

from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.tiny import build_tiny
from agents.rollout.engine import Completion, Engine
from agents.rollout.local import LocalEngine
from agents.rollout.sampling import SamplingParams, stream_key
from agents.rollout.server import ServerEngine
from tests.agents.rollout.inference_server import BASE, inference_server
from tests.agents.rollout.test_local import PARAMS, SMALL, prompts, tiny, trainer_logprobs

LORA = {"lora": {"r": 4}, "reference": "adapter_off"}
Start = Callable[[CausalLMPolicy], Engine]


@pytest.fixture(params=["local", "vllm", "sglang"])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Start an engine for a policy; what a server has of it, it must have been given."""
    with ExitStack() as stack:

        def begin(policy: CausalLMPolicy) -> Engine:
            if request.param == "local":
                return LocalEngine(policy)
            adapter = policy.settings.reference == "adapter_off"
            own = tiny(**LORA) if adapter else build_tiny((), replace(SMALL, seed=1))
            served = stack.enter_context(inference_server(own))
            engine = stack.enter_context(ServerEngine(f"{served.url}/v1#{BASE}", request.param))
            engine.sync(policy)
            return engine

        yield begin


def play(engine: Engine, contexts: dict[int, list[int]], number: int = 0, **changes: Any) -> dict[int, Completion]:
    """Ask for a turn of every conversation, and poll until all are there."""
    params = SamplingParams(**{"temperature": 0.7, "max_new_tokens": 12, **changes})
    for handle in contexts:
        engine.submit(handle, params, stream_key(params.seed, 0, handle, 0, number))
    done: dict[int, Completion] = {}
    while more := engine.poll():
        done |= {completion.handle: completion for completion in more}
    return done


def opened(engine: Engine, contexts: dict[int, list[int]]) -> dict[int, list[int]]:
    for handle, ids in contexts.items():
        engine.append(handle, ids)
    return contexts


def nudge(policy: CausalLMPolicy) -> None:
    """Change the trained weights, as an update would."""
    with torch.no_grad():
        for _, weight in policy.trainable_parameters():
            weight.mul_(1.02)
    policy.mark_updated()


@pytest.mark.parametrize("options", [{}, LORA], ids=["full", "lora"])
def test_the_sampler_says_what_the_trainer_says_before_and_after_an_update(start: Start, options: dict[str, Any]):
    policy = tiny(**options)
    engine = start(policy)
    contexts = opened(engine, prompts(6))
    for number in range(3):
        done = play(engine, contexts, number)
        rows = [(contexts[handle], done[handle].token_ids) for handle in contexts]
        sampled = torch.tensor([x for handle in contexts for x in done[handle].logprobs])
        torch.testing.assert_close(sampled, trainer_logprobs(policy, rows), atol=1e-5, rtol=0)
        for handle in contexts:
            contexts[handle] += [*done[handle].token_ids, 9, 8]
            engine.append(handle, [9, 8])
        nudge(policy)
        assert engine.sync(policy) == number + 1


def test_a_turn_ends_with_its_first_stop_token_or_at_the_limit(start: Start):
    policy = tiny()
    engine = start(policy)
    done = play(engine, opened(engine, {handle: [handle % 200 + 6] for handle in range(40)}))
    stops = set(policy.chat.stop_ids)
    for completion in done.values():
        ended = completion.token_ids[-1] in stops
        assert not stops & set(completion.token_ids[:-1])
        assert completion.finish_reason == ("stop" if ended else "length")
        assert ended or len(completion.token_ids) == PARAMS.max_new_tokens
    assert {completion.finish_reason for completion in done.values()} == {"stop", "length"}


def test_company_and_order_change_nothing_and_streams_do(start: Start):
    engine, contexts = start(tiny()), prompts(6)
    opened(engine, contexts)
    together = play(engine, contexts)
    for handle in contexts:
        engine.release(handle)
    opened(engine, contexts)
    apart = {handle: play(engine, {handle: contexts[handle]})[handle] for handle in reversed(contexts)}
    assert {h: c.token_ids for h, c in apart.items()} == {h: c.token_ids for h, c in together.items()}
    assert len({tuple(together[handle].token_ids) for handle in (0, 1, 2)}) > 1  # equal prompts, different noise


def test_the_likeliest_token_is_drawn_for_certain(start: Start):
    policy = tiny()
    engine = start(policy)
    contexts = opened(engine, {0: [7, 8, 9]})
    done = play(engine, contexts, greedy=True, max_new_tokens=1)[0]
    with torch.no_grad():
        likeliest = int(policy.model(torch.tensor([[7, 8, 9]])).logits[0, -1].argmax())
    assert (done.token_ids, done.logprobs) == ([likeliest], [0.0])


def test_a_released_conversation_is_gone_and_so_is_its_turn(start: Start):
    engine = start(tiny())
    opened(engine, {0: [7], 1: [8]})
    engine.submit(0, PARAMS, 0)
    engine.release(0)
    with pytest.raises(KeyError):
        engine.submit(0, PARAMS, 0)
    assert set(play(engine, {1: [8]})) == {1}
    assert engine.poll() == []


def test_an_empty_conversation_is_refused(start: Start):
    engine = start(tiny())
    engine.append(0, [])
    with pytest.raises(ValueError, match="nothing would predict its first token"):
        engine.submit(0, PARAMS, 0)
