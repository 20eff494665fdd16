"""Preference training: TRL gets our tokens untouched, the loss is the paper's, what is preferred becomes likelier."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
import torch.nn.functional as F
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_trainer import KTOTrainer

import agents.finetune
from agents.finetune.order import PassOrder
from agents.finetune.preference import _DPO, _KTO, _Mismatched, train_on_preferences
from agents.finetune.preference_config import PreferenceConfig
from agents.finetune.preference_tokens import render_labels, render_pairs
from agents.finetune.preferences import Answers, LabelledAnswer, PreferencePair, split_by_prompt
from agents.policies.answers import keep_end, prompt_ids
from agents.policies.causal_lm import CausalLMPolicy
from agents.rows.mixture import MixtureConfig
from agents.trainer.checkpoint import checkpoints
from tests.agents.build import tiny_policy
from textenvs.errors import ConfigError, UnknownNameError
from textenvs.messages import Message

LETTERS = "abcd"


def say(letter: str, chosen: str, rejected: str) -> PreferencePair:
    return PreferencePair((Message("system", "say it"), Message("user", letter)), chosen, rejected)


PAIRS = [replace(say(x, x, y), origin=f"pairs:{x}{y}") for x in LETTERS for y in LETTERS if x != y]
FAST = PreferenceConfig(epochs=6, learning_rate=5e-3, batch_size=6, held_out=0.0)


def weights(policy: CausalLMPolicy) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in policy.model.parameters()]


def logprob(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> torch.Tensor:
    """By hand: one row, no padding, the whole distribution."""
    ids = [*prompt, *answer]
    with torch.no_grad():
        logprobs = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0].double(), -1)
    return sum((logprobs[at - 1, ids[at]] for at in range(len(prompt), len(ids))), torch.tensor(0.0))


# Rows


def test_a_prompt_is_what_a_rollout_has_before_its_turn() -> None:
    chat = tiny_policy().chat
    said = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    first = {"instruction": "say it", "tools": (), "history": said[:1]}
    second = {**first, "history": said}
    assert prompt_ids(chat, (Message("system", "say it"), said[0])) == chat.prompt_ids(first)
    context = [*chat.prompt_ids(first), *chat.action_ids("b")]
    assert prompt_ids(chat, (Message("system", "say it"), *said)) == context + chat.delta_ids(first, second, "stop")


@pytest.mark.parametrize(
    ("limit", "kept"), [(9, ([1, 2, 3], [4, 5])), (4, ([2, 3], [4, 5])), (3, ([3], [4, 5])), (2, ([3], [5]))]
)
def test_what_came_first_is_dropped_first(limit: int, kept: tuple[list[int], list[int]]) -> None:
    assert keep_end([1, 2, 3], [4, 5], limit) == kept


def test_pairs_that_are_the_same_after_truncation_are_counted_and_named() -> None:
    chat = tiny_policy().chat
    long = replace(say("a", "b" + "abc" * 5, "d" + "abc" * 5), origin="pairs.jsonl:7")
    rows, refused = render_pairs(chat, [say("a", "a", "b"), long, say("a", "c", "c")], 10)
    assert len(rows) == 1
    assert refused == {"the answers are the same within 10 tokens": ["pairs.jsonl:7", "pair 2"]}
    rows, refused = render_pairs(chat, [long], 128)
    assert len(rows) == 1
    assert not refused
    with pytest.raises(ConfigError, match="none of 2 rows is left"):
        train_on_preferences(tiny_policy(), [long] * 2, PreferenceConfig(max_length=8))


def test_both_answers_of_a_pair_keep_the_same_prompt() -> None:
    chat = tiny_policy().chat
    (row,), _ = render_pairs(chat, [say("abc" * 4, "a", "d" * 6)], 16)
    (whole,), _ = render_pairs(chat, [say("abc" * 4, "a", "d" * 6)], 128)
    assert len(row["prompt_ids"]) + len(row["rejected_ids"]) == 16
    assert whole["prompt_ids"][-len(row["prompt_ids"]) :] == row["prompt_ids"]


def test_the_rows_of_a_prompt_are_kept_together() -> None:
    learned, kept = split_by_prompt(PAIRS * 2, 0.5, seed=1)
    assert sorted(learned + kept) == list(range(2 * len(PAIRS)))
    prompts = [{(PAIRS * 2)[place].prompt for place in side} for side in (learned, kept)]
    assert not prompts[0] & prompts[1]
    assert (learned, kept) == split_by_prompt(PAIRS * 2, 0.5, seed=1)
    assert any(split_by_prompt(PAIRS, 0.5, seed) != split_by_prompt(PAIRS, 0.5, 1) for seed in range(2, 9))
    assert split_by_prompt(PAIRS, 0.0, 0) == (list(range(len(PAIRS))), [])


def test_a_mixture_learns_the_kinds_that_it_names() -> None:
    good = [replace(pair, kind="good") for pair in PAIRS]
    bad = [replace(pair, chosen=pair.rejected, rejected=pair.chosen, kind="bad") for pair in PAIRS]
    assert {label.kind for label in Answers(good)} == {"good"}
    shares = MixtureConfig(shares={"good": 1.0}, most_epochs=1)
    mixed, plain, both = tiny_policy(), tiny_policy(), tiny_policy()
    train_on_preferences(mixed, [*bad, *good], FAST, mixture=shares)
    train_on_preferences(plain, good, FAST, mixture=shares)
    train_on_preferences(both, [*bad, *good], FAST, mixture=MixtureConfig(most_epochs=1))
    assert all(map(torch.equal, weights(mixed), weights(plain)))
    assert not all(map(torch.equal, weights(mixed), weights(both)))
    with pytest.raises(ConfigError, match="row 0 names no kind"):
        train_on_preferences(tiny_policy(), PAIRS, FAST, mixture=shares)


# What TRL is given


@pytest.mark.parametrize(("ours", "theirs"), [(_DPO, DPOTrainer), (_KTO, KTOTrainer)])
def test_trl_still_prepares_its_rows_where_we_stop_it(ours: Any, theirs: Any) -> None:
    rows = datasets.Dataset.from_list([{"prompt_ids": [1]}])
    assert ours._prepare_dataset(object(), rows, None, None, "train") is rows
    assert ours._prepare_dataset is not theirs._prepare_dataset
    assert "_prepare_dataset(train_dataset, processing_class, args" in inspect.getsource(theirs.__init__)


def test_our_tokens_reach_the_loss_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[int], list[int]]] = []
    compute = DPOTrainer.compute_loss

    def spy(self: Any, model: Any, inputs: dict[str, Any], *args: Any, **more: Any) -> Any:
        for ids, real, own in zip(
            *(inputs[k] for k in ("input_ids", "attention_mask", "completion_mask")), strict=True
        ):
            seen.append((ids[real.bool()].tolist(), ids[own.bool()].tolist()))
        return compute(self, model, inputs, *args, **more)

    monkeypatch.setattr(DPOTrainer, "compute_loss", spy)
    policy = tiny_policy()
    train_on_preferences(policy, PAIRS[:3], replace(FAST, epochs=1))
    rows, _ = render_pairs(policy.chat, PAIRS[:3], 128)
    sides = [(row["prompt_ids"], row[side]) for row in rows for side in ("chosen_ids", "rejected_ids")]
    assert sorted(seen) == sorted((prompt + answer, answer) for prompt, answer in sides)
    assert all(answer[-1] in policy.chat.stop_ids for _, answer in seen)


def test_every_answer_is_compared_with_one_to_another_prompt() -> None:
    rows = [{"prompt_ids": [n], "completion_ids": [10 + n], "label": n % 2 == 0} for n in range(4)]
    batch = _Mismatched(pad_token_id=0)(rows)
    assert batch["KL_input_ids"].tolist() == [[0, 12], [1, 13], [2, 10], [3, 11]]
    assert batch["input_ids"].tolist() == [[0, 10], [1, 11], [2, 12], [3, 13]]


# The losses


def hand_made(name: str, chosen: torch.Tensor, rejected: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The published losses of the log-ratios, beta = 0.1."""
    delta = 0.1 * (chosen - rejected)
    if name == "sigmoid":
        return -F.logsigmoid(delta)
    if name == "robust":  # Chowdhury et al. 2024, equation 6, with a fifth of the pairs the wrong way round
        return (-0.8 * F.logsigmoid(delta) + 0.2 * F.logsigmoid(-delta)) / 0.6
    assert name == "ipo"  # Azar et al. 2023, equation 17, per token
    return (chosen / lengths[:, 0] - rejected / lengths[:, 1] - 5.0) ** 2


@pytest.mark.parametrize("name", ["sigmoid", "ipo", "robust"])
def test_the_loss_is_the_papers(name: str) -> None:
    """Two steps over all rows: the second one's loss is that of the policy after the first, against the start."""
    config = replace(FAST, epochs=1, batch_size=len(PAIRS), loss_type=name, label_smoothing=0.2 * (name == "robust"))
    config = replace(config, lr_schedule="constant", warmup_share=0.0)
    first, second = tiny_policy(), tiny_policy()
    start = copy.deepcopy(first.model)
    one = train_on_preferences(first, PAIRS, config).loss
    both = train_on_preferences(second, PAIRS, replace(config, epochs=2)).loss
    rows, _ = render_pairs(first.chat, PAIRS, 128)

    def loss(model: Any) -> float:
        ratios = [
            [logprob(model, r["prompt_ids"], r[side]) - logprob(start, r["prompt_ids"], r[side]) for r in rows]
            for side in ("chosen_ids", "rejected_ids")
        ]
        lengths = torch.tensor([[len(r["chosen_ids"]), len(r["rejected_ids"])] for r in rows])
        return float(hand_made(name, *map(torch.stack, ratios), lengths).mean())

    assert one == pytest.approx(loss(start), abs=1e-5)
    assert abs(loss(first.model) - loss(start)) > 1e-2, "the step must have changed something"
    assert both == pytest.approx((loss(start) + loss(first.model)) / 2, abs=1e-5)


def test_kto_is_the_papers() -> None:
    """Ethayarajh et al. 2024, equation 8, in the second of two steps over all rows."""
    labels = Answers(PAIRS[:4])
    config = replace(FAST, method="kto", epochs=2, batch_size=8, desirable_weight=1.5, beta=0.5)
    config = replace(config, lr_schedule="constant", warmup_share=0.0)
    first, second = tiny_policy(), tiny_policy()
    start = copy.deepcopy(first.model)
    one = train_on_preferences(first, labels, replace(config, epochs=1)).loss
    both = train_on_preferences(second, labels, config).loss
    rows = render_labels(first.chat, labels, 128)
    order = list(PassOrder([row["length"] for row in rows], 8, 2, config.seed))[8:]

    def ratio(x: int, y: int) -> torch.Tensor:
        ids = (rows[x]["prompt_ids"], rows[y]["completion_ids"])
        return logprob(first.model, *ids) - logprob(start, *ids)

    mismatched = [ratio(x, y) for x, y in zip(order, order[4:] + order[:4], strict=True)]
    divergence = torch.stack(mismatched).mean().clamp(min=0)
    each = [
        1.5 * torch.sigmoid(-0.5 * (ratio(x, x) - divergence))
        if rows[x]["label"]
        else torch.sigmoid(-0.5 * (divergence - ratio(x, x)))
        for x in range(8)
    ]
    assert one == pytest.approx((1.5 + 1.0) / 2 * 0.5, abs=1e-5)
    assert 2 * both - one == pytest.approx(float(torch.stack(each).mean()), abs=1e-5)
    assert 2 * both - one < one - 1e-2


# What is learned, and what is left alone


def test_what_is_preferred_becomes_likelier_against_the_rest() -> None:
    policy = tiny_policy()
    metrics = train_on_preferences(policy, PAIRS, replace(FAST, held_out=0.25))
    assert metrics.loss < math.log(2)
    assert metrics.rows == 9
    assert metrics.held_out["rows"] == 3
    rows, _ = render_pairs(policy.chat, [PAIRS[place] for place in split_by_prompt(PAIRS, 0.25, 0)[0]], 128)
    start = tiny_policy().model

    def margin(model: Any) -> float:
        sides = ([logprob(model, r["prompt_ids"], r[side]) for r in rows] for side in ("chosen_ids", "rejected_ids"))
        chosen, rejected = map(torch.stack, sides)
        return float((chosen - rejected).mean())

    assert margin(policy.model) > margin(start) + 4


def test_held_out_margins_are_those_by_hand() -> None:
    policy = tiny_policy()
    start = copy.deepcopy(policy.model)
    found = train_on_preferences(policy, PAIRS, replace(FAST, held_out=0.5)).held_out
    rows, _ = render_pairs(policy.chat, [PAIRS[place] for place in split_by_prompt(PAIRS, 0.5, 0)[1]], 128)
    margins = [
        0.1
        * float(
            logprob(policy.model, r["prompt_ids"], r["chosen_ids"])
            - logprob(start, r["prompt_ids"], r["chosen_ids"])
            - logprob(policy.model, r["prompt_ids"], r["rejected_ids"])
            + logprob(start, r["prompt_ids"], r["rejected_ids"])
        )
        for r in rows
    ]
    assert found["margin"] == pytest.approx(sum(margins) / len(margins), abs=1e-5)
    assert found["accuracy"] == sum(margin > 0 for margin in margins) / len(margins)


def test_thumbs_alone_teach_too() -> None:
    policy = tiny_policy()
    labels = Answers(PAIRS)
    metrics = train_on_preferences(policy, labels, replace(FAST, method="kto", held_out=0.0, epochs=8))
    rewards = {True: 0.0, False: 0.0}
    start = tiny_policy().model
    for row, label in zip(render_labels(policy.chat, labels, 128), labels, strict=True):
        ids = (row["prompt_ids"], row["completion_ids"])
        rewards[label.label] += float(logprob(policy.model, *ids) - logprob(start, *ids))
    assert rewards[True] > rewards[False] + 12
    assert metrics.held_out == {}


def test_an_adapter_alone_is_trained_against_itself_as_it_was() -> None:
    policy = tiny_policy(lora={"r": 4}, reference="adapter_off")
    frozen = {name: w.detach().clone() for name, w in policy.model.named_parameters() if not w.requires_grad}
    for name, weight in policy.model.named_parameters():
        if "lora_B" in name:  # an adapter that has been trained before
            torch.nn.init.normal_(weight, std=0.05, generator=torch.Generator().manual_seed(0))
    metrics = train_on_preferences(policy, PAIRS, replace(FAST, epochs=1, batch_size=12))
    assert metrics.loss == pytest.approx(math.log(2), abs=1e-5), "the reference is the adapter at the start"
    now = dict(policy.model.named_parameters())
    assert all(torch.equal(now[name], weight) for name, weight in frozen.items())
    assert list(policy.model.peft_config) == ["default"]


def test_the_model_comes_back_as_it_was_lent() -> None:
    policy = tiny_policy()
    version, reference = policy.weights_version, {k: v.clone() for k, v in (policy._reference or {}).items()}
    policy.tokenizer.pad_token_id = None
    policy.model.config.pad_token_id = None
    train_on_preferences(policy, PAIRS, replace(FAST, epochs=1))
    assert policy.tokenizer.pad_token_id is None
    assert policy.model.config.pad_token_id is None
    assert not any("forward" in module.__dict__ for module in policy.model.modules())
    assert not policy.model.training
    assert all(weight.grad is None for weight in policy.model.parameters())
    assert policy.weights_version == version + 1
    assert all(torch.equal(policy._reference[k], v) for k, v in reference.items()) if policy._reference else False


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(step: int, total: int, loss: float) -> None:
        if step == 5:
            raise StoppedError

    config = replace(FAST, epochs=4, checkpoint_every=2)
    whole, resumed = tiny_policy(), tiny_policy()
    train_on_preferences(whole, PAIRS, config)
    with pytest.raises(StoppedError):
        train_on_preferences(resumed, PAIRS, config, stop, tmp_path)
    assert len(checkpoints(tmp_path / "checkpoints")) == 2
    resumed = tiny_policy()
    metrics = train_on_preferences(resumed, PAIRS, config, None, tmp_path)
    assert metrics.steps == 8
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".safetensors", ".json"}


# The room


def test_no_module_stands_in_the_place_of_a_name() -> None:
    modules = {path.stem for path in Path(str(agents.finetune.__file__)).parent.glob("*.py")}
    assert not modules & set(agents.finetune.__all__)
    assert all(getattr(agents.finetune, name).__module__.startswith("agents.") for name in agents.finetune.__all__)


# What is refused


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"beta": 0.0}, "beta"),
        ({"loss_type": "exo_pair"}, "label_smoothing"),
        ({"label_smoothing": 0.6}, "label_smoothing"),
        ({"held_out": 1.0}, "held_out"),
        ({"method": "kto", "batch_size": 1}, "at least 2"),
    ],
)
def test_settings_out_of_range_are_refused(bad: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        PreferenceConfig(**bad)


def test_names_that_do_not_exist_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'sigmoid'"):
        PreferenceConfig(loss_type="sigmod")
    with pytest.raises(UnknownNameError, match="valid: dpo, kto"):
        PreferenceConfig(method="xyz")  # type: ignore[arg-type]


def test_rows_of_the_other_method_are_refused() -> None:
    with pytest.raises(ConfigError, match="kto learns from rows of LabelledAnswer, not of PreferencePair"):
        train_on_preferences(tiny_policy(), PAIRS, PreferenceConfig(method="kto"))
    with pytest.raises(ConfigError, match="dpo learns from rows of PreferencePair"):
        train_on_preferences(tiny_policy(), [LabelledAnswer(PAIRS[0].prompt, "a", True)], PreferenceConfig())
