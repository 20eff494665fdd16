"""Supervised fine-tuning: what is trained, what is left alone, and that it learns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from agents.algorithms.config import LRSchedule
from agents.finetune import Demonstration, SFTConfig, oracle_rows, sft
from agents.finetune.demonstrations import Annotator
from agents.finetune.packing import IGNORED, PackingCollator, best_fit
from agents.finetune.safe_checkpoints import rate_schedule
from agents.finetune.tokens import tokenize
from agents.policies.causal_lm import CausalLMPolicy
from agents.trainer.schedules import learning_rate
from tests.agents.build import tiny_policy
from tests.toy import EchoEnv
from textenvs.envs.rewrite.oracle import LONG
from textenvs.errors import CheckpointError, ConfigError, UnknownNameError

ROWS = [
    Demonstration(
        (
            {"role": "system", "content": "say it back"},
            {"role": "user", "content": letter},
            {"role": "assistant", "content": letter},
            {"role": "user", "content": f"{letter} again"},
            {"role": "assistant", "content": letter * 2},
        )
    )
    for letter in "abcd" * 8
]
FAST = SFTConfig(epochs=2, learning_rate=5e-3, batch_size=8)


def weights(policy: CausalLMPolicy) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in policy.model.parameters()]


def nll(policy: CausalLMPolicy, rows: Sequence[Demonstration]) -> float:
    """The loss by hand: mean over the assistant's tokens, one row at a time, no padding."""
    total, count = 0.0, 0
    for row in rows:
        ids, mask = policy.chat.render_example(row.messages)
        with torch.no_grad():
            logprobs = torch.log_softmax(policy.model(input_ids=torch.tensor([ids])).logits[0].float(), -1)
        for position in range(1, len(ids)):
            if mask[position]:
                total -= float(logprobs[position - 1, ids[position]])
                count += 1
    return total / count


def test_labels_are_the_agents_tokens_with_their_stop_tokens(tmp_path: Path) -> None:
    policy = tiny_policy()
    table = tokenize(policy, ROWS[:1], tmp_path)
    ids, labels = table["input_ids"][0], table["labels"][0]
    own = [token for token, label in zip(ids, labels, strict=True) if label != IGNORED]
    assert all(label in (IGNORED, token) for token, label in zip(ids, labels, strict=True))
    text = policy.tokenizer.decode(own)
    stop = policy.tokenizer.decode([own[-1]])
    assert text == f"a{stop}aa{stop}"
    assert own[-1] in policy.chat.stop_ids


def test_the_prompt_can_be_learned_too_with_a_weight_of_its_own() -> None:
    def first_loss(weight: float) -> float:
        return sft(tiny_policy(), ROWS, SFTConfig(learning_rate=1e-9, batch_size=32, prompt_weight=weight)).loss

    answers, half, whole = (first_loss(weight) for weight in (0.0, 0.5, 1.0))
    assert answers == pytest.approx(nll(tiny_policy(), ROWS), rel=1e-4)
    assert half - answers == pytest.approx(0.5 * (whole - answers), rel=1e-4)
    assert whole > 2 * answers, "there is more prompt than answer, and an untrained model knows neither"
    with pytest.raises(ConfigError, match="prompt_weight"):
        SFTConfig(prompt_weight=1.5)


def test_bfloat16_products_leave_the_weights_in_float32() -> None:
    policy = tiny_policy()
    before = nll(policy, ROWS)
    sft(policy, ROWS, SFTConfig(epochs=12, learning_rate=5e-3, batch_size=8, bf16=True))
    assert nll(policy, ROWS) < 0.3 * before
    assert {weight.dtype for weight in policy.model.parameters()} == {torch.float32}


def test_it_learns_and_reports_the_loss_it_had() -> None:
    policy = tiny_policy()
    before = nll(policy, ROWS)
    first = sft(tiny_policy(), ROWS, SFTConfig(learning_rate=1e-9, batch_size=32))
    assert first.steps == 1
    assert first.loss == pytest.approx(before, rel=1e-4)
    metrics = sft(policy, ROWS, SFTConfig(epochs=12, learning_rate=5e-3, batch_size=8))
    assert nll(policy, ROWS) < 0.2 * before
    assert (metrics.rows, metrics.steps) == (32, 48)
    assert metrics.tokens == 32 * 5


def test_what_diverges_ends_before_its_weights_are_lost() -> None:
    policy = tiny_policy()
    with pytest.raises(ConfigError, match=r"diverged: at step \d .* less than learning_rate=1e\+30"):
        sft(policy, ROWS, SFTConfig(learning_rate=1e30, batch_size=8))
    assert all(bool(weight.isfinite().all()) for weight in policy.model.parameters())


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    runs = []
    for seed in (0, 0, 1):
        policy = tiny_policy()
        sft(policy, ROWS, SFTConfig(epochs=1, batch_size=8, seed=seed))
        runs.append(weights(policy))
    assert all(torch.equal(a, b) for a, b in zip(runs[0], runs[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(runs[0], runs[2], strict=True))


def test_micro_batches_change_nothing() -> None:
    whole, parts = tiny_policy(), tiny_policy()
    sft(whole, ROWS, SFTConfig(epochs=1, batch_size=8, learning_rate=1e-4))
    sft(parts, ROWS, SFTConfig(epochs=1, batch_size=8, microbatch_size=2, learning_rate=1e-4))
    for a, b in zip(weights(whole), weights(parts), strict=True):
        assert torch.allclose(a, b, atol=2e-5)


def mean_gradient(rows: Sequence[Demonstration], batch_size: int) -> list[torch.Tensor]:
    """The mean over the steps of one pass of what the loss gives every weight, at weights that stay what they are."""
    policy = tiny_policy()
    totals = [torch.zeros_like(weight) for weight in policy.model.parameters()]
    for weight, total in zip(policy.model.parameters(), totals, strict=True):
        weight.register_hook(total.add_)
    steps = sft(policy, rows, SFTConfig(learning_rate=1e-20, batch_size=batch_size, prompt_weight=0.3)).steps
    return [total / steps for total in totals]


def test_every_token_weighs_the_same_whatever_batch_it_is_in() -> None:
    rows = [
        Demonstration((*row.messages[:2], {"role": "assistant", "content": "a b c d " * (1 + place % 6)}))
        for place, row in enumerate(ROWS)
    ]
    for by_length, at_once in zip(mean_gradient(rows, 4), mean_gradient(rows, 32), strict=True):
        assert torch.allclose(by_length, at_once, atol=1e-6, rtol=1e-4)


def test_packing_changes_nothing() -> None:
    lengths = [dict(row.messages[1], content="a b c d " * (place % 5)) for place, row in enumerate(ROWS)]
    rows = [Demonstration((row.messages[0], said, *row.messages[2:])) for row, said in zip(ROWS, lengths, strict=True)]
    apart, packed = tiny_policy(), tiny_policy()
    settings = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-4, "prompt_weight": 0.3}
    losses = [sft(p, rows, SFTConfig(**settings, packing=way)).loss for p, way in ((apart, False), (packed, True))]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for a, b in zip(weights(apart), weights(packed), strict=True):
        assert torch.allclose(a, b, atol=2e-5)


def test_packed_rows_hold_every_conversation_once() -> None:
    assert best_fit([5, 3, 2, 4, 1], 5) == [[0], [3, 4], [1, 2]]
    examples = [{"input_ids": [7] * n, "labels": [IGNORED] + [7] * (n - 1)} for n in (5, 3, 2)]
    batch = PackingCollator()(examples)
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4], [0, 1, 2, 0, 1]]
    assert (batch["labels"] == IGNORED).sum() == 3


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    settings = SFTConfig(epochs=2.5, learning_rate=5e-3, batch_size=8, checkpoint_every=3, lr_schedule="low_and_slow")
    whole, resumed = tiny_policy(), tiny_policy()
    sft(whole, ROWS, settings, folder=tmp_path / "whole")

    def stop(step: int, total: int, loss: float) -> None:
        if step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sft(tiny_policy(), ROWS, settings, stop, folder=tmp_path / "cut")
    steps: list[int] = []
    metrics = sft(resumed, ROWS, settings, lambda step, total, loss: steps.append(step), folder=tmp_path / "cut")
    assert steps == [7, 8, 9, 10]
    assert metrics.steps == 10
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))
    files = {path.name for path in (tmp_path / "cut").rglob("*") if path.is_file()}
    assert not [name for name in files if name.endswith((".pt", ".pth", ".bin"))]
    logged = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("whole", "cut")]
    assert [len(text.splitlines()) for text in logged] == [1, 1]


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    sft(tiny_policy(), ROWS, FAST, folder=tmp_path)
    with pytest.raises(CheckpointError, match="other weights"):
        sft(tiny_policy(lora={"r": 4}, reference="adapter_off"), ROWS, FAST, folder=tmp_path)


@pytest.mark.parametrize("kind", ["constant", "linear", "cosine", "low_and_slow"])
def test_the_learning_rate_follows_the_projects_schedules(kind: LRSchedule) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = rate_schedule(kind, 0.25, optimizer, 8)
    seen = []
    for _ in range(8):
        seen.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert seen == [learning_rate(kind, 2.0, step, 8, 2) for step in range(8)]


def test_global_generators_are_as_they_were() -> None:
    def states() -> tuple[list[int], str, object]:
        return torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()  # noqa: NPY002

    before = states()
    sft(tiny_policy(), ROWS, FAST)
    assert states() == before


def test_the_model_comes_back_as_it_was_lent() -> None:
    policy = tiny_policy()
    version, dtype = policy.weights_version, next(policy.model.parameters()).dtype
    for module in policy.model.modules():
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.25
    sft(policy, ROWS, FAST)
    assert not any("forward" in module.__dict__ for module in policy.model.modules())
    assert not policy.model.training
    assert all(weight.grad is None for weight in policy.model.parameters())
    assert next(policy.model.parameters()).dtype == dtype
    assert {m.attention_dropout for m in policy.model.modules() if hasattr(m, "attention_dropout")} == {0.25}
    assert policy.weights_version == version + 1


def test_dropout_is_off_while_training() -> None:
    losses = []
    for probability in (0.0, 0.9):
        policy = tiny_policy()
        for module in policy.model.modules():
            if hasattr(module, "attention_dropout"):
                module.attention_dropout = probability
        losses.append(sft(policy, ROWS, FAST).loss)
    assert losses[0] == losses[1]


def test_an_adapter_alone_is_trained() -> None:
    policy = tiny_policy(lora={"r": 4}, reference="adapter_off")
    frozen = {name: w.detach().clone() for name, w in policy.model.named_parameters() if not w.requires_grad}
    trained = {name: w.detach().clone() for name, w in policy.model.named_parameters() if w.requires_grad}
    sft(policy, ROWS, FAST)
    now = dict(policy.model.named_parameters())
    assert all(torch.equal(now[name], weight) for name, weight in frozen.items())
    assert any(not torch.equal(now[name], weight) for name, weight in trained.items())


def test_progress_is_told_every_step() -> None:
    told: list[tuple[int, int]] = []
    sft(tiny_policy(), ROWS, FAST, lambda step, total, loss: told.append((step, total)))
    assert told == [(step, 8) for step in range(1, 9)]


def test_rows_that_do_not_fit_are_refused() -> None:
    long = Demonstration(({"role": "user", "content": "a b " * 200}, {"role": "assistant", "content": "a"}))
    with pytest.raises(ConfigError, match=r"row 1 has \d+ tokens, more than the model's context of 128"):
        sft(tiny_policy(), [ROWS[0], long])
    with pytest.raises(ConfigError, match="at least one row"):
        sft(tiny_policy(), [])


@pytest.mark.parametrize("bad", [{"epochs": 0}, {"learning_rate": -1.0}, {"batch_size": 6, "microbatch_size": 4}])
def test_settings_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="sft"):
        SFTConfig(**bad)  # type: ignore[arg-type]


def test_the_oracle_demonstrates_whole_dialogues() -> None:
    settings = {"language": "en", "difficulty": "easy"}
    rows = oracle_rows("MultiTurnRewrite-v0", settings, n=3, seed=5)
    assert rows == oracle_rows("MultiTurnRewrite-v0", settings, n=3, seed=5)
    assert rows != oracle_rows("MultiTurnRewrite-v0", settings, n=3, seed=6)
    for row in rows:
        roles = [message["role"] for message in row.messages]
        assert roles == ["system", *["user", "assistant"] * (len(roles) // 2)]
    named = oracle_rows("MultiTurnRewrite-v0", settings, indices=[4, 4])
    assert named[0] == named[1]


def test_demonstrations_need_a_number_or_a_list() -> None:
    with pytest.raises(ConfigError, match="either n"):
        oracle_rows("MultiTurnRewrite-v0")
    with pytest.raises(ConfigError, match="no oracle"):
        oracle_rows("CartPole-v1", n=1)


def test_a_careless_annotator_copies_what_should_become_longer() -> None:
    settings = {"language": "zh", "difficulty": "tiny", "split": "valid"}
    careful, careless, mixed = (
        oracle_rows("MultiTurnRewrite-v0", settings, indices=range(60), lapses=lapses) for lapses in (0.0, 1.0, 0.5)
    )
    changed = [(a.messages[-1]["content"], b.messages[-1]["content"]) for a, b in zip(careful, careless, strict=True)]
    lapsed = [(best, copied) for best, copied in changed if best != copied]
    assert 10 < len(lapsed) < 50
    assert all(len(best) >= LONG * len(copied) for best, copied in lapsed)
    assert all(
        row.messages[-2]["content"].endswith(row.messages[-1]["content"]) for row in careless if row not in careful
    )
    assert 0 < sum(a != b for a, b in zip(careful, mixed, strict=True)) < len(lapsed)


def test_another_baseline_may_demonstrate() -> None:
    settings = {"language": "zh", "difficulty": "tiny"}
    rows = oracle_rows("MultiTurnRewrite-v0", settings, indices=range(3), demonstrator="copy")
    assert all(row.messages[-2]["content"].endswith(row.messages[-1]["content"]) for row in rows)
    with pytest.raises(UnknownNameError, match=r"'coppy'.*'copy'"):
        oracle_rows("MultiTurnRewrite-v0", settings, n=1, demonstrator="coppy")


def test_lapses_need_a_probability_and_a_careless_baseline() -> None:
    with pytest.raises(ConfigError, match="lapses=2"):
        oracle_rows("MultiTurnRewrite-v0", n=1, lapses=2.0)
    with pytest.raises(UnknownNameError, match=r"lapse 'careless'.*'oracle'"):
        Annotator(EchoEnv(), 0.5, 0)


def test_any_baseline_may_be_what_a_lapse_does() -> None:
    settings = {"language": "zh", "difficulty": "tiny"}
    rows = oracle_rows("MultiTurnRewrite-v0", settings, indices=range(3), lapses=1.0, lapse="copy")
    assert rows == oracle_rows("MultiTurnRewrite-v0", settings, indices=range(3), demonstrator="copy")
