"""What must hold for every algorithm's loss and gradient with all its terms, whatever the micro-batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents.losses.importance import truncated_importance
from agents.policies.causal_lm import CausalLMPolicy
from agents.trainer.microbatch import Rows
from agents.trainer.portion import Portion, Work
from agents.trainer.scoring import score_batch
from agents.trajectory import FloatArray, TokenBatch, Trajectory
from tests.agents.build import tiny_policy
from tests.property.cases import CASES, episodes, random_batch

TOGETHER = 100_000
"""A budget that holds every episode at once."""

SEEDS = st.integers(0, 2**32 - 1)


def made_policy(dtype: torch.dtype) -> CausalLMPolicy:
    """Return a policy whose critic and reference have something to say."""
    made = tiny_policy()
    made.model.to(dtype)
    made.freeze_reference()
    with torch.no_grad():
        for position, (_, parameter) in enumerate(made.trainable_parameters()):
            noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(position))
            parameter.add_(0.05 * noise)
    return made


@pytest.fixture(scope="module")
def policy() -> CausalLMPolicy:
    """In float64: large ratios of whole episodes cancel in sums, and lose what float32 has."""
    return made_policy(torch.float64)


@pytest.fixture(scope="module")
def single() -> CausalLMPolicy:
    """In float32, as it is trained."""
    return made_policy(torch.float32)


def prepared(case: str, policy: CausalLMPolicy, played: list[Trajectory]) -> Work:
    """Return what an update needs; collected by policies a little away from this one, so that bounds matter."""
    algorithm, config = CASES[case]
    noise = random_batch(played)
    own = score_batch(policy, noise, TOGETHER, critic=True, reference=True)
    batch = replace(
        own,
        old_logprobs=own.old_logprobs + 0.3 * np.tanh(noise.old_logprobs),
        behavior_logprobs=own.old_logprobs + 0.3 * np.tanh(noise.values),
    )
    importance = truncated_importance(batch.old_logprobs, batch.behavior_logprobs, 1.2)
    return Work(batch, algorithm.credit(batch, config), importance, kl_coef=0.3, entropy_coef=0.1)


def outcome(
    case: str, policy: CausalLMPolicy, work: Work, budget: int = TOGETHER, *, left: bool = False
) -> tuple[dict[str, float], list[Tensor]]:
    """Return all terms and the gradient of them together, added up over the micro-batches that `budget` gives."""
    algorithm, config = CASES[case]
    portion = Portion.of(work, work.credit.mask, algorithm, replace(config, microbatch_tokens=budget))
    terms: dict[str, float] = {}
    for _, parameter in policy.trainable_parameters():
        parameter.grad = None
    for rows in portion.microbatches:
        fed = padded_left(rows) if left else rows
        scores = policy.score(fed.token_ids, fed.attention_mask, fed.select, fed.temperature)
        loss = algorithm.loss(portion.loss_inputs(scores, fed), config)
        loss.total.backward()
        for name, term in {"total": loss.total, **loss.terms}.items():
            terms[name] = terms.get(name, 0.0) + term.item()
    gradient = [p.grad.clone() for _, p in policy.trainable_parameters() if p.grad is not None]
    assert max(float(part.abs().max()) for part in gradient) > 1e-3
    return terms, gradient


def padded_left(rows: Rows) -> Rows:
    """Move every row's padding from its end to its beginning."""
    width = rows.attention_mask.shape[1]
    shift = width - rows.attention_mask.sum(1, keepdim=True)
    source = (torch.arange(width) - shift) % width
    return rows._replace(
        token_ids=rows.token_ids.gather(1, source),
        attention_mask=rows.attention_mask.gather(1, source),
        select=rows.select.gather(1, source),
        temperature=rows.temperature.gather(1, source),
    )


def assert_same(
    one: tuple[dict[str, float], list[Tensor]], other: tuple[dict[str, float], list[Tensor]], tolerance: float = 1e-6
) -> None:
    """Compare terms and gradients, relative to their largest entry, or to 1 where that is smaller."""
    assert one[0] == pytest.approx(other[0], abs=tolerance, rel=tolerance)
    scale = max(1.0, *(float(part.abs().max()) for part in other[1]))
    for a, b in zip(one[1], other[1], strict=True):
        torch.testing.assert_close(a, b, atol=tolerance * scale, rtol=0)


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=2)
@given(seed=SEEDS, budget=st.integers(20, 80))
def test_any_split_into_micro_batches(case: str, policy: CausalLMPolicy, seed: int, budget: int) -> None:
    work = prepared(case, policy, episodes(seed, count=4))
    assert_same(outcome(case, policy, work, budget), outcome(case, policy, work))


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=2)
@given(seed=SEEDS, order=st.permutations(range(4)), budget=st.sampled_from([60, TOGETHER]))
def test_order_and_neighbours(case: str, policy: CausalLMPolicy, seed: int, order: list[int], budget: int) -> None:
    """Other episodes in a micro-batch, and hence other padding, change nothing."""
    played = episodes(seed, count=4)
    expected = outcome(case, policy, prepared(case, policy, played))
    moved = prepared(case, policy, [played[place] for place in order])
    assert_same(outcome(case, policy, moved, budget), expected)


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=2)
@given(seed=SEEDS)
def test_padding_side(case: str, single: CausalLMPolicy, seed: int) -> None:
    """In float32: a model in float64 still takes its softmax in float32, where a row that is all padding is NaN."""
    work = prepared(case, single, episodes(seed, count=4))
    assert_same(outcome(case, single, work, left=True), outcome(case, single, work), tolerance=1e-5)


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=2)
@given(seed=SEEDS)
def test_nan_at_every_masked_position(case: str, policy: CausalLMPolicy, seed: int) -> None:
    """Of tokens that are not trained and of tokens that nobody sampled, no number is read."""
    work = prepared(case, policy, episodes(seed, count=4))
    mask = work.credit.mask
    assert not mask.all()

    def poisoned(flat: FloatArray) -> FloatArray:
        return np.where(mask, flat, np.nan).astype(np.float32)

    dirty = replace(
        work,
        batch=replace(
            poisoned_segments(work.batch),
            **{
                name: poisoned(getattr(work.batch, name))
                for name in ("old_logprobs", "ref_logprobs", "behavior_logprobs", "values", "rewards", "temperature")
            },
        ),
        credit=work.credit._replace(advantages=poisoned(work.credit.advantages), returns=poisoned(work.credit.returns)),
        importance=poisoned(work.importance),
    )
    assert_same(outcome(case, policy, dirty), outcome(case, policy, work))


def poisoned_segments(batch: TokenBatch) -> TokenBatch:
    """Plant NaN at the log-probabilities of all tokens that nobody sampled."""
    segments = tuple(
        replace(s, behavior_logprobs=np.where(s.action_mask, s.behavior_logprobs, np.nan)) for s in batch.segments
    )
    return replace(batch, segments=segments)
