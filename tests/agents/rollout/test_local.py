from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GenerationConfig

from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.tiny import TinyConfig, build_tiny
from agents.rollout.decoding import Batch
from agents.rollout.engine import Completion
from agents.rollout.kv_cache import bytes_per_token, nbytes
from agents.rollout.local import LocalEngine
from agents.rollout.sampling import SamplingParams, stream_key
from tests.agents.architectures import ARCHITECTURES, policy_of, sharp

SMALL = TinyConfig(vocab_size=300, hidden_size=32, layers=2, context_length=256)
PARAMS = SamplingParams(temperature=0.7, max_new_tokens=12)


def tiny(**options) -> CausalLMPolicy:
    return sharp(build_tiny((), SMALL, **options))


def prompts(count: int) -> dict[int, list[int]]:
    """Return prompts of 1 to 29 tokens, in groups of three that are equal."""
    generator = np.random.default_rng(0)
    drawn = [generator.integers(6, 260, size=generator.integers(1, 30)).tolist() for _ in range(count)]
    return {handle: list(drawn[handle // 3]) for handle in range(count)}


def turn(engine: LocalEngine, contexts: dict[int, list[int]], number: int, params: SamplingParams) -> list[Completion]:
    for handle in contexts:
        engine.submit(handle, params, stream_key(params.seed, 0, handle, 0, number))
    done: list[Completion] = []
    while more := engine.poll():
        done += more
    return done


def trainer_logprobs(policy: CausalLMPolicy, rows: list[tuple[list[int], list[int]]]) -> torch.Tensor:
    """Score the sampled tokens as the trainer does: all rows in one left-padded batch."""
    width = max(len(context) + len(sampled) for context, sampled in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask, select = torch.zeros_like(ids, dtype=torch.bool), torch.zeros_like(ids, dtype=torch.bool)
    for row, (context, sampled) in enumerate(rows):
        full = torch.tensor(context + sampled)
        ids[row, width - len(full) :], mask[row, width - len(full) :] = full, True
        select[row, width - len(sampled) :] = True
    with torch.no_grad():
        return policy.score(ids, mask, select, torch.full(ids.shape, PARAMS.temperature)).logprobs


def reloaded(path: Path) -> CausalLMPolicy:
    tiny().save(path)
    return CausalLMPolicy.load(path)


def opinionated(path: Path) -> Path:
    """Save a checkpoint whose own generation settings would leave nothing of softmax(logits / T)."""
    tiny().save(path)
    GenerationConfig(do_sample=True, top_k=1, repetition_penalty=1.3, temperature=0.1).save_pretrained(path)
    return path


def assert_opinionated(policy: CausalLMPolicy) -> None:
    own = policy.model.generation_config
    assert (own.top_k, own.repetition_penalty, own.temperature) == (1, 1.3, 0.1), "the checkpoint's were not read"


@pytest.mark.parametrize("kind", ["full", "lora", "reloaded", *ARCHITECTURES])
def test_the_sampler_says_what_the_trainer_says(kind: str, tmp_path: Path):
    made = {
        "full": tiny,
        "lora": lambda: tiny(lora={"r": 4}, reference="adapter_off"),
        "reloaded": lambda: reloaded(tmp_path),
        **{name: partial(policy_of, name) for name in ARCHITECTURES},
    }[kind]()
    engine, contexts, generator = LocalEngine(made, max_batch=16), prompts(24), np.random.default_rng(1)
    for handle, ids in contexts.items():
        engine.append(handle, ids)
    for number in range(3):
        done = turn(engine, contexts, number, PARAMS)
        rows = [(contexts[c.handle], c.token_ids) for c in done]
        sampled = torch.tensor([x for c in done for x in c.logprobs])
        assert len(done) == len(contexts)
        torch.testing.assert_close(sampled, trainer_logprobs(made, rows), atol=1e-5, rtol=0)
        for completion in done:
            more = generator.integers(6, 260, size=generator.integers(9)).tolist()
            contexts[completion.handle] += completion.token_ids + more
            engine.append(completion.handle, more)


def test_a_turn_feeds_only_what_is_new():
    engine, contexts = LocalEngine(tiny()), prompts(6)
    fed: list[tuple[int, int]] = []
    engine.policy.model.register_forward_pre_hook(
        lambda module, args, kwargs: fed.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    for handle, ids in contexts.items():
        engine.append(handle, ids)
    turn(engine, contexts, 0, PARAMS)
    assert fed[0] == (2, max(map(len, contexts.values())))  # one prefill for each group of three
    assert all(columns == 1 for _, columns in fed[1:])
    fed.clear()
    for handle in contexts:
        engine.append(handle, [9, 9])
    turn(engine, contexts, 1, PARAMS)
    assert fed[0][1] == 3  # two new tokens, and the last sampled one


def test_a_weight_update_voids_what_was_cached():
    policy = tiny()
    engine = LocalEngine(policy)
    engine.append(0, [7, 8, 9])
    first = turn(engine, {0: []}, 0, PARAMS)[0]
    with torch.no_grad():
        for _, weight in policy.trainable_parameters():
            weight.mul_(1.1)
    policy.mark_updated()
    assert engine.sync(policy) == 1
    second = turn(engine, {0: []}, 1, PARAMS)[0]
    expected = trainer_logprobs(policy, [([7, 8, 9, *first.token_ids], second.token_ids)])
    torch.testing.assert_close(torch.tensor(second.logprobs), expected, atol=1e-5, rtol=0)


def test_a_turn_ends_with_its_first_stop_token_or_at_the_limit():
    policy = tiny()
    engine, contexts = LocalEngine(policy), {h: [h % 200 + 6] for h in range(200)}
    for handle, ids in contexts.items():
        engine.append(handle, ids)
    done = turn(engine, contexts, 0, PARAMS)
    stops = set(policy.chat.stop_ids)
    for completion in done:
        ended = completion.token_ids[-1] in stops
        assert not stops & set(completion.token_ids[:-1])
        assert completion.finish_reason == ("stop" if ended else "length")
        assert ended or len(completion.token_ids) == PARAMS.max_new_tokens
        assert len(completion.logprobs) == len(completion.token_ids)
    assert {c.finish_reason for c in done} == {"stop", "length"}


def test_company_and_order_change_nothing():
    policy, contexts = tiny(), prompts(12)

    def play(handles: list[int], max_batch: int) -> dict[int, list[int]]:
        engine = LocalEngine(policy, max_batch)
        for handle in handles:
            engine.append(handle, contexts[handle])
        return {c.handle: c.token_ids for c in turn(engine, {h: [] for h in handles}, 0, PARAMS)}

    together = play(list(contexts), 512)
    assert play(list(reversed(contexts)), 5) == together
    assert play([4], 512)[4] == together[4]
    assert len({tuple(together[h]) for h in (0, 1, 2)}) > 1  # equal prompts, different noise


def test_twenty_thousand_samples_ignore_the_checkpoints_own_generation_settings(tmp_path: Path):
    policy = CausalLMPolicy.load(opinionated(tmp_path))
    assert_opinionated(policy)
    engine, prompt, count = LocalEngine(policy, max_batch=4096), [50, 60, 70, 60], 20_000
    params = SamplingParams(temperature=0.7, max_new_tokens=1)
    for handle in range(count):
        engine.append(handle, prompt)
    done = turn(engine, dict.fromkeys(range(count), prompt), 0, params)
    with torch.no_grad():
        probs = torch.softmax(policy.model(torch.tensor([prompt])).logits[0, -1] / 0.7, -1).double().numpy()
    said = [c.logprobs[0] for c in done]
    np.testing.assert_allclose(said, np.log(probs[[c.token_ids[0] for c in done]]), atol=1e-5, rtol=0)
    counts = np.bincount([c.token_ids[0] for c in done], minlength=len(probs))
    large = probs * count >= 5
    observed, expected = ([*v[large], v[~large].sum()] for v in (counts, probs * count))
    chi_square = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    freedom = len(observed) - 1
    assert large.sum() > 50
    assert chi_square < freedom + 4 * (2 * freedom) ** 0.5


def test_dropout_is_off_while_sampling_and_back_on_afterwards():
    policy = tiny(lora={"r": 4, "lora_dropout": 0.5}, reference="adapter_off")
    policy.train()
    engine = LocalEngine(policy)
    engine.append(0, [7, 8, 9])
    done = turn(engine, {0: []}, 0, PARAMS)[0]
    assert policy.model.training
    policy.eval()
    expected = trainer_logprobs(policy, [([7, 8, 9], done.token_ids)])
    torch.testing.assert_close(torch.tensor(done.logprobs), expected, atol=1e-5, rtol=0)


def test_a_released_conversation_is_gone():
    engine = LocalEngine(tiny())
    engine.append(0, [7])
    engine.release(0)
    with pytest.raises(KeyError):
        engine.submit(0, PARAMS, 0)
    assert engine.poll() == []


def play_on(engine: LocalEngine, contexts: dict[int, list[int]], turns: int) -> dict[int, list[int]]:
    """Play so many turns in every conversation, each of which goes on as soon as its turn is there."""
    played = dict.fromkeys(contexts, 0)
    for handle, ids in contexts.items():
        engine.append(handle, ids)
        engine.submit(handle, PARAMS, stream_key(0, handle, 0))
    said: dict[int, list[int]] = {handle: [] for handle in contexts}
    while done := engine.poll():
        for completion in done:
            handle = completion.handle
            said[handle] += completion.token_ids
            played[handle] += 1
            if played[handle] < turns:
                engine.append(handle, [9, handle % 50 + 40])
                engine.submit(handle, PARAMS, stream_key(0, handle, played[handle]))
    return said


def test_those_who_wait_take_the_places_of_the_finished_beside_the_unfinished():
    engine, contexts = LocalEngine(tiny(), max_batch=8), prompts(24)
    joined: list[int] = []
    join = Batch.join

    def noted(batch: Batch, other: Batch) -> None:
        join(batch, other)
        joined.append(len(batch.asks))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batch, "join", noted)
        together = play_on(engine, contexts, 3)
    assert len(joined) > 5
    assert max(joined) == 8
    assert together == {h: play_on(LocalEngine(engine.policy), {h: contexts[h]}, 3)[h] for h in contexts}


def test_keys_and_values_stay_within_their_memory_and_what_was_dropped_is_computed_again():
    policy, contexts = tiny(), prompts(12)
    free, budget = LocalEngine(policy), 40 * 64 * bytes_per_token(policy.model)
    tight = LocalEngine(policy, cache_bytes=budget)
    held: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        forget = LocalEngine._forget_what_does_not_fit

        def noted(engine: LocalEngine) -> None:
            forget(engine)
            pasts = [c.past.buffers for c in engine._conversations.values() if c.past]
            distinct = {id(buffers): nbytes(buffers) for buffers in pasts}
            held.append(sum(distinct.values()) + sum(batch.nbytes for batch in engine._running.values()))

        patch.setattr(LocalEngine, "_forget_what_does_not_fit", noted)
        assert play_on(free, contexts, 3) == play_on(tight, contexts, 3)
    count = len(held) // 2
    assert max(held) > budget, "the free one keeps more than that"
    assert max(held[-count:]) <= budget
    assert any(c.past is None for c in tight._conversations.values())


def test_turns_under_way_begin_again_after_a_weight_update():
    policy, contexts = tiny(), prompts(12)
    engine = LocalEngine(policy)
    first = {c.handle for c in _begun(engine, contexts)}
    assert len(first) < len(contexts)
    with torch.no_grad():
        for _, weight in policy.trainable_parameters():
            weight.mul_(1.1)
    policy.mark_updated()
    engine.sync(policy)
    rest = [c for _ in range(20) for c in engine.poll()]
    assert {c.handle for c in rest} == contexts.keys() - first
    expected = trainer_logprobs(policy, [(contexts[c.handle], c.token_ids) for c in rest])
    torch.testing.assert_close(torch.tensor([x for c in rest for x in c.logprobs]), expected, atol=1e-5, rtol=0)


def test_a_conversation_that_is_released_under_way_never_finishes():
    engine, contexts = LocalEngine(tiny()), prompts(12)
    first = {c.handle for c in _begun(engine, contexts)}
    gone = min(contexts.keys() - first)
    engine.release(gone)
    engine.append(gone, [7, 8])
    rest = {c.handle for _ in range(20) for c in engine.poll()}
    assert rest == contexts.keys() - first - {gone}


def _begun(engine: LocalEngine, contexts: dict[int, list[int]]) -> list[Completion]:
    """Ask for a turn of every conversation, and return the first that finish."""
    for handle, ids in contexts.items():
        engine.append(handle, ids)
        engine.submit(handle, PARAMS, stream_key(0, handle))
    return engine.poll()
