"""The paged engine on a tiny model: transformers' continuous batching runs on a CPU too."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import ContinuousBatchingConfig, TemperatureLogitsWarper

from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.collector import Collector
from agents.rollout.engine import Completion
from agents.rollout.episode import EpisodeRequest
from agents.rollout.paged import PagedEngine, Session, fingerprint
from agents.rollout.sampling import SamplingParams, stream_key
from tests.agents.rollout.test_local import PARAMS, assert_opinionated, opinionated, prompts, tiny, trainer_logprobs
from tests.toy import EchoEnv
from textenvs.errors import ConfigError

PAGING = ContinuousBatchingConfig(
    num_blocks=64, page_size=16, max_batch_tokens=256, use_cuda_graph=False, use_async_batching=False
)
LORA = {"lora": {"r": 4}, "reference": "adapter_off"}
paged = partial(PagedEngine, paging=PAGING)


def play(engine: PagedEngine, contexts: dict[int, list[int]], number: int = 0, **changes: Any) -> dict[int, Completion]:
    params = SamplingParams(**{"temperature": 0.7, "max_new_tokens": 12, **changes})
    for handle in contexts:
        engine.submit(handle, params, stream_key(handle, number))
    done: dict[int, Completion] = {}
    while more := engine.poll():
        done |= {completion.handle: completion for completion in more}
    return done


def opened(engine: PagedEngine, contexts: dict[int, list[int]]) -> dict[int, list[int]]:
    for handle, ids in contexts.items():
        engine.append(handle, ids)
    return contexts


@pytest.mark.parametrize("options", [{}, LORA], ids=["full", "lora"])
def test_the_sampler_says_what_the_trainer_says_and_the_model_is_as_it_was(options: dict[str, Any]) -> None:
    policy = tiny(**options)
    engine, before = paged(policy), fingerprint(policy.model)
    attention = policy.model.config._attn_implementation
    contexts = opened(engine, prompts(6))
    for number in range(2):
        done = play(engine, contexts, number)
        assert policy.model.config._attn_implementation == attention
        rows = [(contexts[handle], done[handle].token_ids) for handle in contexts]
        sampled = torch.tensor([x for handle in contexts for x in done[handle].logprobs])
        torch.testing.assert_close(sampled, trainer_logprobs(policy, rows), atol=1e-5, rtol=0)
        for handle in contexts:
            contexts[handle] += [*done[handle].token_ids, 9, 8]
            engine.append(handle, [9, 8])
    assert fingerprint(policy.model) == before


def test_a_turn_ends_with_its_first_stop_token_or_at_the_limit() -> None:
    policy = tiny()
    engine = paged(policy)
    done = play(engine, opened(engine, {handle: [handle % 200 + 6] for handle in range(24)}))
    stops = set(policy.chat.stop_ids)
    for completion in done.values():
        ended = completion.token_ids[-1] in stops
        assert not stops & set(completion.token_ids[:-1])
        assert completion.finish_reason == ("stop" if ended else "length")
        assert ended or len(completion.token_ids) == PARAMS.max_new_tokens
    assert {completion.finish_reason for completion in done.values()} == {"stop", "length"}


def test_the_noise_is_new_in_every_session() -> None:
    engine = paged(tiny())
    contexts = opened(engine, {handle: [7, 8, 9] for handle in range(6)})
    first = play(engine, contexts, 0)
    for handle in contexts:
        engine.release(handle)
    opened(engine, contexts)
    second = play(engine, contexts, 1)
    assert {h: c.token_ids for h, c in first.items()} != {h: c.token_ids for h, c in second.items()}


def test_the_likeliest_token_is_drawn_for_certain() -> None:
    policy = tiny()
    engine = paged(policy)
    done = play(engine, opened(engine, {0: [7, 8, 9]}), greedy=True, max_new_tokens=1)[0]
    with torch.no_grad():
        likeliest = int(policy.model(torch.tensor([[7, 8, 9]])).logits[0, -1].argmax())
    assert (done.token_ids, done.logprobs) == ([likeliest], [0.0])


def test_what_is_released_is_gone_and_what_cannot_be_sampled_is_refused() -> None:
    engine = paged(tiny())
    opened(engine, {0: [7], 1: [8], 2: []})
    engine.submit(0, PARAMS, 0)
    engine.release(0)
    with pytest.raises(KeyError):
        engine.submit(0, PARAMS, 0)
    with pytest.raises(ValueError, match="nothing would predict its first token"):
        engine.submit(2, PARAMS, 0)
    with pytest.raises(ConfigError, match="epsilon"):
        engine.submit(1, SamplingParams(epsilon=0.1), 0)
    assert set(play(engine, {1: [8]})) == {1}
    assert engine.poll() == []


def test_turns_under_way_begin_again_after_a_weight_update() -> None:
    policy = tiny()
    engine, contexts = paged(policy), prompts(4)
    opened(engine, contexts)
    for handle in contexts:
        engine.submit(handle, PARAMS, handle)
    done = {c.handle: c for c in engine.poll()}
    engine.sync(policy)
    with torch.no_grad():
        for _, weight in policy.trainable_parameters():
            weight.mul_(1.1)
    policy.mark_updated()
    assert engine.sync(policy) == 1
    later: dict[int, Completion] = {}
    while more := engine.poll():
        later |= {c.handle: c for c in more}
    assert later.keys() == contexts.keys() - done.keys()


def test_the_active_logits_processors_are_exactly_the_temperature(tmp_path: Path) -> None:
    """Whatever the checkpoint's own generation settings say, and none of them at a temperature of 1."""
    policy = CausalLMPolicy.from_pretrained(opinionated(tmp_path))
    assert_opinionated(policy)
    with pytest.warns(UserWarning, match="repetition_penalty"):
        own = policy.model._get_logits_processor(policy.model.generation_config)
    assert len(own) == 3, "penalty, temperature and top k would act"
    for temperature in (PARAMS.temperature, 1.0):
        session = Session(policy, SamplingParams(temperature=temperature), 0, PAGING)
        built = policy.model._get_logits_processor(session._manager.generation_config)
        active = list(session._manager.logit_processor.logits_processor)
        session.close()
        assert [type(processor) for processor in active] == [type(processor) for processor in built]
        assert [type(processor) for processor in active] == [TemperatureLogitsWarper] * (temperature != 1.0)
        assert [processor.temperature for processor in active] == [temperature] * (temperature != 1.0)


@pytest.mark.parametrize("damage", ["value", "type"])
def test_a_weight_that_generation_changes_is_noticed(damage: str) -> None:
    policy = tiny()
    session = Session(policy, PARAMS, 0, PAGING)
    session.ask(0, [7, 8, 9])
    assert list(session.results())
    weight = policy.model.model.norm.weight
    weight.data = weight.data.bfloat16() if damage == "type" else weight.data + 1e-3
    with pytest.raises(RuntimeError, match=r"changed 1 weights, model.norm.weight among them"):
        session.close()


def test_episodes_are_collected_with_it() -> None:
    policy = tiny()
    collector = Collector(policy, EchoEnv, SamplingParams(max_new_tokens=6), engine=paged(policy))
    played = collector.collect(
        [EpisodeRequest(group, member, index=group) for group in range(2) for member in range(2)]
    )
    assert [len(trajectory.turns) for trajectory in played] == [3] * 4
