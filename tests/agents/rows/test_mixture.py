"""Rows in shares: every batch's quotas, passes over each kind, going on, and fine-tuning by them."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
import torch

from agents.finetune import Demonstration, SFTConfig, sft
from agents.policies.causal_lm import CausalLMPolicy
from agents.rows.kinds import KINDS
from agents.rows.mixture import MixtureConfig, RowMixture
from tests.agents.build import tiny_policy
from textenvs.errors import ConfigError, UnknownNameError

SIZES = dict(zip(KINDS, (10_000, 100, 3000, 700, 1500, 100), strict=True))
IMBALANCED = [kind for kind, size in SIZES.items() for _ in range(size)]
ALIKE = MixtureConfig(temperature=0.0)


def test_a_hundred_to_one_leaves_every_batch_balanced() -> None:
    mixture = RowMixture(IMBALANCED, 32, ALIKE, seed=0)
    assert len(mixture) == 75, "the rare kinds have four passes, and 5 1/3 rows of 32"
    for batch in mixture:
        counts = Counter(IMBALANCED[place] for place in batch)
        assert all(1 / 1.5 <= counts[kind] / (32 / 6) <= 1.5 for kind in KINDS)
    for plan in mixture.plan():
        assert plan.share / 1.5 <= plan.fewest <= plan.most <= 1.5 * plan.share
        assert plan.epochs <= 4.0
    assert {plan.kind: round(plan.epochs, 1) for plan in mixture.plan()}["rewrite_not_needed"] == 4.0


def test_a_pass_meets_every_row_of_a_kind_once() -> None:
    kinds = ["a"] * 6 + ["b"] * 3
    mixture = RowMixture(kinds, 4, MixtureConfig(shares={"a": 1, "b": 1}, epochs={"b": 8}, most_epochs=9), 1, epochs=5)
    seen: dict[str, list[int]] = {"a": [], "b": []}
    for batch in mixture:
        for place in batch:
            seen[kinds[place]].append(place)
    assert len(mixture) == 12
    for kind, size in (("a", 6), ("b", 3)):
        passes = [seen[kind][start : start + size] for start in range(0, len(seen[kind]), size)]
        assert all(len(set(one)) == size for one in passes)
        assert len({tuple(one) for one in passes}) > 1, "every pass is shuffled anew"


def test_it_goes_on_where_it_was_and_depends_on_the_seed() -> None:
    whole, half, other = (RowMixture(IMBALANCED, 32, ALIKE, seed) for seed in (3, 3, 4))
    first = [whole.draw() for _ in range(20)]
    assert [other.draw() for _ in range(20)] != first
    for _ in range(10):
        half.draw()
    resumed = RowMixture(IMBALANCED, 32, ALIKE, 3)
    resumed.restore(half.state())
    assert [resumed.draw() for _ in range(10)] == first[10:]


@pytest.mark.parametrize(
    ("kinds", "config", "message"),
    [
        (["a", ""], {}, "row 1 names no kind"),
        (["a", "b"], {"shares": {"c": 1}}, "unknown kind of row 'c'"),
        (["a"] * 1000 + ["b"], {"temperature": 1.0}, "cannot hold"),
    ],
)
def test_rows_that_cannot_be_mixed_are_refused(kinds: list[str], config: dict[str, object], message: str) -> None:
    with pytest.raises((ConfigError, UnknownNameError), match=message):
        RowMixture(kinds, 8, MixtureConfig(**config), 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [{"temperature": 2.0}, {"most_epochs": 0.0}, {"epochs": {"a": -1.0}}])
def test_settings_out_of_range_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="mixture"):
        MixtureConfig(**bad)  # type: ignore[arg-type]


def test_fine_tuning_learns_a_rare_kind_as_well(tmp_path: Path) -> None:
    def row(said: str, answer: str, kind: str) -> Demonstration:
        return Demonstration(({"role": "user", "content": said}, {"role": "assistant", "content": answer}), (), kind)

    rows = [row("a", "b", "common")] * 200 + [row("c", "d", "rare")] * 2
    settings = SFTConfig(epochs=0.5, batch_size=8, learning_rate=1e-2, checkpoint_every=5)
    balanced = MixtureConfig(temperature=0.0, most_epochs=200)
    mixed, plain, again = tiny_policy(), tiny_policy(), tiny_policy()
    assert sft(mixed, rows, settings, folder=tmp_path, mixture=balanced).steps == 13
    sft(plain, rows, settings)
    assert probability(mixed, rows[-1]) > 3 * probability(plain, rows[-1])
    sft(again, rows, settings, folder=tmp_path, mixture=balanced)
    pairs = zip(mixed.model.parameters(), again.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs), "it goes on from the checkpoint of step 10, in the same order"


def probability(policy: CausalLMPolicy, row: Demonstration) -> float:
    """The likelihood of a row's answer."""
    ids, mask = policy.chat.render_example(row.messages)
    with torch.no_grad():
        logprobs = torch.log_softmax(policy.model(input_ids=torch.tensor([ids])).logits[0].float(), -1)
    return math.exp(sum(float(logprobs[place - 1, ids[place]]) for place in range(1, len(ids)) if mask[place]))
